//! The media pool: what sessions send is fetched, checked, converted and put into the spool, by a bounded number of workers who are
//! shared fairly.
//!
//! Jobs are rows, which outboxes read and hand over: what is lost here with a crash is handed over again.

mod convert;
mod converting;
pub(crate) mod downloads;
mod fetch;
mod job;
mod queue;
pub(crate) mod spool;
pub(crate) mod uploads;
mod worker;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::system::Shared;
use super::system::health::Vitals;
use super::system::mailbox::Letter;
use super::system::supervision::{self, Child};
use crate::domain::id::MessageId;
use crate::domain::media::{MediaUrl, Source, Wanted};
use crate::domain::session::Lease;
use crate::store::media::Waiting;
pub(crate) use converting::Converting;
pub(crate) use job::{Means, NoWeb, pause};
use queue::{Job, Queue};

/// How long a worker may take to stop: its job is dropped, and begins anew after the next start.
const STOP_WITHIN: Duration = Duration::from_millis(500);
/// Fetching is cheap, and most of its time is the other side's: even a small machine has so many workers, and what is dear has
/// places of its own.
const WORKERS_MIN: usize = 16;

pub(crate) enum Msg {
    /// A session's outbox found these waiting, and whether they are to be made ready even when there is no room for more.
    Prepare(Lease, Vec<Waiting>, bool),
    /// A job is over, and whatever became of it is in the store.
    Over(usize, MessageId),
    Revive(usize),
}

struct Pool;

struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    queue: Queue,
    workers: Vec<Worker>,
}

struct Worker {
    child: Child<worker::Msg>,
    job: Option<Job>,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>) -> Child<Msg> {
    let vitals = parent.child("media", "pool");
    let args = (Arc::clone(shared), Arc::clone(&vitals));
    Child::new(vitals, 1, || Pool, args)
}

impl Actor for Pool {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let (shared, vitals) = args;
        vitals.forget_all();
        let count = WORKERS_MIN.max(4 * cores());
        let workers = (0..count).map(|n| Worker { child: worker::child(&shared, &vitals, n), job: None }).collect();
        let mut state = State { shared, vitals, queue: Queue::new(count), workers };
        for n in 0..count {
            state.start(&myself, n).await;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.open(&state.vitals) else { return Ok(()) };
        match body {
            Msg::Prepare(lease, waiting, anyway) => {
                for work in waiting {
                    let (message, heavy) = (work.message, is_heavy(&work));
                    // One that finds no place is read again when another of its session is done.
                    state.queue.push(Job { lease, message, heavy, anyway });
                }
            }
            Msg::Over(worker, message) => state.over(worker, message),
            Msg::Revive(worker) => state.start(&myself, worker).await,
        }
        state.deal();
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((actor, why)) = supervision::end(&event) else { return Ok(()) };
        let found = state.workers.iter_mut().enumerate().find(|(_, worker)| worker.child.is(actor));
        let Some((n, worker)) = found else { return Ok(()) };
        let wait = worker.child.failed(&why);
        if let Some(job) = worker.job {
            // A failed attempt, and no lost job. Until the store has it so, nobody else begins with it.
            let (shared, myself) = (Arc::clone(&state.shared), myself.clone());
            tokio::spawn(async move {
                job::crashed(&shared, &job).await;
                let _ = myself.send_message(Letter::free(Msg::Over(n, job.message)));
            });
        }
        myself.send_after(wait, move || Letter::free(Msg::Revive(n)));
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        join_all(state.workers.iter_mut().map(|worker| worker.child.stop(STOP_WITHIN))).await;
        Ok(())
    }
}

impl State {
    async fn start(&mut self, myself: &ActorRef<Letter<Msg>>, n: usize) {
        let Some(worker) = self.workers.get_mut(n) else { return };
        if let Some(wait) = worker.child.start(myself.get_cell()).await {
            myself.send_after(wait, move || Letter::free(Msg::Revive(n)));
        }
    }

    /// Gives whoever has nothing to do what is next.
    fn deal(&mut self) {
        self.hand_out();
        let running = self.workers.iter().filter(|worker| worker.job.is_some()).count();
        self.shared.store.metrics().media_standing(self.queue.waiting(), running);
    }

    fn hand_out(&mut self) {
        for worker in &mut self.workers {
            let Some(door) = worker.child.door().filter(|_| worker.job.is_none()) else { continue };
            let Some(job) = self.queue.take() else { return };
            door.nudge(worker::Msg::Do(job));
            worker.job = Some(job);
        }
    }

    fn over(&mut self, n: usize, message: MessageId) {
        let Some(worker) = self.workers.get_mut(n) else { return };
        if let Some(job) = worker.job.take_if(|job| job.message == message) {
            self.queue.over(message);
            // Only now: what its outbox hands over next is not taken for what is being done.
            self.shared.tell_of_medium(job.lease, message);
        }
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Whether it will take long, as far as that can be told: videos, and pictures that say that they move.
fn is_heavy(work: &Waiting) -> bool {
    let moves = |url: &MediaUrl| url.url().path().to_ascii_lowercase().ends_with(".gif");
    work.wanted == Wanted::Video || matches!(&work.source, Source::Url(url) if moves(url))
}
