//! What a person sends: a text, or a medium that the phone puts up first.

use std::io::{self, BufWriter};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore::upload::encrypt_media_streaming;
use whatsapp_rust::waproto::whatsapp::{Message, message};

use super::fetching;
use crate::sandbox::SandboxError;
use crate::sandbox::ledger::{Fetched, LedgerError, Medium, Reference};
use crate::sandbox::media::{Media, off};
use crate::sandbox::screen::{self, Facts, TEXT};

/// A medium that a person sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub kind: AttachmentKind,
    pub bytes: Vec<u8>,
    pub mime: Option<String>,
    pub caption: String,
    pub voice: bool,
    pub file_name: Option<String>,
    pub measures: Measures,
}

/// What the phone says of the medium besides: it looks into none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measures {
    /// Pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub seconds: Option<u32>,
    /// Of a voice note.
    pub waveform: Option<Vec<u8>>,
    /// Of a video: it plays by itself, over and over.
    pub gif: bool,
}

/// What the medium is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentKind {
    Image,
    Video,
    Audio,
    Document,
    Sticker,
}

impl AttachmentKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Video => "video/mp4",
            Self::Audio => "audio/ogg; codecs=opus",
            Self::Document => "application/octet-stream",
            Self::Sticker => "image/webp",
        }
    }
}

/// A message as it stands on its sender's screen, before it goes out or when it goes out again.
pub(crate) struct Draft {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) medium: Option<Box<Medium>>,
}

impl Draft {
    pub(crate) fn text(text: &str) -> Self {
        Self { kind: TEXT, text: text.to_owned(), medium: None }
    }

    /// What a stanza says it carries.
    pub(crate) fn stanza(&self) -> &'static str {
        if self.medium.is_some() { "media" } else { "text" }
    }

    /// What an encrypted copy says of the medium in it.
    pub(crate) fn media_type(&self) -> Option<&'static str> {
        let medium = self.medium.as_ref()?;
        Some(if medium.facts.voice == Some(true) { "ptt" } else { self.kind })
    }

    pub(crate) fn message(&self, servers: &Media) -> Message {
        let caption = (!self.text.is_empty()).then(|| self.text.clone());
        let reference = self.medium.as_ref().and_then(|medium| Some((&medium.facts, medium.reference.as_ref()?)));
        let Some((facts, reference)) = reference else { return super::outbox::text_message(&self.text) };
        let mut message = Message::default();
        /// A message's fields that all media have.
        macro_rules! medium {
            ($kind:ident { $($own:tt)* }) => {
                MessageField::some(message::$kind {
                    mimetype: facts.mime.clone(),
                    url: Some(servers.url(&reference.path)),
                    direct_path: Some(reference.path.clone()),
                    media_key: reference.key.clone(),
                    file_sha256: Some(reference.plain_sha256.clone()),
                    file_enc_sha256: Some(reference.sealed_sha256.clone()),
                    file_length: facts.size,
                    $($own)*,
                    ..Default::default()
                })
            };
        }
        let thumbnail = || facts.thumbnail.as_ref().and_then(|text| BASE64_STANDARD.decode(text).ok());
        let (width, height, seconds) = (facts.width, facts.height, facts.duration_seconds);
        match self.kind {
            "image" => {
                message.image_message = medium!(ImageMessage { caption, width, height, jpeg_thumbnail: thumbnail() });
            }
            "video" => {
                let gif_playback = facts.gif;
                message.video_message = medium!(VideoMessage { caption, width, height, seconds, gif_playback });
            }
            "audio" => {
                let (ptt, waveform) = (facts.voice, facts.waveform.clone());
                message.audio_message = medium!(AudioMessage { seconds, ptt, waveform });
            }
            "document" => {
                let file_name = facts.file_name.clone();
                message.document_message = medium!(DocumentMessage { caption, file_name });
            }
            _ => message.sticker_message = medium!(StickerMessage { width, height }),
        }
        message
    }
}

/// Encrypts a medium and puts it up, as every phone does before it sends one.
pub(crate) async fn put_up(media: &Media, attachment: Attachment) -> Result<Draft, SandboxError> {
    let Attachment { kind, bytes, mime, caption, voice, file_name, measures } = attachment;
    let Measures { width, height, seconds, waveform, gif } = measures;
    let (name, files, size) = (screen::kind(kind.as_str()), media.files.clone(), bytes.len() as u64);
    let sealed = off(move || {
        let staged = files.stage()?;
        let into = BufWriter::new(&staged.file);
        let sealed =
            encrypt_media_streaming(bytes.as_slice(), into, fetching::family(name)).map_err(io::Error::other)?;
        files.keep(&staged, &BASE64_URL_SAFE_NO_PAD.encode(sealed.file_enc_sha256))?;
        Ok(sealed)
    });
    let sealed = sealed.await.map_err(LedgerError::from)?;
    let reference = Reference {
        family: name.to_owned(),
        path: media.path(name, &BASE64_URL_SAFE_NO_PAD.encode(sealed.file_enc_sha256)),
        key: Some(sealed.media_key.to_vec()),
        plain_sha256: sealed.file_sha256.to_vec(),
        sealed_sha256: sealed.file_enc_sha256.to_vec(),
    };
    let facts = Facts {
        mime: Some(mime.unwrap_or_else(|| kind.mime().to_owned())),
        size: Some(size),
        voice: (kind == AttachmentKind::Audio).then_some(voice),
        gif: (kind == AttachmentKind::Video).then_some(gif),
        width,
        height,
        duration_seconds: seconds,
        waveform,
        file_name,
        ..Facts::default()
    };
    let medium = Medium { facts, reference: Some(reference), fetched: Fetched::Due };
    Ok(Draft { kind: name, text: caption, medium: Some(Box::new(medium)) })
}
