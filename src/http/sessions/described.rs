//! What is said of sessions in the OpenAPI document.

mod pace;

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use warp::http::StatusCode;

use super::{Listed, asked, changes};
use crate::domain::error::Code;
use crate::domain::health::SessionHealth;
use crate::domain::id::SessionId;
use crate::domain::session::Session;
use crate::http::openapi::{Described, Tag, samples, texts};

/// A session to make.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewSession {
    #[schema(schema_with = texts::session_key)]
    session_key: String,
    #[schema(schema_with = texts::proxy, required = false)]
    proxy_url: Option<String>,
    #[schema(schema_with = pace::per_minute, required = false)]
    messages_per_minute: Option<u32>,
    #[schema(schema_with = pace::jitter, required = false)]
    message_jitter: Option<u32>,
    #[schema(schema_with = pace::typing, required = false)]
    simulate_typing: Option<bool>,
}

/// What is to be different. What is not given stays as it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct SessionChanges {
    #[schema(schema_with = new_key, required = false)]
    session_key: Option<String>,
    /// The proxy; null takes it away.
    #[schema(schema_with = texts::proxy, required = false)]
    proxy_url: Option<String>,
    #[schema(schema_with = pace::per_minute, required = false)]
    messages_per_minute: Option<u32>,
    #[schema(schema_with = pace::jitter, required = false)]
    message_jitter: Option<u32>,
    #[schema(schema_with = pace::typing, required = false)]
    simulate_typing: Option<bool>,
}

fn new_key() -> Object {
    texts::or_null(texts::session_key())
}

fn session(status: &str) -> Value {
    let linked = status == "connected";
    json!({
        "id": samples::SESSION, "sessionKey": "my-session", "status": status,
        "phoneNumber": linked.then_some(samples::OWN), "errorCode": null, "errorMessage": null, "reconnectAttempts": 0,
        "proxyUrl": null, "messagesPerMinute": null, "messageJitter": null, "simulateTyping": null, "connectedAt": linked.then_some(samples::BEGAN), "lastActivityAt": linked.then_some(samples::SOON),
        "createdAt": samples::BEGAN, "streamUrl": format!("/api/v1/sessions/{}/stream", samples::SESSION),
    })
}

fn of_one(id: &'static str, summary: &'static str, about: &'static str) -> Described {
    Described::new(Tag::Sessions, id, summary, about).at::<SessionId>("id", "The session's id.")
}

pub(in crate::http) fn create() -> Described {
    Described::new(
        Tag::Sessions,
        "createSession",
        "Make a session",
        "It begins at once to get a QR code: open its stream, `streamUrl`, to see it, and scan it with the phone.",
    )
    .takes::<NewSession>(json!({ "sessionKey": "my-session" }), |fields| asked(fields).map(drop))
    .gives::<Session>(StatusCode::CREATED, "The session", session("initializing"))
    .with_header("Location")
    .once()
    .refuses(&[Code::SessionKeyTaken, Code::SessionLimitReached])
}

pub(in crate::http) fn list() -> Described {
    Described::new(Tag::Sessions, "listSessions", "List your sessions", "Newest first.").gives::<Listed>(
        StatusCode::OK,
        "The sessions",
        json!({ "sessions": [session("connected")], "total": 1 }),
    )
}

pub(in crate::http) fn show() -> Described {
    of_one("getSession", "Get a session", "How it is now.").gives::<Session>(
        StatusCode::OK,
        "The session",
        session("connected"),
    )
}

pub(in crate::http) fn change() -> Described {
    of_one(
        "changeSession",
        "Change a session",
        "Its key, the proxy that it goes through, or how fast it sends; with another proxy it connects anew.",
    )
    .takes::<SessionChanges>(json!({ "sessionKey": "my-session" }), |fields| changes(fields).map(drop))
    .gives::<Session>(StatusCode::OK, "The session as it is now", session("connected"))
    .refuses(&[Code::SessionKeyTaken])
}

pub(in crate::http) fn health() -> Described {
    let part = |kind: &str| {
        json!({
            "kind": kind, "status": "running", "since": samples::BEGAN, "restarts": 0, "mailbox": 0, "answered": true, "backAt": null,
        })
    };
    of_one(
        "getSessionHealth",
        "See how a session does",
        "Its connection and the next attempt, what waits to be sent, what was last heard of it, what holds it back, and whether the \
         actors that run it answer. It is answered at once, also when they do not.",
    )
    .gives::<SessionHealth>(
        StatusCode::OK,
        "How it does",
        json!({
            "sessionId": samples::SESSION,
            "connection": {
                "status": "disconnected", "since": samples::SOON, "connectedAt": samples::BEGAN, "failedAttempts": 1,
                "nextAttemptAt": samples::SOON, "errorCode": "connection_lost",
                "errorMessage": "The connection was lost (it ended); trying again.",
            },
            "queue": {
                "pending": 2, "oldestPendingAt": samples::BEGAN, "oldestPendingSeconds": 60, "mediaWaiting": 1,
            },
            "heard": {
                "lastAckAt": samples::BEGAN, "lastReceiptAt": samples::BEGAN, "lastRefusalAt": null,
                "lastActivityAt": samples::BEGAN,
            },
            "limits": {
                "waitingChats": 1, "nextTryAt": null, "accountLimitedAt": null, "accountLimitedUntil": null, "pacedUntil": null,
                "quarantinedUntil": null,
            },
            "actor": part("session"), "parts": [part("inbox"), part("outbox")],
        }),
    )
}

pub(in crate::http) fn restart() -> Described {
    of_one(
        "restartSession",
        "Restart a session",
        "It connects anew; one that is over, because its device was unlinked say, begins again with a QR code.",
    )
    .gives::<Session>(StatusCode::ACCEPTED, "It is being restarted.", session("connecting"))
}

pub(in crate::http) fn log_out() -> Described {
    of_one(
        "logOutSession",
        "Log a session out",
        "Its device is unlinked from the account and its keys are destroyed. The session stays; a restart shows a new QR code.",
    )
    .gives::<Session>(StatusCode::ACCEPTED, "It is being logged out.", session("failed"))
}

pub(in crate::http) fn delete() -> Described {
    of_one(
        "deleteSession",
        "Delete a session",
        "Its device is unlinked from the account and its keys are destroyed. What it sent and received can still be read.",
    )
    .says(StatusCode::NO_CONTENT, "It is deleted.")
}
