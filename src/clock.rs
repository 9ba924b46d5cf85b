//! The one place that asks for time or chance; clippy refuses both elsewhere, so that a test can decide them.

#![allow(clippy::disallowed_methods, reason = "this is the place the other files are sent to")]

use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

/// Where a system gets its time: the machine's clock, or the machine's clock moved by a test.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    shift: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Clock {
    /// Now, in UTC, cut to microseconds: what every supported database can store.
    pub fn now(&self) -> DateTime<Utc> {
        let shift = TimeDelta::milliseconds(self.shift.load(std::sync::atomic::Ordering::Relaxed));
        let now = Utc::now() + shift;
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// A new id that sorts by time (UUID version 7).
    pub fn id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// Moves this clock, and only this one: tests cross midnight with it.
    pub fn shift(&self, by: TimeDelta) {
        self.shift.fetch_add(by.num_milliseconds(), std::sync::atomic::Ordering::Relaxed);
    }
}

/// A monotonic instant, for durations within the process.
pub fn instant() -> std::time::Instant {
    std::time::Instant::now()
}

/// The machine's source of secret randomness was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoEntropy;

/// Random bytes fit for keys.
pub fn entropy<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

/// A fraction in 0..1 for jitter, where quality does not matter.
pub fn fraction() -> f64 {
    rand::random()
}
