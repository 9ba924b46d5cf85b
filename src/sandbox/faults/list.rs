//! The faults in force: who is struck by which, how often still, until when.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use whatsapp_rust::{Jid, Server};

use super::fault::{Fault, FaultError, FaultId, FaultInfo, FaultKind, Seconds};
use crate::clock::{self, Clock};
use crate::sandbox::account::Account;
use crate::sandbox::ledger::{AccountId, Device};

/// Faults at once, and those of one owner.
const FAULTS: usize = 2048;
const OF_ONE_OWNER: usize = 128;
/// How long logins are hung up on if nobody says.
const REFUSED_FOR: i64 = 30;

/// Whom a fault is aimed at, in the network's own terms.
pub(super) enum Aim {
    Everyone,
    Devices(HashSet<Device>),
    Account(AccountId),
}

impl Aim {
    pub(super) fn is_at(&self, device: Device) -> bool {
        match self {
            Self::Everyone => true,
            Self::Devices(devices) => devices.contains(&device),
            Self::Account(account) => device.account == *account,
        }
    }
}

/// The other party of a stanza, under both of its names.
pub(super) struct Party {
    number: String,
    lid: String,
}

impl Party {
    pub(super) fn of(account: &Account) -> Self {
        Self { number: account.phone.digits().to_owned(), lid: account.lid(0).user.to_string() }
    }

    fn is(&self, address: &Jid) -> bool {
        let name = if address.server == Server::Lid { &self.lid } else { &self.number };
        address.user == name.as_str()
    }
}

/// A fault in the list.
pub(super) struct Active {
    pub(super) id: FaultId,
    pub(super) fault: Fault,
    pub(super) aim: Aim,
    pub(super) peer: Option<Party>,
    began: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    left: Option<AtomicU32>,
}

impl Active {
    pub(super) fn new(id: FaultId, fault: Fault, aim: Aim, peer: Option<Party>, now: DateTime<Utc>) -> Self {
        let seconds = match fault.kind {
            // The seconds of this one say how late an ack is.
            FaultKind::DelayAcks => None,
            FaultKind::RefuseConnections if fault.count.is_none() && fault.seconds.is_none() => Some(REFUSED_FOR),
            _ => fault.seconds.map(|seconds| seconds.get().into()),
        };
        let left = fault.count.map(|count| AtomicU32::new(count.get()));
        let until = seconds.map(|seconds| now + TimeDelta::seconds(seconds));
        Self { id, fault, aim, peer, began: now, until, left }
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until <= now)
            || self.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    fn concerns(&self, about: Option<&Jid>) -> bool {
        self.peer.as_ref().is_none_or(|peer| about.is_some_and(|about| peer.is(about)))
    }

    /// An occasion: whether it strikes, by chance and while occasions are left.
    pub(super) fn strikes(&self) -> bool {
        let chance = self.fault.probability.is_none_or(|probability| clock::fraction() < probability.get());
        let take = |left: &AtomicU32| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        };
        chance && self.left.as_ref().is_none_or(take)
    }

    fn belongs_to(&self, owner: Option<&str>) -> bool {
        owner.is_none_or(|owner| self.fault.owner.as_deref() == Some(owner))
    }

    fn info(&self) -> FaultInfo {
        FaultInfo {
            id: self.id,
            fault: self.fault.clone(),
            left: self.left.as_ref().map(|left| left.load(Ordering::Relaxed)),
            created_at: self.began,
            expires_at: self.until,
        }
    }
}

/// What a fault that struck brings with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Struck {
    pub(crate) seconds: Option<Seconds>,
    pub(crate) until: Option<DateTime<Utc>>,
}

/// How long a state of things holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Until it is healed.
    Open,
    Until(DateTime<Utc>),
}

/// All faults of a network.
pub(crate) struct Faults {
    /// Whether there is any: all that a healthy network looks at.
    any: AtomicBool,
    list: RwLock<Vec<Arc<Active>>>,
    changed: watch::Sender<()>,
    clock: Clock,
}

impl Faults {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { any: AtomicBool::new(false), list: RwLock::default(), changed: watch::Sender::new(()), clock }
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Tells of every change to the list.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn add(&self, active: Active) -> Result<Arc<Active>, FaultError> {
        self.drop_what_is_over();
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let of_owner = list.iter().filter(|other| other.fault.owner == active.fault.owner).count();
        if list.len() >= FAULTS || of_owner >= OF_ONE_OWNER {
            return Err(FaultError::TooMany);
        }
        let active = Arc::new(active);
        list.push(Arc::clone(&active));
        self.any.store(true, Ordering::Release);
        drop(list);
        self.changed.send_replace(());
        Ok(active)
    }

    /// An occasion for faults of a kind: the first that is aimed at this device, concerns this party, and strikes.
    pub(crate) fn strike(&self, kind: FaultKind, device: Device, about: Option<&Jid>) -> Option<Struck> {
        let aimed = self.aimed(kind, device, about);
        let struck = aimed.into_iter().find(|active| active.strikes())?;
        Some(Struck { seconds: struck.fault.seconds, until: struck.until })
    }

    /// Whether a fault of this kind is in force for a device, and how long; the longest counts.
    pub(crate) fn holds(&self, kind: FaultKind, device: Device) -> Option<Holds> {
        let aimed = self.aimed(kind, device, None);
        let open = aimed.iter().any(|active| active.until.is_none());
        let last = aimed.iter().filter_map(|active| active.until).max();
        if open { Some(Holds::Open) } else { last.map(Holds::Until) }
    }

    fn aimed(&self, kind: FaultKind, device: Device, about: Option<&Jid>) -> Vec<Arc<Active>> {
        if !self.any() {
            return Vec::new();
        }
        let now = self.clock.now();
        let mut over = false;
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |active: &&Arc<Active>| {
            let gone = active.is_over(now);
            over |= gone;
            !gone && active.fault.kind == kind && active.aim.is_at(device) && active.concerns(about)
        };
        let aimed = list.iter().filter(fits).cloned().collect();
        drop(list);
        if over {
            self.drop_what_is_over();
        }
        aimed
    }

    fn drop_what_is_over(&self) {
        let now = self.clock.now();
        self.retain(|active| !active.is_over(now));
    }

    fn retain(&self, keep: impl Fn(&Active) -> bool) -> usize {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let before = list.len();
        list.retain(|active| keep(active));
        self.any.store(!list.is_empty(), Ordering::Release);
        before - list.len()
    }

    /// Heals one fault, or all; of one owner, or of anybody. How many were healed.
    pub(crate) fn heal(&self, id: Option<FaultId>, owner: Option<&str>) -> usize {
        self.drop_what_is_over();
        let meant = |active: &Active| id.is_none_or(|id| active.id == id) && active.belongs_to(owner);
        let healed = self.retain(|active| !meant(active));
        self.changed.send_replace(());
        healed
    }

    /// The faults in force, the oldest first.
    pub(crate) fn infos(&self, owner: Option<&str>) -> Vec<FaultInfo> {
        self.drop_what_is_over();
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter(|active| active.belongs_to(owner)).map(|active| active.info()).collect()
    }

    /// How long from now until a moment of this network's clock.
    pub(crate) fn wait_for(&self, moment: DateTime<Utc>) -> std::time::Duration {
        (moment - self.clock.now()).to_std().unwrap_or_default()
    }
}
