//! What is said of the content of a message in the OpenAPI document: which fields there are depends on its type.

use std::borrow::Cow;

use utoipa::openapi::schema::{AnyOfBuilder, Array, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::media::WAVEFORM;
use crate::domain::message::Shown;

/// The fields of a message of type `text`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "what is written is domain::message::Shown; a test holds them together")]
struct TextContent {
    message: Option<String>,
}

/// The fields of a message of type `image`. What is not known yet is null.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is written is domain::message::Shown; a test holds them together")]
struct ImageContent {
    /// The URL that it was sent from; null if it was uploaded or received.
    media_url: Option<String>,
    /// Where one that was received can be had, with your key, as its sender sent it; null of one that was sent.
    download_url: Option<String>,
    caption: Option<String>,
    mime_type: Option<String>,
    /// Bytes.
    size: Option<u64>,
    /// Pixels.
    width: Option<u32>,
    height: Option<u32>,
}

/// The fields of a message of type `video`. What is not known yet is null.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is written is domain::message::Shown; a test holds them together")]
struct VideoContent {
    /// The URL that it was sent from; null if it was uploaded or received.
    media_url: Option<String>,
    /// Where one that was received can be had, with your key, as its sender sent it; null of one that was sent.
    download_url: Option<String>,
    caption: Option<String>,
    mime_type: Option<String>,
    /// Bytes.
    size: Option<u64>,
    /// Pixels.
    width: Option<u32>,
    height: Option<u32>,
    duration_seconds: Option<f64>,
    /// It plays by itself, over and over. A GIF that is sent as an image becomes such a video.
    gif: Option<bool>,
}

/// The fields of a message of type `audio`. What is not known yet is null.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is written is domain::message::Shown; a test holds them together")]
struct AudioContent {
    /// The URL that it was sent from; null if it was uploaded or received.
    audio_url: Option<String>,
    /// Where one that was received can be had, with your key, as its sender sent it; null of one that was sent.
    download_url: Option<String>,
    /// Whether it is a voice note.
    ptt: bool,
    mime_type: Option<String>,
    /// Bytes.
    size: Option<u64>,
    duration_seconds: Option<f64>,
    #[schema(schema_with = waveform, required = false)]
    waveform: Option<Vec<u8>>,
}

fn waveform() -> AnyOfBuilder {
    let loudness = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(100));
    let mut values = Array::new(loudness);
    values.min_items = Some(WAVEFORM);
    values.max_items = Some(WAVEFORM);
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let about = "Of a voice note: how loud it is from beginning to end.";
    AnyOfBuilder::new().item(Schema::Array(values)).item(null).description(Some(about))
}

impl PartialSchema for Shown {
    fn schema() -> RefOr<Schema> {
        let names = [TextContent::name(), ImageContent::name(), VideoContent::name(), AudioContent::name()];
        let all = names.into_iter().fold(AnyOfBuilder::new(), |all, name| all.item(Ref::from_schema_name(name)));
        let none = ObjectBuilder::new().schema_type(Type::Object);
        let about = "The content, by the message's type; none of an unsupported one.";
        Schema::AnyOf(all.item(none).description(Some(about)).build()).into()
    }
}

impl ToSchema for Shown {
    fn name() -> Cow<'static, str> {
        "MessageContent".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((TextContent::name().into(), TextContent::schema()));
        schemas.push((ImageContent::name().into(), ImageContent::schema()));
        schemas.push((VideoContent::name().into(), VideoContent::schema()));
        schemas.push((AudioContent::name().into(), AudioContent::schema()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::message::{Seen, Waveform};

    #[test]
    fn a_message_shows_what_is_documented_and_nothing_else() {
        let medium = Seen::default;
        let shown = [
            (TextContent::schema(), Shown::Text { message: None }),
            (ImageContent::schema(), Shown::Image { medium: medium() }),
            (VideoContent::schema(), Shown::Video { medium: medium(), duration_seconds: None, gif: None }),
            (
                AudioContent::schema(),
                Shown::Audio {
                    audio_url: None,
                    download_url: None,
                    ptt: true,
                    mime_type: None,
                    size: None,
                    duration_seconds: None,
                    waveform: Some(Waveform(None)),
                },
            ),
        ];
        let keys = |value: &Value| {
            let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            keys.sort_unstable();
            keys
        };
        for (schema, shown) in shown {
            let schema = serde_json::to_value(schema).unwrap();
            assert_eq!(keys(&serde_json::to_value(&shown).unwrap()), keys(&schema["properties"]), "{shown:?}");
        }
    }
}
