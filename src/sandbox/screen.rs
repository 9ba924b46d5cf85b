//! What a phone's screen shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SandboxError;
use super::ledger::{Fetched, LedgerError, ScreenRow};
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

/// The types that carry a medium.
pub(crate) fn is_medium(kind: &str) -> bool {
    matches!(kind, "image" | "video" | "audio" | "document" | "sticker")
}

/// What a message says of its medium.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShownMedium)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    pub mime: Option<String>,
    /// Bytes, decrypted. What was counted takes the place of what was said.
    pub size: Option<u64>,
    pub file_name: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_seconds: Option<u32>,
    /// A voice note, and not a piece of music. Only audio says so or not.
    pub voice: Option<bool>,
    /// Of a voice note: how loud it is from beginning to end, in values from 0 to 100.
    #[schema(value_type = Option<Vec<u8>>)]
    pub waveform: Option<Vec<u8>>,
    /// A video that plays by itself, over and over. Only videos say so or not.
    pub gif: Option<bool>,
    /// The small picture that came with the message, in base64.
    pub thumbnail: Option<String>,
}

/// How far an own message has come. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = ShownStatus)]
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
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ShownMessage)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Its id on this screen.
    pub id: String,
    /// Its id on WhatsApp, which the sender knows too.
    pub whatsapp_message_id: String,
    pub chat: Phone,
    pub from_me: bool,
    pub from: Phone,
    /// What the phone takes it for: `text`, `image`, `video`, `audio`, `deleted`, `unsupported`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The words of a message, whatever its type.
    pub text: String,
    /// The words under a medium, if there are any.
    pub caption: Option<String>,
    #[serde(flatten)]
    pub facts: Facts,
    /// Of what the phone has fetched, checked and decrypted, in hexadecimal digits; none until then.
    pub sha256: Option<String>,
    /// Why it could not.
    pub media_error: Option<String>,
    pub status: Status,
    pub timestamp: DateTime<Utc>,
}

/// A part of a screen, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Screen)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub messages: Vec<Shown>,
    /// Where the next page begins, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_after: Option<String>,
}

/// A row of the ledger as callers see it.
pub(crate) fn shown(row: ScreenRow) -> Result<Shown, SandboxError> {
    let phone = |digits: &str| Phone::from_digits(digits).map_err(|_| LedgerError::Corrupt("phone"));
    let caption = (is_medium(row.kind) && !row.text.is_empty()).then(|| row.text.clone());
    let (mut facts, mut sha256, mut media_error) = (Facts::default(), None, None);
    if let Some(medium) = row.medium {
        facts = medium.facts;
        match medium.fetched {
            Fetched::Due => {}
            Fetched::Here { sha256: hash, size } => (sha256, facts.size) = (Some(hash), Some(size)),
            Fetched::Failed(why) => media_error = Some(why),
        }
    }
    Ok(Shown {
        id: row.id,
        whatsapp_message_id: row.message_id,
        chat: phone(&row.chat)?,
        from_me: row.from_me,
        from: phone(&row.sender)?,
        kind: row.kind.to_owned(),
        text: row.text,
        caption,
        facts,
        sha256,
        media_error,
        status: row.status,
        timestamp: DateTime::from_timestamp_micros(row.timestamp).ok_or(LedgerError::Corrupt("timestamp"))?,
    })
}
