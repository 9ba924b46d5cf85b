//! What of a session's media is to be made ready now, and when there will be more; and whether there is room for it.

use chrono::{DateTime, Utc};
use entity::media::{Column, Entity};
use entity::message;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Select, SelectTwo};

use super::{Both, Told, Waiting, its_message, waiting};
use crate::domain::id::TenantId;
use crate::domain::message::Status;
use crate::domain::session::Lease;
use crate::store::{Store, StoreError};

/// Bytes that lie in the spool as phones want them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spooled {
    pub of_tenant: u64,
    pub of_all: u64,
}

impl Store {
    /// What of a session's media is to be made ready now, in the order of acceptance. Neither what is to be tried later is read for
    /// that, nor more than is asked for.
    pub async fn media_waiting(
        &self,
        lease: Lease,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Told<Waiting>, StoreError> {
        let mut found: Vec<Both> = fresh(lease, limit).all(self.reader()).await?;
        found.extend(again(lease, now, limit).all(self.reader()).await?);
        found.sort_by_key(|(medium, _)| medium.message_id);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Told::of(found, waiting))
    }

    /// When the next of a session's media is to be tried again.
    pub async fn next_medium(&self, lease: Lease, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(later(lease, now).into_tuple().one(self.reader()).await?)
    }

    /// How much of the disk is taken by what is ready and not uploaded yet.
    pub async fn spooled(&self, tenant: TenantId) -> Result<Spooled, StoreError> {
        let sum = async |rows: Select<Entity>| {
            let sum = rows.into_tuple::<i64>().one(self.reader()).await?;
            Ok::<_, StoreError>(sum.unwrap_or(0).try_into().unwrap_or(0))
        };
        Ok(Spooled {
            of_tenant: sum(ready_bytes().filter(Column::TenantId.eq(tenant.0))).await?,
            of_all: sum(ready_bytes()).await?,
        })
    }
}

/// What waits to be made ready, in the very words of the index `media_waiting`.
fn is_waiting() -> SimpleExpr {
    Expr::cust("stage = 0")
}

fn of_session(lease: Lease) -> Select<Entity> {
    Entity::find()
        .filter(Column::SessionId.eq(lease.session.0))
        .filter(Column::TenantId.eq(lease.tenant.0))
        .filter(is_waiting())
}

fn pending(found: Select<Entity>, limit: u64) -> SelectTwo<Entity, message::Entity> {
    let pending = message::Column::Status.eq(Status::Pending.number());
    found.join(JoinType::InnerJoin, its_message()).select_also(message::Entity).filter(pending).limit(limit)
}

/// What was not tried yet.
pub(super) fn fresh(lease: Lease, limit: u64) -> SelectTwo<Entity, message::Entity> {
    pending(of_session(lease).filter(Column::NotBefore.is_null()).order_by_asc(Column::MessageId), limit)
}

/// What is to be tried again by now.
pub(super) fn again(lease: Lease, now: DateTime<Utc>, limit: u64) -> SelectTwo<Entity, message::Entity> {
    pending(of_session(lease).filter(Column::NotBefore.lte(now)).order_by_asc(Column::NotBefore), limit)
}

pub(super) fn later(lease: Lease, now: DateTime<Utc>) -> Select<Entity> {
    let later = of_session(lease).filter(Column::NotBefore.gt(now)).order_by_asc(Column::NotBefore);
    later.select_only().column(Column::NotBefore).limit(1)
}

/// In the very words of the index `media_ready`.
pub(super) fn ready_bytes() -> Select<Entity> {
    let sum = Expr::cust("CAST(COALESCE(SUM(size), 0) AS BIGINT)");
    Entity::find().select_only().expr_as(sum, "bytes").filter(Expr::cust("stage = 1"))
}
