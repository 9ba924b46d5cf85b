//! A medium that a phone sends, in the body of the request: `{"mediaBase64", "mediaType", "mime"?, "caption"?, "ptt"?, "fileName"?}`
//! and what the phone says of it besides.
//! It is as small as bodies are here; what is to be large goes the other way, from a session to a phone.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::domain::media::{Caption, WAVEFORM};
use crate::domain::phone::Phone;
use crate::http::fields::{Fields, line, text, whole, word, yes_or_no};
use crate::sandbox::{Attachment, AttachmentKind, Measures};

pub(super) const NAME_MAX: usize = 255;
pub(super) const SIDE_MAX: u64 = 65_535;
pub(super) const SECONDS_MAX: u64 = 86_400;

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
    let measures = measures(fields);
    match bytes.zip(kind) {
        Some((bytes, kind)) => {
            Given::Medium(Box::new(Attachment { kind, bytes, mime, caption, voice, file_name, measures }))
        }
        None => Given::Wrong,
    }
}

fn measures(fields: &mut Fields) -> Measures {
    let small = |number: u64| u32::try_from(number).ok();
    Measures {
        width: fields.optional("width", whole(1..=SIDE_MAX)).and_then(small),
        height: fields.optional("height", whole(1..=SIDE_MAX)).and_then(small),
        seconds: fields.optional("durationSeconds", whole(0..=SECONDS_MAX)).and_then(small),
        waveform: fields.optional("waveformBase64", text(waveform)),
        gif: fields.optional("gif", yes_or_no).unwrap_or(false),
    }
}

fn waveform(text: String) -> Result<Vec<u8>, String> {
    let fits = |values: &Vec<u8>| values.len() == WAVEFORM && values.iter().all(|value| *value <= 100);
    let values = BASE64_STANDARD.decode(text).ok().filter(fits);
    values.ok_or_else(|| format!("must be the base64 of {WAVEFORM} bytes from 0 to 100"))
}

fn bytes(text: String) -> Result<Vec<u8>, &'static str> {
    BASE64_STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or("must be base64, and not empty")
}

/// The request that asks the same of a network's own API.
pub(super) fn body(to: &Phone, attachment: &Attachment) -> Value {
    let Attachment { kind, bytes, mime, caption, voice, file_name, measures } = attachment;
    let Measures { width, height, seconds, waveform, gif } = measures;
    json!({
        "to": to, "mediaBase64": BASE64_STANDARD.encode(bytes), "mediaType": kind, "mime": mime, "caption": caption,
        "ptt": voice, "fileName": file_name, "width": width, "height": height, "durationSeconds": seconds,
        "waveformBase64": waveform.as_ref().map(|values| BASE64_STANDARD.encode(values)), "gif": gif,
    })
}
