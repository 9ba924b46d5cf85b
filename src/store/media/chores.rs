//! What is done for the media of all tenants now and then: which files are needed, and what can be forgotten.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::media::{ActiveModel, Column, Entity};
use entity::message;
use futures_util::FutureExt;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, IntoCondition, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use super::not_uploaded;
use crate::domain::id::TenantId;
use crate::domain::media::Stage;
use crate::domain::message::Status;
use crate::store::{Store, StoreError};

/// What was sent longer ago is not sent again, receipted or not.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(24);
/// Rows of one transaction: it must not hold up the writer.
const AT_ONCE: u64 = if cfg!(test) { 2 } else { 500 };

impl Store {
    /// The spool files that are needed, of all sessions there are.
    pub async fn spool_in_use(&self) -> Result<HashSet<Uuid>, StoreError> {
        let names = spool_in_use().into_tuple::<Uuid>().all(self.reader()).await?;
        Ok(names.into_iter().collect())
    }

    /// How many files that a tenant uploaded wait to be made ready.
    pub async fn uploads_waiting(&self, tenant: TenantId) -> Result<u64, StoreError> {
        Ok(uploads_waiting(tenant).count(self.reader()).await?)
    }

    /// Forgets what no message will need again: how settled ones went over the wire, and what was to be done for the media of
    /// failed ones. It is looked for outside the writer, which is given a bounded number of rows at a time.
    pub async fn forget_media(&self) -> Result<(), StoreError> {
        let since = self.clock().now() - RESEND_WITHIN;
        let payload = ActiveModel { payload: Set(None), ..Default::default() };
        self.forget(settled(since), payload).await?;
        let over = ActiveModel { stage: Set(Stage::Over.number()), spool: Set(None), ..Default::default() };
        self.forget(failed(), over).await
    }

    /// A message that is settled stays so, which is why its medium may be found before and changed later.
    async fn forget(&self, rows: Select<Entity>, change: ActiveModel) -> Result<(), StoreError> {
        loop {
            let ids: Vec<Uuid> = rows.clone().into_tuple().all(self.reader()).await?;
            let (count, change) = (ids.len() as u64, change.clone());
            if count > 0 {
                let rows = Entity::update_many().set(change).filter(Column::MessageId.is_in(ids));
                self.write(move |batch| async move { rows.exec(batch).await.map(|_| ()) }.boxed()).await?;
            }
            if count < AT_ONCE {
                return Ok(());
            }
        }
    }
}

fn spool_in_use() -> Select<Entity> {
    let pending = message::Column::Status.eq(Status::Pending.number());
    rows(pending.into_condition()).column(Column::Spool).filter(not_uploaded()).filter(Column::Spool.is_not_null())
}

fn uploads_waiting(tenant: TenantId) -> Select<Entity> {
    spool_in_use().filter(Column::TenantId.eq(tenant.0)).filter(Column::Url.is_null())
}

/// Rows whose message will not be sent again.
fn settled(since: DateTime<Utc>) -> Select<Entity> {
    let late = Condition::all()
        .add(message::Column::Status.ne(Status::Pending.number()))
        .add(message::Column::SentAt.lt(since));
    let done = [Status::Delivered, Status::Read, Status::Failed].map(Status::number);
    let done = message::Column::Status.is_in(done);
    let settled = rows(Condition::any().add(done).add(late)).column(Column::MessageId);
    settled.filter(Column::Payload.is_not_null()).limit(AT_ONCE)
}

/// Rows that failed before they were uploaded.
fn failed() -> Select<Entity> {
    let failed = message::Column::Status.eq(Status::Failed.number());
    rows(failed.into_condition()).column(Column::MessageId).filter(not_uploaded()).limit(AT_ONCE)
}

/// Media whose message is so. No join: of two tables a database may begin with either, and messages are many.
fn rows(message: Condition) -> Select<Entity> {
    let its_message = Expr::col((message::Entity, message::Column::Id)).equals((Entity, Column::MessageId));
    let message =
        Query::select().expr(Expr::val(1)).from(message::Entity).and_where(its_message).cond_where(message).take();
    Entity::find().select_only().filter(Expr::exists(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::device_keys::store_with_session;
    use crate::store::messages::tests::plan;

    #[tokio::test]
    async fn chores_look_at_what_is_on_its_way_or_kept_and_at_no_history() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        for (rows, index) in [
            (spool_in_use(), "media_due"),
            (uploads_waiting(lease.tenant), "media_uploads"),
            (failed(), "media_due"),
            (settled(store.clock().now()), "media_kept"),
        ] {
            let plan = plan(&store, &rows).await;
            let touched: Vec<_> = plan.iter().filter(|step| step.contains(" USING ")).collect();
            assert!(touched[0].contains(&format!("INDEX {index}")), "{plan:?}");
            assert!(touched[1].contains("INDEX sqlite_autoindex_message_1 (id=?)"), "{plan:?}");
            assert!(touched.len() == 2 && !plan.iter().any(|step| step == "SCAN message"), "{plan:?}");
        }
    }
}
