//! Sessions: made, listed and leased here; what becomes of one stands in `record`, its end in `end`, what its tenant sets in `settings`.

mod end;
mod queue;
mod record;
mod settings;

use std::collections::BTreeMap;

use entity::session;
use futures_util::FutureExt;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::answers::Made;
use super::tenants::plan_now;
use super::{Store, StoreError};
use crate::domain::error::Refusal;
use crate::domain::id::{SessionId, TenantId};
use crate::domain::idempotency::Once;
use crate::domain::phone::Phone;
use crate::domain::quota::sessions_used_up;
use crate::domain::session::life::{Fault, Life};
use crate::domain::session::{Facts, Lease, NewSession, Session, SessionKey, Status};
pub use end::UNLINKED;
use end::{Failed, Unsent};
pub use record::Record;
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

impl Store {
    /// How many sessions there are of each status, whoever runs them.
    pub async fn sessions_by_status(&self) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let counted = session::Entity::find()
            .select_only()
            .column(session::Column::Status)
            .column_as(session::Column::Id.count(), "count")
            .filter(session::Column::DeletedAt.is_null())
            .group_by(session::Column::Status)
            .into_tuple::<(String, i64)>()
            .all(self.reader())
            .await?;
        let mut all = BTreeMap::from(Status::ALL.map(|status| (status.as_str(), 0)));
        for (status, count) in counted {
            let Some(status) = Status::from_name(&status) else { continue };
            all.insert(status.as_str(), u64::try_from(count).unwrap_or(0));
        }
        Ok(all)
    }

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
            per_minute: new.pacing.per_minute.and_then(|rate| rate.try_into().ok()),
            jitter: new.pacing.jitter.and_then(|percent| percent.try_into().ok()),
            typing: new.pacing.typing,
        };
        let view = self.view(row.clone());
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
        Ok(rows.into_iter().map(|row| self.view(row)).collect())
    }

    pub async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = living(tenant).filter(session::Column::Id.eq(id.0)).one(self.reader()).await?;
        Ok(row.map(|row| self.view(row)))
    }

    /// What the tenant's actor starts from: its living sessions, and those it has yet to unlink.
    pub async fn kept_sessions(&self, tenant: TenantId) -> Result<Vec<Kept>, StoreError> {
        let rows = session::Entity::find()
            .filter(session::Column::TenantId.eq(tenant.0))
            .filter(session::Column::WipedAt.is_null())
            .order_by_asc(session::Column::Id)
            .all(self.reader())
            .await?;
        // One row that cannot be read, which somebody else's hand must have written, keeps no other session from running.
        let read = rows.into_iter().filter_map(|row| {
            let id = row.id;
            kept(row).inspect_err(|error| tracing::error!(session = %id, %error, "a session cannot be run")).ok()
        });
        Ok(read.collect())
    }

    /// Raises the session's epoch: from now on this lease writes for it, and no older one.
    pub async fn lease(&self, tenant: TenantId, id: SessionId) -> Result<Option<(Lease, Kept)>, StoreError> {
        let now = self.clock().now();
        let leased = self.write(move |batch| {
            async move {
                let raised = session::Entity::update_many()
                    .col_expr(session::Column::Epoch, Expr::col(session::Column::Epoch).add(1))
                    .filter(session::Column::TenantId.eq(tenant.0))
                    .filter(session::Column::Id.eq(id.0))
                    .filter(session::Column::WipedAt.is_null())
                    .exec_with_returning(batch)
                    .await?;
                let Some(row) = raised.into_iter().next() else { return Ok(None) };
                // What is left of an account that was unlinked when this server, or another, ended.
                let left = match row.phone {
                    None => Unsent::of(tenant, id, now, UNLINKED).fail(batch).await?,
                    Some(_) => Failed::default(),
                };
                Ok(Some((row, left)))
            }
            .boxed()
        });
        let Some((row, left)) = leased.await? else { return Ok(None) };
        self.fail_on(left);
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
}

/// Why the tenant can have no more sessions; none if it can.
async fn no_more(batch: &DatabaseTransaction, tenant: TenantId) -> Result<Option<Refusal>, DbErr> {
    let Some(plan) = plan_now(batch, tenant).await? else { return Ok(None) };
    let Some(max) = plan.sessions else { return Ok(None) };
    let there = living(tenant).count(batch).await?;
    Ok((there >= max.into()).then(|| sessions_used_up(&plan.name, max)))
}

fn living(tenant: TenantId) -> sea_orm::Select<session::Entity> {
    session::Entity::find().filter(session::Column::TenantId.eq(tenant.0)).filter(session::Column::DeletedAt.is_null())
}

fn kept(row: session::Model) -> Result<Kept, StoreError> {
    let status = Status::kept(&row.status);
    let phone =
        row.phone.as_deref().map(Phone::from_digits).transpose().map_err(|_| StoreError::Corrupt("session phone"))?;
    let fault = row.error_code.zip(row.error_message).map(|(code, message)| Fault { code, message });
    let facts = Facts {
        id: SessionId(row.id),
        key: SessionKey::kept(row.session_key),
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
