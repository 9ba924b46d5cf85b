//! A medium that a phone sends, in the body of the request: `{"mediaBase64", "mediaType", "mime"?, "caption"?, "ptt"?, "fileName"?}`.
//! It is as small as bodies are here; what is to be large goes the other way, from a session to a phone.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::domain::media::Caption;
use crate::domain::phone::Phone;
use crate::http::fields::{Fields, line, text, word, yes_or_no};
use crate::sandbox::{Attachment, AttachmentKind};

pub(super) const NAME_MAX: usize = 255;

/// What a body says of a medium.
pub(super) enum Given {
    Nothing,
    /// The fields know what is wrong.
    Wrong,
    Medium(Box<Attachment>),
}

pub(super) fn read(fields: &mut Fields) -> Given {
    let bytes = fields.optional("mediaBase64", text(bytes));
    let kind = fields.optional("mediaType", word::<AttachmentKind>);
    if bytes.is_none() && kind.is_none() && fields.is_clean() {
        return Given::Nothing;
    }
    let caption = fields.optional("caption", text(Caption::read)).flatten();
    let caption = caption.map(|caption| caption.as_str().to_owned()).unwrap_or_default();
    let voice = fields.optional("ptt", yes_or_no).unwrap_or(false);
    let mime = fields.optional("mime", line(NAME_MAX));
    let file_name = fields.optional("fileName", line(NAME_MAX));
    if fields.is_clean() {
        if bytes.is_none() {
            fields.wrong("mediaBase64", "is required with mediaType");
        } else if kind.is_none() {
            fields.wrong("mediaType", "is required with mediaBase64");
        }
    }
    match bytes.zip(kind) {
        Some((bytes, kind)) => Given::Medium(Box::new(Attachment { kind, bytes, mime, caption, voice, file_name })),
        None => Given::Wrong,
    }
}

fn bytes(text: String) -> Result<Vec<u8>, &'static str> {
    BASE64_STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or("must be base64, and not empty")
}

/// The request that asks the same of a network's own API.
pub(super) fn body(to: &Phone, attachment: &Attachment) -> Value {
    let Attachment { kind, bytes, mime, caption, voice, file_name } = attachment;
    json!({
        "to": to, "mediaBase64": BASE64_STANDARD.encode(bytes), "mediaType": kind, "mime": mime, "caption": caption,
        "ptt": voice, "fileName": file_name,
    })
}
