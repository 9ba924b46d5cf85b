//! A tenant that is gone: what lets anybody in goes at once, the rest is erased a small part at a time.

use std::collections::HashSet;

use entity::{
    account, api_key, device_key, event, idempotency, mail_ticket, media, message, session, sign_in, tenant, usage,
};
use futures_util::FutureExt;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::access::{Bearer, KeyHash};
use crate::domain::id::{KeyId, SignInId, TenantId};

/// Rows of one part: they must not hold up the writer.
const AT_ONCE: u64 = 500;
/// Events have no index by tenant, so they are walked through, so many places at a time.
const EVENTS_AT_ONCE: i64 = 5000;
/// Tenants that one query asks for.
const TENANTS_AT_ONCE: usize = 5000;

impl Store {
    /// Shuts a tenant out: keys, browsers, password, counts and address are gone with the commit. Who was let in comes back.
    pub async fn shut_out(&self, gone: TenantId) -> Result<Vec<(Bearer, KeyHash)>, StoreError> {
        let now = self.clock().now();
        let (keys, browsers) = self
            .write(move |batch| {
                async move {
                    let id = gone.0;
                    let keys = api_key::Entity::delete_many().filter(api_key::Column::TenantId.eq(id));
                    let keys = keys.exec_with_returning(batch).await?;
                    let browsers = sign_in::Entity::delete_many().filter(sign_in::Column::TenantId.eq(id));
                    let browsers = browsers.exec_with_returning(batch).await?;
                    account::Entity::delete_by_id(id).exec(batch).await?;
                    mail_ticket::Entity::delete_many().filter(mail_ticket::Column::TenantId.eq(id)).exec(batch).await?;
                    usage::Entity::delete_many().filter(usage::Column::TenantId.eq(id)).exec(batch).await?;
                    idempotency::Entity::delete_many().filter(idempotency::Column::TenantId.eq(id)).exec(batch).await?;
                    // The address is free for another; what takes its place is no address.
                    tenant::Entity::update_many()
                        .col_expr(tenant::Column::Email, Expr::value(format!("gone {id}")))
                        .col_expr(tenant::Column::DeletedAt, Expr::value(now))
                        .filter(tenant::Column::Id.eq(id))
                        .exec(batch)
                        .await?;
                    Ok((keys, browsers))
                }
                .boxed()
            })
            .await?;
        let hash = |hash: Vec<u8>| KeyHash::try_from(hash).map_err(|_| StoreError::Corrupt("hash"));
        let keys = keys.into_iter().map(|row| Ok((Bearer::Key(KeyId(row.id)), hash(row.hash)?)));
        keys.chain(browsers.into_iter().map(|row| Ok((Bearer::SignIn(SignInId(row.id)), hash(row.hash)?)))).collect()
    }

    /// The tenants that are gone and have rows left. Fleet-wide: it is the janitor who erases them.
    pub async fn gone(&self) -> Result<Vec<TenantId>, StoreError> {
        let gone = tenant::Entity::find().select_only().column(tenant::Column::Id);
        let gone: Vec<Uuid> =
            gone.filter(tenant::Column::DeletedAt.is_not_null()).into_tuple().all(self.reader()).await?;
        Ok(gone.into_iter().map(TenantId).collect())
    }

    /// Those of these tenants of which nothing is left, not even their row.
    pub async fn erased(&self, tenants: Vec<TenantId>) -> Result<Vec<TenantId>, StoreError> {
        let mut erased = Vec::new();
        for part in tenants.chunks(TENANTS_AT_ONCE) {
            let rows = tenant::Entity::find().select_only().column(tenant::Column::Id);
            let rows = rows.filter(tenant::Column::Id.is_in(part.iter().map(|id| id.0)));
            let here: Vec<Uuid> = rows.into_tuple().all(self.reader()).await?;
            let here: HashSet<Uuid> = here.into_iter().collect();
            erased.extend(part.iter().filter(|id| !here.contains(&id.0)));
        }
        Ok(erased)
    }

    /// Erases a part of a tenant that is gone. True while there is more to erase now: nothing is while a session of it has yet to be
    /// unlinked, which takes its keys.
    pub async fn erase(&self, gone: TenantId) -> Result<bool, StoreError> {
        let sessions = session::Entity::find().filter(session::Column::TenantId.eq(gone.0));
        let unlinking = sessions.clone().filter(session::Column::WipedAt.is_null()).count(self.reader()).await?;
        if unlinking > 0 {
            return Ok(false);
        }
        if self.erase_messages(gone).await? {
            return Ok(true);
        }
        // Every event is of a session.
        if sessions.count(self.reader()).await? > 0 {
            self.erase_events(gone).await?;
        }
        let of_tenant = Query::select()
            .column(session::Column::Id)
            .from(session::Entity)
            .and_where(session::Column::TenantId.eq(gone.0))
            .take();
        self.write(move |batch| {
            async move {
                device_key::Entity::delete_many()
                    .filter(device_key::Column::SessionId.in_subquery(of_tenant))
                    .exec(batch)
                    .await?;
                session::Entity::delete_many().filter(session::Column::TenantId.eq(gone.0)).exec(batch).await?;
                // What was accepted, or counted, by whoever was let in a moment before.
                api_key::Entity::delete_many().filter(api_key::Column::TenantId.eq(gone.0)).exec(batch).await?;
                sign_in::Entity::delete_many().filter(sign_in::Column::TenantId.eq(gone.0)).exec(batch).await?;
                account::Entity::delete_by_id(gone.0).exec(batch).await?;
                mail_ticket::Entity::delete_many().filter(mail_ticket::Column::TenantId.eq(gone.0)).exec(batch).await?;
                usage::Entity::delete_many().filter(usage::Column::TenantId.eq(gone.0)).exec(batch).await?;
                idempotency::Entity::delete_many().filter(idempotency::Column::TenantId.eq(gone.0)).exec(batch).await?;
                tenant::Entity::delete_by_id(gone.0).exec(batch).await.map(drop)
            }
            .boxed()
        })
        .await?;
        Ok(false)
    }

    async fn erase_messages(&self, gone: TenantId) -> Result<bool, StoreError> {
        use message::Column;
        let page = message::Entity::find().select_only().columns([Column::Seq, Column::Id]);
        let page = page.filter(Column::TenantId.eq(gone.0)).order_by_asc(Column::Seq).limit(AT_ONCE);
        let page: Vec<(i64, Uuid)> = page.into_tuple().all(self.reader()).await?;
        if page.is_empty() {
            return Ok(false);
        }
        let (places, ids): (Vec<i64>, Vec<Uuid>) = page.into_iter().unzip();
        self.write(move |batch| {
            async move {
                media::Entity::delete_many().filter(media::Column::MessageId.is_in(ids)).exec(batch).await?;
                message::Entity::delete_many().filter(Column::Seq.is_in(places)).exec(batch).await.map(drop)
            }
            .boxed()
        })
        .await?;
        Ok(true)
    }

    async fn erase_events(&self, gone: TenantId) -> Result<(), StoreError> {
        use event::Column;
        let end = |query: sea_orm::Select<event::Entity>| query.select_only().column(Column::Seq).into_tuple::<i64>();
        let first = end(event::Entity::find().order_by_asc(Column::Seq)).one(self.reader()).await?;
        let last = end(event::Entity::find().order_by_desc(Column::Seq)).one(self.reader()).await?;
        let (Some(mut from), Some(last)) = (first, last) else { return Ok(()) };
        while from <= last {
            let to = from + EVENTS_AT_ONCE;
            let here = event::Entity::find().filter(Column::TenantId.eq(gone.0));
            let here = here.filter(Column::Seq.gte(from)).filter(Column::Seq.lt(to)).limit(1);
            if end(here).one(self.reader()).await?.is_none() {
                from = to;
                continue;
            }
            self.write(move |batch| {
                let part = event::Entity::delete_many().filter(Column::TenantId.eq(gone.0));
                let part = part.filter(Column::Seq.gte(from)).filter(Column::Seq.lt(to));
                async move { part.exec(batch).await.map(drop) }.boxed()
            })
            .await?;
            from = to;
        }
        Ok(())
    }
}
