//! Attempts that a tenant asks for, by a restart or a new way: however often it asks, few come of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Effect, Life};

/// Attempts that are asked for begin at least so far apart: each is a connection that WhatsApp sees, and it has little patience with
/// accounts that come again and again.
pub const ASKED_GAP: Duration = Duration::from_secs(3);

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// When the last attempt began that was.
    last: Option<DateTime<Utc>>,
    /// The next one waits for its turn; whether with new keys.
    waiting: Option<bool>,
}

impl Asked {
    /// The same after an end that nothing is to follow.
    pub(super) fn dropped(self) -> Self {
        Self { waiting: None, ..self }
    }

    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// When the next attempt may begin, if not now.
    fn turn(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let gap = TimeDelta::from_std(ASKED_GAP).unwrap_or_default();
        // A clock that was put back makes nobody wait longer.
        self.last.map(|last| last + gap).filter(|turn| *turn > now && *turn - now <= gap)
    }
}

impl Life {
    /// Begins again, now or when it is its turn; whatever runs is let go in any case. Whoever asks while it waits has it with this one.
    pub(super) fn ask(self, fresh: bool, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        let Some(until) = self.asked.turn(now) else { return self.go(fresh, now) };
        let asked = Asked { waiting: Some(fresh || self.asked.waiting == Some(true)), ..self.asked };
        if self.asked.is_waiting() {
            return (Self { asked, ..self }, vec![]);
        }
        let stage = self.on_its_way();
        let next = Self { stage, asked, attempt: 0, fault: None, open: false, paired: false, ..self };
        (next, vec![Effect::Close, Effect::Record, Effect::AwaitTurn { until }])
    }

    /// The wait is over.
    pub(super) fn turn(self, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        match (self.asked.waiting, self.asked.turn(now)) {
            (None, _) => (self, vec![]),
            (Some(_), Some(until)) => (self, vec![Effect::AwaitTurn { until }]),
            (Some(fresh), None) => self.go(fresh, now),
        }
    }

    fn go(self, fresh: bool, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        Self { asked: Asked { last: Some(now), waiting: None }, ..self }.anew(fresh)
    }
}
