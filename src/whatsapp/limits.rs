//! What an account does beside its messages so that it passes for a person's, and what the network tells of its limits.

use chrono::{DateTime, Utc};

use super::Link;
use super::encode::SendError;
use crate::domain::phone::Phone;
use whatsapp_rust::features::{ChatStateError, ReachoutTimelock};

impl Link {
    /// Shows the chat that something is being typed.
    pub async fn composing(&self, to: &Phone) -> Result<(), SendError> {
        if !self.is_ready() {
            return Err(SendError::NotConnected);
        }
        let to = self.address_of(to).await?;
        self.client.chatstate().send_composing(&to).await.map_err(|error| refused(&error))
    }

    /// Until when the account may not write to strangers, if the network says so: it tells nobody of it who does not ask. What it
    /// knows of its cap on new chats (code 475) has no call in the protocol crate.
    pub async fn locked_until(&self) -> Option<DateTime<Utc>> {
        let lock = self.client.mex().fetch_reachout_timelock().await;
        until(&lock.inspect_err(|error| tracing::info!(%error, "the network did not tell of its lock")).ok()?)
    }
}

fn refused(error: &ChatStateError) -> SendError {
    SendError::Temporary(error.to_string())
}

/// A lock is told with its end in seconds since 1970.
fn until(lock: &ReachoutTimelock) -> Option<DateTime<Utc>> {
    let end = lock.time_enforcement_ends.as_deref().filter(|_| lock.is_active == Some(true))?;
    DateTime::from_timestamp(end.parse().ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lock_that_is_in_force_has_an_end() {
        let lock = |active, end: Option<&str>| {
            until(&ReachoutTimelock {
                is_active: active,
                time_enforcement_ends: end.map(str::to_owned),
                enforcement_type: None,
            })
        };
        assert_eq!(lock(Some(true), Some("1770000000")), DateTime::from_timestamp(1_770_000_000, 0));
        for (active, end) in [
            (Some(false), Some("1770000000")),
            (None, Some("1770000000")),
            (Some(true), None),
            (Some(true), Some("soon")),
        ] {
            assert_eq!(lock(active, end), None, "{active:?} {end:?}");
        }
    }
}
