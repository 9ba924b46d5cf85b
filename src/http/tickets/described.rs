//! What is said of stream tickets in the OpenAPI document.

use serde_json::json;
use utoipa::ToSchema;
use warp::http::StatusCode;

use super::{Made, asked};
use crate::domain::error::Code;
use crate::domain::id::SessionId;
use crate::http::openapi::{Described, Tag, samples};

/// The session whose stream the ticket is to open.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its field is read by itself; this describes it")]
struct NewTicket {
    #[schema(inline)]
    session_id: SessionId,
}

pub(in crate::http) fn create() -> Described {
    let ticket = "st_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
    let url = format!("/api/v1/sessions/{}/stream?ticket={ticket}", samples::SESSION);
    Described::new(
        Tag::Sessions,
        "createStreamTicket",
        "Make a ticket for a session's stream",
        "A browser's EventSource cannot send a key in a header. A ticket in the query opens one session's stream instead: within 60 \
         seconds, and again within 60 seconds of each disconnect.",
    )
    .takes::<NewTicket>(json!({ "sessionId": samples::SESSION }), |fields| asked(fields).map(drop))
    .gives::<Made>(
        StatusCode::CREATED,
        "The ticket, and the path that it opens",
        json!({ "ticket": ticket, "expiresAt": samples::SOON, "streamUrl": url }),
    )
    .refuses(&[Code::NotFound, Code::StreamLimitReached])
}
