//! What people do by mail: confirm the address that they sign up with, and choose a new password for one that they forgot. Whoever
//! asks learns nothing of other people's accounts: answers, and what is done before them, are the same for every address.

use std::net::IpAddr;

use super::System;
use crate::clock;
use crate::domain::access::{Bearer, Email};
use crate::domain::account::Password;
use crate::domain::error::Refusal;
use crate::domain::mail::{Letters, MailToken, Purpose};
use crate::mail::{Addressee, Post};

impl System {
    /// Whether this server sends mail, and accounts are made and got back by it.
    pub fn sends_mail(&self) -> bool {
        self.shared.post.is_some()
    }

    fn post(&self) -> Result<&Post, Refusal> {
        self.shared.post.as_ref().ok_or_else(Refusal::not_found)
    }

    /// Sends a link that makes the account, or says to whoever has one that there is one. False for what no mail can be sent to.
    pub async fn sign_up_by_mail(
        &self,
        email: &Email,
        password: Password,
        from: IpAddr,
        letters: &'static Letters,
    ) -> Result<bool, Refusal> {
        let post = self.post()?;
        let Some(to) = Addressee::of(email) else { return Ok(false) };
        self.shared.attempts.on(email, from)?;
        self.shared.attempts.mail(email)?;
        let kept = self.shared.passwords.hash(password).await?;
        let token = new_token()?;
        if self.shared.store.begin_sign_up(email, token.hash(), kept).await? {
            post.send(to, &letters.confirm, Some(&post.site().link(Purpose::SignUp, &token)));
        } else {
            post.send(to, &letters.taken, None);
        }
        Ok(true)
    }

    /// Sends a link to a new password, if there is an account. False for what no mail can be sent to.
    pub async fn ask_reset(&self, email: &Email, from: IpAddr, letters: &'static Letters) -> Result<bool, Refusal> {
        let post = self.post()?;
        let Some(to) = Addressee::of(email) else { return Ok(false) };
        self.shared.attempts.from(from)?;
        self.shared.attempts.mail(email)?;
        let token = new_token()?;
        if self.shared.store.begin_reset(email, token.hash()).await? {
            post.send(to, &letters.reset, Some(&post.site().link(Purpose::Reset, &token)));
        }
        Ok(true)
    }

    /// The address that a link was sent to, if the link is good for this still.
    pub async fn mailed_to(&self, token: &MailToken, purpose: Purpose) -> Result<Option<Email>, Refusal> {
        self.post()?;
        Ok(self.shared.store.mailed_to(&token.hash(), purpose).await?)
    }

    /// Makes the account that a link stands for, if this is the password that was chosen for it: whoever else signed up with the
    /// address does not get in by its owner's click. Nothing comes back if the link is good no more, and false for another password.
    pub async fn confirm(&self, token: &MailToken, password: Password, from: IpAddr) -> Result<Option<bool>, Refusal> {
        self.post()?;
        self.shared.attempts.from(from)?;
        let Some(chosen) = self.shared.store.chosen_password(&token.hash()).await? else { return Ok(None) };
        if !self.shared.passwords.is(password, Some(chosen)).await? {
            return Ok(Some(false));
        }
        let made = self.shared.store.finish_sign_up(token.hash()).await?;
        if made {
            tracing::info!("account made");
        }
        Ok(made.then_some(true))
    }

    /// Gives whoever has this link the new password, and signs every browser out. False if the link is good no more.
    pub async fn reset_password(&self, token: &MailToken, new: Password, from: IpAddr) -> Result<bool, Refusal> {
        self.post()?;
        self.shared.attempts.from(from)?;
        let kept = self.shared.passwords.hash(new).await?;
        let Some(browsers) = self.shared.store.finish_reset(token.hash(), kept).await? else { return Ok(false) };
        for (browser, hash) in browsers {
            self.shared.doorkeeper.revoke(&hash);
            self.shared.streams.end(Bearer::SignIn(browser));
        }
        tracing::info!("password replaced by mail");
        Ok(true)
    }
}

fn new_token() -> Result<MailToken, Refusal> {
    clock::entropy().map(MailToken::new).map_err(|_| Refusal::internal())
}
