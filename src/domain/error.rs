//! Every way a call can be refused: one closed list of stable codes. Which HTTP status each has stands in `http/reply.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stable name for a refusal. Callers match on it; sentences may change, these do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    BodyTooLarge,
    BodyTooSlow,
    DailyLimitReached,
    DownloadLimitReached,
    FormRefused,
    HeadersTooLarge,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InternalError,
    InvalidApiKey,
    InvalidStreamTicket,
    KeyLimitReached,
    MalformedJson,
    MalformedRequest,
    MediaCorrupt,
    MediaExpired,
    MediaTooLarge,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    NotReady,
    OperatorOnly,
    PairingCodeNotUsable,
    PairingCodeRefused,
    PhoneNotFound,
    PhoneOffline,
    QrNotUsable,
    RateLimited,
    SandboxUnreachable,
    SessionKeyTaken,
    SessionLimitReached,
    SessionNotConnected,
    SessionNotPairing,
    Overloaded,
    Stopping,
    StreamLimitReached,
    UnsupportedMediaType,
    UploadLimitReached,
    UriTooLong,
    ValidationFailed,
    WhatsAppUnanswered,
}

impl Code {
    pub const ALL: [Self; 41] = [
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::DailyLimitReached,
        Self::DownloadLimitReached,
        Self::FormRefused,
        Self::HeadersTooLarge,
        Self::IdempotencyInProgress,
        Self::IdempotencyKeyReused,
        Self::InternalError,
        Self::InvalidApiKey,
        Self::InvalidStreamTicket,
        Self::KeyLimitReached,
        Self::MalformedJson,
        Self::MalformedRequest,
        Self::MediaCorrupt,
        Self::MediaExpired,
        Self::MediaTooLarge,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::NotFound,
        Self::NotReady,
        Self::OperatorOnly,
        Self::PairingCodeNotUsable,
        Self::PairingCodeRefused,
        Self::PhoneNotFound,
        Self::PhoneOffline,
        Self::QrNotUsable,
        Self::RateLimited,
        Self::SandboxUnreachable,
        Self::SessionKeyTaken,
        Self::SessionLimitReached,
        Self::SessionNotConnected,
        Self::SessionNotPairing,
        Self::Overloaded,
        Self::Stopping,
        Self::StreamLimitReached,
        Self::UnsupportedMediaType,
        Self::UploadLimitReached,
        Self::UriTooLong,
        Self::ValidationFailed,
        Self::WhatsAppUnanswered,
    ];

    /// The code on the wire and its title, in that order.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::BodyTooLarge => ("body_too_large", "The body is too large"),
            Self::BodyTooSlow => ("body_too_slow", "The body did not arrive in time"),
            Self::DailyLimitReached => ("daily_limit_reached", "The day's messages are used up"),
            Self::DownloadLimitReached => ("download_limit_reached", "There are too many downloads"),
            Self::FormRefused => ("form_refused", "The form is not one of this site's pages"),
            Self::HeadersTooLarge => ("headers_too_large", "The headers are too large"),
            Self::IdempotencyInProgress => {
                ("idempotency_in_progress", "The first request with this key is not answered yet")
            }
            Self::IdempotencyKeyReused => ("idempotency_key_reused", "The idempotency key belongs to another request"),
            Self::InternalError => ("internal_error", "Something went wrong on our side"),
            Self::InvalidApiKey => ("invalid_api_key", "The API key is missing or not valid"),
            Self::InvalidStreamTicket => ("invalid_stream_ticket", "The stream ticket is not valid"),
            Self::KeyLimitReached => ("key_limit_reached", "There are too many API keys"),
            Self::MalformedJson => ("malformed_json", "The body is not JSON"),
            Self::MalformedRequest => ("malformed_request", "The request cannot be read"),
            Self::MediaCorrupt => ("media_corrupt", "The medium is not what its sender sent"),
            Self::MediaExpired => ("media_expired", "WhatsApp has the medium no longer"),
            Self::MediaTooLarge => ("media_too_large", "The medium is too large"),
            Self::MethodNotAllowed => ("method_not_allowed", "The method is not allowed here"),
            Self::NotAcceptable => ("not_acceptable", "The answer comes in no accepted form"),
            Self::NotFound => ("not_found", "There is nothing here"),
            Self::NotReady => ("not_ready", "The server is not ready"),
            Self::OperatorOnly => ("operator_only", "This is for the operator"),
            Self::PairingCodeNotUsable => ("pairing_code_not_usable", "The pairing code cannot be used"),
            Self::PairingCodeRefused => ("pairing_code_refused", "WhatsApp gave no pairing code"),
            Self::PhoneNotFound => ("phone_not_found", "The simulated phone does not exist"),
            Self::PhoneOffline => ("phone_offline", "The simulated phone is offline"),
            Self::QrNotUsable => ("qr_not_usable", "The QR code cannot be used"),
            Self::RateLimited => ("rate_limited", "Too many calls at once"),
            Self::SandboxUnreachable => ("sandbox_unreachable", "The simulated network cannot be reached"),
            Self::SessionKeyTaken => ("session_key_taken", "The session key is taken"),
            Self::SessionLimitReached => ("session_limit_reached", "The plan's sessions are used up"),
            Self::SessionNotConnected => ("session_not_connected", "The session is not connected"),
            Self::SessionNotPairing => ("session_not_pairing", "The session does not wait to be linked"),
            Self::Overloaded => ("overloaded", "The server is busy"),
            Self::Stopping => ("stopping", "The server is stopping"),
            Self::StreamLimitReached => ("stream_limit_reached", "There are too many open streams"),
            Self::UnsupportedMediaType => ("unsupported_media_type", "The body's type is not supported"),
            Self::UploadLimitReached => ("upload_limit_reached", "There are too many uploads"),
            Self::UriTooLong => ("uri_too_long", "The address is too long"),
            Self::ValidationFailed => ("validation_failed", "The request is not valid"),
            Self::WhatsAppUnanswered => ("whatsapp_unanswered", "WhatsApp did not answer"),
        }
    }

    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    pub const fn title(self) -> &'static str {
        self.words().1
    }
}

/// One field of a request that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field under the name that it was given; of a query or a header, that name.
    pub field: String,
    /// What is wrong with it, to be read after its name: `must be a UUID`.
    pub message: String,
}

impl FieldError {
    pub fn new(field: &str, message: &(impl ToString + ?Sized)) -> Self {
        Self { field: field.to_owned(), message: message.to_string() }
    }
}

/// What to do when it is not known whether a call was done.
const LOOK: &str = "Look before you ask again";

/// A call that was refused: a code, a sentence that a person can act on, and when to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub detail: String,
    pub fields: Vec<FieldError>,
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), retry_after: None }
    }

    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let names: Vec<&str> = fields.iter().map(|f| f.field.as_str()).collect();
        let detail = format!("Correct: {}.", names.join(", "));
        Self { fields, ..Self::new(Code::ValidationFailed, detail) }
    }

    pub fn field(field: &str, message: &(impl ToString + ?Sized)) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// The same for an id that never existed and for one of another tenant.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "No such resource.")
    }

    /// The same for every ticket that does not open the stream it was shown for.
    pub fn invalid_ticket() -> Self {
        let detail = "This ticket does not open this stream, or does so no longer; ask for another with POST /api/v1/stream-tickets.";
        Self::new(Code::InvalidStreamTicket, detail)
    }

    /// A queue is full: nothing was done, and the same call may succeed soon.
    pub fn overloaded() -> Self {
        Self::new(Code::Overloaded, "A queue is full; nothing was done. Try again shortly.")
            .after(Duration::from_secs(1))
    }

    /// The answer took too long. What was asked may still happen.
    pub fn unanswered() -> Self {
        let detail = format!("The answer took too long, and what was asked may still happen. {LOOK}.");
        Self::new(Code::Overloaded, detail).after(Duration::from_secs(5))
    }

    /// The database does not answer. A commit whose answer was lost may stand all the same.
    pub fn away() -> Self {
        let detail =
            format!("The database does not answer just now, so what was asked may or may not be done. {LOOK}.");
        Self::new(Code::NotReady, detail).after(Duration::from_secs(5))
    }

    /// The same for a call that reads an `Idempotency-Key`: where it is not known what happened, there is a better way than to look.
    #[must_use]
    pub fn of_keyed_call(self) -> Self {
        let better = format!("{LOOK}, or use an Idempotency-Key.");
        Self { detail: self.detail.replace(&format!("{LOOK}."), &better), ..self }
    }

    pub fn stopping() -> Self {
        Self::new(Code::Stopping, "The server is stopping; nothing was done.").after(Duration::from_secs(2))
    }

    pub fn internal() -> Self {
        Self::new(Code::InternalError, "The request id names this failure in the server's log.")
    }

    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name() {
        let mut names: Vec<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn an_idempotency_key_is_advised_only_where_one_is_read() {
        for refusal in [Refusal::unanswered(), Refusal::away()] {
            assert!(refusal.detail.ends_with("Look before you ask again."), "{}", refusal.detail);
            let keyed = refusal.of_keyed_call().detail;
            assert!(keyed.ends_with("Look before you ask again, or use an Idempotency-Key."), "{keyed}");
        }
        assert_eq!(Refusal::overloaded().of_keyed_call(), Refusal::overloaded());
    }
}
