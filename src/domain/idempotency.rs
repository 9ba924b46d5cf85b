//! `Idempotency-Key`: the same request sent twice is done once.

use std::str::FromStr;

/// 1 to 255 visible ASCII characters, chosen by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible characters")]
pub struct NotAnIdempotencyKey;

impl IdempotencyKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAnIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, NotAnIdempotencyKey> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
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
