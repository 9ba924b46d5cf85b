//! Media on their way in: fetched onto the disk as they lie on the media servers, and checked there, then decrypted into another file
//! and checked again. Neither file has a name, so nothing of them stays, whatever happens; and no medium is ever in memory as a whole.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use ring::digest::{Context, SHA256};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use whatsapp_rust::download::{DownloadParams, DownloadUtils, MediaRoute, MediaType};
use whatsapp_rust::{Jid, MediaRetryResult, MediaReuploadRequest};

use super::Link;
use super::encode::{self, SendError};
use crate::domain::media::{DOWNLOAD_MAX, DirectPath, Reference, Wanted};

/// Encryption adds a block at most, and ten bytes that prove it.
const SEALED_MAX: u64 = DOWNLOAD_MAX + 26;
/// Read and written at once; the protocol crate hands over sixteen bytes at a time.
const CHUNK: usize = 1 << 16;
/// How long the account's phone may take to put up a medium again. One that is there does it within seconds.
const PHONE_WITHIN: Duration = Duration::from_secs(10);

/// A medium that is what its message says, from its first byte on.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    pub size: u64,
}

/// Why there is no medium to be had.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// There is no connection, or it went away underneath.
    #[error("the session is not connected")]
    NotConnected,
    /// The media servers have it no longer.
    #[error("the media servers have it no longer")]
    Expired,
    #[error("it is larger than {DOWNLOAD_MAX} bytes")]
    TooLarge,
    /// What was there, or what was in it, is not what the message says.
    #[error("{0}")]
    Corrupt(&'static str),
    /// Trying again later may help.
    #[error("{0}")]
    Temporary(String),
    #[error("this server's disk failed: {0}")]
    Disk(#[from] io::Error),
}

/// What came of asking the account's phone to put a medium up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// There it lies now.
    Moved(DirectPath),
    /// It has it no longer.
    Gone,
    /// It did not answer: it is offline, perhaps.
    Silent,
}

impl Link {
    /// Fetches a medium into a file of the folder.
    pub async fn download(&self, medium: &Reference, folder: &Path) -> Result<Opened, DownloadError> {
        if !self.is_ready() {
            return Err(DownloadError::NotConnected);
        }
        let sealed = self.sealed(medium, folder).await?;
        let (medium, folder) = (medium.clone(), folder.to_owned());
        let opening = tokio::task::spawn_blocking(move || open(sealed, &medium, &folder));
        opening.await.map_err(|error| DownloadError::Temporary(error.to_string()))?
    }

    /// The medium as it lies on the media servers. They are asked once more, with a new token, before it counts as gone.
    async fn sealed(&self, medium: &Reference, folder: &Path) -> Result<File, DownloadError> {
        let mut last = DownloadError::Temporary("WhatsApp named no media servers".to_owned());
        for anew in [false, true] {
            let servers = self.client.refresh_media_conn(anew).await.map_err(|error| of(encode::of_iq(&error)))?;
            let requests = DownloadUtils::prepare_download_requests(&params(medium), &MediaRoute::from(&servers));
            for request in requests.map_err(|error| DownloadError::Temporary(error.to_string()))? {
                match self.fetch(request.url, medium, folder).await {
                    Ok(sealed) => return Ok(sealed),
                    Err(error @ (DownloadError::TooLarge | DownloadError::Disk(_))) => return Err(error),
                    Err(error) => last = error,
                }
                if matches!(last, DownloadError::Expired) {
                    break;
                }
            }
            if !matches!(last, DownloadError::Expired) {
                break;
            }
        }
        Err(last)
    }

    async fn fetch(&self, url: String, medium: &Reference, folder: &Path) -> Result<File, DownloadError> {
        let unreached = |_| DownloadError::Temporary("WhatsApp's media servers could not be reached".to_owned());
        let mut answer = self.web.get(url).await.map_err(unreached)?;
        match answer.status().as_u16() {
            200 => {}
            401 | 403 | 404 | 410 => return Err(DownloadError::Expired),
            status => return Err(DownloadError::Temporary(format!("WhatsApp's media servers answered {status}"))),
        }
        let file = tokio::fs::File::from_std(tempfile::tempfile_in(folder)?);
        let mut file = tokio::io::BufWriter::with_capacity(CHUNK, file);
        let (mut size, mut hash) = (0, Context::new(&SHA256));
        while let Some(chunk) = self.web.next(&mut answer).await.map_err(unreached)? {
            size += chunk.len() as u64;
            if size > SEALED_MAX {
                return Err(DownloadError::TooLarge);
            }
            hash.update(&chunk);
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        if hash.finish().as_ref() != medium.sealed_sha256 {
            return Err(DownloadError::Corrupt("what lies on the media servers is not what was put there"));
        }
        Ok(file.into_inner().into_std().await)
    }

    /// Asks the phone of this session's account to put up a medium again that the media servers have no longer.
    pub async fn ask_for_medium(&self, medium: &Reference, wire_id: &str) -> Asked {
        let address = |address: &String| address.parse::<Jid>().ok();
        let Some(chat) = address(&medium.chat) else { return Asked::Gone };
        let sender = medium.sender.as_ref().and_then(address);
        let request = MediaReuploadRequest {
            msg_id: wire_id,
            chat_jid: &chat,
            media_key: &medium.key,
            is_from_me: false,
            participant: sender.as_ref(),
        };
        let asking = self.client.media_reupload();
        match timeout(PHONE_WITHIN, asking.request(&request)).await {
            Ok(Ok(MediaRetryResult::Success { direct_path })) => {
                DirectPath::try_from(direct_path).map_or(Asked::Gone, Asked::Moved)
            }
            Ok(Ok(_)) => Asked::Gone,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a phone was not asked for a medium");
                Asked::Silent
            }
            Err(_) => Asked::Silent,
        }
    }
}

fn of(error: SendError) -> DownloadError {
    match error {
        SendError::NotConnected => DownloadError::NotConnected,
        other => DownloadError::Temporary(other.to_string()),
    }
}

const fn media_type(wanted: Wanted) -> MediaType {
    match wanted {
        Wanted::Image => MediaType::Image,
        Wanted::Video => MediaType::Video,
        Wanted::Audio | Wanted::Voice => MediaType::Audio,
    }
}

fn params(medium: &Reference) -> DownloadParams {
    let Reference { key, plain_sha256, sealed_sha256, .. } = medium;
    DownloadParams::encrypted(medium.path.as_str(), key, plain_sha256, sealed_sha256, 0, media_type(medium.wanted))
}

/// Decrypts a file into another, if it is what the message says.
fn open(mut sealed: File, medium: &Reference, folder: &Path) -> Result<Opened, DownloadError> {
    sealed.rewind()?;
    let sealed = BufReader::with_capacity(CHUNK, sealed);
    let plain = Hashing { file: tempfile::tempfile_in(folder)?, hash: Context::new(&SHA256) };
    let mut plain = BufWriter::with_capacity(CHUNK, plain);
    let size = decrypt(sealed, medium, &mut plain)?;
    let Hashing { mut file, hash } = plain.into_inner().map_err(io::IntoInnerError::into_error)?;
    if hash.finish().as_ref() != medium.plain_sha256 {
        return Err(DownloadError::Corrupt("what is in it is not what the message says"));
    }
    file.rewind()?;
    Ok(Opened { file, size })
}

fn decrypt(sealed: impl Read, medium: &Reference, plain: &mut impl Write) -> Result<u64, DownloadError> {
    let size = DownloadUtils::decrypt_stream_to_writer(sealed, &medium.key, media_type(medium.wanted), plain);
    size.map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => DownloadError::Disk(error),
        Err(_) => DownloadError::Corrupt("the message's key does not open it"),
    })
}

/// Hashes what is written to a file.
struct Hashing {
    file: File,
    hash: Context,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use ring::digest::digest;
    use whatsapp_rust::wacore::upload::encrypt_media_streaming;

    use super::*;

    fn sealed(plain: &[u8], folder: &Path) -> (File, Reference) {
        let mut file = tempfile::tempfile_in(folder).unwrap();
        let info = encrypt_media_streaming(plain, &mut file, MediaType::Audio).unwrap();
        let keys = [&info.media_key, &info.file_enc_sha256, &info.file_sha256].map(|bytes| Some(bytes.as_slice()));
        let reference = Reference::read(Wanted::Voice, Some("/v/x"), keys, (String::new(), None)).unwrap();
        (file, reference)
    }

    #[test]
    fn what_was_sealed_is_opened_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let plain: Vec<u8> = (0..200_001_u32).map(|n| (n % 251) as u8).collect();
        let (file, medium) = sealed(&plain, folder.path());
        let mut opened = open(file.try_clone().unwrap(), &medium, folder.path()).unwrap();
        let mut read = Vec::new();
        opened.file.read_to_end(&mut read).unwrap();
        assert!(read == plain && opened.size == plain.len() as u64);

        let corrupt = |file: &File, medium: &Reference| {
            let opened = open(file.try_clone().unwrap(), medium, folder.path());
            assert!(matches!(opened, Err(DownloadError::Corrupt(_))), "{opened:?}");
        };
        let other = digest(&SHA256, b"other").as_ref().try_into().unwrap();
        corrupt(&file, &Reference { plain_sha256: other, ..medium.clone() });
        corrupt(&file, &Reference { key: other, ..medium.clone() });
        corrupt(&file, &Reference { wanted: Wanted::Image, ..medium.clone() });
        file.set_len(1_000).unwrap();
        corrupt(&file, &medium);
        file.set_len(0).unwrap();
        corrupt(&file, &medium);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "none of them has a name");
    }
}
