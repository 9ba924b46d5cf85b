//! A tenant's figures for people: what was accepted day by day, and how the newest messages stand.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{message, usage};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{Store, StoreError};
use crate::domain::id::TenantId;
use crate::domain::message::{Direction, Status};

/// How many messages are looked at, newest first, so that the question costs the same however many there are.
pub const LOOKED_AT: u64 = 10_000;

impl Store {
    /// How many sends were accepted on each day since `from` on which there was one, oldest first.
    pub async fn used_since(&self, tenant: TenantId, from: NaiveDate) -> Result<Vec<(NaiveDate, u64)>, StoreError> {
        let rows =
            usage::Entity::find().filter(usage::Column::TenantId.eq(tenant.0)).filter(usage::Column::Day.gte(from));
        let rows = rows.order_by_asc(usage::Column::Day).all(self.reader()).await?;
        Ok(rows.into_iter().map(|row| (row.day, u64::try_from(row.used).unwrap_or(0))).collect())
    }

    /// How many of the newest messages since `from` stand how.
    pub async fn standing_since(
        &self,
        tenant: TenantId,
        from: DateTime<Utc>,
    ) -> Result<Vec<(Direction, Status, u64)>, StoreError> {
        let newest = Query::select()
            .columns([message::Column::Direction, message::Column::Status, message::Column::CreatedAt])
            .from(message::Entity)
            .and_where(message::Column::TenantId.eq(tenant.0))
            .order_by(message::Column::Seq, Order::Desc)
            .limit(LOOKED_AT)
            .take();
        let counted = Query::select()
            .columns([message::Column::Direction, message::Column::Status])
            .expr_as(Expr::cust("COUNT(*)"), "n")
            .from_subquery(newest, "newest")
            .and_where(Expr::col(message::Column::CreatedAt).gte(from))
            .group_by_columns([message::Column::Direction, message::Column::Status])
            .take();
        let mut standing = Vec::new();
        for row in self.reader().query_all(&counted).await? {
            let (direction, status) = (row.try_get::<i16>("", "direction")?, row.try_get::<i16>("", "status")?);
            let status = Status::from_number(status).ok_or(StoreError::Corrupt("message status"))?;
            let n = u64::try_from(row.try_get::<i64>("", "n")?).unwrap_or(0);
            standing.push((Direction::from_number(direction), status, n));
        }
        Ok(standing)
    }
}
