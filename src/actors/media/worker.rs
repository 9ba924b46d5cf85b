//! A worker of the media pool: one job at a time, in a task that goes away with it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::AbortHandle;

use super::job;
use super::queue::Job;
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::Child;
use crate::domain::id::MessageId;

pub(super) enum Msg {
    Do(Job),
    /// The task is over, and the store knows how.
    Done(MessageId),
}

struct Worker;

pub(super) struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    number: usize,
    task: Option<AbortHandle>,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>, number: usize) -> Child<Msg> {
    let vitals = parent.child("worker", format!("worker-{:02}", number + 1));
    let args = (Arc::clone(shared), Arc::clone(&vitals), number);
    Child::new(vitals, 1, || Worker, args)
}

impl Actor for Worker {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>, usize);

    async fn pre_start(&self, _: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        Ok(State { shared: args.0, vitals: args.1, number: args.2, task: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.open(&state.vitals) else { return Ok(()) };
        match body {
            Msg::Do(job) => state.begin(&myself, job),
            Msg::Done(message) => {
                state.task = None;
                if let Some(pool) = myself.get_cell().try_get_supervisor() {
                    let _ = pool.send_message(Letter::free(super::Msg::Over(state.number, message)));
                }
            }
        }
        Ok(())
    }
}

impl State {
    fn begin(&mut self, myself: &ActorRef<Letter<Msg>>, job: Job) {
        let (shared, vitals, myself) = (Arc::clone(&self.shared), Arc::clone(&self.vitals), myself.clone());
        let task = tokio::spawn(async move {
            // Whatever happens, the worker hears that it is free.
            if AssertUnwindSafe(job::run(&shared, &vitals, &job)).catch_unwind().await.is_err() {
                vitals.note_error("a job failed");
            }
            let _ = myself.send_message(Letter::free(Msg::Done(job.message)));
        });
        self.task = Some(task.abort_handle());
    }
}

/// What is under way ends with its worker, and with it the processes that it started; its files go too.
impl Drop for State {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
