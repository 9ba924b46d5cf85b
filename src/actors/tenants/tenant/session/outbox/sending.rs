//! When rounds of sending begin, and what follows from their ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ractor::ActorRef;

use super::round::{End, Pumped, Round, locked};
use super::{Msg, Pace, State};
use crate::actors::system::mailbox::Letter;
use crate::clock;
use crate::domain::id::MessageId;

/// How soon a round begins again that the store or the connection cut short.
const AGAIN: Duration = Duration::from_secs(2);

impl State {
    /// Ends the pauses that are over.
    pub(super) fn resume(&mut self, myself: &ActorRef<Letter<Msg>>) {
        if self.pace == Pace::Paused {
            self.pace = Pace::Idle;
        }
        locked(&self.progress).wake(clock::instant());
        self.pump(myself);
    }

    /// The medium of this message holds up its chat no more: the message goes out, or is passed over.
    pub(super) fn released(&mut self, myself: &ActorRef<Letter<Msg>>, message: MessageId) {
        locked(&self.progress).settle(message);
        self.pump(myself);
    }

    /// Starts a round unless one is under way.
    pub(super) fn pump(&mut self, myself: &ActorRef<Letter<Msg>>) {
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
            catch_up: Arc::clone(&self.catch_up),
            progress: Arc::clone(&self.progress),
            on_its_way: Arc::clone(&self.on_its_way),
            paced: self.paced.clone(),
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

    pub(super) fn pumped(&mut self, myself: &ActorRef<Letter<Msg>>, connection: u64, pumped: Option<Pumped>) {
        self.pace = Pace::Idle;
        self.note_waits(pumped.and_then(|pumped| match pumped.end {
            End::Paced(at) => Some(at),
            _ => None,
        }));
        if connection != self.connection.load(Ordering::Acquire) {
            // Two rounds at once could mix up the order, so the round of the new connection begins only now.
            return self.pump(myself);
        }
        if pumped.is_none() {
            self.vitals.note_error("a round of sending failed");
            locked(&self.progress).failed(clock::instant());
        }
        match pumped.map(|pumped| pumped.end) {
            Some(End::Dry) => {
                let next = locked(&self.progress).next_wake();
                self.set_alarm(myself, next);
                if self.again {
                    self.pump(myself);
                }
            }
            Some(End::Paced(at)) => {
                // All chats wait for the same turn. What came meanwhile is read then.
                self.pace = Pace::Paused;
                self.set_alarm(myself, Some(at));
            }
            // Whatever it was, the connection is still there: what is left is tried again after a while.
            Some(End::Disconnected | End::StoreAway) | None => {
                self.pace = Pace::Paused;
                myself.send_after(AGAIN, || Letter::free(Msg::Resume));
            }
        }
    }

    /// Notes how many chats are held back, and until when; and until when all are.
    fn note_waits(&self, paced: Option<Instant>) {
        let progress = locked(&self.progress);
        let (clock, now) = (self.shared.store.clock().now(), clock::instant());
        let time = |at: Instant| clock + at.saturating_duration_since(now);
        self.figures.waits(progress.waiting(), progress.next_wake().map(time), paced.map(time));
    }

    /// Another pace may be asked for: whether the next message may go now is found out anew.
    pub(super) fn repaced(&mut self, myself: &ActorRef<Letter<Msg>>) {
        self.paced.changed();
        self.resume(myself);
    }

    /// Comes back when the next chat's pause is over, or the next message may go.
    fn set_alarm(&mut self, myself: &ActorRef<Letter<Msg>>, next: Option<Instant>) {
        if let Some(alarm) = self.alarm.take() {
            alarm.abort();
        }
        self.alarm = next.map(|at| {
            let (wait, myself) = (at.saturating_duration_since(clock::instant()), myself.clone());
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = myself.send_message(Letter::free(Msg::Resume));
            })
        });
    }
}
