//! What is said of sending images, videos and audio in the OpenAPI document.

mod form;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::{one_name, sent, session_id, session_key};
use crate::domain::error::Code;
use crate::domain::id::SessionId;
use crate::http::messages::media::{Given, Route, asked};
use crate::http::openapi::{Described, Tag, samples, texts};

/// An image or a video to send.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewMedia {
    #[schema(schema_with = texts::number)]
    to: String,
    #[schema(schema_with = url)]
    media_url: String,
    #[schema(schema_with = media_type)]
    media_type: String,
    #[schema(schema_with = texts::caption, required = false)]
    caption: Option<String>,
    #[schema(schema_with = session_id, required = false)]
    session_id: Option<SessionId>,
    #[schema(schema_with = session_key, required = false)]
    session_key: Option<String>,
}

/// An audio file or a voice note to send.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewAudio {
    #[schema(schema_with = texts::number)]
    to: String,
    #[schema(schema_with = url)]
    audio_url: String,
    #[schema(schema_with = ptt, required = false)]
    ptt: Option<bool>,
    #[schema(schema_with = session_id, required = false)]
    session_id: Option<SessionId>,
    #[schema(schema_with = session_key, required = false)]
    session_key: Option<String>,
}

fn url() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(crate::domain::media::URL_MAX))
        .pattern(Some(r"^https?://[a-z][a-z0-9]{0,30}(\.[a-z][a-z0-9]{0,30}){0,3}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~-]*)*$"))
        .description(Some(
            "Where the file lies: an http or https URL without a user's name in it. The server downloads it after the answer; only \
             public addresses are reached, and those that its operator allows. What it is, is judged by its content.",
        ))
        .examples(["https://example.com/picture.jpg"])
        .build()
}

fn media_type() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["image", "video"]))
        .description(Some(
            "`image`: JPEG, PNG, WebP or GIF up to 16 MB; a GIF that moves becomes a video that loops. `video`: MP4, 3GPP, MOV or \
             WebM up to 64 MB.",
        ))
        .build()
}

fn ptt() -> Object {
    let about = "`true` for a voice note with its waveform; `false`, and nothing said, for an audio file.";
    texts::or_null(ObjectBuilder::new().schema_type(Type::Boolean).description(Some(about)).build())
}

pub(in crate::http) fn send_media() -> Described {
    let said = Described::new(
        Tag::Messages,
        "sendMedia",
        "Send an image or a video",
        "It is accepted at once; then the server downloads the file, checks it, converts it if phones could not play it, and sends it. \
         What comes after it in the same chat waits for it. A form (`multipart/form-data`) brings the file itself. Its parts may come in any \
         order, beside the file they may have 32 KiB, and `mediaUrl` is taken there, too, where there is no file.",
    );
    let example = json!({
        "to": samples::PHONE, "mediaUrl": "https://example.com/picture.jpg", "mediaType": "image", "caption": "Look",
    });
    let said = said.takes::<NewMedia>(example, |fields| asked(fields, Route::Media, Given::Json).map(drop));
    sent(form::media(said)).under(one_name()).refuses(&[Code::UploadLimitReached])
}

pub(in crate::http) fn send_audio() -> Described {
    let said = Described::new(
        Tag::Messages,
        "sendAudio",
        "Send a voice note or an audio file",
        "MP3, OGG, AAC, WAV or Opus up to 16 MB; accepted, prepared and sent as images and videos are. A form \
         (`multipart/form-data`) brings the file itself; `audioUrl` is taken there, too, where there is no file.",
    );
    let example = json!({ "to": samples::PHONE, "audioUrl": "https://example.com/hello.mp3", "ptt": true });
    let said = said.takes::<NewAudio>(example, |fields| asked(fields, Route::Audio, Given::Json).map(drop));
    sent(form::audio(said)).under(one_name()).refuses(&[Code::UploadLimitReached])
}
