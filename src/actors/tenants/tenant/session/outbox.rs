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
use crate::domain::nack;
use crate::domain::phone::Phone;
use crate::domain::session::Lease;
use crate::store::messages::{Due, DueContent};
use crate::store::sessions::UNLINKED;
use crate::whatsapp::{Link, ReceiptKind, SendError};

/// Read from the store at a time.
const BATCH: u64 = 64;
/// A receipt that has not come after this long will not come for sending again.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(24);
/// What the network says happened within this time happened now.
const FRESH: TimeDelta = TimeDelta::seconds(2);
/// How long a message may take onto the wire; the protocol crate waits for answers of the network without an end of ours.
const SEND_WITHIN: Duration = Duration::from_secs(90);
/// How often a message is tried when WhatsApp cannot take it just now, with waits of 2, 4, 8, 16 and 30 s between; then it fails,
/// so that one that never goes holds up the others for a minute and not for ever.
const TRIES: u32 = 6;

pub(super) enum Msg {
    /// The session is connected through this link, to this account.
    Up(Arc<Link>, Phone),
    Down,
    /// There may be something to send.
    Nudge,
    /// A round of sending is over; nothing if it failed.
    Pumped(u64, Option<Pumped>),
    /// The pause is over.
    Resume,
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
    caught_up: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing more was due.
    Dry,
    /// The connection is gone; the next one starts over.
    Disconnected,
    /// The message after the last one sent is worth another try after a pause.
    Paused,
    /// The store did not answer, which is held against no message.
    StoreAway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Idle,
    /// A round is under way.
    Sending,
    /// WhatsApp could not take the next message just now.
    Paused,
}

struct Outbox;

pub(super) struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    lease: Lease,
    link: Option<(Arc<Link>, Phone)>,
    /// Counts the connections, so that a round on an old one ends and does not speak for the new.
    connection: Arc<AtomicU64>,
    /// Everything due up to here was sent on this connection.
    sent_until: i64,
    pace: Pace,
    /// Something came while a round was under way.
    again: bool,
    /// How often the message that comes next was tried.
    tries: u32,
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
            pace: Pace::Idle,
            again: false,
            tries: 0,
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
            Msg::Up(link, account) => {
                state.link = Some((link, account));
                state.connection.fetch_add(1, Ordering::AcqRel);
                state.sent_until = 0;
                state.resume(&myself);
            }
            Msg::Down => {
                state.link = None;
                state.connection.fetch_add(1, Ordering::AcqRel);
            }
            Msg::Nudge => state.pump(&myself),
            Msg::Resume => state.resume(&myself),
            Msg::Pumped(connection, pumped) => state.pumped(&myself, connection, pumped),
            Msg::Ack { wire_id, error: None, at } => state.mark(wire_id, Status::Sent, at, None).await,
            Msg::Ack { wire_id, error: Some(code), at } => {
                let (name, why) = nack::refused(&code);
                state.mark(wire_id, Status::Failed, at, Some((name.to_owned(), why))).await;
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

    /// Ends a pause.
    fn resume(&mut self, myself: &ActorRef<Letter<Msg>>) {
        if self.pace == Pace::Paused {
            self.pace = Pace::Idle;
        }
        self.pump(myself);
    }

    /// Starts a round unless one is under way.
    fn pump(&mut self, myself: &ActorRef<Letter<Msg>>) {
        let Some((link, account)) = self.link.clone() else { return };
        if self.pace != Pace::Idle {
            self.again = true;
            return;
        }
        self.pace = Pace::Sending;
        self.again = false;
        let round = Round {
            shared: Arc::clone(&self.shared),
            vitals: Arc::clone(&self.vitals),
            lease: self.lease,
            link,
            account,
            sent_until: self.sent_until,
            caught_up: self.caught_up,
            last_try: self.tries + 1 >= TRIES,
            connection: self.connection.load(Ordering::Acquire),
            present: Arc::clone(&self.connection),
        };
        let (myself, connection) = (myself.clone(), round.connection);
        tokio::spawn(async move {
            // A panic on the way must not leave the outbox waiting for the end of a round that is no more.
            let pumped = tokio::spawn(round.run()).await.ok();
            let _ = myself.send_message(Letter::free(Msg::Pumped(connection, pumped)));
        });
    }

    fn pumped(&mut self, myself: &ActorRef<Letter<Msg>>, connection: u64, pumped: Option<Pumped>) {
        self.pace = Pace::Idle;
        if connection != self.connection.load(Ordering::Acquire) {
            // Two rounds at once could mix up the order, so the round of the new connection begins only now.
            return self.pump(myself);
        }
        let mut tried = 0;
        if let Some(pumped) = pumped {
            if pumped.sent_until > self.sent_until {
                self.tries = 0;
            }
            self.sent_until = pumped.sent_until;
            self.caught_up = pumped.caught_up;
            if pumped.end == End::Dry {
                self.tries = 0;
                if self.again {
                    self.pump(myself);
                }
                return;
            }
            tried = u32::from(pumped.end == End::Paused);
        } else {
            self.vitals.note_error("a round of sending failed");
        }
        // Whatever it was, the connection is still there: the next message is tried again after a while.
        self.pace = Pace::Paused;
        let wait = Duration::from_secs((2 << self.tries.min(4)).min(30));
        self.tries += tried;
        myself.send_after(wait, || Letter::free(Msg::Resume));
    }
}

/// A round that is under way ends at its next message when its outbox is gone: the next outbox begins its own.
impl Drop for State {
    fn drop(&mut self) {
        self.connection.fetch_add(1, Ordering::AcqRel);
    }
}

/// One round of sending, in a task of its own.
struct Round {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    lease: Lease,
    link: Arc<Link>,
    /// What was accepted for another account never goes out from this one.
    account: Phone,
    sent_until: i64,
    caught_up: bool,
    /// The first message of this round has no more tries after this one.
    last_try: bool,
    connection: u64,
    present: Arc<AtomicU64>,
}

impl Round {
    async fn run(mut self) -> Pumped {
        let end = match self.all().await {
            Ok(()) => End::Dry,
            Err(end) => end,
        };
        Pumped { sent_until: self.sent_until, caught_up: self.caught_up, end }
    }

    async fn all(&mut self) -> Result<(), End> {
        if !self.caught_up {
            self.catch_up().await?;
            self.caught_up = true;
        }
        loop {
            let due = self.read(self.shared.store.due(self.lease, self.sent_until, BATCH).await)?;
            if due.is_empty() {
                return Ok(());
            }
            for message in due {
                self.send(&message).await?;
                self.sent_until = message.seq;
                self.last_try = false;
            }
        }
    }

    /// Sends again, once, what this account sent and was never receipted: the receipt may have died with the process that got it.
    /// WhatsApp has these already, so whatever it says of the repeat is no news.
    async fn catch_up(&mut self) -> Result<(), End> {
        let since = self.shared.store.clock().now() - RESEND_WITHIN;
        let mut after = 0;
        loop {
            let sent = self.shared.store.unreceipted(self.lease, after, BATCH, &self.account, since).await;
            let due = self.read(sent)?;
            let Some(last) = due.last() else { return Ok(()) };
            after = last.seq;
            for message in due {
                if let Err(SendError::NotConnected) = self.put_on_the_wire(&message).await? {
                    return Err(End::Disconnected);
                }
            }
        }
    }

    fn read<T>(&self, read: Result<T, crate::store::StoreError>) -> Result<T, End> {
        read.map_err(|error| {
            self.vitals.note_error(&error.to_string());
            End::StoreAway
        })
    }

    /// Puts one message on the wire, unless this round's connection is not the present one.
    async fn put_on_the_wire(&self, message: &Due) -> Result<Result<(), SendError>, End> {
        if self.connection != self.present.load(Ordering::Acquire) {
            return Err(End::Disconnected);
        }
        let DueContent::Text(text) = &message.content else {
            return Ok(Err(SendError::Refused("media do not go out yet".to_owned())));
        };
        let sending = self.link.send_text(&message.to, &message.wire_id, text.as_str());
        let late = |_| Err(SendError::Temporary("it did not go out in time".to_owned()));
        Ok(tokio::time::timeout(SEND_WITHIN, sending).await.unwrap_or_else(late))
    }

    /// Sends one message. One that can never be sent fails and holds up no other.
    async fn send(&self, message: &Due) -> Result<(), End> {
        if message.from.as_ref() != Some(&self.account) {
            let (code, why) = UNLINKED;
            return self.fail(message, code, why.to_owned()).await;
        }
        let (code, why) = match self.put_on_the_wire(message).await? {
            Ok(()) => return Ok(()),
            Err(SendError::NotConnected) => return Err(End::Disconnected),
            Err(SendError::Temporary(why)) if !self.last_try => {
                self.vitals.note_error(&why);
                return Err(End::Paused);
            }
            Err(SendError::Temporary(why)) => ("send_failed", format!("The message could not be sent: {why}.")),
            Err(SendError::NotOnWhatsApp) => {
                ("recipient_not_on_whatsapp", "The recipient's number is not on WhatsApp.".to_owned())
            }
            Err(SendError::Refused(why)) => ("send_refused", format!("The message could not be sent: {why}.")),
        };
        self.fail(message, code, why).await
    }

    async fn fail(&self, message: &Due, code: &str, why: String) -> Result<(), End> {
        let mark = Mark {
            wire_id: message.wire_id.clone(),
            status: Status::Failed,
            at: self.shared.store.clock().now(),
            error: Some((code.to_owned(), why)),
        };
        self.read(self.shared.store.mark(self.lease, mark).await)
    }
}
