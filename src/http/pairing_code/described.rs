//! What is said of pairing codes in the OpenAPI document.

use serde_json::json;
use utoipa::ToSchema;
use warp::http::StatusCode;

use super::{Shown, asked};
use crate::domain::error::Code;
use crate::domain::id::SessionId;
use crate::http::openapi::{Described, Tag, samples, texts};

/// The number that the code is for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its field is read by itself; this describes it")]
struct NewPairingCode {
    #[schema(schema_with = texts::number)]
    phone: String,
}

pub(in crate::http) fn create() -> Described {
    Described::new(
        Tag::Sessions,
        "createPairingCode",
        "Link by typing in a code instead of scanning one",
        "For a session that waits to be linked. Type the code into the app of this number: *Linked devices*, *Link with phone number \
         instead*. While it can be typed in, the same call gives it again.",
    )
    .at::<SessionId>("id", "The session's id.")
    .takes::<NewPairingCode>(json!({ "phone": samples::PHONE }), |fields| asked(fields).map(drop))
    .gives::<Shown>(
        StatusCode::CREATED,
        "The code",
        json!({ "code": "ABCD-EFGH", "phone": samples::PHONE, "expiresAt": samples::SOON }),
    )
    .refuses(&[Code::SessionNotPairing, Code::PairingCodeRefused, Code::WhatsAppUnanswered])
}
