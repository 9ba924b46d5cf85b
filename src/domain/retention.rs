//! How long messages are kept after they are settled.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

const LEAST: Duration = Duration::from_hours(2 * 24);
const MOST: Duration = Duration::from_hours(3660 * 24);
/// What was sent and never receipted is kept at least as long as WhatsApp keeps it for its recipient: its receipt may yet come.
const UNRECEIPTED: TimeDelta = TimeDelta::days(30);
/// The event log is there for streams that resume, and nobody resumes after this long.
const EVENTS: TimeDelta = TimeDelta::days(30);

/// For ever, unless somebody says otherwise: what a tenant sent and received is not ours to throw away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention(Option<TimeDelta>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be forever, or a time from 2 days to 10 years, such as 90days or 1year")]
pub struct NotARetention;

/// What was accepted, received or logged before these moments is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// None: messages are kept for ever.
    pub messages: Option<DateTime<Utc>>,
    /// Of those that were sent and never receipted.
    pub unreceipted: Option<DateTime<Utc>>,
    pub events: DateTime<Utc>,
}

impl Retention {
    pub fn before(self, now: DateTime<Utc>) -> Before {
        let messages = self.0.map(|kept| now - kept);
        Before {
            messages,
            unreceipted: messages.map(|messages| messages.min(now - UNRECEIPTED)),
            events: messages.map_or(now - EVENTS, |messages| messages.max(now - EVENTS)),
        }
    }
}

impl FromStr for Retention {
    type Err = NotARetention;

    fn from_str(text: &str) -> Result<Self, NotARetention> {
        if text.trim() == "forever" {
            return Ok(Self(None));
        }
        let time = humantime::parse_duration(text.trim()).map_err(|_| NotARetention)?;
        let time = (LEAST..=MOST).contains(&time).then_some(time).ok_or(NotARetention)?;
        TimeDelta::from_std(time).map(|kept| Self(Some(kept))).map_err(|_| NotARetention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept_for_ever_or_for_days_at_least() {
        assert_eq!("forever".parse(), Ok(Retention::default()));
        for text in ["2days", "90d", "1year", " 10years "] {
            assert!(text.parse::<Retention>().is_ok(), "{text}");
        }
        for wrong in ["", "never", "0", "1day", "11years", "90"] {
            assert_eq!(wrong.parse::<Retention>(), Err(NotARetention), "{wrong}");
        }
    }

    #[test]
    fn what_has_no_receipt_is_kept_as_long_as_one_may_come() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let days = |days| now - TimeDelta::days(days);
        let forever = Retention::default().before(now);
        assert_eq!((forever.messages, forever.unreceipted, forever.events), (None, None, days(30)));
        let week = "7days".parse::<Retention>().unwrap().before(now);
        assert_eq!((week.messages, week.unreceipted, week.events), (Some(days(7)), Some(days(30)), days(7)));
        let quarter = "90days".parse::<Retention>().unwrap().before(now);
        assert_eq!((quarter.messages, quarter.unreceipted, quarter.events), (Some(days(90)), Some(days(90)), days(30)));
    }
}
