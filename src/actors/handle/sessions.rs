//! What callers ask of sessions.

use chrono::{DateTime, Utc};
use futures_util::StreamExt;

use super::{COMMIT, PROMPT, System};
use crate::actors::tenants::tenant;
use crate::actors::tenants::tenant::session::Watch;
use crate::domain::access::{Access, StreamTicket};
use crate::domain::error::Refusal;
use crate::domain::event::Position;
use crate::domain::id::SessionId;
use crate::domain::idempotency::{Answer, Once};
use crate::domain::phone::Phone;
use crate::domain::qr::ValidQr;
use crate::domain::session::pairing_code::ShownCode;
use crate::domain::session::{Changes, NewSession, Session};

impl System {
    /// A ticket that opens this session's stream without a header.
    pub async fn stream_ticket(
        &self,
        access: &Access,
        id: SessionId,
    ) -> Result<(StreamTicket, DateTime<Utc>), Refusal> {
        self.session(access, id).await?;
        self.shared.streams.issue(access, id)
    }

    pub async fn create_session(
        &self,
        access: &Access,
        new: NewSession,
        once: Option<Once>,
    ) -> Result<Answer, Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::CreateSession(new, once, reply)).await?
    }

    pub async fn change_session(&self, access: &Access, id: SessionId, changes: Changes) -> Result<Session, Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::ChangeSession(id, changes, reply)).await?
    }

    /// Begins the session again: a linked one connects anew, any other shows new codes. It goes on behind the answer.
    pub async fn restart_session(&self, access: &Access, id: SessionId) -> Result<Session, Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::RestartSession(id, reply)).await??;
        self.session(access, id).await
    }

    /// Unlinks the session's device, destroys its keys, and keeps the session. It goes on behind the answer.
    pub async fn log_out_session(&self, access: &Access, id: SessionId) -> Result<Session, Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::LogOutSession(id, reply)).await??;
        self.session(access, id).await
    }

    pub async fn sessions(&self, access: &Access) -> Result<Vec<Session>, Refusal> {
        Ok(self.shared.store.sessions(access.tenant).await?)
    }

    pub async fn session(&self, access: &Access, id: SessionId) -> Result<Session, Refusal> {
        self.shared.store.session(access.tenant, id).await?.ok_or_else(Refusal::not_found)
    }

    pub async fn delete_session(&self, access: &Access, id: SessionId) -> Result<(), Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::DeleteSession(id, reply)).await?
    }

    /// The session's stream: what was missed after a position, or the present state; then everything that happens, until the
    /// session is deleted, the key that opened it is gone, or the system stops.
    pub async fn watch_session(
        &self,
        access: &Access,
        ticket: Option<&StreamTicket>,
        id: SessionId,
        after: Option<Position>,
    ) -> Result<Watch, Refusal> {
        let place = self.shared.streams.open(access, ticket.map(StreamTicket::hash))?;
        // From here on a revocation ends the stream; one that came before the place was taken is found here.
        self.shared.doorkeeper.still_knows(access).await?;
        let watch = self.ask(access.tenant, PROMPT, |reply| tenant::Msg::WatchSession(id, after, reply)).await??;
        Ok(place.holding(watch).boxed())
    }

    /// The code that this session can be linked with now.
    pub async fn current_qr(&self, access: &Access, id: SessionId) -> Result<ValidQr, Refusal> {
        self.ask(access.tenant, PROMPT, |reply| tenant::Msg::CurrentQr(id, reply)).await?
    }

    /// A code that links the session to the account of this number, once somebody types it into the app there.
    pub async fn pairing_code(&self, access: &Access, id: SessionId, phone: Phone) -> Result<ShownCode, Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::PairingCode(id, phone, reply)).await?
    }
}
