//! What an operator sees of an actor: figures that stay readable when the actor hangs, because nobody asks it for them.

mod probe;
#[cfg(test)]
pub(crate) mod trouble;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::mailbox::{Door, Places};
use crate::clock::Clock;
use crate::domain::event::time;
pub use crate::domain::health::ActorStatus;
use probe::{Probes, Way};

/// The figures of one actor, shared by the actor, its supervisor and whoever looks.
#[derive(Debug)]
pub struct Vitals {
    name: String,
    kind: &'static str,
    clock: Clock,
    restarts: AtomicU32,
    handled: AtomicU64,
    life: Mutex<Life>,
    children: Mutex<BTreeMap<String, Arc<Vitals>>>,
    probes: Mutex<Probes>,
    /// How often an actor of each kind failed, in the whole tree: those that are gone count on.
    failures: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    #[cfg(test)]
    trouble: Mutex<Option<trouble::Trouble>>,
}

#[derive(Debug)]
struct Life {
    status: ActorStatus,
    since: DateTime<Utc>,
    last_error: Option<(String, DateTime<Utc>)>,
    places: Option<Places>,
    way: Option<Way>,
    /// When it is to be started again, while it is not there.
    back: Option<DateTime<Utc>>,
}

/// One actor in `GET /health/actors`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Actor)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    pub name: String,
    /// The singular noun: `root`, `tenants`, `tenant`, `session`, `outbox`, …
    pub kind: &'static str,
    pub status: ActorStatus,
    #[serde(serialize_with = "time::always")]
    pub since: DateTime<Utc>,
    /// For how long it has been running; null while it is not.
    pub uptime_seconds: Option<u64>,
    /// How often it failed.
    pub restarts: u32,
    /// When it is started again, while it is not running.
    #[serde(serialize_with = "time::option")]
    pub back_at: Option<DateTime<Utc>>,
    /// Messages that wait in the mailbox or are being handled.
    pub mailbox: usize,
    pub handled: u64,
    pub last_error: Option<String>,
    #[serde(serialize_with = "time::option")]
    pub last_error_at: Option<DateTime<Utc>>,
    /// With `probe=true` alone: whether it answered just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    pub probe: Option<Probed>,
    #[schema(no_recursion)]
    pub children: Vec<Health>,
}

/// What came of asking an actor through its own mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Probed {
    /// False if it did not answer in time: it hangs, is very busy, or is not there.
    pub answered: bool,
    /// How long the answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub micros: Option<u64>,
}

impl Vitals {
    pub fn new(kind: &'static str, name: impl Into<String>, clock: &Clock) -> Arc<Self> {
        Self::among(kind, name.into(), clock, Arc::default())
    }

    fn among(
        kind: &'static str,
        name: String,
        clock: &Clock,
        failures: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    ) -> Arc<Self> {
        let since = clock.now();
        Arc::new(Self {
            name,
            kind,
            clock: clock.clone(),
            failures,
            restarts: AtomicU32::new(0),
            handled: AtomicU64::new(0),
            life: Mutex::new(Life {
                status: ActorStatus::Restarting,
                since,
                last_error: None,
                places: None,
                way: None,
                back: None,
            }),
            children: Mutex::default(),
            probes: Mutex::default(),
            #[cfg(test)]
            trouble: Mutex::default(),
        })
    }

    /// A child's figures, hung under this actor's.
    pub fn child(&self, kind: &'static str, name: impl Into<String>) -> Arc<Self> {
        let child = Self::among(kind, name.into(), &self.clock, Arc::clone(&self.failures));
        locked(&self.children).insert(child.name.clone(), Arc::clone(&child));
        child
    }

    pub fn forget(&self, child: &str) {
        locked(&self.children).remove(child);
    }

    /// Forgets every child: a supervisor that starts anew names them again.
    pub fn forget_all(&self) {
        locked(&self.children).clear();
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// One of a kind further down, by the names on the way there.
    pub fn below(self: &Arc<Self>, names: &[&str]) -> Option<Arc<Self>> {
        names.iter().try_fold(Arc::clone(self), |above, name| locked(&above.children).get(*name).cloned())
    }

    pub fn running<M: Send + 'static>(&self, door: &Door<M>) {
        self.enters(ActorStatus::Running, |life| {
            life.places = Some(door.places().clone());
            life.way = Some(Way::to(door));
        });
    }

    /// It ended, and is started again after this time if anybody does.
    pub fn failed(&self, why: &str, quarantined: bool, wait: Option<Duration>) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        *locked(&self.failures).entry(self.kind).or_default() += 1;
        let status = if quarantined { ActorStatus::Quarantined } else { ActorStatus::Restarting };
        self.enters(status, |life| {
            life.last_error = Some((why.to_owned(), life.since));
            life.back = wait.and_then(|wait| life.since.checked_add_signed(TimeDelta::from_std(wait).ok()?));
            life.places = None;
        });
    }

    /// How often an actor of each kind failed since the start.
    pub fn failures(&self) -> BTreeMap<&'static str, u64> {
        locked(&self.failures).clone()
    }

    pub fn stopped(&self) {
        self.enters(ActorStatus::Stopped, |_| {});
    }

    /// From now on it is so. What was asked of the incarnation before, nobody answers any more.
    fn enters(&self, status: ActorStatus, change: impl FnOnce(&mut Life)) {
        let mut life = locked(&self.life);
        (life.status, life.since, life.way, life.back) = (status, self.clock.now(), None, None);
        change(&mut life);
        *locked(&self.probes) = Probes::default();
    }

    /// Something went wrong that the actor survived.
    pub fn note_error(&self, why: &str) {
        locked(&self.life).last_error = Some((why.to_owned(), self.clock.now()));
    }

    pub fn handled(&self) {
        self.handled.fetch_add(1, Ordering::Relaxed);
        #[cfg(test)]
        self.meet_trouble();
    }

    /// This actor and everything under it, now.
    pub fn read(&self) -> Health {
        let children: Vec<Arc<Self>> = locked(&self.children).values().cloned().collect();
        Health { children: children.iter().map(|child| child.read()).collect(), ..self.read_alone() }
    }

    fn read_alone(&self) -> Health {
        let life = locked(&self.life);
        let running = life.status == ActorStatus::Running;
        let uptime = running.then(|| (self.clock.now() - life.since).num_seconds());
        Health {
            name: self.name.clone(),
            kind: self.kind,
            status: life.status,
            since: life.since,
            uptime_seconds: uptime.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
            restarts: self.restarts.load(Ordering::Relaxed),
            back_at: life.back,
            mailbox: life.places.as_ref().map_or(0, Places::taken),
            handled: self.handled.load(Ordering::Relaxed),
            last_error: life.last_error.as_ref().map(|(why, _)| why.clone()),
            last_error_at: life.last_error.as_ref().map(|(_, at)| *at),
            probe: None,
            children: Vec::new(),
        }
    }
}

/// A panic while a figure was written must not hide the figures.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
