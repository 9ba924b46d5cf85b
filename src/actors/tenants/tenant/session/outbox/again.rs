//! What was sent before this outbox lived, and never receipted, is sent again, once, over as many connections as it takes.
//!
//! In its chat it goes before what is new, though WhatsApp has all of it: a phone may have been unable to read a message, and have
//! asked for it again of a process that died. To that phone the repeat is the message, and has to come before those behind it. Chats
//! that have nothing new come when there is nothing new, or by turns: with a pace, a start would hold up everything else.

use chrono::TimeDelta;

use super::round::{BATCH, End, Round, locked};
use crate::domain::phone::Phone;
use crate::store::messages::Due;
use crate::whatsapp::SendError;

/// A receipt that has not come after this long will not come for sending again.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(24);

impl Round {
    /// Finds out which chats have something to catch up with, before anything else of this connection is sent.
    pub(super) async fn bound_catch_up(&self) -> Result<(), End> {
        let Some((after, until)) = locked(&self.catch_up).to_ask() else { return Ok(()) };
        let chats = self.shared.store.unreceipted_chats(self.lease, &self.account, self.since(), after, until).await;
        let chats = self.read(chats)?;
        locked(&self.catch_up).asked(chats);
        Ok(())
    }

    /// Sends again the next few messages that this account sent and that were never receipted: the receipt may have died with the
    /// process that got it. WhatsApp has these already, so whatever it says of the repeat is no news. False when it is over.
    pub(super) async fn catch_up(&self, most: u64) -> Result<bool, End> {
        let Some((after, until)) = locked(&self.catch_up).next() else { return Ok(false) };
        let due = self.unreceipted(after, until, None, most).await?;
        if due.is_empty() {
            locked(&self.catch_up).end();
            return Ok(false);
        }
        for message in due {
            if locked(&self.catch_up).is_left(&message.to, message.seq) {
                self.again(&message, None).await?;
            } else {
                locked(&self.catch_up).passed(message.seq);
            }
        }
        Ok(true)
    }

    /// The same for all that is left of one chat, to which something new is about to go.
    pub(super) async fn catch_up_in(&self, chat: &Phone) -> Result<(), End> {
        loop {
            let Some((after, until)) = locked(&self.catch_up).next_in(chat) else { return Ok(()) };
            let due = self.unreceipted(after, until, Some(chat), BATCH).await?;
            if due.is_empty() {
                locked(&self.catch_up).end_in(chat);
            }
            for message in due {
                if locked(&self.catch_up).is_left(chat, message.seq) {
                    self.again(&message, Some(chat)).await?;
                } else {
                    locked(&self.catch_up).passed_in(chat, message.seq);
                }
            }
        }
    }

    async fn unreceipted(&self, after: i64, until: i64, chat: Option<&Phone>, most: u64) -> Result<Vec<Due>, End> {
        let store = &self.shared.store;
        self.read(store.unreceipted(self.lease, &self.account, self.since(), (after, until), chat, most).await)
    }

    /// Sends one of them: in its place among all, or ahead of that, in its chat.
    async fn again(&self, message: &Due, ahead: Option<&Phone>) -> Result<(), End> {
        self.turn(message, true).await?;
        locked(&self.catch_up).putting(&message.wire_id, message.seq, ahead);
        match self.put_on_the_wire(message).await? {
            Err(SendError::NotConnected) => Err(End::Disconnected),
            put => {
                locked(&self.catch_up).put(&message.wire_id, message.seq, ahead, put.is_ok());
                Ok(())
            }
        }
    }

    fn since(&self) -> chrono::DateTime<chrono::Utc> {
        self.shared.store.clock().now() - RESEND_WITHIN
    }
}
