//! Media on their way to the network: encrypted onto the disk, uploaded from there, and made into the message that names them.

use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use whatsapp_rust::anyhow;
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::media::{AudioOptions, ImageOptions, VideoOptions, audio_message, image_message, video_message};
use whatsapp_rust::prelude::wa;
use whatsapp_rust::upload::UploadResponse;
use whatsapp_rust::wacore::download::MediaType;
use whatsapp_rust::wacore::upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming};
use whatsapp_rust::{ErrorChainExt, IqError};

use super::Link;
use super::encode::{self, SendError};
use crate::domain::media::{Caption, Facts, Wanted};
use crate::domain::message::Kind;
use crate::domain::phone::Phone;

/// Written at once while a medium is encrypted; the protocol crate hands over sixteen bytes at a time.
const CHUNK: usize = 1 << 16;

/// A medium as phones want it, with what they are told of it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub file: PathBuf,
    pub wanted: Wanted,
    pub facts: Facts,
    pub caption: Option<Caption>,
}

/// Why a medium is not on the media servers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// There is no connection, or it went away underneath.
    #[error("the session is not connected")]
    NotConnected,
    /// The file is not where it was put.
    #[error("the file is not there")]
    FileGone,
    /// Trying again later may help.
    #[error("{0}")]
    Temporary(String),
    /// Trying again would fail again.
    #[error("{0}")]
    Refused(String),
}

impl Link {
    /// Encrypts a medium into a file of the folder, uploads it from there, and gives the message that names it, ready for
    /// `send_payload`. The file has no name, so nothing of it stays, whatever happens; and no medium is ever in memory as a whole.
    pub async fn upload(&self, medium: Outgoing, folder: &Path) -> Result<Vec<u8>, UploadError> {
        if !self.is_ready() {
            return Err(UploadError::NotConnected);
        }
        let (file, folder, kind) = (medium.file.clone(), folder.to_owned(), media_type(medium.facts.kind)?);
        let sealed = tokio::task::spawn_blocking(move || seal(&file, &folder, kind));
        let (sealed, info) = sealed.await.map_err(|error| UploadError::Temporary(error.to_string()))??;
        let uploaded = self.client.upload_stream(sealed, info, kind).await.map_err(|error| refused(&error))?;
        let mut message = message(uploaded, kind);
        describe(&mut message, medium);
        Ok(message.encode_to_vec())
    }

    /// Sends what `upload` gave, under an id that was stored before; on a resend the same again.
    pub async fn send_payload(&self, to: &Phone, wire_id: &str, payload: &[u8]) -> Result<(), SendError> {
        let message = wa::Message::decode_from_slice(payload)
            .map_err(|_| SendError::Refused("what was kept of it cannot be read".to_owned()))?;
        self.send(to, wire_id, message).await
    }
}

fn media_type(kind: Kind) -> Result<MediaType, UploadError> {
    match kind {
        Kind::Image => Ok(MediaType::Image),
        Kind::Video => Ok(MediaType::Video),
        Kind::Audio => Ok(MediaType::Audio),
        Kind::Text | Kind::Unsupported => Err(UploadError::Refused("it is no medium".to_owned())),
    }
}

/// Encrypts a file into one that has no name.
fn seal(file: &Path, folder: &Path, kind: MediaType) -> Result<(Sealed, EncryptedMediaInfo), UploadError> {
    let plain = File::open(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => UploadError::FileGone,
        _ => disk(&error),
    })?;
    let sealed = tempfile::tempfile_in(folder).map_err(|error| disk(&error))?;
    let info = encrypt_media_streaming(plain, BufWriter::with_capacity(CHUNK, &sealed), kind)
        .map_err(|error| UploadError::Temporary(format!("the file could not be encrypted: {error}")))?;
    let length = sealed.metadata().map_err(|error| disk(&error))?.len();
    Ok((Sealed { file: Arc::new(sealed), length }, info))
}

fn disk(error: &io::Error) -> UploadError {
    UploadError::Temporary(format!("this server's disk failed: {error}"))
}

/// An encrypted medium: read from wherever the media servers want it to go on, as often as they want.
struct Sealed {
    file: Arc<File>,
    length: u64,
}

impl UploadSource for Sealed {
    fn len(&self) -> u64 {
        self.length
    }

    fn reader_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Reading { file: Arc::clone(&self.file), at: offset }))
    }
}

/// A reader with a place of its own in a file that others read too.
struct Reading {
    file: Arc<File>,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(into, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What an upload's failure means for the next try. The texts of answers may hold addresses and tokens: the code says enough.
fn refused(error: &anyhow::Error) -> UploadError {
    if let Some(error) = error.downcast_ref::<IqError>() {
        return match encode::of_iq(error) {
            SendError::NotConnected => UploadError::NotConnected,
            SendError::Temporary(why) | SendError::Refused(why) => UploadError::Temporary(why),
            SendError::NotOnWhatsApp | SendError::Blocked => {
                UploadError::Temporary("WhatsApp did not say where it takes files".to_owned())
            }
        };
    }
    let cause: &(dyn std::error::Error + 'static) = error.as_ref();
    match cause.http_status() {
        Some(status @ (400 | 404..=407 | 409..=424 | 426..=428 | 431 | 451)) => {
            UploadError::Refused(format!("they answered {status}"))
        }
        Some(status) => UploadError::Temporary(format!("they answered {status}")),
        None if cause.is_transport_unavailable() => UploadError::NotConnected,
        None => UploadError::Temporary("they could not be reached".to_owned()),
    }
}

/// The message that names an uploaded medium: where it lies and what opens it.
fn message(uploaded: UploadResponse, kind: MediaType) -> wa::Message {
    match kind {
        MediaType::Video => video_message(uploaded, VideoOptions::default()),
        MediaType::Audio => audio_message(uploaded, AudioOptions::default()),
        _ => image_message(uploaded, ImageOptions::default()),
    }
}

/// Tells phones what they show before they have the medium, or around it. The protocol crate's options do not know the size of a
/// picture, so all of it is written here.
fn describe(message: &mut wa::Message, medium: Outgoing) {
    let Outgoing { wanted, facts, caption, .. } = medium;
    let caption = caption.map(|caption| caption.as_str().to_owned());
    let (mimetype, seconds) = (Some(facts.mime), facts.duration_ms.map(seconds));
    if let Some(image) = message.image_message.as_option_mut() {
        (image.width, image.height) = (facts.width, facts.height);
        (image.mimetype, image.caption, image.jpeg_thumbnail) = (mimetype, caption, facts.thumbnail);
    } else if let Some(video) = message.video_message.as_option_mut() {
        (video.width, video.height, video.seconds) = (facts.width, facts.height, seconds);
        (video.mimetype, video.caption, video.jpeg_thumbnail) = (mimetype, caption, facts.thumbnail);
        video.gif_playback = facts.gif.then_some(true);
    } else if let Some(audio) = message.audio_message.as_option_mut() {
        let voice = wanted == Wanted::Voice;
        (audio.mimetype, audio.seconds, audio.ptt) = (mimetype, seconds, Some(voice));
        audio.waveform = facts.waveform.filter(|_| voice).map(Vec::from);
    }
}

/// Whole seconds, as phones show them: something that sounds is never 0:00.
fn seconds(milliseconds: u64) -> u32 {
    u32::try_from((milliseconds + 500) / 1000).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests;
