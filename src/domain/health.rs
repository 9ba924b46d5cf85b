//! How a session does, as its tenant sees it: the connection, what waits to be sent, what was last heard of it, and what limits it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::event::time;
use super::id::SessionId;
use super::session::Status;

/// How an actor is: at work; waiting to be started again after a failure; left alone for minutes because it failed too often; ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorStatus {
    Running,
    /// It failed; its supervisor starts it again after a back-off.
    Restarting,
    /// It failed too often: left alone for minutes before it gets another chance.
    Quarantined,
    Stopped,
}

/// How a session does, figure by figure.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionHealth {
    pub session_id: SessionId,
    #[schema(inline)]
    pub connection: Connection,
    #[schema(inline)]
    pub queue: Queue,
    #[schema(inline)]
    pub heard: Heard,
    #[schema(inline)]
    pub limits: Limits,
    /// What runs the session on this server; null while its tenant's own actor is away.
    pub actor: Option<Part>,
    /// What it is made of: `outbox` sends, `inbox` keeps what arrives.
    pub parts: Vec<Part>,
}

/// How the session stands with WhatsApp.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    pub status: Status,
    /// Since when it stands so; null if that was before this server ran it.
    #[serde(serialize_with = "time::option")]
    pub since: Option<DateTime<Utc>>,
    /// When it was last connected.
    #[serde(serialize_with = "time::option")]
    pub connected_at: Option<DateTime<Utc>>,
    /// How many attempts have failed in a row.
    pub failed_attempts: u32,
    /// When the next attempt is made; null if none is waited for.
    #[serde(serialize_with = "time::option")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why it is not connected: a stable word.
    pub error_code: Option<String>,
    /// The same in a sentence that says what to do.
    pub error_message: Option<String>,
}

/// What the session has yet to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Messages that were accepted, and that WhatsApp does not have yet.
    pub pending: u64,
    /// When the oldest of them was accepted.
    #[serde(serialize_with = "time::option")]
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// How long ago that is.
    pub oldest_pending_seconds: Option<u64>,
    /// How many of them wait for their image, video or audio to be made ready and uploaded.
    pub media_waiting: u64,
}

/// What was last heard of the session, since this server runs it; null if nothing was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// WhatsApp took a message on.
    #[serde(serialize_with = "time::option")]
    pub last_ack_at: Option<DateTime<Utc>>,
    /// A recipient's device told that a message was delivered, read or played.
    #[serde(serialize_with = "time::option")]
    pub last_receipt_at: Option<DateTime<Utc>>,
    /// WhatsApp refused a message.
    #[serde(serialize_with = "time::option")]
    pub last_refusal_at: Option<DateTime<Utc>>,
    /// Anything at all, by this server or one before.
    #[serde(serialize_with = "time::option")]
    pub last_activity_at: Option<DateTime<Utc>>,
}

/// What holds the session back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Chats whose next message is tried again after a pause, or waits for its medium.
    pub waiting_chats: u64,
    /// When the next of the pauses is over.
    #[serde(serialize_with = "time::option")]
    pub next_try_at: Option<DateTime<Utc>>,
    /// When WhatsApp last said that it limits this account (`account_limited`), since this server runs the session.
    #[serde(serialize_with = "time::option")]
    pub account_limited_at: Option<DateTime<Utc>>,
    /// Until when that lasts, if WhatsApp said so.
    #[serde(serialize_with = "time::option")]
    pub account_limited_until: Option<DateTime<Utc>>,
    /// The session keeps to its pace: its next message goes then.
    #[serde(serialize_with = "time::option")]
    pub paced_until: Option<DateTime<Utc>>,
    /// The session, or a part of it, failed too often and is left alone until then; a restart brings it back at once.
    #[serde(serialize_with = "time::option")]
    pub quarantined_until: Option<DateTime<Utc>>,
}

/// An actor of the session.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SessionPart)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// `session`, `outbox` or `inbox`.
    pub kind: &'static str,
    pub status: ActorStatus,
    #[serde(serialize_with = "time::always")]
    pub since: DateTime<Utc>,
    /// How often it failed.
    pub restarts: u32,
    /// Messages that wait in its mailbox or are being handled.
    pub mailbox: u64,
    /// Whether it answered when it was asked just now.
    pub answered: bool,
    /// When it is started again, while it is not running.
    #[serde(serialize_with = "time::option")]
    pub back_at: Option<DateTime<Utc>>,
}
