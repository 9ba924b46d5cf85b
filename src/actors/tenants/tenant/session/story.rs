//! What a session tells: each step is kept in the store first, then told to the tenant, then to the watchers, in order.
//! Not an actor; its session's hands.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use ractor::ActorRef;
use tokio::sync::broadcast;

use super::{Msg, Reply, Watch};
use crate::actors::system::mailbox::Letter;
use crate::actors::system::patience::patiently;
use crate::domain::error::Refusal;
use crate::domain::event::{Position, StreamEvent};
use crate::domain::phone::Phone;
use crate::domain::session::life::Life;
use crate::domain::session::{Lease, Status};
use crate::store::Store;
use crate::store::sessions::Record;

/// Events that a slow watcher may lag behind; past it its stream ends, and it resumes from the store.
const BACKLOG: usize = 64;

type Told = (String, StreamEvent);

pub(super) struct Story {
    store: Store,
    lease: Lease,
    /// The last logged event.
    position: Position,
    /// Codes shown since then: they are not logged, but their ids must differ.
    codes: u32,
    /// What whoever comes now is shown: the last thing told, while it still holds.
    present: Option<Told>,
    /// Made when somebody watches: most sessions are watched for a minute of their life.
    watchers: Option<broadcast::Sender<Arc<Told>>>,
    /// Steps in order; the first is being written.
    steps: VecDeque<Step>,
    ended: bool,
}

enum Step {
    Record(Box<Record>),
    /// What is never stored, and whether it holds until the next step.
    Show(StreamEvent, bool),
    /// Whoever asked for the steps before this one.
    Answer(Reply<()>),
}

impl Story {
    pub(super) fn new(store: Store, lease: Lease, position: Position, present: Option<StreamEvent>) -> Self {
        let present = present.map(|event| (position.0.to_string(), event));
        Self { store, lease, position, codes: 0, present, watchers: None, steps: VecDeque::new(), ended: false }
    }

    /// Keeps how the session stands, and the event that goes with it.
    pub(super) fn record(&mut self, myself: &ActorRef<Letter<Msg>>, life: &Life, event: Option<StreamEvent>) {
        let record = Record {
            status: life.status(),
            phone: life.phone.clone(),
            fault: life.fault.clone(),
            attempts: life.failed_attempts(),
            event,
            at: self.store.clock().now(),
        };
        self.push(myself, Step::Record(Box::new(record)));
    }

    /// Shows something that is never stored; later watchers see it too if it holds until the next step.
    pub(super) fn show(&mut self, myself: &ActorRef<Letter<Msg>>, event: StreamEvent, holds: bool) {
        self.push(myself, Step::Show(event, holds));
    }

    /// Answers when everything before this is in the store.
    pub(super) fn answer(&mut self, myself: &ActorRef<Letter<Msg>>, reply: Reply<()>) {
        self.push(myself, Step::Answer(reply));
    }

    /// Nothing more is told: the watchers' streams end.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.watchers = None;
    }

    /// The story goes on elsewhere: this is the last that is told of it here, and it is not ours to keep.
    pub(super) fn leave(&mut self, last: StreamEvent) {
        self.steps.clear();
        self.codes += 1;
        let told = (format!("{}-{}", self.position.0, self.codes), last);
        self.present = Some(told.clone());
        self.tell(told);
    }

    fn push(&mut self, myself: &ActorRef<Letter<Msg>>, step: Step) {
        self.steps.push_back(step);
        if self.steps.len() == 1 {
            self.write(myself);
        }
    }

    fn write(&mut self, myself: &ActorRef<Letter<Msg>>) {
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Show(event, holds) => {
                    self.codes += 1;
                    let told = (format!("{}-{}", self.position.0, self.codes), event);
                    if holds {
                        self.present = Some(told.clone());
                    }
                    self.tell(told);
                }
                Step::Answer(reply) => {
                    let _ = reply.send(Ok(()));
                }
                Step::Record(record) => {
                    let (store, lease, myself, write) =
                        (self.store.clone(), self.lease, myself.clone(), (*record).clone());
                    self.steps.push_front(Step::Record(record));
                    tokio::spawn(async move {
                        let told = patiently(|| store.record(lease, write.clone())).await;
                        let _ = myself.send_message(Letter::free(Msg::Told(told)));
                    });
                    return;
                }
            }
        }
    }

    /// The first step is in the store. How the session stands now, for its tenant.
    pub(super) fn kept(&self) -> Option<(Status, Option<Phone>)> {
        match self.steps.front() {
            Some(Step::Record(record)) => Some((record.status, record.phone.clone())),
            _ => None,
        }
    }

    /// Tells the watchers of the step that is in the store, and goes on to the next.
    pub(super) fn publish(&mut self, myself: &ActorRef<Letter<Msg>>, position: Position) {
        if let Some(Step::Record(record)) = self.steps.pop_front() {
            if let Some(event) = record.event {
                self.position = position;
                self.codes = 0;
                let told = (position.0.to_string(), event);
                self.present = Some(told.clone());
                self.tell(told);
            } else if record.fault.is_none() {
                // On its way, and nothing wrong: there is nothing to show. While it tries again, its error still holds.
                self.present = None;
            }
        }
        self.write(myself);
    }

    fn tell(&self, told: Told) {
        if let Some(watchers) = &self.watchers {
            let _ = watchers.send(Arc::new(told));
        }
    }

    /// A stream for one watcher: what it missed, or else the present; then everything that happens.
    pub(super) fn watch(&mut self, after: Option<Position>, reply: Reply<Watch>) {
        if self.ended {
            let _: Result<(), _> = reply.send(Err(Refusal::not_found()));
            return;
        }
        let watchers = self.watchers.get_or_insert_with(|| broadcast::channel(BACKLOG).0);
        let live = watchers.subscribe();
        let (store, lease, here) = (self.store.clone(), self.lease, self.position);
        let now = store.clock().now();
        let present = self.present.clone().filter(|(_, event)| !event.has_expired(now));
        tokio::spawn(async move {
            let missed = match after {
                Some(after) if after < here => store.stream_events(lease.tenant, lease.session, after).await,
                _ => Ok(Vec::new()),
            };
            let _: Result<(), _> = reply
                .send(missed.map(|missed| joined(missed, present, here, heard(store, live))).map_err(Refusal::from));
        });
    }
}

fn joined(
    missed: Vec<(Position, StreamEvent)>,
    present: Option<Told>,
    here: Position,
    live: impl Stream<Item = Told> + Send + 'static,
) -> Watch {
    // What was logged while we read it comes live as well: it is told once.
    let mut first: Vec<Told> = Vec::new();
    for (position, event) in missed.into_iter().filter(|(position, _)| *position <= here) {
        first.push((position.0.to_string(), event));
    }
    // A code is never in the log, and whoever missed nothing still wants to know how things stand.
    let shown = matches!(present, Some((_, StreamEvent::Qr { .. })));
    if first.is_empty() || shown {
        first.extend(present);
    }
    stream::iter(first).chain(live).boxed()
}

/// What is told from now on, as this watcher gets to it.
fn heard(store: Store, live: broadcast::Receiver<Arc<Told>>) -> impl Stream<Item = Told> + Send {
    let told = stream::unfold(live, |mut live| async move {
        // A watcher that lagged behind resumes from the store, by its last id.
        let told = live.recv().await.ok()?;
        Some(((*told).clone(), live))
    });
    // A watcher that did not read for a while is shown no code that is worthless by now.
    told.filter(move |(_, event)| std::future::ready(!event.has_expired(store.clock().now())))
}
