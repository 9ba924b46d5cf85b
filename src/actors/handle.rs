//! The handle that callers hold: every question about the system goes through it, and every answer is a value or a refusal.

mod accounts;
#[cfg(feature = "sandbox")]
mod companions;
mod downloads;
mod figures;
mod fleet;
mod health;
mod keys;
mod mail;
mod messages;
mod metrics;
mod sessions;
mod uploads;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell};
use tokio::sync::{oneshot, watch};

use super::media::spool::Spool;
use super::media::{Means, NoWeb};
use super::system::doorkeeper::Doorkeeper;
use super::system::health::Vitals;
use super::system::mailbox::{Door, Places};
use super::system::{Ages, Phase, Shared};
use super::tenants::{self, tenant};
use super::{Root, STOP_WITHIN};
use crate::clock::Clock;
use crate::domain::access::{Access, ApiKey, Mode, StreamTicket};
use crate::domain::egress::Egress;
use crate::domain::error::{Code, Refusal};
use crate::domain::expiry::Expiry;
use crate::domain::id::{SessionId, TenantId};
use crate::domain::retention::Retention;
use crate::store::{Store, StoreError};
use crate::whatsapp::Wire;
pub use figures::Figures;
pub(crate) use fleet::FLEET_PAGE;
pub use keys::{NewKeyRequest, create_key};
pub use messages::Sending;

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
    /// Where media may be fetched from.
    pub egress: Egress,
    /// How long a message may wait until WhatsApp has it.
    pub expiry: Expiry,
    /// How long messages are kept.
    pub retention: Retention,
    /// How mail is sent, if it is.
    pub mail: Option<crate::mail::Settings>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder for media, {0}, cannot be used: {1}")]
    Media(String, io::Error),
    #[error(transparent)]
    Web(#[from] NoWeb),
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
    #[error("the database {0}")]
    Database(&'static str),
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
        let means = Means::find(settings.egress).await?;
        let shared = Shared::new(
            settings.store,
            settings.wire,
            doorkeeper,
            spool,
            means,
            Ages { expiry: settings.expiry, retention: settings.retention },
            settings.mail,
        );
        let vitals = Vitals::new("root", "root", shared.store.clock());
        let args = (Arc::clone(&shared), Arc::clone(&vitals));
        let (root, running) =
            Actor::spawn(None, Root, args).await.map_err(|error| StartError::Tree(error.to_string()))?;
        vitals.running(&Door::new(root.clone(), Places::new(1)));
        let (tell, failed) = watch::channel(false);
        tokio::spawn({
            let (shared, vitals) = (Arc::clone(&shared), Arc::clone(&vitals));
            async move {
                let _ = running.await;
                if shared.phase() != Phase::Stopping {
                    // Nothing below it lives any more, so whoever calls now is told to come back.
                    shared.enter(Phase::Stopping);
                    vitals.failed("the root of the actors failed", false, None);
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
                Ok(Err(StoreError::Away(trouble))) => Err(Unready::Database(trouble.why())),
                Ok(Err(_)) => Err(Unready::Database("failed")),
                Err(_) => Err(Unready::Database("does not answer")),
            },
        }
    }

    /// What this server cannot do though it is ready, each with what its operator can do about it.
    pub fn off(&self) -> Vec<String> {
        self.shared.means.off()
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
        self.within_burst(self.shared.doorkeeper.admit(key).await?).await
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
        self.within_burst(access).await
    }

    /// The same for a send: whoever calls too fast is told how the day stands, as with every answer to a send.
    pub async fn enter_to_send(&self, key: &ApiKey) -> Result<Access, Sending> {
        let refused = |usage, refusal| Sending { usage, answer: Err(refusal) };
        if self.shared.phase() == Phase::Stopping {
            return Err(refused(None, Refusal::stopping()));
        }
        let access = self.shared.doorkeeper.admit(key).await.map_err(|refusal| refused(None, refusal))?;
        let Err(refusal) = self.within_burst(access.clone()).await else { return Ok(access) };
        Err(refused(self.usage(&access).await.ok(), refusal))
    }

    async fn within_burst(&self, access: Access) -> Result<Access, Refusal> {
        let asked = access.clone();
        self.ask(access.tenant, PROMPT, |reply| tenant::Msg::Admit(asked, reply)).await??;
        Ok(access)
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
        tenants.ask(PROMPT, |reply| tenants::Msg::Activate(tenant, reply)).await?
    }
}
