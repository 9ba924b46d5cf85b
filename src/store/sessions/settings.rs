//! What a tenant sets about a session: its key, its pacing, and its proxy, which is sealed because it may hold a password.

use entity::session;
use futures_util::FutureExt;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ActiveValue::NotSet, ActiveValue::Set, ActiveValue::Unchanged, ColumnTrait,
    DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, SqlErr,
    TransactionTrait,
};

use super::{Store, StoreError, living};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::pacing::Pacing;
use crate::domain::proxy::Proxy;
use crate::domain::session::{Changes, Lease, Session, SessionKey, Setting, Status};
use crate::store::seal::{After, Batch, Resealed, Turn};

/// Proxies sealed anew in one transaction.
const AT_ONCE: u64 = 200;

/// What became of a change.
#[derive(Debug)]
pub enum Changed {
    /// The session as it is now, and whether its proxy is another one.
    Done(Box<Session>, bool),
    KeyTaken,
    NotFound,
}

impl Store {
    /// Changes what is to be different; all of it, or nothing.
    pub async fn change_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        changes: Changes,
    ) -> Result<Changed, StoreError> {
        let proxy = match &changes.proxy {
            Setting::Keep => NotSet,
            Setting::Remove => Set(None),
            Setting::Set(proxy) => Set(self.seal_proxy(tenant, id, Some(proxy))?),
        };
        let Changes { key, per_minute, jitter, typing, .. } = changes;
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let rows = self
            .write(move |batch| {
                async move {
                    let mine = || living(tenant).filter(session::Column::Id.eq(id.0));
                    let Some(before) = mine().one(batch).await? else { return Ok(None) };
                    if let Some(key) = &key {
                        let same = living(tenant).filter(session::Column::SessionKey.eq(key.as_str()));
                        if same.filter(session::Column::Id.ne(id.0)).count(batch).await? > 0 {
                            return Ok(Some((before, None)));
                        }
                    }
                    let change = session::ActiveModel {
                        id: Unchanged(id.0),
                        session_key: key.map_or(NotSet, |key| Set(key.into())),
                        proxy,
                        per_minute: column(per_minute.map(whole)),
                        jitter: column(jitter.map(whole)),
                        typing: column(typing),
                        ..Default::default()
                    };
                    if !change.is_changed() {
                        return Ok(Some((before.clone(), Some(before))));
                    }
                    Ok(Some((before, update(batch, change).await?)))
                }
                .boxed()
            })
            .await?;
        Ok(match rows {
            None => Changed::NotFound,
            Some((_, None)) => Changed::KeyTaken,
            Some((before, Some(after))) => {
                let rerouted = match (self.open_proxy(&before), self.open_proxy(&after)) {
                    (Ok(before), Ok(after)) => before != after,
                    // One that does not open is replaced without being read.
                    _ => before.proxy != after.proxy,
                };
                Changed::Done(Box::new(self.view(after)), rerouted)
            }
        })
    }

    /// The way that a session's connections take. Only whoever has the newest lease is to make any.
    pub async fn proxy(&self, lease: Lease) -> Result<Option<Proxy>, StoreError> {
        let row = session::Entity::find_by_id(lease.session.0)
            .filter(session::Column::TenantId.eq(lease.tenant.0))
            .filter(session::Column::Epoch.eq(lease.epoch))
            .one(self.reader())
            .await?;
        self.open_proxy(&row.ok_or(StoreError::LeaseLost)?)
    }

    /// How fast the session is asked to send; nothing is asked of one that is not there.
    pub async fn pacing(&self, lease: Lease) -> Result<Pacing, StoreError> {
        let row = session::Entity::find_by_id(lease.session.0).filter(session::Column::TenantId.eq(lease.tenant.0));
        Ok(row.one(self.reader()).await?.as_ref().map(pacing).unwrap_or_default())
    }

    pub(super) fn seal_proxy(
        &self,
        tenant: TenantId,
        id: SessionId,
        proxy: Option<&Proxy>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sealer = self.sealer(tenant);
        let seal = |proxy: &Proxy| sealer.seal(&context(id), proxy.reveal().as_bytes());
        Ok(proxy.map(seal).transpose()?)
    }

    fn open_proxy(&self, row: &session::Model) -> Result<Option<Proxy>, StoreError> {
        let Some(sealed) = &row.proxy else { return Ok(None) };
        let plain = self.sealer(TenantId(row.tenant_id)).open(&context(SessionId(row.id)), sealed)?;
        let text = String::from_utf8(plain).map_err(|_| StoreError::Corrupt("session proxy"))?;
        text.parse().map(Some).map_err(|_| StoreError::Corrupt("session proxy"))
    }

    /// One that does not open shows no proxy, and takes no other session of its tenant along; it never connects without one.
    pub(super) fn view(&self, row: session::Model) -> Session {
        let opened = self.open_proxy(&row).unwrap_or_else(|error| {
            tracing::error!(session = %row.id, %error, "the proxy of a session does not open; set it anew");
            None
        });
        let proxy_url = opened.map(|proxy| proxy.to_string());
        let Pacing { per_minute, jitter, typing } = pacing(&row);
        Session {
            id: SessionId(row.id),
            session_key: SessionKey::kept(row.session_key),
            status: Status::kept(&row.status),
            phone_number: row.phone.map(|digits| format!("+{digits}")),
            error_code: row.error_code,
            error_message: row.error_message,
            reconnect_attempts: row.attempts.try_into().unwrap_or(0),
            proxy_url,
            messages_per_minute: per_minute,
            message_jitter: jitter,
            simulate_typing: typing,
            connected_at: row.connected_at,
            last_activity_at: row.last_activity_at,
            created_at: row.created_at,
            stream_url: format!("/api/v1/sessions/{}/stream", row.id),
        }
    }
}

fn pacing(row: &session::Model) -> Pacing {
    let whole = |number: Option<i32>| number.and_then(|number| number.try_into().ok());
    Pacing { per_minute: whole(row.per_minute), jitter: whole(row.jitter), typing: row.typing }
}

fn column<T>(setting: Setting<T>) -> ActiveValue<Option<T>>
where
    Option<T>: Into<sea_orm::Value>,
{
    match setting {
        Setting::Keep => NotSet,
        Setting::Remove => Set(None),
        Setting::Set(value) => Set(Some(value)),
    }
}

/// None if another server on the same database took the key at this moment.
async fn update(batch: &DatabaseTransaction, change: session::ActiveModel) -> Result<Option<session::Model>, DbErr> {
    // PostgreSQL takes nothing more after a refusal, but for what is outside of its savepoint.
    let own = batch.begin().await?;
    match change.update(&own).await {
        Ok(after) => own.commit().await.map(|()| Some(after)),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            own.rollback().await.map(|()| None)
        }
        Err(error) => own.rollback().await.and(Err(error)),
    }
}

/// Seals the proxies of the next sessions after a place anew.
pub(in crate::store) async fn seal_again(
    txn: &DatabaseTransaction,
    turn: &Turn,
    after: After,
) -> Result<Batch, StoreError> {
    let found = session::Entity::find().filter(session::Column::Proxy.is_not_null());
    let found = found.apply_if(after, |found, (id, ..)| found.filter(session::Column::Id.gt(id)));
    let found = found.order_by_asc(session::Column::Id).limit(AT_ONCE).all(txn).await?;
    let next = found.last().filter(|_| found.len() as u64 == AT_ONCE).map(|row| (row.id, 0, String::new()));
    let mut batch = Batch { values: found.len() as u64, broken: 0, next };
    for row in found {
        let Some(sealed) = &row.proxy else { continue };
        let sealers = turn.of(TenantId(row.tenant_id));
        match Resealed::of(&sealers, &context(SessionId(row.id)), sealed)? {
            Resealed::Now(proxy) => {
                let change =
                    session::ActiveModel { id: Unchanged(row.id), proxy: Set(Some(proxy)), ..Default::default() };
                change.update(txn).await?;
            }
            Resealed::Before => {}
            Resealed::Broken => batch.broken += 1,
        }
    }
    Ok(batch)
}

/// Binds the sealed URL to its session, so that no row can stand in for another.
fn context(id: SessionId) -> Vec<u8> {
    [b"session/proxy/".as_slice(), id.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::session::life::Fault;
    use crate::store::DatabaseUrl;
    use crate::store::device_keys::{MASTER, new_lease, store_with_session};
    use crate::store::rotation::Rotation;
    use crate::store::sessions::Record;

    fn proxy(url: &str) -> Changes {
        Changes { proxy: Setting::Set(url.parse().unwrap()), ..Changes::default() }
    }

    #[tokio::test]
    async fn a_proxy_is_sealed_and_only_its_own_tenant_changes_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let change = async |tenant, changes| store.change_session(tenant, lease.session, changes).await.unwrap();
        let url = "socks5://me:hunter2@proxy.example.com:1080";
        let Changed::Done(shown, true) = change(lease.tenant, proxy(url)).await else { panic!("not changed") };
        assert_eq!(shown.proxy_url.as_deref(), Some("socks5://me:***@proxy.example.com:1080"));
        assert_eq!(store.proxy(lease).await.unwrap().unwrap().reveal(), url);
        let row = session::Entity::find_by_id(lease.session.0).one(store.reader()).await.unwrap().unwrap();
        let sealed = row.proxy.unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2" || part == b"example"), "it can be read on the disk");

        assert!(matches!(change(lease.tenant, proxy(url)).await, Changed::Done(_, false)), "the same is no change");
        assert!(matches!(change(lease.tenant, Changes::default()).await, Changed::Done(_, false)));
        let stranger = store.tenant_of(&"other@example.com".parse().unwrap()).await.unwrap();
        assert!(matches!(change(stranger, proxy("http://elsewhere:1")).await, Changed::NotFound));
        assert_eq!(store.proxy(lease).await.unwrap().unwrap().reveal(), url);

        let Changed::Done(shown, true) =
            change(lease.tenant, Changes { proxy: Setting::Remove, ..Changes::default() }).await
        else {
            panic!("not changed")
        };
        assert_eq!((shown.proxy_url, store.proxy(lease).await.unwrap()), (None, None));
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_open_is_in_nobodys_way_and_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let other = new_lease(&store, "other").await;
        store.change_session(lease.tenant, other.session, proxy("http://other:1")).await.unwrap();
        let broken = session::ActiveModel {
            id: Unchanged(lease.session.0),
            proxy: Set(Some(b"sealed under a key that is lost".to_vec())),
            ..Default::default()
        };
        store.write(move |batch| async move { broken.update(batch).await }.boxed()).await.unwrap();

        let shown = store.sessions(lease.tenant).await.unwrap();
        let urls: Vec<_> = shown.iter().map(|session| session.proxy_url.as_deref()).collect();
        assert_eq!(urls, [Some("http://other:1"), None]);
        assert_eq!(store.session(lease.tenant, lease.session).await.unwrap().unwrap().proxy_url, None);
        store.proxy(lease).await.expect_err("no connection may take the way without a proxy");
        let key = Changes { key: Some("renamed".to_owned().try_into().unwrap()), ..Changes::default() };
        let renamed = store.change_session(lease.tenant, lease.session, key).await.unwrap();
        assert!(matches!(renamed, Changed::Done(_, false)), "{renamed:?}");
        let replaced = store.change_session(lease.tenant, lease.session, proxy("http://new:1")).await.unwrap();
        let Changed::Done(shown, true) = replaced else { panic!("not replaced") };
        assert_eq!(shown.proxy_url.as_deref(), Some("http://new:1"));
        assert_eq!(store.proxy(lease).await.unwrap().unwrap().reveal(), "http://new:1");
    }

    #[tokio::test]
    async fn what_is_asked_of_its_pace_is_kept_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        assert_eq!(store.pacing(lease).await.unwrap(), Pacing::default());
        let change = async |changes| {
            let Changed::Done(shown, false) = store.change_session(lease.tenant, lease.session, changes).await.unwrap()
            else {
                panic!("not changed")
            };
            (shown.messages_per_minute, shown.message_jitter, shown.simulate_typing)
        };
        let all = Changes {
            per_minute: Setting::Set(7),
            jitter: Setting::Set(0),
            typing: Setting::Set(false),
            ..Changes::default()
        };
        assert_eq!(change(all).await, (Some(7), Some(0), Some(false)));
        let some = Changes { per_minute: Setting::Set(0), typing: Setting::Remove, ..Changes::default() };
        assert_eq!(change(some).await, (Some(0), Some(0), None));
        let asked = Pacing { per_minute: Some(0), jitter: Some(0), typing: None };
        assert_eq!(store.pacing(lease).await.unwrap(), asked);
        let stranger = store.tenant_of(&"other@example.com".parse().unwrap()).await.unwrap();
        assert_eq!(store.pacing(Lease { tenant: stranger, ..lease }).await.unwrap(), Pacing::default());
    }

    #[tokio::test]
    async fn failed_attempts_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        for attempts in [3, 0] {
            let record = Record {
                status: Status::Disconnected,
                phone: None,
                fault: Some(Fault::new("network_unreachable", "…")),
                attempts,
                event: None,
                at: store.clock().now(),
            };
            store.record(lease, record).await.unwrap().unwrap();
            let shown = store.session(lease.tenant, lease.session).await.unwrap().unwrap();
            assert_eq!(
                (shown.reconnect_attempts, shown.error_code.as_deref()),
                (attempts, Some("network_unreachable"))
            );
        }
    }

    #[tokio::test]
    async fn a_rotation_of_the_master_key_takes_proxies_along() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(&folder.path().join("wamux.db"));
        let (store, lease) = store_with_session(folder.path()).await;
        store.change_session(lease.tenant, lease.session, proxy("http://me:hunter2@host:1")).await.unwrap();
        store.close().await;
        let rotation = Rotation::begin(&url, MASTER.parse().unwrap(), None).await.unwrap();
        let new = rotation.new_secret().key();
        let done = rotation.run(|_| ()).await.unwrap();
        assert_eq!((done.done, done.all, done.broken), (1, 1, 0));
        rotation.forget_old().await.unwrap();
        rotation.close().await;
        let store = Store::open(&url, new, Clock::default()).await.unwrap();
        assert_eq!(store.proxy(lease).await.unwrap().unwrap().reveal(), "http://me:hunter2@host:1");
    }
}
