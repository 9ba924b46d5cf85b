//! API keys: made, listed, revoked, found by their hash, and their uses counted without a write a call.

use chrono::{DateTime, Utc};
use entity::{api_key, plan, tenant};
use futures_util::FutureExt;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, UpdateMany,
};

use super::answers::Made;
use super::tenants::plan_of;
use super::{Store, StoreError, many};
use crate::domain::access::{Access, Bearer, KeyHash, KeyView, Mode, ShownKey};
use crate::domain::id::{KeyId, TenantId};
use crate::domain::idempotency::Once;
use crate::domain::quota::{KEYS_MAX, Plan, keys_used_up};

/// How often a key was used since this was last written down, and when last.
#[derive(Debug, Clone, Copy)]
pub struct Uses {
    pub key: KeyId,
    pub count: i64,
    pub last: DateTime<Utc>,
}

impl Store {
    /// Keeps a key, unless the tenant has as many living ones as it may.
    pub async fn create_key(
        &self,
        tenant: TenantId,
        new: ShownKey,
        once: Option<Once>,
    ) -> Result<Made<ShownKey>, StoreError> {
        let (view, hash, answer) = (new.view.clone(), new.api_key.hash(), new.made());
        self.make(tenant, once, (new, answer), move |batch| {
            async move {
                let living = api_key::Entity::find().filter(api_key::Column::TenantId.eq(tenant.0)).filter(
                    Expr::col(api_key::Column::ExpiresAt).is_null().or(api_key::Column::ExpiresAt.gt(view.created_at)),
                );
                if living.count(batch).await? >= KEYS_MAX {
                    return Ok(Some(keys_used_up()));
                }
                api_key::Entity::insert(api_key::ActiveModel {
                    id: Set(view.id.0),
                    tenant_id: Set(tenant.0),
                    name: Set(view.name),
                    description: Set(view.description),
                    mode: Set(view.mode.as_str().to_owned()),
                    prefix: Set(view.key_prefix),
                    hash: Set(hash.to_vec()),
                    request_count: Set(view.request_count),
                    last_used_at: Set(view.last_used_at),
                    expires_at: Set(view.expires_at),
                    created_at: Set(view.created_at),
                })
                .exec_without_returning(batch)
                .await?;
                Ok(None)
            }
            .boxed()
        })
        .await
    }

    /// A tenant's keys, newest first.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<KeyView>, StoreError> {
        let rows = api_key::Entity::find()
            .filter(api_key::Column::TenantId.eq(tenant.0))
            .order_by_desc(api_key::Column::Id)
            .all(self.reader())
            .await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Revokes a key; gives back its hash, or nothing if the tenant has no such key.
    pub async fn delete_key(&self, tenant: TenantId, key: KeyId) -> Result<Option<KeyHash>, StoreError> {
        let gone = self
            .write(move |batch| {
                async move {
                    let deleted = api_key::Entity::delete_many()
                        .filter(api_key::Column::TenantId.eq(tenant.0))
                        .filter(api_key::Column::Id.eq(key.0));
                    deleted.exec_with_returning(batch).await
                }
                .boxed()
            })
            .await?;
        gone.into_iter().next().map(|row| hash_of(&row)).transpose()
    }

    /// Whose key this is and what it allows. Fleet-wide by nature: the key is what says the tenant.
    pub async fn access(&self, hash: &KeyHash, mode: Mode) -> Result<Option<Access>, StoreError> {
        let row = api_key::Entity::find()
            .filter(api_key::Column::Hash.eq(hash.to_vec()))
            .filter(api_key::Column::Mode.eq(mode.as_str()))
            .one(self.reader())
            .await?;
        let Some(key) = row else { return Ok(None) };
        let (tenant, bearer) = (TenantId(key.tenant_id), Bearer::Key(KeyId(key.id)));
        let plan = self.plan_of_tenant(tenant).await?;
        Ok(Some(Access { tenant, bearer, hash: *hash, plan, expires_at: key.expires_at }))
    }

    /// The plan that a tenant is on.
    pub(super) async fn plan_of_tenant(&self, tenant: TenantId) -> Result<Plan, StoreError> {
        let owner = tenant::Entity::find_by_id(tenant.0).one(self.reader()).await?;
        let owner = owner.ok_or(StoreError::Corrupt("key without a tenant"))?;
        let plan = plan::Entity::find_by_id(owner.plan).one(self.reader()).await?;
        plan.map(plan_of).ok_or(StoreError::Corrupt("tenant without a plan"))
    }

    /// Adds up what was counted in memory.
    pub async fn count_uses(&self, uses: Vec<Uses>) -> Result<(), StoreError> {
        self.write(move |batch| {
            async move {
                for part in many::parts(&uses) {
                    added(part).exec(batch).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

/// What these keys were used since, each at most once among them: one statement.
fn added(uses: &[Uses]) -> UpdateMany<api_key::Entity> {
    use api_key::Column;
    let (mut counts, mut lasts) = (CaseStatement::new(), CaseStatement::new());
    for one in uses {
        counts = counts.case(Column::Id.eq(one.key.0), one.count);
        lasts = lasts.case(Column::Id.eq(one.key.0), one.last);
    }
    api_key::Entity::update_many()
        .col_expr(Column::RequestCount, Expr::col(Column::RequestCount).add(counts))
        .col_expr(Column::LastUsedAt, lasts.into())
        .filter(Column::Id.is_in(uses.iter().map(|one| one.key.0)))
}

fn hash_of(row: &api_key::Model) -> Result<KeyHash, StoreError> {
    row.hash.as_slice().try_into().map_err(|_| StoreError::Corrupt("key hash"))
}

fn view(row: api_key::Model) -> KeyView {
    KeyView {
        id: KeyId(row.id),
        name: row.name,
        description: row.description,
        mode: if row.mode == Mode::Live.as_str() { Mode::Live } else { Mode::Test },
        key_prefix: row.prefix,
        request_count: row.request_count,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        created_at: row.created_at,
    }
}
