//! One round of sending, in a task of its own: the chats whose wait is over first, then whatever was accepted since.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::catch_up::CatchUp;
use super::on_its_way::OnItsWay;
use super::paced::Paced;
use super::progress::{Place, Progress};
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::clock;
use crate::domain::message::{Failure, Mark, Status};
use crate::domain::phone::Phone;
use crate::domain::session::Lease;
use crate::store::StoreError;
use crate::store::messages::{Due, DueContent};
use crate::store::sessions::UNLINKED;
use crate::telemetry::traces;
use crate::whatsapp::{Link, SendError};

/// Read from the store at a time; at first only a few, where the pace is likely to end the round at the second.
pub(super) const BATCH: u64 = 64;
const A_FEW: u64 = 2;
/// How long a message may take onto the wire; the protocol crate waits for answers of the network without an end of ours.
const SEND_WITHIN: Duration = Duration::from_secs(90);

const BLOCKED: &str = "This account has blocked the recipient. Unblock them on the phone, then send again.";

/// How a round came to its end.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Pumped {
    pub(super) end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum End {
    /// Nothing more was due, but in the chats that wait.
    Dry,
    /// The connection is gone; the next one starts over.
    Disconnected,
    /// The store did not answer, which is held against no message.
    StoreAway,
    /// The session's pace holds the next message back until then.
    Paced(Instant),
}

pub(super) struct Round {
    pub(super) shared: Arc<Shared>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) lease: Lease,
    pub(super) link: Arc<Link>,
    /// What was accepted for another account never goes out from this one.
    pub(super) account: Phone,
    pub(super) catch_up: Arc<Mutex<CatchUp>>,
    pub(super) progress: Arc<Mutex<Progress>>,
    pub(super) on_its_way: Arc<OnItsWay>,
    pub(super) paced: Paced,
    pub(super) connection: u64,
    pub(super) present: Arc<AtomicU64>,
}

/// A panic while it was written left it as it was at some message, which is as good as at any other.
pub(super) fn locked<T>(progress: &Mutex<T>) -> MutexGuard<'_, T> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Round {
    pub(super) async fn run(self) -> Pumped {
        let end = match self.all().await {
            Ok(()) => End::Dry,
            Err(end) => end,
        };
        Pumped { end }
    }

    async fn all(&self) -> Result<(), End> {
        self.progress().begin();
        self.bound_catch_up().await?;
        let first = self.first_page().await?;
        let mut page = first;
        loop {
            self.released(first).await?;
            if let Some(owed) = self.owed() {
                self.catch_up(owed).await?;
            }
            let seen = self.progress().seen();
            let due = self.read(self.shared.store.due(self.lease, seen, page).await)?;
            if due.is_empty() {
                // What came meanwhile goes first.
                if self.catch_up(first).await? {
                    continue;
                }
                return Ok(());
            }
            for message in due {
                if !self.progress().waits(&message.to) {
                    self.send(&message).await?;
                }
                self.progress().saw(message.seq);
            }
            page = (page * 2).min(BATCH);
        }
    }

    /// Sends what stood behind messages that hold up their chats no more, up to where everything was looked at.
    async fn released(&self, page: u64) -> Result<(), End> {
        loop {
            let Some((chat, from)) = self.progress().released() else { return Ok(()) };
            let all = self.chat(&chat, from, page).await?;
            self.progress().caught_up(all);
        }
    }

    /// Sends on in one chat; false if it has to wait again.
    async fn chat(&self, chat: &Phone, from: i64, mut page: u64) -> Result<bool, End> {
        let until = self.progress().seen();
        let mut after = from - 1;
        loop {
            let due = self.shared.store.due_to(self.lease, chat, after, until, page).await;
            let due = self.read(due)?;
            let Some(last) = due.last() else { return Ok(true) };
            after = last.seq;
            page = (page * 2).min(BATCH);
            for message in due {
                if !self.send(&message).await? {
                    return Ok(false);
                }
            }
        }
    }

    /// How much to read at first.
    async fn first_page(&self) -> Result<u64, End> {
        let pace = self.pace().await?;
        Ok(if pace.rate.is_some() || pace.typing { A_FEW } else { BATCH })
    }

    pub(super) fn read<T>(&self, read: Result<T, StoreError>) -> Result<T, End> {
        read.map_err(|error| {
            self.vitals.note_error(&error.to_string());
            End::StoreAway
        })
    }

    fn owed(&self) -> Option<u64> {
        locked(&self.catch_up).owed()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        locked(&self.progress)
    }

    /// Puts one message on the wire, unless this round's connection is not the present one.
    pub(super) async fn put_on_the_wire(&self, message: &Due) -> Result<Result<(), SendError>, End> {
        if self.connection != self.present.load(Ordering::Acquire) {
            return Err(End::Disconnected);
        }
        let sending = async {
            match &message.content {
                DueContent::Text(text) => self.link.send_text(&message.to, &message.wire_id, text.as_str()).await,
                DueContent::Payload(payload) => self.link.send_payload(&message.to, &message.wire_id, payload).await,
                DueContent::Waiting => Err(SendError::Refused("its medium is not uploaded".to_owned())),
                DueContent::Unreadable => Err(SendError::Refused("what was kept of it cannot be read".to_owned())),
            }
        };
        let late = |_| Err(SendError::Temporary("it did not go out in time".to_owned()));
        let began = clock::instant();
        self.on_its_way.handed_over(&message.wire_id, began);
        let (session, id, request) = (self.lease.session, message.message, message.cause.id());
        let span =
            tracing::info_span!(target: traces::TARGET, parent: None, "send", %session, message_id = %id, request);
        traces::under(&span, message.cause.trace.as_ref());
        let sent = tokio::time::timeout(SEND_WITHIN, sending).instrument(span).await.unwrap_or_else(late);
        let took = began.elapsed();
        if sent.is_ok() {
            tracing::debug!(%session, message_id = %id, request, ?took, "a message was handed to the network");
        } else {
            self.on_its_way.stayed(&message.wire_id);
            tracing::debug!(%session, message_id = %id, request, ?took, "a message did not go out");
        }
        Ok(sent)
    }

    /// Sends one message; false if its chat has to wait for it. One that can never be sent fails and holds up no other.
    async fn send(&self, message: &Due) -> Result<bool, End> {
        let place = Place { chat: message.to.clone(), seq: message.seq, message: message.message };
        if message.from.as_ref() != Some(&self.account) {
            let (failure, why) = UNLINKED;
            return self.fail(message, &place, failure, why.to_owned()).await;
        }
        let left = self.shared.ages.expiry.of(message.at) - self.shared.store.clock().now();
        let Ok(left) = left.to_std() else {
            let (failure, why) = self.shared.ages.expiry.failure();
            return self.fail(message, &place, failure, why).await;
        };
        if matches!(message.content, DueContent::Waiting) {
            self.progress().wait_for_medium(&place, clock::instant() + left);
            return Ok(false);
        }
        if self.progress().is_tried_out(message.message) {
            return self.fail(message, &place, Failure::SendFailed, "The message could not be sent.".to_owned()).await;
        }
        self.catch_up_in(&message.to).await?;
        self.turn(message, false).await?;
        self.progress().trying(Some(place.clone()));
        let sent = self.put_on_the_wire(message).await;
        self.progress().trying(None);
        let (failure, why) = match sent? {
            Ok(()) => {
                locked(&self.catch_up).sent_anew(message.seq);
                self.progress().done(&place);
                return Ok(true);
            }
            Err(SendError::NotConnected) => return Err(End::Disconnected),
            Err(SendError::Temporary(why)) => {
                self.vitals.note_error(&why);
                if self.progress().pause(&place, clock::instant()) {
                    return Ok(false);
                }
                (Failure::SendFailed, format!("The message could not be sent: {why}."))
            }
            Err(SendError::NotOnWhatsApp) => {
                (Failure::RecipientNotOnWhatsApp, "The recipient's number is not on WhatsApp.".to_owned())
            }
            Err(SendError::Blocked) => (Failure::RecipientBlocked, BLOCKED.to_owned()),
            Err(SendError::Refused(why)) => (Failure::SendRefused, format!("The message could not be sent: {why}.")),
        };
        self.fail(message, &place, failure, why).await
    }

    async fn fail(&self, message: &Due, place: &Place, failure: Failure, why: String) -> Result<bool, End> {
        let mark = Mark {
            wire_id: message.wire_id.clone(),
            status: Status::Failed,
            at: self.shared.store.clock().now(),
            error: Some((failure, why)),
        };
        self.read(self.shared.store.mark(self.lease, mark).await)?;
        self.progress().done(place);
        Ok(true)
    }
}
