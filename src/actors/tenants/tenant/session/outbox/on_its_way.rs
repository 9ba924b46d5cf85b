//! What was handed to the network on this connection and is not acknowledged yet: only to time it, so only so much of it is remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Past it nothing more is remembered until something is acknowledged: a network that is so far behind shows in what was timed before.
const MOST: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct OnItsWay(Mutex<HashMap<String, Instant>>);

impl OnItsWay {
    /// Handed over at this time, before which no acknowledgement can come.
    pub(super) fn handed_over(&self, wire_id: &str, at: Instant) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() < MOST {
            sent.insert(wire_id.to_owned(), at);
        }
    }

    /// How long ago it was handed over, if that is remembered. Asked once.
    pub(super) fn acknowledged(&self, wire_id: &str, now: Instant) -> Option<Duration> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.remove(wire_id).map(|at| now.saturating_duration_since(at))
    }

    /// It did not go out.
    pub(super) fn stayed(&self, wire_id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(wire_id);
    }

    /// The connection is another one.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn what_was_handed_over_is_timed_once_and_only_so_much_is_remembered() {
        let (way, at) = (OnItsWay::default(), clock::instant());
        let later = at + Duration::from_millis(30);
        way.handed_over("a", at);
        assert_eq!(way.acknowledged("a", later), Some(Duration::from_millis(30)));
        assert_eq!(way.acknowledged("a", later), None, "an acknowledgement that is repeated");
        way.handed_over("b", at);
        way.stayed("b");
        assert_eq!(way.acknowledged("b", later), None);
        for n in 0..2 * MOST {
            way.handed_over(&n.to_string(), at);
        }
        assert_eq!(way.0.lock().unwrap().len(), MOST);
        way.forget();
        assert_eq!(way.acknowledged("0", later), None);
    }
}
