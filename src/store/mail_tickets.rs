//! What links in mails are good for: each once, for one purpose, for a time. Fleet-wide by nature: the token says whose it is.

use entity::{mail_ticket, tenant};
use futures_util::FutureExt;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};

use super::accounts::{ended, insert_account, replace_password};
use super::{Store, StoreError};
use crate::domain::access::{Email, KeyHash};
use crate::domain::id::{SignInId, TenantId};
use crate::domain::mail::{MailHash, Purpose};

impl Store {
    /// Keeps an account with this password until its address is confirmed. False if the address has a tenant.
    pub async fn begin_sign_up(&self, email: &Email, hash: MailHash, password: String) -> Result<bool, StoreError> {
        let mut ticket = self.ticket(email, hash, Purpose::SignUp);
        ticket.password = Set(Some(password));
        let email = email.clone();
        self.write(move |batch| {
            async move {
                let free = with_address(batch, email.as_str()).await?.is_none();
                // Also where it is good for nothing, since nobody gets its token: it takes as long.
                mail_ticket::Entity::insert(ticket).exec_without_returning(batch).await?;
                Ok(free)
            }
            .boxed()
        })
        .await
    }

    /// Lets whoever has this token give the person with this address a new password. False if there is no such tenant.
    pub async fn begin_reset(&self, email: &Email, hash: MailHash) -> Result<bool, StoreError> {
        let mut ticket = self.ticket(email, hash, Purpose::Reset);
        let email = email.clone();
        self.write(move |batch| {
            async move {
                let tenant = with_address(batch, email.as_str()).await?;
                ticket.tenant_id = Set(tenant.map(|tenant| tenant.0));
                // Also for nobody, who gets no token and whom it lets in nowhere: it takes as long.
                mail_ticket::Entity::insert(ticket).exec_without_returning(batch).await?;
                Ok(tenant.is_some())
            }
            .boxed()
        })
        .await
    }

    fn ticket(&self, email: &Email, hash: MailHash, purpose: Purpose) -> mail_ticket::ActiveModel {
        let at = self.clock().now();
        mail_ticket::ActiveModel {
            hash: Set(hash.to_vec()),
            purpose: Set(purpose.as_str().to_owned()),
            email: Set(email.as_str().to_owned()),
            tenant_id: Set(None),
            password: Set(None),
            expires_at: Set(at + purpose.life()),
            created_at: Set(at),
        }
    }

    /// The address that a link was sent to, if the link is good for this still.
    pub async fn mailed_to(&self, hash: &MailHash, purpose: Purpose) -> Result<Option<Email>, StoreError> {
        let ticket = mail_ticket::Entity::find_by_id(hash.to_vec())
            .filter(mail_ticket::Column::Purpose.eq(purpose.as_str()))
            .filter(mail_ticket::Column::ExpiresAt.gt(self.clock().now()))
            .one(self.reader())
            .await?;
        ticket.map(|ticket| ticket.email.parse().map_err(|_| StoreError::Corrupt("address"))).transpose()
    }

    /// The password that was chosen with a sign-up, if its link is good still.
    pub async fn chosen_password(&self, hash: &MailHash) -> Result<Option<String>, StoreError> {
        let ticket = mail_ticket::Entity::find_by_id(hash.to_vec())
            .filter(mail_ticket::Column::Purpose.eq(Purpose::SignUp.as_str()))
            .filter(mail_ticket::Column::ExpiresAt.gt(self.clock().now()));
        Ok(ticket.one(self.reader()).await?.and_then(|ticket| ticket.password))
    }

    /// Makes the account whose address was confirmed. False if the link is no good any more, or the address was taken meanwhile.
    pub async fn finish_sign_up(&self, hash: MailHash) -> Result<bool, StoreError> {
        let (id, at) = (self.clock().id(), self.clock().now());
        self.write(move |batch| {
            async move {
                let Some(ticket) = used(batch, hash, Purpose::SignUp).await? else { return Ok(false) };
                let Some(password) = ticket.password.filter(|_| ticket.expires_at > at) else { return Ok(false) };
                if !insert_account(batch, id, ticket.email.clone(), password, at).await? {
                    return Ok(false);
                }
                // Other links that would have made it are as good as used.
                let others = mail_ticket::Entity::delete_many().filter(mail_ticket::Column::Email.eq(ticket.email));
                others.exec(batch).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Gives a person the new password, and signs every browser out, which come back. None if the link is no good any more: it was
    /// used, its time is over, the password was changed in another way, or the account is gone.
    pub async fn finish_reset(
        &self,
        hash: MailHash,
        password: String,
    ) -> Result<Option<Vec<(SignInId, KeyHash)>>, StoreError> {
        let at = self.clock().now();
        let gone = self.write(move |batch| {
            async move {
                let Some(ticket) = used(batch, hash, Purpose::Reset).await? else { return Ok(None) };
                let tenant = with_address(batch, &ticket.email).await?;
                let same = tenant.filter(|tenant| ticket.tenant_id == Some(tenant.0) && ticket.expires_at > at);
                let Some(tenant) = same else { return Ok(None) };
                replace_password(batch, tenant, password, None, at).await.map(Some)
            }
            .boxed()
        });
        gone.await?.map(|rows| rows.iter().map(ended).collect()).transpose()
    }

    /// Forgets links whose time is over.
    pub async fn forget_mail_tickets(&self) -> Result<(), StoreError> {
        let now = self.clock().now();
        self.write(move |batch| {
            async move {
                let over = mail_ticket::Entity::delete_many().filter(mail_ticket::Column::ExpiresAt.lte(now));
                over.exec(batch).await.map(drop)
            }
            .boxed()
        })
        .await
    }
}

/// Takes a ticket away, whatever it turns out to be worth: of several who come with it at once, one has it.
async fn used(
    batch: &DatabaseTransaction,
    hash: MailHash,
    purpose: Purpose,
) -> Result<Option<mail_ticket::Model>, DbErr> {
    let one = mail_ticket::Entity::delete_many().filter(mail_ticket::Column::Hash.eq(hash.to_vec()));
    let one = one.filter(mail_ticket::Column::Purpose.eq(purpose.as_str()));
    Ok(one.exec_with_returning(batch).await?.pop())
}

async fn with_address(batch: &DatabaseTransaction, email: &str) -> Result<Option<TenantId>, DbErr> {
    let row = tenant::Entity::find().filter(tenant::Column::Email.eq(email)).one(batch).await?;
    Ok(row.filter(|row| row.deleted_at.is_none()).map(|row| TenantId(row.id)))
}
