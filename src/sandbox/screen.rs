//! What a phone's screen shows.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::SandboxError;
use super::ledger::{LedgerError, ScreenRow};
use crate::domain::phone::Phone;

pub(crate) const TEXT: &str = "text";
/// A message of a type that this phone does not know.
pub(crate) const UNSUPPORTED: &str = "unsupported";
/// Its sender took it back.
pub(crate) const DELETED: &str = "deleted";
/// The types of messages a screen tells apart.
const KINDS: [&str; 14] = [
    TEXT,
    UNSUPPORTED,
    DELETED,
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "reaction",
    "contact",
    "contacts",
    "location",
    "poll",
    "poll_vote",
];

/// A type as the ledger keeps it.
pub(crate) fn kind(name: &str) -> &'static str {
    KINDS.into_iter().find(|kind| *kind == name).unwrap_or(UNSUPPORTED)
}

/// How far an own message has come. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pending = 0,
    Sent = 1,
    Delivered = 2,
    Read = 3,
}

impl Status {
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Pending, Self::Sent, Self::Delivered, Self::Read].into_iter().find(|status| *status as i64 == number)
    }
}

/// One message on a screen. `chat` and `from` are phone numbers, whatever the wire used.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub id: String,
    pub whatsapp_message_id: String,
    pub chat: Phone,
    pub from_me: bool,
    pub from: Phone,
    #[serde(rename = "type")]
    pub kind: String,
    pub text: String,
    pub status: Status,
    pub timestamp: DateTime<Utc>,
}

/// A row of the ledger as callers see it.
pub(crate) fn shown(row: ScreenRow) -> Result<Shown, SandboxError> {
    let phone = |digits: &str| Phone::from_digits(digits).map_err(|_| LedgerError::Corrupt("phone"));
    Ok(Shown {
        id: row.id,
        whatsapp_message_id: row.message_id,
        chat: phone(&row.chat)?,
        from_me: row.from_me,
        from: phone(&row.sender)?,
        kind: row.kind.to_owned(),
        text: row.text,
        status: row.status,
        timestamp: DateTime::from_timestamp_micros(row.timestamp).ok_or(LedgerError::Corrupt("timestamp"))?,
    })
}
