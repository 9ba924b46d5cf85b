//! What a message says of the medium that it carries.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use whatsapp_rust::wacore::download::Downloadable;
use whatsapp_rust::waproto::whatsapp::Message;

use crate::sandbox::ledger::{Fetched, Medium, Reference};
use crate::sandbox::screen::Facts;

/// The longest that a screen shows of what senders say in words, in characters.
const WORDS: usize = 255;
/// The largest thumbnail that is shown, in bytes. Those of the real app have some kilobytes.
const THUMBNAIL: usize = 64 * 1024;
/// The most values of a waveform. Apps draw 64.
const WAVEFORM: usize = 256;

/// The medium of a message that carries one. The message is the innermost one.
pub(crate) fn of(message: &Message) -> Option<Box<Medium>> {
    let (facts, family, downloadable): (Facts, &str, &dyn Downloadable) =
        if let Some(image) = message.image_message.as_option() {
            let facts = Facts {
                mime: words(image.mimetype.as_ref()),
                width: image.width,
                height: image.height,
                thumbnail: picture(image.jpeg_thumbnail.as_deref()),
                ..Facts::default()
            };
            (facts, "image", image)
        } else if let Some(video) = message.video_message.as_option().or_else(|| message.ptv_message.as_option()) {
            let facts = Facts {
                mime: words(video.mimetype.as_ref()),
                width: video.width,
                height: video.height,
                duration_seconds: video.seconds,
                gif: Some(video.gif_playback == Some(true)),
                thumbnail: picture(video.jpeg_thumbnail.as_deref()),
                ..Facts::default()
            };
            (facts, "video", video)
        } else if let Some(audio) = message.audio_message.as_option() {
            let facts = Facts {
                mime: words(audio.mimetype.as_ref()),
                duration_seconds: audio.seconds,
                voice: Some(audio.ptt == Some(true)),
                waveform: audio.waveform.as_deref().map(|wave| wave.iter().copied().take(WAVEFORM).collect()),
                ..Facts::default()
            };
            (facts, "audio", audio)
        } else if let Some(document) = message.document_message.as_option() {
            let facts = Facts {
                mime: words(document.mimetype.as_ref()),
                file_name: words(document.file_name.as_ref()),
                thumbnail: picture(document.jpeg_thumbnail.as_deref()),
                ..Facts::default()
            };
            (facts, "document", document)
        } else {
            let sticker = message.sticker_message.as_option()?;
            let facts = Facts {
                mime: words(sticker.mimetype.as_ref()),
                width: sticker.width,
                height: sticker.height,
                thumbnail: picture(sticker.png_thumbnail.as_deref()),
                ..Facts::default()
            };
            (facts, "sticker", sticker)
        };
    let facts = Facts { size: downloadable.file_length(), ..facts };
    Some(Box::new(Medium { facts, reference: Some(reference(family, downloadable)), fetched: Fetched::Due }))
}

fn reference(family: &str, downloadable: &dyn Downloadable) -> Reference {
    let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec).unwrap_or_default();
    Reference {
        family: family.to_owned(),
        path: downloadable.direct_path().unwrap_or_default().to_owned(),
        key: downloadable.media_key().map(<[u8]>::to_vec),
        plain_sha256: bytes(downloadable.file_sha256()),
        sealed_sha256: bytes(downloadable.file_enc_sha256()),
    }
}

fn words(said: Option<&String>) -> Option<String> {
    said.map(|said| said.chars().take(WORDS).collect())
}

fn picture(bytes: Option<&[u8]>) -> Option<String> {
    bytes.filter(|bytes| !bytes.is_empty() && bytes.len() <= THUMBNAIL).map(|bytes| BASE64_STANDARD.encode(bytes))
}
