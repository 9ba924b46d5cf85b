//! Tenants and their plans: the few questions that are asked across the fleet stand here too.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{api_key, plan, session, tenant, usage};
use futures_util::FutureExt;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, JoinType,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{Store, StoreError};
use crate::domain::access::{Email, Mode};
use crate::domain::id::TenantId;
use crate::domain::quota::{self, Plan, Usage};

impl Store {
    /// The tenant with this address; made on the Free plan if there is none.
    pub async fn tenant_of(&self, email: &Email) -> Result<TenantId, StoreError> {
        let (email, id, at) = (email.as_str().to_owned(), self.clock().id(), self.clock().now());
        self.write(move |batch| {
            async move {
                let row = tenant::ActiveModel {
                    id: Set(id),
                    email: Set(email.clone()),
                    plan: Set("free".to_owned()),
                    created_at: Set(at),
                    deleted_at: Set(None),
                };
                let known = OnConflict::column(tenant::Column::Email).do_nothing().to_owned();
                tenant::Entity::insert(row).on_conflict(known).exec_without_returning(batch).await?;
                let row = tenant::Entity::find().filter(tenant::Column::Email.eq(email)).one(batch).await?;
                Ok(row.map(|row| TenantId(row.id)))
            }
            .boxed()
        })
        .await?
        .ok_or(StoreError::Corrupt("tenant"))
    }

    /// Moves a tenant to another plan; what is accepted from now on is counted against it. False if there is no such tenant.
    pub async fn set_plan(&self, email: &Email, plan: &str) -> Result<bool, StoreError> {
        let (email, plan) = (email.as_str().to_owned(), plan.to_owned());
        self.write(move |batch| {
            async move {
                let update = tenant::Entity::update_many().filter(tenant::Column::Email.eq(email));
                let change = tenant::ActiveModel { plan: Set(plan), ..Default::default() };
                Ok(update.set(change).exec(batch).await?.rows_affected == 1)
            }
            .boxed()
        })
        .await
    }

    /// How the tenant's day stands at this moment, on the plan that it is on now.
    pub async fn usage(&self, tenant: TenantId, at: DateTime<Utc>) -> Result<Usage, StoreError> {
        let to_plan = tenant::Entity::belongs_to(plan::Entity).from(tenant::Column::Plan).to(plan::Column::Name);
        let limit = tenant::Entity::find_by_id(tenant.0).select_only().column(plan::Column::MessagesPerDay);
        let limit = limit.join(JoinType::InnerJoin, to_plan.into()).into_tuple::<i64>().one(self.reader()).await?;
        let used = usage::Entity::find_by_id((tenant.0, quota::day(at))).one(self.reader()).await?;
        let count = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let reset_seconds = quota::seconds_to_midnight(at);
        Ok(Usage { limit: count(limit), used: count(used.map(|row| row.used)), reset_seconds })
    }

    /// Every plan there is.
    pub async fn plans(&self) -> Result<Vec<Plan>, StoreError> {
        Ok(plan::Entity::find().all(self.reader()).await?.into_iter().map(plan_of).collect())
    }

    /// Whether anybody has a key for this network.
    pub async fn any_key(&self, mode: Mode) -> Result<bool, StoreError> {
        let one = api_key::Entity::find().filter(api_key::Column::Mode.eq(mode.as_str())).limit(1);
        Ok(one.one(self.reader()).await?.is_some())
    }

    /// The tenants that have something to run: whoever has a session that is not deleted, or one still to be unlinked.
    pub async fn active_tenants(&self) -> Result<BTreeSet<TenantId>, StoreError> {
        let ids: Vec<uuid::Uuid> = session::Entity::find()
            .select_only()
            .column(session::Column::TenantId)
            .distinct()
            .filter(session::Column::WipedAt.is_null())
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(ids.into_iter().map(TenantId).collect())
    }
}

/// Two servers on one PostgreSQL must not both read a count before either writes it, so they take turns at a tenant, in the order of
/// ids, at the beginning of a batch. Whatever is counted is read by a later statement, which sees what the other has committed. The
/// lock leaves alone those who merely refer to the tenant. SQLite has one writer anyway.
pub(super) async fn take_turns(batch: &DatabaseTransaction, tenants: &BTreeSet<TenantId>) -> Result<(), DbErr> {
    if batch.get_database_backend() == DbBackend::Postgres && !tenants.is_empty() {
        let rows = tenant::Entity::find().filter(tenant::Column::Id.is_in(tenants.iter().map(|tenant| tenant.0)));
        rows.order_by_asc(tenant::Column::Id).lock(LockType::NoKeyUpdate).all(batch).await?;
    }
    Ok(())
}

/// Whether a tenant's person deleted the account: nothing is made for it any more.
pub(super) async fn is_gone(batch: &DatabaseTransaction, tenant: TenantId) -> Result<bool, DbErr> {
    let living = tenant::Entity::find_by_id(tenant.0).filter(tenant::Column::DeletedAt.is_null());
    Ok(living.one(batch).await?.is_none())
}

/// The plan that a tenant is on, as it stands in this batch.
pub(super) async fn plan_now(batch: &DatabaseTransaction, tenant: TenantId) -> Result<Option<Plan>, DbErr> {
    let Some(owner) = tenant::Entity::find_by_id(tenant.0).one(batch).await? else { return Ok(None) };
    Ok(plan::Entity::find_by_id(owner.plan).one(batch).await?.map(plan_of))
}

pub(super) fn plan_of(row: plan::Model) -> Plan {
    let positive = |n: i32| u32::try_from(n).unwrap_or(0);
    Plan {
        name: row.name,
        sessions: row.sessions.map(positive),
        messages_per_day: u64::try_from(row.messages_per_day).unwrap_or(0),
        calls_per_second: positive(row.calls_per_second),
        calls_burst: positive(row.calls_burst),
    }
}
