//! The outbox: sends what the store says is due, in the order of acceptance, and writes down what the network says of it.
//!
//! A nudge carries nothing: start, crash and normal running all read the store. A message is `sent` when WhatsApp acknowledged it;
//! until then every new connection sends it again under the same wire id, and phones show an id once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::Child;
use crate::domain::message::{Mark, Status};
use crate::domain::session::Lease;
use crate::store::messages::Due;
use crate::whatsapp::{Link, ReceiptKind, SendError};

/// Read from the store at a time.
const BATCH: u64 = 64;
/// A receipt that has not come after this long will not come for sending again.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(24);
/// What the network says happened within this time happened now.
const FRESH: TimeDelta = TimeDelta::seconds(2);
/// How long to wait when WhatsApp could not take a message just now.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) enum Msg {
    /// The session is connected through this link.
    Up(Arc<Link>),
    Down,
    /// There may be something to send.
    Nudge,
    /// A round of sending is over.
    Pumped(u64, Pumped),
    Ack {
        wire_id: String,
        error: Option<String>,
        at: DateTime<Utc>,
    },
    Receipt {
        wire_ids: Vec<String>,
        kind: ReceiptKind,
        at: DateTime<Utc>,
    },
}

/// How far a round came, and why it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pumped {
    sent_until: i64,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing more was due.
    Dry,
    /// The connection is gone; the next one starts over.
    Disconnected,
    /// Worth another try after a pause.
    Paused,
}

struct Outbox;

pub(super) struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    lease: Lease,
    link: Option<Arc<Link>>,
    /// Counts the connections, so that a round on an old one ends and does not speak for the new.
    connection: Arc<AtomicU64>,
    /// Everything due up to here was sent on this connection.
    sent_until: i64,
    pumping: bool,
    /// Something came while a round was under way.
    again: bool,
    /// Whether what was sent before this actor lived, and never receipted, was sent again.
    caught_up: bool,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>, lease: Lease) -> Child<Msg> {
    let vitals = parent.child("outbox", "outbox");
    let args = (Arc::clone(shared), Arc::clone(&vitals), lease);
    Child::new(vitals, 1, || Outbox, args)
}

impl Actor for Outbox {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>, Lease);

    async fn pre_start(&self, _: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let (shared, vitals, lease) = args;
        Ok(State {
            shared,
            vitals,
            lease,
            link: None,
            connection: Arc::default(),
            sent_until: 0,
            pumping: false,
            again: false,
            caught_up: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.vitals.handled();
        match letter.body {
            Msg::Up(link) => {
                state.link = Some(link);
                state.connection.fetch_add(1, Ordering::AcqRel);
                state.sent_until = 0;
                state.pump(&myself);
            }
            Msg::Down => {
                state.link = None;
                state.connection.fetch_add(1, Ordering::AcqRel);
            }
            Msg::Nudge => state.pump(&myself),
            Msg::Pumped(connection, pumped) => state.pumped(&myself, connection, pumped),
            Msg::Ack { wire_id, error: None, at } => state.mark(wire_id, Status::Sent, at, None).await,
            Msg::Ack { wire_id, error: Some(code), at } => {
                let why = format!("WhatsApp refused the message (code {code}).");
                state.mark(wire_id, Status::Failed, at, Some(("refused_by_whatsapp".to_owned(), why))).await;
            }
            Msg::Receipt { wire_ids, kind, at } => {
                let status = match kind {
                    ReceiptKind::Delivered => Status::Delivered,
                    ReceiptKind::Read | ReceiptKind::Played => Status::Read,
                };
                for wire_id in wire_ids {
                    state.mark(wire_id, status, at, None).await;
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// Waits only for room in the writer's queue, and not for the commit.
    async fn mark(&self, wire_id: String, status: Status, at: DateTime<Utc>, error: Option<(String, String)>) {
        // The wire tells whole seconds, so what it says of this moment would lie before the message was accepted.
        let now = self.shared.store.clock().now();
        let at = if now - at < FRESH { now } else { at };
        if let Err(error) = self.shared.store.mark(self.lease, Mark { wire_id, status, at, error }).await {
            self.vitals.note_error(&error.to_string());
        }
    }

    /// Starts a round unless one is under way.
    fn pump(&mut self, myself: &ActorRef<Letter<Msg>>) {
        let Some(link) = self.link.clone() else { return };
        if self.pumping {
            self.again = true;
            return;
        }
        self.pumping = true;
        self.again = false;
        let round = Round {
            shared: Arc::clone(&self.shared),
            vitals: Arc::clone(&self.vitals),
            lease: self.lease,
            link,
            sent_until: self.sent_until,
            connection: self.connection.load(Ordering::Acquire),
            present: Arc::clone(&self.connection),
        };
        let (myself, connection, caught_up) = (myself.clone(), round.connection, self.caught_up);
        tokio::spawn(async move {
            let pumped = round.run(caught_up).await;
            let _ = myself.send_message(Letter::free(Msg::Pumped(connection, pumped)));
        });
    }

    fn pumped(&mut self, myself: &ActorRef<Letter<Msg>>, connection: u64, pumped: Pumped) {
        self.pumping = false;
        if connection != self.connection.load(Ordering::Acquire) {
            // Two rounds at once could mix up the order, so the round of the new connection begins only now.
            return self.pump(myself);
        }
        self.sent_until = pumped.sent_until;
        match pumped.end {
            End::Dry => {
                self.caught_up = true;
                if self.again {
                    self.pump(myself);
                }
            }
            End::Disconnected => {}
            End::Paused => {
                myself.send_after(PAUSE, || Letter::free(Msg::Nudge));
            }
        }
    }
}

/// One round of sending, in a task of its own.
struct Round {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    lease: Lease,
    link: Arc<Link>,
    sent_until: i64,
    connection: u64,
    present: Arc<AtomicU64>,
}

impl Round {
    async fn run(mut self, caught_up: bool) -> Pumped {
        let end = match self.all(caught_up).await {
            Ok(()) => End::Dry,
            Err(end) => end,
        };
        Pumped { sent_until: self.sent_until, end }
    }

    async fn all(&mut self, caught_up: bool) -> Result<(), End> {
        if !caught_up {
            self.catch_up().await?;
        }
        loop {
            let due = self.read(self.shared.store.due(self.lease, self.sent_until, BATCH).await)?;
            if due.is_empty() {
                return Ok(());
            }
            for message in due {
                self.send(&message).await?;
                self.sent_until = message.seq;
            }
        }
    }

    /// Sends again what was sent and never receipted: the receipt may have died with the process that got it.
    async fn catch_up(&mut self) -> Result<(), End> {
        let since = self.shared.store.clock().now() - RESEND_WITHIN;
        let mut after = 0;
        loop {
            let due = self.read(self.shared.store.unreceipted(self.lease, after, BATCH, since).await)?;
            let Some(last) = due.last() else { return Ok(()) };
            after = last.seq;
            for message in due {
                self.send(&message).await?;
            }
        }
    }

    fn read<T>(&self, read: Result<T, crate::store::StoreError>) -> Result<T, End> {
        read.map_err(|error| {
            self.vitals.note_error(&error.to_string());
            End::Paused
        })
    }

    /// Puts one message on the wire. One that can never be sent fails and holds up no other.
    async fn send(&self, message: &Due) -> Result<(), End> {
        if self.connection != self.present.load(Ordering::Acquire) {
            return Err(End::Disconnected);
        }
        let (code, why) = match self.link.send_text(&message.to, &message.wire_id, message.text.as_str()).await {
            Ok(()) => return Ok(()),
            Err(SendError::NotConnected) => return Err(End::Disconnected),
            Err(SendError::Temporary(why)) => {
                self.vitals.note_error(&why);
                return Err(End::Paused);
            }
            Err(SendError::NotOnWhatsApp) => {
                ("recipient_not_on_whatsapp", "The recipient's number is not on WhatsApp.".to_owned())
            }
            Err(SendError::Refused(why)) => ("send_refused", format!("The message could not be sent: {why}.")),
        };
        let mark = Mark {
            wire_id: message.wire_id.clone(),
            status: Status::Failed,
            at: self.shared.store.clock().now(),
            error: Some((code.to_owned(), why)),
        };
        self.read(self.shared.store.mark(self.lease, mark).await)
    }
}
