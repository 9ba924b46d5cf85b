//! How long an accepted message may wait until WhatsApp has it; after that it fails, and is never sent.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::message::Failure;

const LEAST: Duration = Duration::from_mins(1);
const MOST: Duration = Duration::from_hours(30 * 24);
/// What went onto the wire in its last moment is acknowledged within this time, or not at all: getting there takes 90 s at most, and
/// a connection that says nothing is given up after a minute.
const LAST_WORDS: TimeDelta = TimeDelta::minutes(5);

/// Between a minute and 30 days. "Never" is none of them: no message stays pending for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(TimeDelta);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time from 1 minute to 30 days, such as 90min, 24h or 2days")]
pub struct NotAnExpiry;

impl Expiry {
    /// When a message that was accepted at this moment is put on the wire no more.
    pub fn of(self, accepted: DateTime<Utc>) -> DateTime<Utc> {
        accepted + self.0
    }

    /// What was accepted before this is on no wire any more either, so whatever of it is pending will stay so. A message that went out
    /// in its last moment has until then to be acknowledged: `failed` is final, so it must not be said too early.
    pub fn certain_before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.0 - LAST_WORDS
    }

    /// What such a message fails with. It claims no more than is known: an acknowledgement can be lost.
    pub fn failure(self) -> (Failure, String) {
        let why =
            format!("WhatsApp did not confirm this message within {self} of its acceptance; it is tried no more.");
        (Failure::Expired, why)
    }
}

impl Default for Expiry {
    fn default() -> Self {
        Self(TimeDelta::hours(24))
    }
}

impl FromStr for Expiry {
    type Err = NotAnExpiry;

    fn from_str(text: &str) -> Result<Self, NotAnExpiry> {
        let time = humantime::parse_duration(text.trim()).map_err(|_| NotAnExpiry)?;
        let time = (LEAST..=MOST).contains(&time).then_some(time).ok_or(NotAnExpiry)?;
        TimeDelta::from_std(time).map(Self).map_err(|_| NotAnExpiry)
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.num_minutes();
        let (count, unit) = match minutes {
            _ if minutes % 1440 == 0 && minutes > 1440 => (minutes / 1440, "day"),
            _ if minutes % 60 == 0 => (minutes / 60, "hour"),
            _ => (minutes, "minute"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_humane_time_that_ends() {
        for (text, shown) in [
            ("24h", "24 hours"),
            ("1day", "24 hours"),
            (" 2days ", "2 days"),
            ("90min", "90 minutes"),
            ("60s", "1 minute"),
            ("1h", "1 hour"),
            ("30days", "30 days"),
        ] {
            assert_eq!(text.parse::<Expiry>().unwrap().to_string(), shown, "{text}");
        }
        for wrong in ["", "never", "0", "59s", "31days", "24", "-1h", "9999999999999999years"] {
            assert_eq!(wrong.parse::<Expiry>(), Err(NotAnExpiry), "{wrong}");
        }
        assert_eq!(Expiry::default(), "24h".parse().unwrap());
    }

    #[test]
    fn it_is_said_that_a_message_failed_only_when_no_acknowledgement_can_come_any_more() {
        let (expiry, accepted) = (Expiry::default(), DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        assert!(expiry.certain_before(expiry.of(accepted)) < accepted);
        assert_eq!(expiry.certain_before(expiry.of(accepted) + LAST_WORDS), accepted);
        let (failure, why) = expiry.failure();
        assert!(failure == Failure::Expired && why.contains("24 hours"), "{why}");
    }
}
