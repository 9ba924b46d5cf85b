//! `Idempotency-Key`: the same request sent twice is done once.
//!
//! Read by every POST that creates something which stays: messages, sessions, API keys. A stream ticket and a pairing code are no
//! such things: both are worthless in minutes, and whoever lost the answer asks for another. The simulated network's own calls do not
//! read it either.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::error::{Code, Refusal};

/// The longest key, in characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// 1 to 255 visible ASCII characters, chosen by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {IDEMPOTENCY_KEY_MAX} visible characters")]
pub struct NotAnIdempotencyKey;

impl IdempotencyKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAnIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, NotAnIdempotencyKey> {
        let fits = (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned())).ok_or(NotAnIdempotencyKey)
    }
}

/// A request that must be done once: its key, and a digest that tells it from another request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    pub key: IdempotencyKey,
    pub request: [u8; 32],
}

impl Once {
    pub fn new(key: IdempotencyKey, path: &str, body: &[u8]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(path.as_bytes());
        context.update(b"\n");
        context.update(body);
        let mut request = [0; 32];
        request.copy_from_slice(context.finish().as_ref());
        Self { key, request }
    }
}

/// The answer to a request that made something, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where what was made can be read; none for what was only taken on.
    pub location: Option<String>,
    pub body: Vec<u8>,
    /// Given before, to the same request.
    pub replayed: bool,
}

impl Answer {
    /// Something was taken on.
    pub const fn accepted(body: Vec<u8>) -> Self {
        Self { location: None, body, replayed: false }
    }

    /// Something was made, and can be read there.
    pub const fn created(location: String, body: Vec<u8>) -> Self {
        Self { location: Some(location), body, replayed: false }
    }
}

/// A body may show a secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, body, replayed } = self;
        write!(f, "Answer({} bytes, location {location:?}, replayed {replayed})", body.len())
    }
}

/// Why a request under a key is refused whose first request is another, or is still being answered.
pub fn reused() -> Refusal {
    let detail = "This Idempotency-Key was used for another request within the last 24 hours.";
    Refusal::new(Code::IdempotencyKeyReused, detail)
}

pub fn in_progress() -> Refusal {
    let detail = "The first request with this Idempotency-Key is still being answered.";
    Refusal::new(Code::IdempotencyInProgress, detail).after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_and_short() {
        for (text, good) in [
            ("a", true),
            (&*"k".repeat(255), true),
            (&*"k".repeat(256), false),
            ("", false),
            ("a b", false),
            ("é", false),
        ] {
            assert_eq!(text.parse::<IdempotencyKey>().is_ok(), good, "{text}");
        }
    }
}
