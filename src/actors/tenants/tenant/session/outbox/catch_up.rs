//! What was sent before this outbox lived, and never receipted, is sent again, once, over as many connections as it takes.
//!
//! It goes before what is new, though WhatsApp has all of it: a phone may have been unable to read a message, and have asked for it
//! again of a process that died. To that phone the repeat is the message, and has to come before those behind it.

use std::collections::VecDeque;

use chrono::TimeDelta;

use super::round::{End, Round, locked};
use crate::whatsapp::SendError;

/// A receipt that has not come after this long will not come for sending again.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(24);

/// How far it has come. What a connection takes with it when it breaks is only what WhatsApp had not answered: the stanzas of one
/// connection arrive in their order, so an answer to one speaks of all before it.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// Up to here everything has arrived.
    confirmed: i64,
    /// Up to here everything was put on the present connection.
    reached: i64,
    /// Put there and not answered yet, in order.
    unanswered: VecDeque<(String, i64)>,
    /// Nothing more is to be put on this connection.
    ended: bool,
    /// Where it ends: what comes behind was sent in this outbox's life. None until the store was asked.
    end: Option<i64>,
}

impl CatchUp {
    /// A new connection goes on behind what arrived over the one before. A round that still runs on that keeps what is left.
    pub(super) fn anew(&mut self) -> Self {
        let before = std::mem::take(self);
        if before.ended && before.unanswered.is_empty() {
            return before;
        }
        Self { ended: false, reached: before.confirmed, unanswered: VecDeque::new(), ..before }
    }

    /// Sets where it ends; nothing if there is nothing to do.
    fn ends_at(&mut self, last: Option<i64>) {
        self.ended = last.is_none();
        self.end = Some(last.unwrap_or(0));
    }

    /// Where to go on, and up to where; nothing when it is over.
    fn next(&self) -> Option<(i64, i64)> {
        self.end.filter(|_| !self.ended).map(|end| (self.reached, end))
    }

    /// This one is put on the wire now: its answer may come before that is over.
    fn putting(&mut self, wire_id: &str, seq: i64) {
        self.unanswered.push_back((wire_id.to_owned(), seq));
    }

    /// It is there; or it cannot be sent, and no answer will come.
    fn put(&mut self, seq: i64, sent: bool) {
        self.reached = seq;
        if !sent {
            self.unanswered.pop_back_if(|(_, last)| *last == seq);
        }
    }

    /// WhatsApp said something of this message.
    pub(super) fn answered(&mut self, wire_id: &str) {
        if let Some(place) = self.unanswered.iter().position(|(id, _)| id == wire_id) {
            self.confirmed = self.unanswered[place].1;
            self.unanswered.drain(..=place);
        }
    }
}

impl Round {
    /// Finds out where catching up ends, before anything else of this outbox is sent.
    pub(super) async fn bound_catch_up(&self) -> Result<(), End> {
        if locked(&self.catch_up).end.is_some() {
            return Ok(());
        }
        let last = self.shared.store.last_unreceipted(self.lease, &self.account, self.since()).await;
        let last = self.read(last)?;
        locked(&self.catch_up).ends_at(last);
        Ok(())
    }

    /// Sends again the next few messages that this account sent and that were never receipted: the receipt may have died with the
    /// process that got it. WhatsApp has these already, so whatever it says of the repeat is no news. False when it is over.
    pub(super) async fn catch_up(&self, most: u64) -> Result<bool, End> {
        let progress = || locked(&self.catch_up);
        let Some((after, until)) = progress().next() else { return Ok(false) };
        let sent = self.shared.store.unreceipted(self.lease, after, most, &self.account, self.since()).await;
        let mut due = self.read(sent)?;
        due.retain(|message| message.seq <= until);
        if due.is_empty() {
            progress().ended = true;
            return Ok(false);
        }
        for message in due {
            self.turn(&message, true).await?;
            progress().putting(&message.wire_id, message.seq);
            match self.put_on_the_wire(&message).await? {
                Err(SendError::NotConnected) => return Err(End::Disconnected),
                put => progress().put(message.seq, put.is_ok()),
            }
        }
        Ok(true)
    }

    fn since(&self) -> chrono::DateTime<chrono::Utc> {
        self.shared.store.clock().now() - RESEND_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn up_to(end: i64) -> CatchUp {
        let mut catch_up = CatchUp::default();
        assert_eq!(catch_up.next(), None, "nobody knows yet what was sent before");
        catch_up.ends_at(Some(end));
        catch_up
    }

    fn put(catch_up: &mut CatchUp, seq: i64) {
        catch_up.putting(&seq.to_string(), seq);
        catch_up.put(seq, true);
    }

    #[test]
    fn a_connection_that_breaks_in_the_middle_costs_only_what_was_not_answered() {
        let mut catch_up = up_to(7);
        (1..=5).for_each(|seq| put(&mut catch_up, seq));
        catch_up.answered("3");
        catch_up.answered("1");
        catch_up = catch_up.anew();
        assert_eq!(catch_up.next(), Some((3, 7)));
        (4..=7).for_each(|seq| put(&mut catch_up, seq));
        catch_up.ended = true;
        assert_eq!(catch_up.next(), None);
        // The last ones may have been lost; what was sent since is none of its business.
        catch_up.answered("6");
        catch_up = catch_up.anew();
        assert_eq!(catch_up.next(), Some((6, 7)));
        put(&mut catch_up, 7);
        catch_up.ended = true;
        catch_up.answered("7");
        catch_up = catch_up.anew();
        assert_eq!(catch_up.next(), None, "over for good");
    }

    #[test]
    fn what_cannot_be_sent_is_waited_for_by_nobody() {
        let mut catch_up = up_to(2);
        put(&mut catch_up, 1);
        catch_up.putting("2", 2);
        catch_up.put(2, false);
        catch_up.ended = true;
        catch_up.answered("1");
        catch_up = catch_up.anew();
        assert_eq!(catch_up.next(), None);
    }

    proptest! {
        /// Connections that break after any number of messages, of which any number arrived, and of those any were answered.
        #[test]
        fn in_the_end_everything_has_arrived(breaks in vec((0usize..6, 0usize..6, 0usize..6), 0..20), all in 0i64..20) {
            let mut catch_up = up_to(all);
            let mut arrived = vec![0; usize::try_from(all).unwrap() + 1];
            let connection = |catch_up: &mut CatchUp, most: usize, reach: usize, answer: usize, arrived: &mut Vec<u32>| {
                let mut on_it = Vec::new();
                while let Some((after, until)) = catch_up.next().filter(|_| on_it.len() < most) {
                    let next = after + 1;
                    if next > all.min(until) {
                        catch_up.ended = true;
                    } else {
                        put(catch_up, next);
                        on_it.push(next);
                    }
                }
                for (n, seq) in on_it.iter().enumerate().take(reach) {
                    arrived[usize::try_from(*seq).unwrap()] += 1;
                    if n < answer {
                        catch_up.answered(&seq.to_string());
                    }
                }
                *catch_up = catch_up.anew();
            };
            for (most, reach, answer) in breaks {
                connection(&mut catch_up, most, reach, answer, &mut arrived);
            }
            connection(&mut catch_up, usize::MAX, usize::MAX, usize::MAX, &mut arrived);
            prop_assert!(catch_up.next().is_none());
            prop_assert!(arrived.iter().skip(1).all(|times| *times > 0));
        }
    }
}
