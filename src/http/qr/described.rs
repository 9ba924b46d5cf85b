//! What is said of QR codes in the OpenAPI document.

use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::schema::{Object, Type};
use warp::http::StatusCode;

use crate::domain::error::Code;
use crate::domain::id::SessionId;
use crate::http::openapi::{Described, Tag};

pub(in crate::http) fn show() -> Described {
    Described::new(
        Tag::Sessions,
        "getQr",
        "Get the QR code that is valid now",
        "As a picture or as the text that it encodes, by the `Accept` header. A code lives for a minute at most, and whoever scans it links \
         their account: show it to nobody else. The stream tells of each new one.",
    )
    .at::<SessionId>("id", "The session's id.")
    .says(StatusCode::OK, "The code")
    .form("image/png", file())
    .form("image/svg+xml", text())
    .form("text/plain; charset=utf-8", text())
    .with_header("Expires")
    .with_header("Vary")
    .refuses(&[Code::SessionNotPairing, Code::NotAcceptable])
}

/// A file as it is: in OpenAPI 3.1, nothing is said of its insides.
fn file() -> Content {
    Content::default()
}

fn text() -> Content {
    ContentBuilder::new().schema(Some(Object::with_type(Type::String))).build()
}
