//! Sessions that end: buried by their tenant, wiped when their device is unlinked, and what they leave unsent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::message::{Column, Entity};
use entity::{event, session};
use futures_util::FutureExt;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use crate::domain::event::of_status;
use crate::domain::id::{SessionId, TenantId};
use crate::domain::message::{Failure, Status as MessageStatus};
use crate::domain::session::Lease;
use crate::store::messages::in_hand;
use crate::store::moved::Moved;
use crate::store::{Store, StoreError, many};

/// Messages of one transaction: they must not hold up the writer.
const AT_ONCE: u64 = 500;
/// How soon the database is asked again that was away.
const AGAIN: Duration = Duration::from_secs(1);

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
                Unsent::of(tenant, id, now, DELETED).fail(batch).await.map(Some)
            }
            .boxed()
        });
        let Some(failed) = failed.await? else { return Ok(false) };
        self.fail_on(failed);
        Ok(true)
    }

    /// The session's device is unlinked and its keys are destroyed: nothing is left to do for it.
    pub async fn wiped(&self, lease: Lease) -> Result<(), StoreError> {
        let now = self.clock().now();
        // What was left when a server ended, and what an older version accepted while the deletion was under way, a part at a time.
        let mut unsent = Some(Unsent::of(lease.tenant, lease.session, now, DELETED));
        while let Some(part) = unsent {
            let failed =
                self.write_for(lease.tenant, move |batch| async move { wipe(batch, lease, part).await }.boxed());
            let failed = failed.await?;
            let Failed { moved, rest } = failed.ok_or(StoreError::LeaseLost)?;
            for moved in moved {
                moved.tell(self.metrics());
            }
            unsent = rest;
        }
        Ok(())
    }

    /// Tells of what failed, which is committed now, and fails the rest, a part at a time, so that others write in between. Where this
    /// server ends before that, the next start of the session goes on with it.
    pub(super) fn fail_on(&self, Failed { moved, rest }: Failed) {
        for moved in moved {
            moved.tell(self.metrics());
        }
        let Some(mut rest) = rest else { return };
        let store = self.clone();
        tokio::spawn(async move {
            loop {
                match store.fail_part(rest).await {
                    Ok(Some(next)) => rest = next,
                    Err(StoreError::Away(_)) => {
                        tokio::time::sleep(AGAIN).await;
                        store.recovered().await;
                    }
                    Ok(None) | Err(StoreError::Closed) => return,
                    Err(error) => return tracing::error!(%error, "what a session left unsent did not fail"),
                }
            }
        });
    }

    async fn fail_part(&self, unsent: Unsent) -> Result<Option<Unsent>, StoreError> {
        let failed = self.write(move |batch| async move { unsent.fail(batch).await }.boxed()).await?;
        for moved in failed.moved {
            moved.tell(self.metrics());
        }
        Ok(failed.rest)
    }
}

/// Fails a part, and, when nothing is left, says that nothing is left to do. None if the lease was lost.
async fn wipe(batch: &DatabaseTransaction, lease: Lease, unsent: Unsent) -> Result<Option<Failed>, DbErr> {
    let held = || {
        session::Entity::update_many()
            .filter(session::Column::Id.eq(lease.session.0))
            .filter(session::Column::Epoch.eq(lease.epoch))
    };
    // Written to, so that nobody else takes the lease before the commit.
    let ours = held().col_expr(session::Column::Epoch, Expr::value(lease.epoch)).exec(batch).await?;
    if ours.rows_affected == 0 {
        return Ok(None);
    }
    let failed = unsent.fail(batch).await?;
    if failed.rest.is_none() {
        held().col_expr(session::Column::WipedAt, Expr::value(unsent.at)).exec(batch).await?;
    }
    Ok(Some(failed))
}

/// What a session has not sent and will not send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsent {
    tenant: TenantId,
    session: SessionId,
    /// Up to here: what is accepted later may be for another account.
    until: i64,
    at: DateTime<Utc>,
    why: (Failure, &'static str),
}

/// What failed, to tell of it when that is committed, and what is still to fail.
#[derive(Debug, Default)]
pub(super) struct Failed {
    moved: Vec<Moved>,
    rest: Option<Unsent>,
}

impl Unsent {
    pub(super) const fn of(
        tenant: TenantId,
        session: SessionId,
        at: DateTime<Utc>,
        why: (Failure, &'static str),
    ) -> Self {
        Self { tenant, session, until: i64::MAX, at, why }
    }

    /// Fails the first part of it.
    pub(super) async fn fail(mut self, batch: &DatabaseTransaction) -> Result<Failed, DbErr> {
        let (failure, sentence) = self.why;
        let mut update = Entity::update_many()
            .col_expr(Column::Status, Expr::value(MessageStatus::Failed.number()))
            .col_expr(Column::ErrorCode, Expr::value(failure.as_str()))
            .col_expr(Column::ErrorMessage, Expr::value(sentence))
            .filter(Column::Status.eq(MessageStatus::Pending.number()))
            .filter(Column::Seq.in_subquery(self.first().into_query()))
            .into_query();
        update.returning(Query::returning().columns(Moved::COLUMNS));
        let rows = batch.query_all(&update).await?;
        let moved = rows.iter().map(|row| Moved::of(row, MessageStatus::Failed, Some(failure), self.at));
        let moved: Vec<Moved> = moved.collect::<Result<_, _>>()?;
        if moved.is_empty() {
            return Ok(Failed::default());
        }
        let events = moved.iter().map(|moved| event::ActiveModel {
            seq: NotSet,
            tenant_id: Set(self.tenant.0),
            session_id: Set(self.session.0),
            message_id: Set(Some(moved.message)),
            kind: Set(of_status(MessageStatus::Failed).to_owned()),
            payload: Set(None),
            created_at: Set(self.at),
        });
        many::insert(batch, events.collect()).await?;
        if (moved.len() as u64) < AT_ONCE {
            return Ok(Failed { moved, rest: None });
        }
        let last = self.pending().select_only().column_as(Column::Seq.max(), "last").into_tuple::<Option<i64>>();
        let last = last.one(batch).await?.flatten();
        self.until = self.until.min(last.unwrap_or(0));
        Ok(Failed { moved, rest: last.map(|_| self) })
    }

    fn pending(&self) -> Select<Entity> {
        Entity::find()
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::SessionId.eq(self.session.0))
            .filter(in_hand())
            .filter(Column::Status.eq(MessageStatus::Pending.number()))
    }

    fn first(&self) -> Select<Entity> {
        let pending = self.pending().filter(Column::Seq.lte(self.until));
        pending.select_only().column(Column::Seq).order_by_asc(Column::Seq).limit(AT_ONCE)
    }
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
        let unsent = Unsent::of(lease.tenant, lease.session, store.clock().now(), DELETED);
        assert_reads_only_what_is_in_hand(&store, &unsent.first()).await;
        let last = unsent.pending().select_only().column_as(Column::Seq.max(), "last");
        assert_reads_only_what_is_in_hand(&store, &last).await;
    }
}
