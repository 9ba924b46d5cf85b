//! How supervisors keep their children: started, watched, started again after a growing back-off, quarantined when it is no use.
//!
//! ractor tells a supervisor of a child's end and leaves the rest to it; a child that fails to start raises no event at all. Both
//! come together here, so a supervisor only has to pass events in and come back when it is told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorRef, SpawnErr, SupervisionEvent};

use super::health::Vitals;
use super::mailbox::{Door, Letter, Places};
use crate::clock;

/// More failures than this within the window, and the child is left alone for the quarantine.
const INTENSITY: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);
const QUARANTINE: Duration = if cfg!(test) { Duration::from_secs(5) } else { Duration::from_mins(5) };

/// Builds one more incarnation of the child, linked to its supervisor.
type Spawn<M> = Box<dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorRef<Letter<M>>, SpawnErr>> + Send + Sync>;

/// One supervised child.
pub struct Child<M: Send + 'static> {
    spawn: Spawn<M>,
    vitals: Arc<Vitals>,
    capacity: usize,
    door: Option<Door<M>>,
    failures: VecDeque<Instant>,
    /// When the next start is due, while it is not there.
    back: Option<Instant>,
}

impl<M: Send + 'static> Child<M> {
    /// A child that is not started yet. Each incarnation is made anew from the same arguments: nothing else outlives a failure.
    pub fn new<A>(vitals: Arc<Vitals>, capacity: usize, make: fn() -> A, args: A::Arguments) -> Self
    where
        A: Actor<Msg = Letter<M>>,
        A::Arguments: Clone + Sync,
    {
        let spawn = move |supervisor| -> BoxFuture<'static, _> {
            let args = args.clone();
            Box::pin(async move { Ok(Actor::spawn_linked(None, make(), args, supervisor).await?.0) })
        };
        Self { spawn: Box::new(spawn), vitals, capacity, door: None, failures: VecDeque::new(), back: None }
    }

    /// Starts an incarnation unless one lives. The wait before the next try, if it did not start.
    pub async fn start(&mut self, supervisor: ActorCell) -> Option<Duration> {
        if self.door.is_some() {
            return None;
        }
        match (self.spawn)(supervisor).await {
            Ok(actor) => {
                let door = Door::new(actor, Places::new(self.capacity));
                self.vitals.running(&door);
                self.door = Some(door);
                None
            }
            Err(error) => Some(self.failed(&error.to_string())),
        }
    }

    /// Forgets what failed before: a person asks for another chance, and `start` gives it at once, even in quarantine.
    pub fn forgive(&mut self) {
        self.failures.clear();
    }

    pub const fn door(&self) -> Option<&Door<M>> {
        self.door.as_ref()
    }

    pub fn vitals(&self) -> &Arc<Vitals> {
        &self.vitals
    }

    /// Whether this is the child that an event speaks of.
    pub fn is(&self, actor: ActorId) -> bool {
        self.door.as_ref().is_some_and(|door| door.actor().get_id() == actor)
    }

    /// Notes a failure; the wait before the next start.
    pub fn failed(&mut self, why: &str) -> Duration {
        self.door = None;
        let now = clock::instant();
        self.failures.push_back(now);
        self.failures.retain(|at| now.duration_since(*at) < WINDOW);
        let quarantined = self.is_quarantined();
        let wait = wait(self.failures.len(), clock::fraction());
        self.vitals.failed(why, quarantined, Some(wait));
        tracing::error!(actor = self.vitals.name(), error = why, quarantined, "an actor failed");
        self.back = Some(now + wait);
        wait
    }

    /// How long until the next start, and whether that is because it failed too often.
    pub fn away(&self) -> (Duration, bool) {
        let wait = self.back.map_or(Duration::ZERO, |back| back.saturating_duration_since(clock::instant()));
        (wait, self.is_quarantined())
    }

    fn is_quarantined(&self) -> bool {
        self.failures.len() > INTENSITY
    }

    /// Stops the living incarnation and waits for its `post_stop`.
    pub async fn stop(&mut self, within: Duration) {
        if let Some(door) = self.door.take() {
            let _ = door.actor().stop_and_wait(Some("stopping".to_owned()), Some(within)).await;
        }
        self.vitals.stopped();
    }
}

/// Which child an event says has ended, and why; nothing if it says something else.
pub fn end(event: &SupervisionEvent) -> Option<(ActorId, String)> {
    match event {
        SupervisionEvent::ActorFailed(actor, error) => Some((actor.get_id(), error.to_string())),
        SupervisionEvent::ActorTerminated(actor, _, reason) => {
            Some((actor.get_id(), reason.clone().unwrap_or_else(|| "it ended unasked".to_owned())))
        }
        _ => None,
    }
}

/// 100 ms, 200 ms, … and after too many failures the quarantine; a random half is taken off so that siblings spread.
fn wait(failures: usize, jitter: f64) -> Duration {
    if failures > INTENSITY {
        return QUARANTINE;
    }
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(10);
    Duration::from_millis(100 << doublings).mul_f64(0.5 + 0.5 * jitter)
}

#[cfg(test)]
mod tests;
