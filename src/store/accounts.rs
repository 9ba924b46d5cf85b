//! Accounts and the browsers in which somebody is signed in.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{account, api_key, mail_ticket, sign_in, tenant};
use futures_util::FutureExt;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::tenants::is_gone;
use super::{Store, StoreError};
use crate::domain::access::{Access, Bearer, Email, KeyHash};
use crate::domain::account::SIGN_IN_LIFE;
use crate::domain::id::{KeyId, SignInId, TenantId};

/// In how many browsers somebody may be signed in; the newest stay.
const BROWSERS_MAX: u64 = 20;

/// What a password is compared with.
pub struct Known {
    pub tenant: TenantId,
    pub password: String,
}

impl Store {
    /// Makes a tenant on the Free plan, with a person who has this password. False, and nothing done, if the address has a tenant.
    pub async fn create_account(&self, email: &Email, password: String) -> Result<bool, StoreError> {
        let (email, id, at) = (email.as_str().to_owned(), self.clock().id(), self.clock().now());
        self.write(move |batch| async move { insert_account(batch, id, email, password, at).await }.boxed()).await
    }

    /// The account with this address. Fleet-wide by nature: the address is what says the tenant.
    pub async fn account(&self, email: &Email) -> Result<Option<Known>, StoreError> {
        let tenant = tenant::Entity::find().filter(tenant::Column::Email.eq(email.as_str())).one(self.reader()).await?;
        // Nobody's account is looked for, too: it takes as long.
        let tenant = tenant.map_or(Uuid::nil(), |tenant| tenant.id);
        let account = account::Entity::find_by_id(tenant).one(self.reader()).await?;
        Ok(account.map(|account| Known { tenant: TenantId(account.tenant_id), password: account.password }))
    }

    /// The tenant with this address, whether a person of it can sign in or not.
    pub async fn tenant_with(&self, email: &Email) -> Result<Option<TenantId>, StoreError> {
        let row = tenant::Entity::find().filter(tenant::Column::Email.eq(email.as_str())).one(self.reader()).await?;
        Ok(row.map(|row| TenantId(row.id)))
    }

    /// The address of a tenant.
    pub async fn email_of(&self, tenant: TenantId) -> Result<Option<Email>, StoreError> {
        let row = tenant::Entity::find_by_id(tenant.0).one(self.reader()).await?;
        row.map(|row| row.email.parse().map_err(|_| StoreError::Corrupt("address"))).transpose()
    }

    /// Gives the tenant's person a new password, or the first; and signs every browser out but one, whose ids come back.
    pub async fn set_password(
        &self,
        tenant: TenantId,
        password: String,
        but: Option<SignInId>,
    ) -> Result<Vec<(SignInId, KeyHash)>, StoreError> {
        let at = self.clock().now();
        let gone = self.write(move |batch| replace_password(batch, tenant, password, but, at).boxed());
        gone.await?.iter().map(ended).collect()
    }

    /// Keeps that a browser is signed in. Where there are too many, the oldest are signed out.
    pub async fn sign_in(&self, tenant: TenantId, hash: KeyHash) -> Result<(), StoreError> {
        let (id, at) = (self.clock().id(), self.clock().now());
        self.write(move |batch| {
            async move {
                if is_gone(batch, tenant).await? {
                    return Ok(());
                }
                let row = sign_in::ActiveModel {
                    id: Set(id),
                    tenant_id: Set(tenant.0),
                    hash: Set(hash.to_vec()),
                    created_at: Set(at),
                    expires_at: Set(at + SIGN_IN_LIFE),
                };
                sign_in::Entity::insert(row).exec_without_returning(batch).await?;
                let of_tenant = sign_in::Column::TenantId.eq(tenant.0);
                let newest =
                    sign_in::Entity::find().select_only().column(sign_in::Column::Id).filter(of_tenant.clone());
                let kept = newest.order_by_desc(sign_in::Column::Id).limit(BROWSERS_MAX);
                let kept: Vec<Uuid> = kept.into_tuple().all(batch).await?;
                let others =
                    sign_in::Entity::delete_many().filter(of_tenant).filter(sign_in::Column::Id.is_not_in(kept));
                others.exec(batch).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// Signs a browser out.
    pub async fn sign_out(&self, tenant: TenantId, browser: SignInId) -> Result<(), StoreError> {
        self.write(move |batch| {
            async move {
                let one = sign_in::Entity::delete_many().filter(sign_in::Column::TenantId.eq(tenant.0));
                one.filter(sign_in::Column::Id.eq(browser.0)).exec(batch).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Forgets browsers whose time is over.
    pub async fn forget_sign_ins(&self) -> Result<(), StoreError> {
        let now = self.clock().now();
        self.write(move |batch| {
            async move {
                let over = sign_in::Entity::delete_many().filter(sign_in::Column::ExpiresAt.lte(now));
                over.exec(batch).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Who is signed in with this cookie, and what that allows. Fleet-wide by nature: the cookie is what says the tenant.
    pub async fn access_of_sign_in(&self, hash: &KeyHash) -> Result<Option<Access>, StoreError> {
        let row = sign_in::Entity::find().filter(sign_in::Column::Hash.eq(hash.to_vec())).one(self.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let (tenant, bearer) = (TenantId(row.tenant_id), Bearer::SignIn(SignInId(row.id)));
        let plan = self.plan_of_tenant(tenant).await?;
        Ok(Some(Access { tenant, bearer, hash: *hash, plan, expires_at: Some(row.expires_at) }))
    }

    /// Which of these are let in still. Fleet-wide: it is asked for everybody who has a stream open.
    pub async fn living(&self, bearers: &[Bearer]) -> Result<HashSet<Bearer>, StoreError> {
        let keys = bearers.iter().filter_map(|bearer| if let Bearer::Key(key) = bearer { Some(key.0) } else { None });
        let keys = api_key::Entity::find().filter(api_key::Column::Id.is_in(keys));
        let keys: Vec<Uuid> = keys.select_only().column(api_key::Column::Id).into_tuple().all(self.reader()).await?;
        let here = bearers.iter().filter_map(|bearer| if let Bearer::SignIn(id) = bearer { Some(id.0) } else { None });
        let here = sign_in::Entity::find().filter(sign_in::Column::Id.is_in(here));
        let here: Vec<Uuid> = here.select_only().column(sign_in::Column::Id).into_tuple().all(self.reader()).await?;
        let keys = keys.into_iter().map(|id| Bearer::Key(KeyId(id)));
        Ok(keys.chain(here.into_iter().map(|id| Bearer::SignIn(SignInId(id)))).collect())
    }
}

/// A tenant on the Free plan with a person who has this password. False, and nothing done, if the address has a tenant.
pub(super) async fn insert_account(
    batch: &DatabaseTransaction,
    id: Uuid,
    email: String,
    password: String,
    at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row = tenant::ActiveModel {
        id: Set(id),
        email: Set(email),
        plan: Set("free".to_owned()),
        created_at: Set(at),
        deleted_at: Set(None),
    };
    let known = OnConflict::column(tenant::Column::Email).do_nothing().to_owned();
    if tenant::Entity::insert(row).on_conflict(known).exec_without_returning(batch).await? == 0 {
        return Ok(false);
    }
    let row =
        account::ActiveModel { tenant_id: Set(id), password: Set(password), created_at: Set(at), changed_at: Set(at) };
    account::Entity::insert(row).exec_without_returning(batch).await?;
    Ok(true)
}

/// A new password, or the first. Every browser but one is signed out, and no link that was mailed changes it any more.
pub(super) async fn replace_password(
    batch: &DatabaseTransaction,
    tenant: TenantId,
    password: String,
    but: Option<SignInId>,
    at: DateTime<Utc>,
) -> Result<Vec<sign_in::Model>, DbErr> {
    let row = account::ActiveModel {
        tenant_id: Set(tenant.0),
        password: Set(password),
        created_at: Set(at),
        changed_at: Set(at),
    };
    let changed = [account::Column::Password, account::Column::ChangedAt];
    let known = OnConflict::column(account::Column::TenantId).update_columns(changed).to_owned();
    account::Entity::insert(row).on_conflict(known).exec_without_returning(batch).await?;
    mail_ticket::Entity::delete_many().filter(mail_ticket::Column::TenantId.eq(tenant.0)).exec(batch).await?;
    sign_in::Entity::delete_many()
        .filter(sign_in::Column::TenantId.eq(tenant.0))
        .filter(sign_in::Column::Id.ne(but.map_or(Uuid::nil(), |id| id.0)))
        .exec_with_returning(batch)
        .await
}

pub(super) fn ended(row: &sign_in::Model) -> Result<(SignInId, KeyHash), StoreError> {
    let hash = row.hash.as_slice().try_into().map_err(|_| StoreError::Corrupt("sign-in hash"))?;
    Ok((SignInId(row.id), hash))
}
