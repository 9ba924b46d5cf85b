//! What the operator sees of everybody: tenants with their plans and counts, and sessions across tenants. Fleet-wide on purpose; nothing
//! here is asked for a tenant.

use entity::{session, tenant, usage};
use sea_orm::sea_query::{Expr, LikeExpr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::fleet::{SessionRow, TenantRow};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::quota;
use crate::domain::session::Status;

#[derive(FromQueryResult)]
struct Count {
    tenant_id: Uuid,
    n: i64,
}

impl Store {
    /// Tenants by address, those whose address holds this, from behind this address on; so many at most.
    pub async fn tenants_page(
        &self,
        holding: Option<&str>,
        after: Option<&str>,
        most: u64,
    ) -> Result<Vec<TenantRow>, StoreError> {
        let rows = tenant::Entity::find()
            .filter(tenant::Column::DeletedAt.is_null())
            .apply_if(holding, |q, text| {
                let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                q.filter(Expr::col(tenant::Column::Email).like(LikeExpr::new(format!("%{escaped}%")).escape('\\')))
            })
            .apply_if(after, |q, after| q.filter(tenant::Column::Email.gt(after)))
            .order_by_asc(tenant::Column::Email)
            .limit(most)
            .all(self.reader())
            .await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let sessions = self.sessions_of(&ids, None).await?;
        let connected = self.sessions_of(&ids, Some(Status::Connected)).await?;
        let today = quota::day(self.clock().now());
        let used =
            usage::Entity::find().filter(usage::Column::TenantId.is_in(ids)).filter(usage::Column::Day.eq(today));
        let used = used.all(self.reader()).await?;
        let count = |counts: &[Count], id| counts.iter().find(|count| count.tenant_id == id).map_or(0, |count| count.n);
        let row = |row: tenant::Model| TenantRow {
            sessions: count(&sessions, row.id),
            connected: count(&connected, row.id),
            used_today: used.iter().find(|used| used.tenant_id == row.id).map_or(0, |used| used.used),
            id: TenantId(row.id),
            email: row.email,
            plan: row.plan,
            created_at: row.created_at,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    async fn sessions_of(&self, tenants: &[Uuid], status: Option<Status>) -> Result<Vec<Count>, StoreError> {
        let counted = session::Entity::find()
            .select_only()
            .column(session::Column::TenantId)
            .column_as(Expr::cust("COUNT(*)"), "n")
            .filter(session::Column::TenantId.is_in(tenants.iter().copied()))
            .filter(session::Column::DeletedAt.is_null())
            .apply_if(status, |q, status| q.filter(session::Column::Status.eq(status.as_str())))
            .group_by(session::Column::TenantId);
        Ok(counted.into_model().all(self.reader()).await?)
    }

    /// Sessions of all tenants, newest first: those that stand so, made before this one; so many at most.
    pub async fn sessions_page(
        &self,
        status: Option<Status>,
        before: Option<SessionId>,
        most: u64,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = session::Entity::find()
            .filter(session::Column::DeletedAt.is_null())
            .apply_if(status, |q, status| q.filter(session::Column::Status.eq(status.as_str())))
            .apply_if(before, |q, before| q.filter(session::Column::Id.lt(before.0)))
            .order_by_desc(session::Column::Id)
            .limit(most)
            .all(self.reader())
            .await?;
        let owners = tenant::Entity::find().filter(tenant::Column::Id.is_in(rows.iter().map(|row| row.tenant_id)));
        let owners = owners.all(self.reader()).await?;
        rows.into_iter()
            .map(|row| {
                Ok(SessionRow {
                    id: SessionId(row.id),
                    tenant: owners.iter().find(|owner| owner.id == row.tenant_id).map(|owner| owner.email.clone()),
                    status: Status::kept(&row.status),
                    error_code: row.error_code,
                    attempts: row.attempts,
                    last_activity_at: row.last_activity_at,
                    created_at: row.created_at,
                })
            })
            .collect()
    }
}
