//! What is said of the forms with a file: the fields of the JSON bodies as a form writes them, where everything is a text and nothing
//! is null.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, SchemaType, Type};
use uuid::Uuid;

use crate::domain::error::Refusal;
use crate::domain::id::SessionId;
use crate::domain::media::SpoolName;
use crate::http::fields::{Fields, text};
use crate::http::messages::media::{Given, Route, asked};
use crate::http::openapi::{Described, samples, texts};

/// An image or a video to send, as a form with the file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewMediaForm {
    #[schema(schema_with = to)]
    to: String,
    #[schema(schema_with = texts::file)]
    file: Vec<u8>,
    #[schema(schema_with = super::media_type)]
    media_type: String,
    #[schema(schema_with = caption, required = false)]
    caption: String,
    #[schema(schema_with = session_id, required = false)]
    session_id: SessionId,
    #[schema(schema_with = session_key, required = false)]
    session_key: String,
}

/// An audio file or a voice note to send, as a form with the file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewAudioForm {
    #[schema(schema_with = to)]
    to: String,
    #[schema(schema_with = texts::file)]
    file: Vec<u8>,
    #[schema(schema_with = ptt, required = false)]
    ptt: bool,
    #[schema(schema_with = session_id, required = false)]
    session_id: SessionId,
    #[schema(schema_with = session_key, required = false)]
    session_key: String,
}

/// Without examples of their own: whoever makes calls of them puts every field beside every other, a `sessionKey` beside a `sessionId`.
fn of_type(mut object: Object, kind: Type) -> Object {
    object.schema_type = SchemaType::Type(kind);
    object.examples.clear();
    object
}

fn to() -> Object {
    of_type(texts::number(), Type::String)
}

fn caption() -> Object {
    of_type(texts::caption(), Type::String)
}

fn ptt() -> Object {
    of_type(super::ptt(), Type::Boolean)
}

fn session_id() -> Object {
    of_type(super::session_id(), Type::String)
}

fn session_key() -> Object {
    of_type(super::session_key(), Type::String)
}

/// Reads a form in which the file's name in the spool stands for the file.
fn form(mut fields: Fields, route: Route) -> Result<(), Refusal> {
    let file = fields
        .optional("file", text(|file| if file.is_empty() { Err("is empty") } else { Ok(SpoolName(Uuid::nil())) }));
    asked(fields, route, Given::Form(file)).map(drop)
}

/// Stands in examples for what a file is made of.
const BYTES: &str = "(the bytes of the file)";

pub(super) fn media(said: Described) -> Described {
    let example = json!({ "to": samples::PHONE, "file": BYTES, "mediaType": "image", "caption": "Look" });
    said.takes_form::<NewMediaForm>(example, |fields| form(fields, Route::Media))
}

pub(super) fn audio(said: Described) -> Described {
    let example = json!({ "to": samples::PHONE, "file": BYTES, "ptt": true });
    said.takes_form::<NewAudioForm>(example, |fields| form(fields, Route::Audio))
}
