//! What is said of messages in the OpenAPI document.

mod content;
mod media;

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::content::Content;
use utoipa::openapi::schema::{AnyOfBuilder, Object, ObjectBuilder, Type};
use warp::http::StatusCode;

use super::list::{OFFSET_MAX, PAGE, PAGE_MAX, filter};
use super::text::asked;
use crate::domain::error::Code;
use crate::domain::id::{MessageId, SessionId};
use crate::domain::message::{Accepted, Direction, Kind, Message, Page, Status};
use crate::http::openapi::{Described, Tag, samples, texts};

/// A text to send.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewMessage {
    #[schema(schema_with = texts::number)]
    to: String,
    #[schema(schema_with = texts::text)]
    message: String,
    #[schema(schema_with = session_id, required = false)]
    session_id: Option<SessionId>,
    #[schema(schema_with = session_key, required = false)]
    session_key: Option<String>,
}

pub(in crate::http) use media::{send_audio, send_media};

fn session_id() -> Object {
    let about =
        "The session that sends, by its id. If none is named, the connected session that was created last sends.";
    texts::or_null(texts::uuid().description(Some(about)).build())
}

fn session_key() -> Object {
    let mut key = texts::or_null(texts::session_key());
    key.description = Some("The session that sends, by your own name for it; in place of `sessionId`.".to_owned());
    key
}

/// A session is named by its id or by its key, and not by both.
fn one_name() -> AnyOfBuilder {
    let without = |name: &str| ObjectBuilder::new().property(name, Object::with_type(Type::Null));
    AnyOfBuilder::new().item(without("sessionId")).item(without("sessionKey"))
}

/// Which messages are asked for. Each parameter that is given narrows the list.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct MessageQuery {
    #[schema(schema_with = of_session, required = false)]
    session_id: SessionId,
    #[schema(inline, required = false)]
    status: Status,
    #[schema(inline, required = false)]
    direction: Direction,
    #[schema(inline, required = false)]
    r#type: Kind,
    #[schema(schema_with = texts::number, required = false)]
    to: String,
    #[schema(schema_with = limit, required = false)]
    limit: u64,
    #[schema(schema_with = offset, required = false)]
    offset: u64,
    #[schema(schema_with = cursor, required = false)]
    cursor: MessageId,
}

fn of_session() -> Object {
    texts::uuid().description(Some("Only messages of this session.")).build()
}

fn limit() -> Object {
    texts::whole(1, PAGE_MAX).description(Some("How many a page has.")).default(Some(json!(PAGE))).build()
}

fn offset() -> Object {
    let about = "How many to pass over. Deep in a long list, `cursor` is quicker and misses nothing.";
    texts::whole(0, OFFSET_MAX).description(Some(about)).default(Some(json!(0))).build()
}

fn cursor() -> Object {
    texts::uuid().description(Some("Only messages older than this one: the `nextCursor` of the page before.")).build()
}

fn message() -> Value {
    json!({
        "id": samples::MESSAGE, "sessionId": samples::SESSION, "direction": "outbound", "toPhone": samples::PHONE,
        "fromPhone": samples::OWN, "type": "text", "status": "delivered", "message": "Hello",
        "whatsappMessageId": "3EB0C4A1D2E3F4A5B6C7D8", "errorCode": null, "errorMessage": null, "sentAt": samples::BEGAN,
        "deliveredAt": samples::SOON, "readAt": null, "createdAt": samples::BEGAN,
        "requestId": "0199a7b0-0000-7000-8000-000000000000",
    })
}

/// What every send has in common; its answers say how the tenant's day stands.
fn sent(said: Described) -> Described {
    let accepted = json!({ "id": samples::MESSAGE, "toPhone": samples::PHONE, "type": "text", "status": "pending" });
    said.gives::<Accepted>(
        StatusCode::ACCEPTED,
        "It is kept, and will be sent. `GET /api/v1/messages/{id}` says how far it has come.",
        accepted,
    )
    .with_header("RateLimit-Limit")
    .with_header("RateLimit-Remaining")
    .with_header("RateLimit-Reset")
    .once()
    .refuses(&[Code::NotFound, Code::SessionNotConnected, Code::DailyLimitReached])
}

pub(in crate::http) fn send() -> Described {
    let said = Described::new(
        Tag::Messages,
        "sendMessage",
        "Send a text",
        "It is accepted at once and sent in the order of acceptance. A session that is linked and on its way back takes it, too, and \
         sends it when it is there.",
    );
    sent(
        said.takes::<NewMessage>(json!({ "to": samples::PHONE, "message": "Hello" }), |fields| asked(fields).map(drop)),
    )
    .under(one_name())
}

pub(in crate::http) fn list() -> Described {
    let page = json!({ "messages": [message()], "total": 1, "limit": PAGE, "offset": 0, "nextCursor": null });
    Described::new(
        Tag::Messages,
        "listMessages",
        "List messages",
        "Sent and received, newest first. In a query `+` stands for a space: write a number as `%2B237612345678`.",
    )
    .asks_by::<MessageQuery>(json!({ "limit": 10 }), |fields| filter(fields).map(drop))
    .gives::<Page>(StatusCode::OK, "A page", page)
}

pub(in crate::http) fn show() -> Described {
    Described::new(Tag::Messages, "getMessage", "Get a message", "How far it has come, or why it failed.")
        .at::<MessageId>("id", "The message's id.")
        .gives::<Message>(StatusCode::OK, "The message", message())
}

pub(in crate::http) fn download() -> Described {
    Described::new(
        Tag::Messages,
        "downloadMedium",
        "Download a received medium",
        "The file as its sender sent it: fetched from WhatsApp's media servers through the session that received it, decrypted, and \
         checked against the message before the first byte is answered. Its type is the one that its sender said. The media servers \
         forget files after some weeks; then the account's own phone is asked to put it up again.",
    )
    .at::<MessageId>("id", "The message's id.")
    .says(StatusCode::OK, "The file")
    .form("*/*", Content::default())
    .with_header("Content-Disposition")
    .refuses(&[
        Code::SessionNotConnected,
        Code::DownloadLimitReached,
        Code::MediaExpired,
        Code::MediaTooLarge,
        Code::MediaCorrupt,
        Code::WhatsAppUnanswered,
    ])
}
