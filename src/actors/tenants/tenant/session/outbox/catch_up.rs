//! What was sent before this outbox lived, and never receipted, is sent again, once.

use chrono::TimeDelta;

use super::round::{BATCH, End, Round};
use crate::whatsapp::SendError;

/// A receipt that has not come after this long will not come for sending again.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(24);

impl Round {
    /// Sends again, once, what this account sent and was never receipted: the receipt may have died with the process that got it.
    /// WhatsApp has these already, so whatever it says of the repeat is no news.
    pub(super) async fn catch_up(&self) -> Result<(), End> {
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
}
