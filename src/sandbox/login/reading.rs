//! How far a companion is with what the ledger holds for it. What waited while it was away goes out as the real network does
//! it: announced, a first few stanzas at once, and the rest as the companion asks for it with `<ib><offline_batch count>`
//! (`whatsapp-rust/src/client/offline_resume.rs`, and Baileys' `CB:ib,,offline_preview`).

use std::time::{Duration, Instant};

/// Stanzas read from the ledger at once.
const PAGE: i64 = 64;
/// What is sent unasked of what waited.
const PRIMER: i64 = 5;
/// How long the rest waits for being asked for. The real network would wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) enum Reading {
    /// The companion is not ready for anything yet.
    Passive,
    Offline(Offline),
    /// The ledger holds more than was handed over.
    Behind,
    /// What comes is handed over.
    Live,
}

/// What waited for the companion, on its way.
pub(super) struct Offline {
    left: i64,
    sent: i64,
    /// How much more may go out before it is asked for.
    allowed: i64,
    /// When something was asked for, or announced.
    since: Instant,
}

impl Reading {
    pub(super) fn offline(waiting: i64, now: Instant) -> Self {
        Self::Offline(Offline { left: waiting, sent: 0, allowed: PRIMER, since: now })
    }

    pub(super) const fn is_passive(&self) -> bool {
        matches!(self, Self::Passive)
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }

    pub(super) const fn is_offline(&self) -> bool {
        matches!(self, Self::Offline(_))
    }

    /// How many stanzas may be read from the ledger now.
    pub(super) fn page(&self) -> Option<i64> {
        match self {
            Self::Offline(offline) => Some(PAGE.min(offline.allowed).min(offline.left)).filter(|most| *most > 0),
            Self::Behind => Some(PAGE),
            Self::Passive | Self::Live => None,
        }
    }

    /// A page was sent. How many of what waited were sent, if that was all of it.
    pub(super) fn sent(&mut self, page: i64) -> Option<i64> {
        let Self::Offline(offline) = self else { return None };
        offline.left -= page;
        offline.sent += page;
        offline.allowed -= page;
        // Something may have been confirmed on an older connection since it was counted.
        (page == 0 || offline.left <= 0).then_some(offline.sent)
    }

    /// The companion asks for so many more.
    pub(super) fn asked(&mut self, count: u32, now: Instant) {
        if let Self::Offline(offline) = self {
            offline.allowed = offline.allowed.saturating_add(count.into());
            offline.since = now;
        }
    }

    /// Until when the companion may ask, if nothing goes out before it does.
    pub(super) fn patience(&self) -> Option<Instant> {
        match self {
            Self::Offline(offline) if offline.allowed <= 0 => Some(offline.since + PATIENCE),
            _ => None,
        }
    }

    /// The rest goes out unasked. How many that are.
    pub(super) fn give_up(&mut self) -> i64 {
        let Self::Offline(offline) = self else { return 0 };
        offline.allowed = offline.left;
        offline.left
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, PATIENCE, Reading};
    use crate::clock::instant;

    #[test]
    fn a_few_go_out_unasked_and_the_rest_as_it_is_asked_for() {
        let now = instant();
        let mut reading = Reading::offline(210, now);
        assert_eq!((reading.page(), reading.patience()), (Some(5), None));
        assert_eq!(reading.sent(5), None);
        assert_eq!((reading.page(), reading.patience()), (None, Some(now + PATIENCE)));
        reading.asked(200, now);
        for _ in 0..3 {
            assert_eq!(reading.page(), Some(PAGE));
            assert_eq!(reading.sent(PAGE), None);
        }
        assert_eq!(reading.page(), Some(200 - 3 * PAGE));
        assert_eq!(reading.sent(200 - 3 * PAGE), None);
        assert_eq!(reading.page(), None);
        assert_eq!(reading.give_up(), 5);
        assert_eq!(reading.page(), Some(5));
        assert_eq!(reading.sent(5), Some(210));
    }

    #[test]
    fn what_was_counted_and_is_gone_does_not_hold_up_the_end() {
        let mut reading = Reading::offline(3, instant());
        assert_eq!(reading.sent(2), None);
        assert_eq!(reading.sent(0), Some(2));
    }
}
