//! What is said of a session's stream in the OpenAPI document.

use chrono::{DateTime, Utc};
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use warp::http::StatusCode;

use crate::domain::error::Code;
use crate::domain::id::SessionId;
use crate::http::openapi::{Described, Entry, Tag};

/// The data of a `qr` event: a code to scan.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is written is domain::event::StreamEvent; a test holds them together")]
pub(super) struct QrEvent {
    session_id: SessionId,
    /// What the code encodes.
    qr: String,
    /// The code as a picture: `data:image/png;base64,…`.
    qr_image: String,
    /// When the next code takes its place.
    expires_at: DateTime<Utc>,
}

/// The data of a `connected` event: the session is linked and there.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is written is domain::event::StreamEvent; a test holds them together")]
pub(super) struct ConnectedEvent {
    session_id: SessionId,
    /// The number of the account.
    phone_number: String,
    connected_at: DateTime<Utc>,
}

/// The data of an `error` event: why the session is not connected.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is written is domain::event::StreamEvent; a test holds them together")]
pub(super) struct ErrorEvent {
    session_id: SessionId,
    /// A stable word. It is trying again: `connection_lost`, `network_unreachable`, `proxy_failed`. It is over until somebody does
    /// something: `qr_codes_expired`, `pairing_failed`, `logged_out`, `replaced`, `banned`, `client_outdated`, `other_network`,
    /// `refused`. Later versions may add some.
    code: String,
    /// The same in a sentence that says what to do.
    message: String,
    /// Whether it is over, until somebody does something.
    #[schema(rename = "final")]
    last: bool,
}

const EVENTS: &str = "Server-sent events. It begins with `retry:` and what the session is now; each event has an `event:` name, an `id:` \
and a line of JSON as `data:`.\n\n- `event: qr`, with a `QrEvent`: show it to the phone. The next one replaces it.\n- `event: connected`, \
with a `ConnectedEvent`: it is linked, and you can send.\n- `event: error`, with an `ErrorEvent`: it is not connected, and why.\n\nA comment \
comes every 15 seconds, so that nothing in between takes the connection for dead.";

const EXAMPLE: &str = "retry:2000\n\nevent:connected\ndata:{\"connectedAt\":\"2026-11-22T10:00:00.000Z\",\"phoneNumber\":\"+237600000001\",\
\"sessionId\":\"0199a7b0-1c2d-7e3f-8a4b-5c6d7e8f9a0b\"}\nid:7-0\n\n";

pub(in crate::http) fn open() -> Described {
    let stream = ObjectBuilder::new().schema_type(Type::String).description(Some(EVENTS)).build();
    let text = || Object::with_type(Type::String);
    let mut said = Described::new(
        Tag::Sessions,
        "openStream",
        "Open a session's stream",
        "Says what is, then what happens, until you leave, the session is deleted or the server stops: QR codes to scan, that it is \
         connected, that it is not and why. A client that lost the stream and says in `Last-Event-ID` what it saw last misses nothing, \
         except QR codes, which are never kept.",
    )
    .for_whom(Entry::KeyOrTicket)
    .at::<SessionId>("id", "The session's id.")
    .hears(ParameterIn::Header, "Last-Event-ID", "The `id:` of the last event that you saw. Browsers send it by themselves.", text())
    .hears(
        ParameterIn::Query,
        "lastEventId",
        "The same, for clients that cannot send the header.",
        text(),
    )
    .says(StatusCode::OK, "The stream")
    .form("text/event-stream", ContentBuilder::new().schema(Some(stream)).example(Some(EXAMPLE.into())).build())
    .refuses(&[Code::InvalidStreamTicket, Code::StreamLimitReached]);
    said.schema_of::<QrEvent>();
    said.schema_of::<ConnectedEvent>();
    said.schema_of::<ErrorEvent>();
    said
}
