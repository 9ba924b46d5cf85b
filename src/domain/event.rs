//! Events: what the log keeps and what a session's stream tells.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::SessionId;
use super::qr::QrCode;

/// How times are written everywhere: RFC 3339, UTC, milliseconds, `Z`.
pub mod time {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::Serializer;

    pub fn text(at: &DateTime<Utc>) -> String {
        at.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    pub fn always<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(at))
    }

    #[allow(clippy::ref_option, reason = "serde passes the field by reference")]
    pub fn option<S: Serializer>(at: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => always(at, to),
            None => to.serialize_none(),
        }
    }
}

/// The names of what the log holds about messages.
pub const MESSAGE_ACCEPTED: &str = "message.accepted";
pub const MESSAGE_RECEIVED: &str = "message.received";
/// The names of what the log holds about sessions, which are also the stream's.
pub const SESSION_CONNECTED: &str = "session.connected";
pub const SESSION_ERROR: &str = "session.error";

/// The name of the event that a sent message reached a status.
pub const fn of_status(status: super::message::Status) -> &'static str {
    use super::message::Status;
    match status {
        Status::Pending => MESSAGE_ACCEPTED,
        Status::Sent => "message.sent",
        Status::Delivered => "message.delivered",
        Status::Read => "message.read",
        Status::Failed => "message.failed",
    }
}

/// What a session's stream tells its watchers (the wire contract, section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StreamEvent {
    /// A code to scan. It links an account, so it is a secret: never stored, never replayed once it expired.
    #[serde(rename_all = "camelCase")]
    Qr {
        session_id: SessionId,
        qr: QrCode,
        #[serde(serialize_with = "time::always")]
        expires_at: DateTime<Utc>,
    },
    #[serde(rename_all = "camelCase")]
    Connected {
        session_id: SessionId,
        phone_number: String,
        #[serde(serialize_with = "time::always")]
        connected_at: DateTime<Utc>,
    },
    #[serde(rename_all = "camelCase")]
    Error {
        session_id: SessionId,
        code: String,
        message: String,
        #[serde(rename = "final")]
        last: bool,
    },
}

impl StreamEvent {
    /// The event's name on the stream.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Qr { .. } => "qr",
            Self::Connected { .. } => "connected",
            Self::Error { .. } => "error",
        }
    }

    /// Whether this is a code that nobody can scan any more.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Qr { expires_at, .. } => *expires_at <= now,
            Self::Connected { .. } | Self::Error { .. } => false,
        }
    }

    /// The event's kind in the log; a QR code has none, since it is never stored.
    pub const fn logged_as(&self) -> Option<&'static str> {
        match self {
            Self::Qr { .. } => None,
            Self::Connected { .. } => Some(SESSION_CONNECTED),
            Self::Error { .. } => Some(SESSION_ERROR),
        }
    }
}

/// A place in a session's stream: the last logged event before it. `Last-Event-ID` brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub i64);

impl Position {
    /// Reads what a client sends back; anything that is none of ours starts the stream afresh.
    pub fn parse(text: &str) -> Option<Self> {
        text.split('-').next()?.parse().ok().filter(|seq| *seq >= 0).map(Self)
    }
}
