//! Pacing: when the next message of a session may go, so that its account writes no faster than a person, and lives longer.
//!
//! WhatsApp publishes no figures for accounts such as these. What is published is for the Cloud API, another product: one message
//! every six seconds to the same person, about ten a minute
//! (<https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits>). The default takes that for all that a
//! session sends, whoever it is for.

use std::collections::VecDeque;
use std::time::Duration;

/// The fastest that can be asked for; without pacing there is no limit.
pub const PER_MINUTE_MAX: u32 = 600;
/// Percent.
pub const JITTER_MAX: u32 = 100;

const MINUTE: Duration = Duration::from_mins(1);
/// How long a letter takes: people type some 36 words a minute on a phone (Palin et al., "How do people type on mobile devices?", 2019).
const LETTER: Duration = Duration::from_millis(330);
/// No text is typed longer, since nobody wants to wait for it.
const TYPING_MAX: Duration = Duration::from_secs(6);

/// What a tenant asks for. What is not said is as the network has it by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pacing {
    /// Messages a minute at most; 0 is no pacing.
    pub per_minute: Option<u32>,
    /// By how many percent of the time between two messages the next one is late, at most.
    pub jitter: Option<u32>,
    /// Whether the chat shows that a text is being typed before it comes.
    pub typing: Option<bool>,
}

/// What a session keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// None: as fast as it goes.
    pub rate: Option<u32>,
    pub jitter: u32,
    pub typing: bool,
}

impl Pace {
    /// On a network where no account can be lost.
    pub const OFF: Self = Self { rate: None, jitter: 50, typing: false };
    /// On WhatsApp.
    pub const CAREFUL: Self = Self { rate: Some(10), jitter: 50, typing: true };

    /// This, where nothing else is asked for.
    #[must_use]
    pub fn with(self, asked: Pacing) -> Self {
        Self {
            rate: asked.per_minute.map_or(self.rate, |rate| Some(rate).filter(|rate| *rate > 0)),
            jitter: asked.jitter.unwrap_or(self.jitter),
            typing: asked.typing.unwrap_or(self.typing),
        }
    }

    /// How long this text is typed.
    pub fn typed(self, text: &str) -> Duration {
        let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        LETTER.saturating_mul(letters).min(TYPING_MAX)
    }

    /// How many messages may go at once after a while of silence.
    fn burst(rate: u32) -> u32 {
        (rate / 4).clamp(1, 5)
    }
}

/// What a session sent, as far as the next message depends on it. Times are counted from some moment before.
#[derive(Debug, Clone)]
pub struct Pacer {
    sends: VecDeque<Duration>,
    last: Duration,
    /// When all that was sent would have been sent, evenly. None: as much as may be was sent at once, and last.
    due: Option<Duration>,
    /// Drawn once for each message.
    fraction: f64,
}

impl Pacer {
    /// What was sent before is not known, so it is taken for as much as may be.
    pub const fn new(now: Duration) -> Self {
        Self { sends: VecDeque::new(), last: now, due: None, fraction: 0.0 }
    }

    /// When the next message may go. It may be past.
    pub fn next(&self, pace: Pace) -> Duration {
        let Some(rate) = pace.rate else { return Duration::ZERO };
        let gap = MINUTE / rate.max(1);
        let even = self.due(rate, gap).saturating_sub(gap * (Pace::burst(rate) - 1));
        let a_minute_ago = self.sends.len().checked_sub(rate as usize).and_then(|nth| self.sends.get(nth));
        let full = a_minute_ago.map_or(Duration::ZERO, |sent| *sent + MINUTE);
        let late = gap.mul_f64(f64::from(pace.jitter.min(JITTER_MAX)) / 100.0 * self.fraction.clamp(0.0, 1.0));
        even.max(full).max(self.last) + late
    }

    /// A message goes, or goes again. The fraction, from 0 to 1, decides how late the next one is.
    pub fn sent(&mut self, pace: Pace, now: Duration, fraction: f64) {
        self.due = pace.rate.map(|rate| {
            let gap = MINUTE / rate.max(1);
            self.due(rate, gap).max(now) + gap
        });
        (self.last, self.fraction) = (now, fraction);
        self.sends.push_back(now);
        while self.sends.len() > PER_MINUTE_MAX as usize {
            self.sends.pop_front();
        }
    }

    fn due(&self, rate: u32, gap: Duration) -> Duration {
        self.due.unwrap_or(self.last + gap * Pace::burst(rate))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const fn pace(rate: u32, jitter: u32) -> Pace {
        Pace { rate: Some(rate), jitter, typing: false }
    }

    /// Sends as soon as it may, after these silences; when each went.
    fn sends(pacer: &mut Pacer, pace: Pace, start: Duration, silences: &[(u64, f64)]) -> Vec<Duration> {
        let mut now = start;
        let send = |(silence, fraction): &(u64, f64)| {
            now = (now + Duration::from_millis(*silence)).max(pacer.next(pace));
            pacer.sent(pace, now, *fraction);
            now
        };
        silences.iter().map(send).collect()
    }

    #[test]
    fn after_a_silence_some_go_at_once_and_the_others_evenly() {
        let (pace, begun) = (pace(20, 0), Duration::from_secs(100));
        let mut pacer = Pacer::new(begun);
        assert_eq!(pacer.next(pace), begun + Duration::from_secs(3), "what was before is not known");
        let later = Duration::from_mins(10);
        let went = sends(&mut pacer, pace, later, &[(0, 0.0); 8]);
        let seconds: Vec<u64> = went.iter().map(|at| at.saturating_sub(later).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 0, 3, 6, 9]);
    }

    #[test]
    fn what_is_asked_for_stands_before_the_default() {
        let asked = |per_minute| Pacing { per_minute, ..Pacing::default() };
        assert_eq!(Pace::CAREFUL.with(Pacing::default()), Pace::CAREFUL);
        assert_eq!(Pace::CAREFUL.with(asked(Some(0))).rate, None);
        assert_eq!(Pace::OFF.with(asked(Some(7))), Pace { rate: Some(7), ..Pace::OFF });
        let still = Pacing { typing: Some(false), jitter: Some(3), per_minute: None };
        assert_eq!(Pace::CAREFUL.with(still), Pace { typing: false, jitter: 3, ..Pace::CAREFUL });
        assert_eq!(Pacer::new(MINUTE).next(Pace::OFF), Duration::ZERO);
    }

    #[test]
    fn a_text_is_typed_as_long_as_it_is_within_reason() {
        let typed = |letters: usize| Pace::CAREFUL.typed(&"é".repeat(letters)).as_millis();
        assert_eq!((typed(1), typed(10), typed(65_536)), (330, 3300, 6000));
    }

    #[test]
    fn a_pace_that_changes_counts_what_went_before() {
        let mut pacer = Pacer::new(Duration::ZERO);
        sends(&mut pacer, Pace::OFF, MINUTE, &[(0, 0.0); 50]);
        assert_eq!(pacer.next(pace(1, 0)), MINUTE * 2);
        assert_eq!(pacer.next(pace(60, 0)), MINUTE + Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_rate_and_nobody_waits_for_ever(
            rate in 1..=PER_MINUTE_MAX,
            jitter in 0..=JITTER_MAX,
            changed in 1..=PER_MINUTE_MAX,
            silences in vec((prop_oneof![4 => Just(0_u64), 1 => 0..90_000_u64], 0.0..1.0), 1..700),
        ) {
            let mut pacer = Pacer::new(Duration::ZERO);
            // Paced in some other way before, or not at all.
            sends(&mut pacer, if changed % 2 == 0 { Pace::OFF } else { pace(changed, jitter) }, Duration::ZERO, &silences[..silences.len() / 3]);
            let (pace, before) = (pace(rate, jitter), pacer.last);
            let went = sends(&mut pacer, pace, before, &silences);
            let (gap, burst) = (MINUTE / rate, Pace::burst(rate) as usize);
            for (n, first) in went.iter().enumerate() {
                let within = |window: Duration| went[n..].iter().take_while(|at| **at < *first + window).count();
                prop_assert!(within(MINUTE) <= rate as usize, "{} in a minute at {rate}", within(MINUTE));
                prop_assert!(within(gap * 3) <= burst + 3, "{} in three gaps at {rate}", within(gap * 3));
                if let Some(next) = went.get(n + 1) {
                    // In their order, and none later than what the rate, all of a minute and the jitter make of it.
                    prop_assert!(next >= first && next.saturating_sub(*first) <= Duration::from_millis(silences[n + 1].0).max(MINUTE) + 2 * gap);
                }
            }
        }
    }
}
