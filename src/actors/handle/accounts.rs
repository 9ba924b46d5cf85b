//! What people ask of their accounts: made, signed in to, signed out of, and given another password.

use std::net::IpAddr;

use super::System;
use crate::actors::system::Phase;
use crate::clock;
use crate::domain::access::{Access, Bearer, Email};
use crate::domain::account::{Password, SignInToken};
use crate::domain::error::Refusal;

impl System {
    /// Makes an account with a tenant of its own. Whoever asks is told the same, after the same time, where the address has one.
    pub async fn sign_up(&self, email: &Email, password: Password, from: IpAddr) -> Result<(), Refusal> {
        self.shared.attempts.on(email, from)?;
        let kept = self.shared.passwords.hash(password).await?;
        if self.shared.store.create_account(email, kept).await? {
            tracing::info!("account made");
        }
        Ok(())
    }

    /// Signs a browser in, if that is the account's password. Nothing comes back if it is not, or there is no such account.
    pub async fn sign_in(
        &self,
        email: &Email,
        password: Password,
        from: IpAddr,
    ) -> Result<Option<SignInToken>, Refusal> {
        self.shared.attempts.on(email, from)?;
        let known = self.shared.store.account(email).await?;
        let (tenant, kept) = known.map(|known| (known.tenant, known.password)).unzip();
        if !self.shared.passwords.is(password, kept).await? {
            return Ok(None);
        }
        let Some(tenant) = tenant else { return Ok(None) };
        let token = SignInToken::new(clock::entropy().map_err(|_| Refusal::internal())?);
        self.shared.store.sign_in(tenant, token.hash()).await?;
        Ok(Some(token))
    }

    /// Counts an attempt from this address to get in as the operator.
    pub fn try_from_address(&self, from: IpAddr) -> Result<(), Refusal> {
        self.shared.attempts.from(from)
    }

    pub async fn sign_out(&self, access: &Access) -> Result<(), Refusal> {
        let Bearer::SignIn(browser) = access.bearer else { return Ok(()) };
        self.shared.store.sign_out(access.tenant, browser).await?;
        self.shared.doorkeeper.revoke(&access.hash);
        self.shared.streams.end(access.bearer);
        Ok(())
    }

    /// Changes the password if the old one is right, and signs every other browser out. False if it is not.
    pub async fn change_password(
        &self,
        access: &Access,
        email: &Email,
        old: Password,
        new: Password,
        from: IpAddr,
    ) -> Result<bool, Refusal> {
        if !self.is_password(email, old, from).await? {
            return Ok(false);
        }
        let Bearer::SignIn(here) = access.bearer else { return Ok(false) };
        let kept = self.shared.passwords.hash(new).await?;
        for (browser, hash) in self.shared.store.set_password(access.tenant, kept, Some(here)).await? {
            self.shared.doorkeeper.revoke(&hash);
            self.shared.streams.end(Bearer::SignIn(browser));
        }
        Ok(true)
    }

    /// Deletes the account with all that is its own, if the password is right. False if it is not. Nobody is let in from now on; the
    /// sessions are unlinked and everything else is erased in the background.
    pub async fn delete_account(
        &self,
        access: &Access,
        email: &Email,
        password: Password,
        from: IpAddr,
    ) -> Result<bool, Refusal> {
        if !self.is_password(email, password, from).await? {
            return Ok(false);
        }
        for (bearer, hash) in self.shared.store.shut_out(access.tenant).await? {
            self.shared.doorkeeper.revoke(&hash);
            self.shared.streams.end(bearer);
        }
        // None is made any more: these are all there will be.
        for session in self.sessions(access).await? {
            if let Err(refusal) = self.delete_session(access, session.id).await {
                tracing::warn!(session = %session.id, error = refusal.detail, "a session of a deleted account is deleted later");
            }
        }
        tracing::info!("account deleted");
        Ok(true)
    }

    async fn is_password(&self, email: &Email, claimed: Password, from: IpAddr) -> Result<bool, Refusal> {
        self.shared.attempts.here(email, from)?;
        let known = self.shared.store.account(email).await?;
        self.shared.passwords.is(claimed, known.map(|known| known.password)).await
    }

    /// Lets a browser in: somebody is signed in there, and it keeps to its burst limit.
    pub async fn enter_by_cookie(&self, token: &SignInToken) -> Result<Access, Refusal> {
        if self.shared.phase() == Phase::Stopping {
            return Err(Refusal::stopping());
        }
        self.within_burst(self.shared.doorkeeper.admit_sign_in(token.hash()).await?).await
    }

    /// The address that somebody signed in with.
    pub async fn email(&self, access: &Access) -> Result<Email, Refusal> {
        self.shared.store.email_of(access.tenant).await?.ok_or_else(Refusal::not_found)
    }
}
