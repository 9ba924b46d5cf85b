//! What every actor stands on: what they share, their mailboxes, their figures and how they are kept alive. No actor lives here.

pub mod attempts;
pub mod doorkeeper;
pub mod health;
pub mod mailbox;
pub mod passwords;
pub(crate) mod patience;
pub(crate) mod places;
pub mod starting;
pub mod streams;
pub mod supervision;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crate::domain::expiry::Expiry;
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::retention::Retention;
use crate::domain::session::Lease;
use crate::mail::{self, Post};
use crate::store::Store;
use crate::whatsapp::Wire;
use attempts::Attempts;
use doorkeeper::Doorkeeper;
use mailbox::Door;
use passwords::Passwords;
use places::Places;
use starting::Starting;
use streams::Streams;

use super::media::downloads::Downloads;
use super::media::spool::Spool;
use super::media::uploads::Uploads;
use super::media::{self, Converting, Means};
use super::tenants::{self, tenant};
use tenant::session::figures::AllFigures;

/// Uploads to media servers at once, and how many of them may be one tenant's. Each keeps a thread from first to last, and those are
/// needed for whatever waits for a disk.
const UPLOADING: (usize, usize) = (32, 8);

/// How old messages become.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ages {
    /// Until WhatsApp has them.
    pub(crate) expiry: Expiry,
    /// At all.
    pub(crate) retention: Retention,
}

/// What the actors of one system share. Another system in the same process has another of these.
pub struct Shared {
    pub store: Store,
    pub wire: Wire,
    pub doorkeeper: Doorkeeper,
    pub passwords: Passwords,
    pub attempts: Attempts,
    /// Whoever holds it erases tenants that are gone.
    pub(crate) erasing: tokio::sync::Mutex<()>,
    /// How letters go out, if they do.
    pub post: Option<Post>,
    pub streams: Arc<Streams>,
    pub(crate) spool: Spool,
    pub(crate) means: Means,
    pub(crate) ages: Ages,
    pub starting: Starting,
    pub(crate) figures: AllFigures,
    pub(crate) uploads: Arc<Uploads>,
    /// Of media that go to media servers.
    pub(crate) uploading: Places,
    pub(crate) converting: Converting,
    pub(crate) downloads: Arc<Downloads>,
    phase: AtomicU8,
    media_door: RwLock<Option<Door<media::Msg>>>,
    tenants_door: RwLock<Option<Door<tenants::Msg>>>,
    tenants: RwLock<HashMap<TenantId, Door<tenant::Msg>>>,
    seats: Mutex<HashMap<SessionId, Weak<tokio::sync::Mutex<()>>>>,
}

/// Where a system is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Starting = 0,
    Running = 1,
    Stopping = 2,
}

impl Shared {
    pub(crate) fn new(
        store: Store,
        wire: Wire,
        doorkeeper: Doorkeeper,
        spool: Spool,
        means: Means,
        ages: Ages,
        mail: Option<mail::Settings>,
    ) -> Arc<Self> {
        let streams = Streams::new(store.clock().clone());
        let post = mail.map(|settings| Post::new(settings, store.clock().clone()));
        Arc::new(Self {
            store,
            wire,
            doorkeeper,
            passwords: Passwords::default(),
            attempts: Attempts::default(),
            erasing: tokio::sync::Mutex::default(),
            post,
            streams,
            spool,
            means,
            ages,
            starting: Starting::default(),
            figures: AllFigures::default(),
            uploads: Arc::default(),
            uploading: Places::new(UPLOADING.0, UPLOADING.1),
            converting: Converting::for_this_machine(),
            downloads: Arc::default(),
            phase: AtomicU8::new(Phase::Starting as u8),
            media_door: RwLock::default(),
            tenants_door: RwLock::default(),
            tenants: RwLock::default(),
            seats: Mutex::default(),
        })
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Running,
            _ => Phase::Stopping,
        }
    }

    /// Moves on; a system that is stopping does not run again.
    pub fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// The way to the media pool, if it lives.
    pub(super) fn media_door(&self) -> Option<Door<media::Msg>> {
        self.media_door.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_media_door(&self, door: Option<Door<media::Msg>>) {
        *self.media_door.write().unwrap_or_else(PoisonError::into_inner) = door;
    }

    /// Tells the session of a message that its medium is ready, or never will be. If nobody is there to hear it, whoever comes
    /// next reads the store.
    pub(super) fn tell_of_medium(&self, lease: Lease, message: MessageId) {
        if let Some(tenant) = self.tenant(lease.tenant) {
            tenant.nudge(tenant::Msg::Medium(lease.session, message));
        }
    }

    /// Has every session look for media that are to be made ready.
    pub(super) fn tell_of_pool(&self) {
        for tenant in self.tenants.read().unwrap_or_else(PoisonError::into_inner).values() {
            tenant.nudge(tenant::Msg::PoolIsBack);
        }
    }

    /// The way to the tenants' supervisor, if it lives.
    pub(super) fn tenants_door(&self) -> Option<Door<tenants::Msg>> {
        self.tenants_door.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_tenants_door(&self, door: Option<Door<tenants::Msg>>) {
        *self.tenants_door.write().unwrap_or_else(PoisonError::into_inner) = door;
    }

    /// The way to a tenant's actor, if it lives.
    pub fn tenant(&self, id: TenantId) -> Option<Door<tenant::Msg>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The tenants whose actors live.
    pub fn tenants(&self) -> Vec<TenantId> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    pub(super) fn forget_tenants(&self) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn set_tenant(&self, id: TenantId, door: Option<Door<tenant::Msg>>) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        match door {
            Some(door) => tenants.insert(id, door),
            None => tenants.remove(&id),
        };
    }

    /// The seat of a session: whoever drives its client holds it, across restarts of every actor above, so that a device never has
    /// two clients.
    pub fn seat(&self, session: SessionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = seats.get(&session).and_then(Weak::upgrade) {
            return seat;
        }
        seats.retain(|_, seat| seat.strong_count() > 0);
        let seat = Arc::default();
        seats.insert(session, Arc::downgrade(&seat));
        seat
    }
}
