//! Sessions: made, listed, leased, recorded as they live, and buried; what happens to one is logged in the same transaction.

mod settings;

use chrono::{DateTime, Utc};
use entity::{event, message, session};
use futures_util::FutureExt;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait,
    ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
};

use super::answers::Made;
use super::messages::in_hand;
use super::tenants::plan_now;
use super::{Store, StoreError};
use crate::domain::error::Refusal;
use crate::domain::event::{Position, StreamEvent, of_status};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::idempotency::Once;
use crate::domain::message::Status as MessageStatus;
use crate::domain::phone::Phone;
use crate::domain::quota::sessions_used_up;
use crate::domain::session::life::{Fault, Life};
use crate::domain::session::{Facts, Lease, NewSession, Session, SessionKey, Status};
pub use settings::Changed;
pub(super) use settings::seal_again;

/// A session's row, read into the domain's types.
#[derive(Debug, Clone)]
pub struct Kept {
    pub facts: Facts,
    pub life: Life,
    pub epoch: i64,
    /// Deleted by its tenant, but not yet unlinked on the network.
    pub condemned: bool,
}

/// What a session's actor wants kept: its life, and what its watchers are told.
#[derive(Debug, Clone)]
pub struct Record {
    pub status: Status,
    pub phone: Option<Phone>,
    pub fault: Option<Fault>,
    /// How many attempts have failed in a row.
    pub attempts: u32,
    pub event: Option<StreamEvent>,
    pub at: DateTime<Utc>,
}

impl Store {
    /// Makes a session, unless the tenant's plan has no more or its key is taken.
    pub async fn create_session(
        &self,
        tenant: TenantId,
        new: impl Into<NewSession>,
        once: Option<Once>,
    ) -> Result<Made<Session>, StoreError> {
        let (new, id, now) = (new.into(), self.clock().id(), self.clock().now());
        let proxy = self.seal_proxy(tenant, SessionId(id), new.proxy.as_ref())?;
        let row = session::Model {
            id,
            tenant_id: tenant.0,
            session_key: new.key.as_str().to_owned(),
            status: Status::Initializing.as_str().to_owned(),
            phone: None,
            error_code: None,
            error_message: None,
            epoch: 0,
            connected_at: None,
            last_activity_at: None,
            created_at: now,
            deleted_at: None,
            wiped_at: None,
            proxy,
            attempts: 0,
        };
        let view = self.view(row.clone())?;
        let answer = view.made();
        self.make(tenant, once, (view, answer), move |batch| {
            async move {
                if let Some(full) = no_more(batch, tenant).await? {
                    return Ok(Some(full));
                }
                let fresh: session::ActiveModel = row.into();
                // Without a target: the index that says no is partial, and each database names such a target its own way.
                let taken = OnConflict::new().do_nothing().to_owned();
                let insert = session::Entity::insert(fresh.reset_all()).on_conflict(taken);
                Ok((insert.exec_without_returning(batch).await? == 0).then(|| new.key.taken()))
            }
            .boxed()
        })
        .await
    }

    /// A tenant's living sessions, newest first.
    pub async fn sessions(&self, tenant: TenantId) -> Result<Vec<Session>, StoreError> {
        let rows = living(tenant).order_by_desc(session::Column::Id).all(self.reader()).await?;
        rows.into_iter().map(|row| self.view(row)).collect()
    }

    pub async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = living(tenant).filter(session::Column::Id.eq(id.0)).one(self.reader()).await?;
        row.map(|row| self.view(row)).transpose()
    }

    /// What the tenant's actor starts from: its living sessions, and those it has yet to unlink.
    pub async fn kept_sessions(&self, tenant: TenantId) -> Result<Vec<Kept>, StoreError> {
        let rows = session::Entity::find()
            .filter(session::Column::TenantId.eq(tenant.0))
            .filter(session::Column::WipedAt.is_null())
            .order_by_asc(session::Column::Id)
            .all(self.reader())
            .await?;
        rows.into_iter().map(kept).collect()
    }

    /// Raises the session's epoch: from now on this lease writes for it, and no older one.
    pub async fn lease(&self, tenant: TenantId, id: SessionId) -> Result<Option<(Lease, Kept)>, StoreError> {
        let rows = self
            .write(move |batch| {
                async move {
                    session::Entity::update_many()
                        .col_expr(session::Column::Epoch, Expr::col(session::Column::Epoch).add(1))
                        .filter(session::Column::TenantId.eq(tenant.0))
                        .filter(session::Column::Id.eq(id.0))
                        .filter(session::Column::WipedAt.is_null())
                        .exec_with_returning(batch)
                        .await
                }
                .boxed()
            })
            .await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let kept = kept(row)?;
        Ok(Some((Lease { tenant, session: id, epoch: kept.epoch }, kept)))
    }

    /// Whether nobody has raised the session's epoch since this lease was given.
    pub async fn is_newest(&self, lease: Lease) -> Result<bool, StoreError> {
        let held = session::Entity::find_by_id(lease.session.0)
            .filter(session::Column::TenantId.eq(lease.tenant.0))
            .filter(session::Column::Epoch.eq(lease.epoch));
        Ok(held.count(self.reader()).await? > 0)
    }

    /// Keeps what became of a session and logs the event. The position in its stream; none if the lease is no longer the newest.
    pub async fn record(&self, lease: Lease, record: Record) -> Result<Option<Position>, StoreError> {
        let payload = match record.event.as_ref().filter(|e| e.logged_as().is_some()) {
            Some(event) => Some(serde_json::to_string(event).map_err(|_| StoreError::Corrupt("event"))?),
            None => None,
        };
        self.write(move |batch| async move { write_record(batch, lease, record, payload).await }.boxed()).await
    }

    /// A session's logged events after a position, oldest first.
    pub async fn stream_events(
        &self,
        tenant: TenantId,
        session: SessionId,
        after: Position,
    ) -> Result<Vec<(Position, StreamEvent)>, StoreError> {
        let rows = event::Entity::find()
            .filter(event::Column::TenantId.eq(tenant.0))
            .filter(event::Column::SessionId.eq(session.0))
            .filter(event::Column::MessageId.is_null())
            .filter(event::Column::Seq.gt(after.0))
            .order_by_asc(event::Column::Seq)
            .limit(1000)
            .all(self.reader())
            .await?;
        let read = |row: event::Model| -> Option<(Position, StreamEvent)> {
            Some((Position(row.seq), serde_json::from_str(&row.payload?).ok()?))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Where a session's stream stands now.
    pub async fn stream_position(&self, tenant: TenantId, session: SessionId) -> Result<Position, StoreError> {
        let last = event::Entity::find()
            .select_only()
            .column(event::Column::Seq)
            .filter(event::Column::TenantId.eq(tenant.0))
            .filter(event::Column::SessionId.eq(session.0))
            .filter(event::Column::MessageId.is_null())
            .order_by_desc(event::Column::Seq)
            .limit(1)
            .into_tuple::<i64>()
            .one(self.reader())
            .await?;
        Ok(Position(last.unwrap_or(0)))
    }

    /// Turns a session into a tombstone: what it has not sent fails, its history stays. False if there is no such session.
    pub async fn bury_session(&self, tenant: TenantId, id: SessionId) -> Result<bool, StoreError> {
        let now = self.clock().now();
        self.write(move |batch| {
            async move {
                let buried = session::Entity::update_many()
                    .col_expr(session::Column::DeletedAt, Expr::value(now))
                    .filter(session::Column::TenantId.eq(tenant.0))
                    .filter(session::Column::Id.eq(id.0))
                    .filter(session::Column::DeletedAt.is_null())
                    .exec(batch)
                    .await?;
                if buried.rows_affected == 0 {
                    return Ok(false);
                }
                fail_unsent(batch, tenant, id, now, DELETED).await.map(|()| true)
            }
            .boxed()
        })
        .await
    }

    /// The session's device is unlinked and its keys are destroyed: nothing is left to do for it.
    pub async fn wiped(&self, lease: Lease) -> Result<(), StoreError> {
        let now = self.clock().now();
        self.write(move |batch| {
            async move {
                let wiped = session::Entity::update_many()
                    .col_expr(session::Column::WipedAt, Expr::value(now))
                    .filter(session::Column::Id.eq(lease.session.0))
                    .filter(session::Column::Epoch.eq(lease.epoch))
                    .exec(batch)
                    .await?;
                if wiped.rows_affected == 0 {
                    return Ok(false);
                }
                // What was accepted while the deletion was under way.
                fail_unsent(batch, lease.tenant, lease.session, now, DELETED).await.map(|()| true)
            }
            .boxed()
        })
        .await?
        .then_some(())
        .ok_or(StoreError::LeaseLost)
    }
}

/// Why a message that was accepted will never be sent.
const DELETED: (&str, &str) = ("session_deleted", "The session was deleted before WhatsApp had this message.");
pub const UNLINKED: (&str, &str) =
    ("session_logged_out", "The session was logged out before WhatsApp had this message.");

/// Why the tenant can have no more sessions; none if it can.
async fn no_more(batch: &DatabaseTransaction, tenant: TenantId) -> Result<Option<Refusal>, DbErr> {
    let Some(plan) = plan_now(batch, tenant).await? else { return Ok(None) };
    let Some(max) = plan.sessions else { return Ok(None) };
    let there = living(tenant).count(batch).await?;
    Ok((there >= max.into()).then(|| sessions_used_up(&plan.name, max)))
}

async fn write_record(
    batch: &DatabaseTransaction,
    lease: Lease,
    record: Record,
    payload: Option<String>,
) -> Result<Option<Position>, DbErr> {
    let held = session::Entity::find_by_id(lease.session.0).filter(session::Column::Epoch.eq(lease.epoch));
    let phone = held.select_only().column(session::Column::Phone).into_tuple::<Option<String>>().one(batch).await?;
    let Some(phone) = phone else { return Ok(None) };
    let unlinked = phone.is_some() && record.phone.is_none();
    let mut change = session::ActiveModel {
        status: Set(record.status.as_str().to_owned()),
        phone: Set(record.phone.map(|p| p.digits().to_owned())),
        error_code: Set(record.fault.as_ref().map(|f| f.code.clone())),
        error_message: Set(record.fault.map(|f| f.message)),
        attempts: Set(record.attempts.try_into().unwrap_or(i32::MAX)),
        last_activity_at: Set(Some(record.at)),
        ..Default::default()
    };
    if record.status == Status::Connected {
        change.connected_at = Set(Some(record.at));
    }
    let held = session::Entity::update_many()
        .set(change)
        .filter(session::Column::Id.eq(lease.session.0))
        .filter(session::Column::Epoch.eq(lease.epoch))
        .exec(batch)
        .await?;
    if held.rows_affected == 0 {
        return Ok(None);
    }
    // Whichever phone is linked next did not take these on. What is accepted by a hair after a logout fails in the outbox then.
    if unlinked {
        fail_unsent(batch, lease.tenant, lease.session, record.at, UNLINKED).await?;
    }
    let (Some(event), Some(payload)) = (record.event, payload) else { return Ok(Some(Position(0))) };
    let row = event::ActiveModel {
        seq: NotSet,
        tenant_id: Set(lease.tenant.0),
        session_id: Set(lease.session.0),
        message_id: Set(None),
        kind: Set(event.logged_as().unwrap_or_default().to_owned()),
        payload: Set(Some(payload)),
        created_at: Set(record.at),
    };
    Ok(Some(Position(event::Entity::insert(row).exec(batch).await?.last_insert_id)))
}

async fn fail_unsent(
    batch: &DatabaseTransaction,
    tenant: TenantId,
    id: SessionId,
    now: DateTime<Utc>,
    (code, sentence): (&str, &str),
) -> Result<(), DbErr> {
    let failed = unsent(tenant, id)
        .col_expr(message::Column::Status, Expr::value(MessageStatus::Failed.number()))
        .col_expr(message::Column::ErrorCode, Expr::value(code))
        .col_expr(message::Column::ErrorMessage, Expr::value(sentence))
        .exec_with_returning(batch)
        .await?;
    let events = failed.into_iter().map(|row| event::ActiveModel {
        seq: NotSet,
        tenant_id: Set(tenant.0),
        session_id: Set(id.0),
        message_id: Set(Some(row.id)),
        kind: Set(of_status(MessageStatus::Failed).to_owned()),
        payload: Set(None),
        created_at: Set(now),
    });
    let events: Vec<_> = events.collect();
    // In parts: a statement takes only so many values.
    for part in events.chunks(1000) {
        event::Entity::insert_many(part.iter().cloned()).exec_without_returning(batch).await?;
    }
    Ok(())
}

fn unsent(tenant: TenantId, id: SessionId) -> UpdateMany<message::Entity> {
    message::Entity::update_many()
        .filter(message::Column::TenantId.eq(tenant.0))
        .filter(message::Column::SessionId.eq(id.0))
        .filter(in_hand())
        .filter(message::Column::Status.eq(MessageStatus::Pending.number()))
}

fn living(tenant: TenantId) -> sea_orm::Select<session::Entity> {
    session::Entity::find().filter(session::Column::TenantId.eq(tenant.0)).filter(session::Column::DeletedAt.is_null())
}

fn kept(row: session::Model) -> Result<Kept, StoreError> {
    let status = Status::from_name(&row.status).ok_or(StoreError::Corrupt("session status"))?;
    let phone =
        row.phone.as_deref().map(Phone::from_digits).transpose().map_err(|_| StoreError::Corrupt("session phone"))?;
    let fault = row.error_code.zip(row.error_message).map(|(code, message)| Fault { code, message });
    let facts = Facts {
        id: SessionId(row.id),
        key: SessionKey::try_from(row.session_key).map_err(|_| StoreError::Corrupt("session key"))?,
        status,
        phone: phone.clone(),
        created_at: row.created_at,
    };
    Ok(Kept {
        facts,
        life: Life::remembered(status, phone, fault),
        epoch: row.epoch,
        condemned: row.deleted_at.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::device_keys::store_with_session;
    use crate::store::messages::tests::assert_reads_only_what_is_in_hand;

    #[tokio::test]
    async fn what_is_unsent_fails_without_a_look_at_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let failing = unsent(lease.tenant, lease.session).col_expr(message::Column::ErrorCode, Expr::value("x"));
        assert_reads_only_what_is_in_hand(&store, &failing).await;
    }
}
