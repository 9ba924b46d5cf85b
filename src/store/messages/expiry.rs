//! Messages that nobody took in time: they fail, whatever became of their session, on this server or on none.

use chrono::{DateTime, Utc};
use entity::event;
use entity::message::{Column, Entity};
use futures_util::FutureExt;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use crate::domain::event::of_status;
use crate::domain::expiry::Expiry;
use crate::domain::message::Status;
use crate::store::moved::Moved;
use crate::store::{Store, StoreError, many};

/// Messages of one transaction: they must not hold up the writer.
const AT_ONCE: u64 = 500;

impl Store {
    /// Fails the next part of what is pending and can only stay so, of all tenants, oldest first. True if there may be more.
    pub async fn expire(&self, expiry: Expiry) -> Result<bool, StoreError> {
        let now = self.clock().now();
        let failed = self.write(move |batch| async move { expire(batch, expiry, now).await }.boxed()).await?;
        if !failed.is_empty() {
            tracing::info!(count = failed.len(), "messages expired");
        }
        for moved in &failed {
            moved.tell(self.metrics());
        }
        Ok(failed.len() as u64 >= AT_ONCE)
    }
}

async fn expire(batch: &DatabaseTransaction, expiry: Expiry, now: DateTime<Utc>) -> Result<Vec<Moved>, DbErr> {
    let (failure, sentence) = expiry.failure();
    // What another server settles in this moment is not waited for.
    let old = overdue(expiry.certain_before(now)).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let mut update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Failed.number()))
        .col_expr(Column::ErrorCode, Expr::value(failure.as_str()))
        .col_expr(Column::ErrorMessage, Expr::value(sentence))
        .filter(pending())
        .filter(Column::Seq.in_subquery(old.into_query()))
        .into_query();
    update.returning(Query::returning().columns(Moved::COLUMNS));
    let rows = batch.query_all(&update).await?;
    let failed: Vec<Moved> =
        rows.iter().map(|row| Moved::of(row, Status::Failed, Some(failure), now)).collect::<Result<_, _>>()?;
    let events = failed.iter().map(|moved| event::ActiveModel {
        seq: NotSet,
        tenant_id: Set(moved.tenant),
        session_id: Set(moved.session),
        message_id: Set(Some(moved.message)),
        kind: Set(of_status(Status::Failed).to_owned()),
        payload: Set(None),
        created_at: Set(now),
    });
    if !failed.is_empty() {
        many::insert(batch, events.collect()).await?;
    }
    Ok(failed)
}

/// In the very words of the index `message_pending`.
fn pending() -> SimpleExpr {
    Expr::cust("direction = 0 AND status = 0")
}

fn overdue(before: DateTime<Utc>) -> Select<Entity> {
    let pending = Entity::find().select_only().column(Column::Seq).filter(pending());
    pending.filter(Column::CreatedAt.lt(before)).order_by_asc(Column::CreatedAt).limit(AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::device_keys::store_with_session;
    use crate::store::messages::tests::plan;

    #[tokio::test]
    async fn what_is_overdue_is_found_by_its_age_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = store_with_session(folder.path()).await;
        let plan = plan(&store, &overdue(store.clock().now())).await;
        assert!(plan.len() == 1 && plan[0].contains("INDEX message_pending (created_at<?)"), "{plan:?}");
    }
}
