//! `Idempotency-Key`, as a call to make something brings it.

use super::call::Call;
use super::fields::Fields;
use crate::domain::idempotency::{IdempotencyKey, Once};

/// What the header says, if it is there.
pub(super) struct Header(Result<Option<IdempotencyKey>, String>);

impl Header {
    pub(super) fn of(call: &Call) -> Self {
        let given = call.header("idempotency-key").map_err(str::to_owned);
        Self(
            given.and_then(|key| {
                key.map(|key| key.parse::<IdempotencyKey>().map_err(|why| why.to_string())).transpose()
            }),
        )
    }

    /// A header that is no key is named among the fields that are wrong.
    pub(super) fn check(&self, fields: &mut Fields) {
        if let Err(why) = &self.0 {
            fields.wrong("Idempotency-Key", why);
        }
    }

    /// This body at this path, which is always written the same, to be done once.
    pub(super) fn once(self, path: &str, body: &[u8]) -> Option<Once> {
        self.0.ok().flatten().map(|key| Once::new(key, path, body))
    }
}
