//! What an operator sees of an actor: figures that stay readable when the actor hangs, because nobody asks it for them.

#[cfg(test)]
pub(crate) mod trouble;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::mailbox::Places;
use crate::clock::Clock;
use crate::domain::event::time;

/// How an actor is: at work; waiting to be started again after a failure; left alone for minutes because it failed too often; ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorStatus {
    Running,
    /// It failed; its supervisor starts it again after a back-off.
    Restarting,
    /// It failed too often: left alone for minutes before it gets another chance.
    Quarantined,
    Stopped,
}

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
    pub restarts: u32,
    /// Messages that wait in the mailbox or are being handled.
    pub mailbox: usize,
    pub handled: u64,
    pub last_error: Option<String>,
    #[serde(serialize_with = "time::option")]
    pub last_error_at: Option<DateTime<Utc>>,
    #[schema(no_recursion)]
    pub children: Vec<Health>,
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
            life: Mutex::new(Life { status: ActorStatus::Restarting, since, last_error: None, places: None }),
            children: Mutex::default(),
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

    pub fn running(&self, places: &Places) {
        let mut life = locked(&self.life);
        life.status = ActorStatus::Running;
        life.since = self.clock.now();
        life.places = Some(places.clone());
    }

    pub fn failed(&self, why: &str, quarantined: bool) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        *locked(&self.failures).entry(self.kind).or_default() += 1;
        let mut life = locked(&self.life);
        life.status = if quarantined { ActorStatus::Quarantined } else { ActorStatus::Restarting };
        life.since = self.clock.now();
        life.last_error = Some((why.to_owned(), self.clock.now()));
        life.places = None;
    }

    /// How often an actor of each kind failed since the start.
    pub fn failures(&self) -> BTreeMap<&'static str, u64> {
        locked(&self.failures).clone()
    }

    pub fn stopped(&self) {
        let mut life = locked(&self.life);
        life.status = ActorStatus::Stopped;
        life.since = self.clock.now();
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
        let life = locked(&self.life);
        Health {
            name: self.name.clone(),
            kind: self.kind,
            status: life.status,
            since: life.since,
            restarts: self.restarts.load(Ordering::Relaxed),
            mailbox: life.places.as_ref().map_or(0, Places::taken),
            handled: self.handled.load(Ordering::Relaxed),
            last_error: life.last_error.as_ref().map(|(why, _)| why.clone()),
            last_error_at: life.last_error.as_ref().map(|(_, at)| *at),
            children: children.iter().map(|child| child.read()).collect(),
        }
    }
}

/// A panic while a figure was written must not hide the figures.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
