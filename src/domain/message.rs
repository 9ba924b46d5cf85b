//! A message: what is asked for, what is answered, and how far it has come. Its status only moves forward.

mod failure;
mod search;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::content::Content;
use super::event::time;
use super::id::{MessageId, SessionId};
use super::phone::Phone;
pub use failure::Failure;
pub use search::{NotASearch, SEARCH_MAX, SEARCHED, Search};

/// How far a message has come. It never goes back.
///
/// - `pending`: accepted and kept; WhatsApp does not have it yet.
/// - `sent`: WhatsApp has it (one tick).
/// - `delivered`: it is on a device of the recipient (two ticks).
/// - `read`: the recipient has read it (blue ticks).
/// - `failed`: it will not be sent; `errorCode` and `errorMessage` say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = MessageStatus)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted and kept; not yet acknowledged by WhatsApp.
    Pending,
    /// WhatsApp has it (one tick).
    Sent,
    /// It is on a device of the recipient (two ticks).
    Delivered,
    /// The recipient has read it (blue ticks).
    Read,
    Failed,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Sent, Self::Delivered, Self::Read, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }

    /// The number the database keeps; it grows with the status.
    pub const fn number(self) -> i16 {
        match self {
            Self::Pending => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::Read => 3,
            Self::Failed => 9,
        }
    }

    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.number() == number)
    }

    /// Whether a message in this status may become `next`. One that WhatsApp has taken cannot fail any more: when it is sent again
    /// to make up for a lost receipt, a refusal speaks of the repeat and not of the message.
    pub const fn may_become(self, next: Self) -> bool {
        match next {
            Self::Failed => matches!(self, Self::Pending),
            _ => !matches!(self, Self::Failed) && self.number() < next.number(),
        }
    }
}

/// Whether the session's account sent a message or got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Outbound,
    Inbound,
}

impl Direction {
    pub const fn number(self) -> i16 {
        match self {
            Self::Outbound => 0,
            Self::Inbound => 1,
        }
    }

    pub const fn from_number(number: i16) -> Self {
        if number == 0 { Self::Outbound } else { Self::Inbound }
    }
}

/// What kind of content a message carries; `unsupported` was received, and is of a kind that this version does not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MessageType)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Image,
    Video,
    Audio,
    /// Received, but of a kind that this version does not read yet.
    Unsupported,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Unsupported => "unsupported",
        }
    }

    pub fn from_name(name: &str) -> Self {
        let known = [Self::Text, Self::Image, Self::Video, Self::Audio];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Unsupported)
    }
}

/// Which session a send goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    Id(SessionId),
    Key(super::session::SessionKey),
    /// The tenant's connected session that was created last.
    Latest,
}

/// A send that was asked for and is well formed.
#[derive(Debug, Clone)]
pub struct Send {
    pub to: Phone,
    pub content: Content,
    pub via: Via,
}

/// What the caller of an accepted send is told: it is kept, and will go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    pub id: MessageId,
    pub to_phone: Phone,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub status: Status,
}

impl Accepted {
    /// The answer's exact bytes: kept for an idempotency key, and sent as they are.
    pub fn body(&self) -> Vec<u8> {
        // Ids, numbers and names: there is nothing in it that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A step of a sent message that the network told us of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub wire_id: String,
    pub status: Status,
    pub at: DateTime<Utc>,
    /// Why it failed, with a sentence.
    pub error: Option<(Failure, String)>,
}

/// A message as a tenant sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: MessageId,
    pub session_id: SessionId,
    pub direction: Direction,
    /// To whom it was sent; of a received one, the session's own number if it is known.
    pub to_phone: Option<String>,
    /// Who sent it, as far as that is known.
    pub from_phone: Option<String>,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub status: Status,
    #[serde(flatten)]
    pub shown: Shown,
    /// Its id on WhatsApp.
    pub whatsapp_message_id: String,
    #[schema(schema_with = failure::schema)]
    pub error_code: Option<String>,
    /// The same in a sentence that says what to do.
    pub error_message: Option<String>,
    #[serde(serialize_with = "time::option")]
    pub sent_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::option")]
    pub delivered_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::option")]
    pub read_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::always")]
    pub created_at: DateTime<Utc>,
    /// The `X-Request-Id` of the request that asked for it; null of received messages.
    pub request_id: Option<String>,
}

/// The content of a message's type. What is not known yet is null: of a medium that is sent, what it is like comes with its
/// preparation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Shown {
    Text {
        message: Option<String>,
    },
    Image {
        #[serde(flatten)]
        medium: Seen,
    },
    Video {
        #[serde(flatten)]
        medium: Seen,
        duration_seconds: Option<f64>,
        /// It plays by itself, over and over.
        gif: Option<bool>,
    },
    Audio {
        /// Where the caller said that it lies; null if it was uploaded or received.
        audio_url: Option<String>,
        /// Where one that was received can be had from this server.
        download_url: Option<String>,
        /// Whether it is a voice note.
        ptt: bool,
        mime_type: Option<String>,
        /// Bytes.
        size: Option<u64>,
        duration_seconds: Option<f64>,
        /// How loud it is, from 0 to 100, over its length. Only voice notes have one.
        #[serde(skip_serializing_if = "Option::is_none")]
        waveform: Option<Waveform>,
    },
    Unsupported {},
}

/// What images and videos have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Where the caller said that it lies; null if it was uploaded or received.
    pub media_url: Option<String>,
    /// Where one that was received can be had from this server.
    pub download_url: Option<String>,
    pub caption: Option<String>,
    pub mime_type: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// 64 values, or null while they are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Waveform(pub Option<Vec<u8>>);

/// Which of a tenant's messages are asked for, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub session: Option<SessionId>,
    pub status: Option<Status>,
    pub direction: Option<Direction>,
    pub kind: Option<Kind>,
    pub to: Option<Phone>,
    pub limit: u64,
    pub offset: u64,
    /// Only messages older than this one: the cursor for deep pages.
    pub before: Option<MessageId>,
    /// Only messages newer than this one, and of them the oldest: the way back from a deep page.
    pub after: Option<MessageId>,
    /// Only messages whose text or caption holds this, among the newest.
    pub search: Option<Search>,
}

/// A stretch of a tenant's messages, newest first, and whether there are others beside it.
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    pub messages: Vec<Message>,
    pub newer: bool,
    pub older: bool,
}

/// A page of messages.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MessagePage)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Newest first.
    pub messages: Vec<Message>,
    /// How many match, on all pages together.
    pub total: u64,
    pub limit: u64,
    pub offset: u64,
    /// Give this as `cursor` to read on; none when this was the last page.
    pub next_cursor: Option<MessageId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_delivered_message_cannot_fail_and_a_failed_one_stays_so() {
        assert!(!Status::Delivered.may_become(Status::Failed));
        assert!(!Status::Sent.may_become(Status::Failed));
        assert!(!Status::Failed.may_become(Status::Read));
        assert!(Status::Pending.may_become(Status::Read), "a receipt may come before the ack");
    }

    proptest! {
        #[test]
        fn receipts_come_to_the_same_in_any_order_and_however_often(
            said in proptest::collection::vec(1usize..4, 1..20).prop_shuffle(),
        ) {
            let mut status = Status::Pending;
            for step in &said {
                let next = Status::ALL[*step];
                if status.may_become(next) {
                    status = next;
                }
            }
            let furthest = said.iter().copied().max().unwrap_or(0);
            prop_assert_eq!(status, Status::ALL[furthest]);
        }

        #[test]
        fn whatever_comes_in_whatever_order_the_status_never_goes_back(steps in proptest::collection::vec(0usize..5, 0..40)) {
            let mut status = Status::Pending;
            for step in steps {
                let next = Status::ALL[step];
                if status.may_become(next) {
                    prop_assert!(next.number() > status.number());
                    status = next;
                }
            }
        }
    }
}
