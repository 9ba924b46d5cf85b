//! Sessions that end: buried by their tenant, wiped when their device is unlinked, and what they leave unsent.

use chrono::{DateTime, Utc};
use entity::{event, message, session};
use futures_util::FutureExt;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    UpdateMany,
};

use crate::domain::event::of_status;
use crate::domain::id::{SessionId, TenantId};
use crate::domain::message::{Failure, Status as MessageStatus};
use crate::domain::session::Lease;
use crate::store::messages::in_hand;
use crate::store::moved::Moved;
use crate::store::{Store, StoreError};

/// Why a message that was accepted will never be sent.
const DELETED: (Failure, &str) = (Failure::SessionDeleted, "The session was deleted before WhatsApp had this message.");
pub const UNLINKED: (Failure, &str) =
    (Failure::SessionLoggedOut, "The session was logged out before WhatsApp had this message.");

impl Store {
    /// Turns a session into a tombstone: what it has not sent fails, its history stays. False if there is no such session.
    pub async fn bury_session(&self, tenant: TenantId, id: SessionId) -> Result<bool, StoreError> {
        let now = self.clock().now();
        // In turn with what is accepted for the tenant, on any server.
        let failed = self.write_for(tenant, move |batch| {
            async move {
                let buried = session::Entity::update_many()
                    .col_expr(session::Column::DeletedAt, Expr::value(now))
                    .filter(session::Column::TenantId.eq(tenant.0))
                    .filter(session::Column::Id.eq(id.0))
                    .filter(session::Column::DeletedAt.is_null())
                    .exec(batch)
                    .await?;
                if buried.rows_affected == 0 {
                    return Ok(None);
                }
                fail_unsent(batch, tenant, id, now, DELETED).await.map(Some)
            }
            .boxed()
        });
        let failed = failed.await?;
        failed.iter().flatten().for_each(|moved| moved.tell(self.metrics()));
        Ok(failed.is_some())
    }

    /// The session's device is unlinked and its keys are destroyed: nothing is left to do for it.
    pub async fn wiped(&self, lease: Lease) -> Result<(), StoreError> {
        let now = self.clock().now();
        let failed = self.write_for(lease.tenant, move |batch| {
            async move {
                let wiped = session::Entity::update_many()
                    .col_expr(session::Column::WipedAt, Expr::value(now))
                    .filter(session::Column::Id.eq(lease.session.0))
                    .filter(session::Column::Epoch.eq(lease.epoch))
                    .exec(batch)
                    .await?;
                if wiped.rows_affected == 0 {
                    return Ok(None);
                }
                // What an older version accepted while the deletion was under way.
                fail_unsent(batch, lease.tenant, lease.session, now, DELETED).await.map(Some)
            }
            .boxed()
        });
        failed.await?.ok_or(StoreError::LeaseLost)?.iter().for_each(|moved| moved.tell(self.metrics()));
        Ok(())
    }
}

/// Fails what a session has not sent; gives it back, to tell of it when that is committed.
pub(super) async fn fail_unsent(
    batch: &DatabaseTransaction,
    tenant: TenantId,
    id: SessionId,
    now: DateTime<Utc>,
    (failure, sentence): (Failure, &str),
) -> Result<Vec<Moved>, DbErr> {
    let failed = unsent(tenant, id)
        .col_expr(message::Column::Status, Expr::value(MessageStatus::Failed.number()))
        .col_expr(message::Column::ErrorCode, Expr::value(failure.as_str()))
        .col_expr(message::Column::ErrorMessage, Expr::value(sentence))
        .exec_with_returning(batch)
        .await?;
    let events = failed.iter().map(|row| event::ActiveModel {
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
    Ok(failed.into_iter().map(|row| Moved::failed(row, failure, now)).collect())
}

fn unsent(tenant: TenantId, id: SessionId) -> UpdateMany<message::Entity> {
    message::Entity::update_many()
        .filter(message::Column::TenantId.eq(tenant.0))
        .filter(message::Column::SessionId.eq(id.0))
        .filter(in_hand())
        .filter(message::Column::Status.eq(MessageStatus::Pending.number()))
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
