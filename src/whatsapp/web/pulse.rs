//! Whether an exchange still moves: it may take any time, and stand still for only so long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// When something moved last. Clones are the same pulse.
#[derive(Clone)]
pub(super) struct Pulse {
    last: Arc<Mutex<Instant>>,
    quiet: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing moved for {} seconds", .0.as_secs())]
pub(super) struct StoodStill(Duration);

impl Pulse {
    pub(super) fn new(quiet: Duration) -> Self {
        Self { last: Arc::new(Mutex::new(clock::instant())), quiet }
    }

    pub(super) fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = clock::instant();
    }

    fn ends(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.quiet
    }

    /// Does the work, as long as there is a beat every so often.
    pub(super) async fn alive<T>(&self, work: impl Future<Output = T>) -> Result<T, StoodStill> {
        let mut work = std::pin::pin!(work);
        loop {
            let ends = self.ends();
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(ends.into()) => {
                    if self.ends() == ends {
                        return Err(StoodStill(self.quiet));
                    }
                }
            }
        }
    }
}
