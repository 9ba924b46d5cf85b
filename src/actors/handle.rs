//! The handle that callers hold: every question about the system goes through it, and every answer is a value or a refusal.

#[cfg(feature = "sandbox")]
mod companions;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use ractor::{Actor, ActorCell};
use tokio::sync::{oneshot, watch};

use super::media::spool::Spool;
use super::system::doorkeeper::Doorkeeper;
use super::system::health::{Health, Vitals};
use super::system::mailbox::{Door, Places};
use super::system::{Phase, Shared};
use super::tenants::tenant::session::Watch;
use super::tenants::{self, tenant};
use super::{Root, STOP_WITHIN};
use crate::clock::{self, Clock};
use crate::domain::access::{Access, ApiKey, KeyView, Mode, StreamTicket};
use crate::domain::error::{Code, Refusal};
use crate::domain::event::Position;
use crate::domain::id::{KeyId, MessageId, SessionId, TenantId};
use crate::domain::idempotency::Once;
use crate::domain::message::{Filter, Message, Page, Send};
use crate::domain::phone::Phone;
use crate::domain::qr::ValidQr;
use crate::domain::quota::{KEYS_MAX, Usage, seconds_to_midnight};
use crate::domain::session::pairing_code::ShownCode;
use crate::domain::session::{Changes, NewSession, Session};
use crate::store::Store;
use crate::store::keys::NewKey;
use crate::whatsapp::Wire;

/// How long a caller waits for an actor that decides from memory.
const PROMPT: Duration = Duration::from_secs(5);
/// How long a caller waits for a commit.
const COMMIT: Duration = Duration::from_secs(30);

/// What a system is made of.
pub struct Settings {
    pub store: Store,
    pub wire: Wire,
    pub mode: Mode,
    /// A folder for media on their way out.
    pub media: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder for media, {0}, cannot be used: {1}")]
    Media(String, io::Error),
    #[error("the supervision tree did not start: {0}")]
    Tree(String),
}

/// Why calls cannot be served now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    #[error("starting")]
    Starting,
    #[error("stopping")]
    Stopping,
    #[error("the database does not answer")]
    Database,
}

/// A key that is asked for.
#[derive(Debug, Clone)]
pub struct NewKeyRequest {
    pub name: String,
    pub description: Option<String>,
    pub expires_in_days: Option<u16>,
}

/// What became of a send, and how the tenant's day stands as far as it is known.
#[derive(Debug)]
pub struct Sending {
    pub usage: Option<Usage>,
    pub answer: Result<Answer, Refusal>,
}

/// The 202's exact body.
#[derive(Debug)]
pub struct Answer {
    pub body: Vec<u8>,
    /// Given before, to the same request.
    pub replayed: bool,
}

/// A running system. Cheap to clone; the last one need not stop it, but somebody must.
#[derive(Clone)]
pub struct System {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    root: ActorCell,
    /// Whether the root has ended unasked.
    failed: watch::Receiver<bool>,
}

impl System {
    /// Starts the tree. It is ready when every tenant with sessions is there.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let doorkeeper = Doorkeeper::new(settings.store.clone(), settings.mode);
        let spool = Spool::open(settings.media.clone())
            .map_err(|error| StartError::Media(settings.media.display().to_string(), error))?;
        let shared = Shared::new(settings.store, settings.wire, doorkeeper, spool);
        let vitals = Vitals::new("root", "root", shared.store.clock());
        let args = (Arc::clone(&shared), Arc::clone(&vitals));
        let (root, running) =
            Actor::spawn(None, Root, args).await.map_err(|error| StartError::Tree(error.to_string()))?;
        vitals.running(&Places::new(1));
        let (tell, failed) = watch::channel(false);
        tokio::spawn({
            let (shared, vitals) = (Arc::clone(&shared), Arc::clone(&vitals));
            async move {
                let _ = running.await;
                if shared.phase() != Phase::Stopping {
                    // Nothing below it lives any more, so whoever calls now is told to come back.
                    shared.enter(Phase::Stopping);
                    vitals.failed("the root of the actors failed", false);
                    tell.send_replace(true);
                }
            }
        });
        Ok(Self { shared, vitals, root: root.get_cell(), failed })
    }

    /// Returns when the root of the tree has failed, and nothing can be done but to end the process: all that was accepted is in
    /// the store, and goes on after the next start.
    pub async fn failed(&self) {
        if self.failed.clone().wait_for(|failed| *failed).await.is_err() {
            // It ended as it was asked to, which is no failure.
            std::future::pending::<()>().await;
        }
    }

    /// Refuses what comes from now on, lets what runs finish or stay in the store, and stops the tree from its leaves.
    pub async fn stop(&self) {
        self.shared.enter(Phase::Stopping);
        if *self.failed.borrow() {
            return;
        }
        if self.root.stop_and_wait(Some("stopping".to_owned()), Some(STOP_WITHIN)).await.is_err() {
            tracing::warn!("the supervision tree did not stop in time");
        }
        self.vitals.stopped();
    }

    pub fn clock(&self) -> &Clock {
        self.shared.store.clock()
    }

    pub async fn ready(&self) -> Result<(), Unready> {
        match self.shared.phase() {
            Phase::Starting => Err(Unready::Starting),
            Phase::Stopping => Err(Unready::Stopping),
            Phase::Running => match tokio::time::timeout(PROMPT, self.shared.store.ping()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(Unready::Database),
            },
        }
    }

    pub fn health(&self) -> Health {
        self.vitals.read()
    }

    #[cfg(test)]
    pub(crate) const fn vitals(&self) -> &Arc<Vitals> {
        &self.vitals
    }

    /// Lets a key in: it is valid, its use is counted, and it keeps to its burst limit.
    pub async fn enter(&self, key: &ApiKey) -> Result<Access, Refusal> {
        if self.shared.phase() == Phase::Stopping {
            return Err(Refusal::stopping());
        }
        let access = self.shared.doorkeeper.admit(key).await?;
        let asked = access.clone();
        self.ask(access.tenant, PROMPT, |reply| tenant::Msg::Admit(asked, reply)).await??;
        Ok(access)
    }

    /// Lets whoever holds a good ticket for this session's stream in, as the key that it was made with.
    pub async fn enter_by_ticket(&self, ticket: &StreamTicket, session: SessionId) -> Result<Access, Refusal> {
        if self.shared.phase() == Phase::Stopping {
            return Err(Refusal::stopping());
        }
        let key = self.shared.streams.key_behind(&ticket.hash(), session).ok_or_else(Refusal::invalid_ticket)?;
        // A ticket dies with its key, and does not say which of them died.
        let access = self.shared.doorkeeper.admit_hash(key).await.map_err(|refusal| match refusal.code {
            Code::InvalidApiKey => Refusal::invalid_ticket(),
            _ => refusal,
        })?;
        let asked = access.clone();
        self.ask(access.tenant, PROMPT, |reply| tenant::Msg::Admit(asked, reply)).await??;
        Ok(access)
    }

    /// A ticket that opens this session's stream without a header.
    pub async fn stream_ticket(
        &self,
        access: &Access,
        id: SessionId,
    ) -> Result<(StreamTicket, DateTime<Utc>), Refusal> {
        self.session(access, id).await?;
        self.shared.streams.issue(access, id)
    }

    pub async fn create_session(&self, access: &Access, new: NewSession) -> Result<Session, Refusal> {
        let asked = access.clone();
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::CreateSession(asked, new, reply)).await?
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

    pub async fn accept(&self, access: &Access, send: Send, once: Option<Once>) -> Sending {
        let asked = self.ask(access.tenant, COMMIT, |reply| tenant::Msg::Accept(send, once, reply)).await;
        asked.unwrap_or_else(|refusal| Sending { usage: None, answer: Err(refusal) })
    }

    /// How the tenant's day stands.
    pub async fn usage(&self, access: &Access) -> Result<Usage, Refusal> {
        let used = self.shared.store.used(access.tenant, self.clock().now()).await?;
        let reset_seconds = seconds_to_midnight(self.clock().now());
        Ok(Usage { limit: access.plan.messages_per_day, used, reset_seconds })
    }

    pub async fn message(&self, access: &Access, id: MessageId) -> Result<Message, Refusal> {
        self.shared.store.message(access.tenant, id).await?.ok_or_else(Refusal::not_found)
    }

    pub async fn messages(&self, access: &Access, filter: Filter) -> Result<Page, Refusal> {
        Ok(self.shared.store.messages(access.tenant, &filter).await?)
    }

    pub async fn create_key(&self, access: &Access, new: NewKeyRequest) -> Result<(KeyView, ApiKey), Refusal> {
        create_key(&self.shared.store, self.shared.doorkeeper.mode(), access.tenant, new).await
    }

    pub async fn keys(&self, access: &Access) -> Result<Vec<KeyView>, Refusal> {
        // What was counted in memory belongs in the answer.
        self.shared.doorkeeper.write_uses().await?;
        Ok(self.shared.store.keys(access.tenant).await?)
    }

    pub async fn delete_key(&self, access: &Access, id: KeyId) -> Result<(), Refusal> {
        let hash = self.shared.store.delete_key(access.tenant, id).await?.ok_or_else(Refusal::not_found)?;
        self.shared.doorkeeper.revoke(&hash);
        self.shared.streams.end(id);
        Ok(())
    }

    /// Asks a tenant's actor, starting it at the tenant's first call.
    async fn ask<T>(
        &self,
        tenant: TenantId,
        wait: Duration,
        ask: impl FnOnce(oneshot::Sender<T>) -> tenant::Msg,
    ) -> Result<T, Refusal> {
        let door = match self.shared.tenant(tenant) {
            Some(door) => door,
            None => self.activate(tenant).await?,
        };
        door.ask(wait, ask).await
    }

    async fn activate(&self, tenant: TenantId) -> Result<Door<tenant::Msg>, Refusal> {
        let tenants = self.shared.tenants_door().ok_or_else(Refusal::overloaded)?;
        let door = tenants.ask(PROMPT, |reply| tenants::Msg::Activate(tenant, reply)).await?;
        door.ok_or_else(Refusal::overloaded)
    }
}

/// Makes a key for a tenant: the server's calls and the command line both end here.
pub async fn create_key(
    store: &Store,
    mode: Mode,
    tenant: TenantId,
    new: NewKeyRequest,
) -> Result<(KeyView, ApiKey), Refusal> {
    let secret = clock::entropy().map_err(|_| Refusal::internal())?;
    let key = ApiKey::new(mode, secret);
    let (id, now) = (KeyId(store.clock().id()), store.clock().now());
    let expires_at = new.expires_in_days.map(|days| now + TimeDelta::days(days.into()));
    let row = NewKey {
        id,
        name: new.name,
        description: new.description,
        mode,
        prefix: key.visible_prefix(),
        hash: key.hash(),
        expires_at,
        created_at: now,
    };
    let view = KeyView {
        id,
        name: row.name.clone(),
        description: row.description.clone(),
        mode,
        key_prefix: row.prefix.clone(),
        request_count: 0,
        last_used_at: None,
        expires_at,
        created_at: now,
    };
    if store.insert_key(tenant, row, KEYS_MAX).await? {
        return Ok((view, key));
    }
    let detail = format!("A tenant may have {KEYS_MAX} keys at once; revoke one first.");
    Err(Refusal::new(Code::KeyLimitReached, detail).after(Duration::from_mins(1)))
}
