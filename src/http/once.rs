//! `Idempotency-Key`, as a call to make something brings it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

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

    /// What stands for it where a page's form is sent: the form itself and its words, so that the same is done once, and what was
    /// changed since is another request.
    pub(super) fn of_form(form: Option<uuid::Uuid>, path: &str, words: &[u8]) -> Self {
        let key = form.and_then(|form| {
            let digest = ring::digest::digest(&ring::digest::SHA256, &[path.as_bytes(), b"\n", words].concat());
            let words = BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref());
            format!("form-{form}-{words}").parse().ok()
        });
        Self(Ok(key))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Header {
        Header(text.parse().map(Some).map_err(|_| "must be …".to_owned()))
    }

    #[test]
    fn a_header_that_is_no_key_is_named_beside_the_fields_that_are_wrong() {
        let mut fields = Fields::of_json(br#"{"colour": "green"}"#).unwrap();
        header("not visible").check(&mut fields);
        let named: Vec<_> = fields.finish(Some(())).unwrap_err().fields.into_iter().map(|f| f.field).collect();
        assert_eq!(named, ["Idempotency-Key", "colour"]);
        assert_eq!(header("not visible").once("/keys", b"{}"), None);
    }

    #[test]
    fn the_path_and_the_body_tell_requests_apart() {
        let once = |path, body: &str| header("key").once(path, body.as_bytes()).unwrap();
        assert_eq!(once("/keys", "{}"), once("/keys", "{}"));
        for other in [once("/keys", "{ }"), once("/sessions", "{}")] {
            assert_ne!(other.request, once("/keys", "{}").request);
        }
        assert_eq!(Header(Ok(None)).once("/keys", b"{}"), None);
    }
}
