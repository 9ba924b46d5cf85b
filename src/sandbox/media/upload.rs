//! Putting a file up: whether it is there already or begun, and the file itself, whole or from where it was cut.
//!
//! What clients ask and how they read the answers: `whatsapp-rust/src/upload.rs`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::body::Body as _;
use reqwest::Body;
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};
use tokio::time::timeout;
use whatsapp_rust::bytes::Bytes;

use super::files::off;
use super::pass::parameter;
use super::{FILE_MAX, Media, Refused, Staged};

/// A client that sends nothing for so long is gone.
const QUIET: Duration = Duration::from_secs(30);
/// What one upload may take in all.
const WHOLE: Duration = Duration::from_mins(30);
/// How long an upload waits for its turn. Clients give up after half a minute.
const TURN: Duration = Duration::from_secs(20);
/// How much is gathered before it is written.
const GATHERED: usize = 256 * 1024;

/// A file on its way up.
pub(super) struct Upload<'u> {
    /// What kind of medium it is said to be: the last part of the path before its name.
    pub(super) family: &'u str,
    pub(super) name: &'u str,
    pub(super) query: &'u str,
    /// What the head says of the body.
    pub(super) length: Option<u64>,
    /// How the client named us.
    pub(super) host: &'u str,
}

impl Upload<'_> {
    /// Takes what is sent, whoever sends it: that was judged before.
    pub(super) async fn take(&self, media: &Media, body: &mut Body) -> Result<Value, Refused> {
        let hash = BASE64_URL_SAFE_NO_PAD.decode(self.name).ok().filter(|hash| hash.len() == 32);
        let hash = hash.ok_or(Refused::WrongName)?;
        if parameter(self.query, "token").is_some_and(|token| token != self.name) {
            return Err(Refused::WrongName);
        }
        if parameter(self.query, "resume") == Some("1") {
            return Ok(self.progress(media));
        }
        let length = self.length.filter(|length| *length > 0).ok_or(Refused::LengthRequired)?;
        let from: u64 = match parameter(self.query, "file_offset") {
            Some(offset) => offset.parse().map_err(|_| Refused::NoBeginning)?,
            None => 0,
        };
        if from.checked_add(length).is_none_or(|size| size > FILE_MAX) {
            return Err(Refused::TooLarge);
        }
        if media.files.renew(self.name) {
            // It is there: what comes is listened to, and that is all.
            waste(body).await;
            return Ok(self.done(media));
        }
        let turn = timeout(TURN, media.uploads.acquire()).await;
        let _turn = turn.map_err(|_| Refused::Busy)?.map_err(|_| Refused::Busy)?;
        let taken = timeout(WHOLE, self.write(media, from, length, body)).await.unwrap_or(Err(Refused::Cut))?;
        if taken != hash {
            return Err(Refused::WrongHash);
        }
        Ok(self.done(media))
    }

    /// Whether the file is there, or how much of it.
    fn progress(&self, media: &Media) -> Value {
        if media.files.renew(self.name) {
            let mut done = self.done(media);
            done["resume"] = json!("complete");
            return done;
        }
        json!({ "resume": media.files.size(&self.begun()).unwrap_or(0).to_string() })
    }

    fn done(&self, media: &Media) -> Value {
        let path = media.path(self.family, self.name);
        json!({ "url": format!("https://{}{path}", self.host), "direct_path": path })
    }

    /// Under what name the beginning of a file is kept.
    fn begun(&self) -> String {
        format!("{}.part", self.name)
    }

    /// Writes the file and keeps it if it is whole and what its name says; its hash. Of one that is cut, its beginning is kept.
    async fn write(&self, media: &Media, from: u64, length: u64, body: &mut Body) -> Result<Vec<u8>, Refused> {
        let (files, begun) = (media.files.clone(), self.begun());
        let opened = off(move || match from {
            0 => Ok(Some(Draft::new(files.stage()?))),
            _ => files.take(&begun)?.map_or(Ok(None), |staged| Draft::from(staged, from)),
        });
        let mut draft = opened.await.map_err(broken)?.ok_or(Refused::NoBeginning)?;
        let mut left = length;
        let mut gathered = Vec::new();
        let whole = loop {
            match next(body).await {
                Ok(Some(chunk)) => {
                    let Some(less) = left.checked_sub(chunk.len() as u64) else { break false };
                    left = less;
                    gathered.extend_from_slice(&chunk);
                    if gathered.len() >= GATHERED {
                        draft = draft.write(std::mem::take(&mut gathered)).await.map_err(broken)?;
                    }
                }
                Ok(None) => break left == 0,
                Err(_) => break false,
            }
        };
        draft = draft.write(gathered).await.map_err(broken)?;
        let (files, name, begun) = (media.files.clone(), self.name.to_owned(), self.begun());
        let kept = off(move || {
            let hash = draft.hash.clone().finish().as_ref().to_vec();
            match whole {
                false if left == length && from == 0 => {}
                false => files.keep(&draft.staged, &begun)?,
                true if BASE64_URL_SAFE_NO_PAD.encode(&hash) == name => {
                    files.keep(&draft.staged, &name)?;
                    files.remove(&begun);
                }
                true => {}
            }
            Ok(hash)
        });
        let hash = kept.await.map_err(broken)?;
        if whole { Ok(hash) } else { Err(Refused::Cut) }
    }
}

/// A file that is being written, and the hash of what it holds so far.
struct Draft {
    staged: Staged,
    hash: Context,
}

impl Draft {
    fn new(staged: Staged) -> Self {
        Self { staged, hash: Context::new(&SHA256) }
    }

    /// Goes on with a beginning; none if it is shorter than that.
    fn from(mut staged: Staged, from: u64) -> io::Result<Option<Self>> {
        if staged.file.metadata()?.len() < from {
            return Ok(None);
        }
        staged.file.set_len(from)?;
        let hash = hash(&mut staged.file)?;
        staged.file.seek(SeekFrom::End(0))?;
        Ok(Some(Self { staged, hash }))
    }

    async fn write(mut self, bytes: Vec<u8>) -> io::Result<Self> {
        off(move || {
            self.staged.file.write_all(&bytes)?;
            self.hash.update(&bytes);
            Ok(self)
        })
        .await
    }
}

fn hash(file: &mut File) -> io::Result<Context> {
    let (mut hash, mut chunk) = (Context::new(&SHA256), vec![0; GATHERED]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hash),
            read => hash.update(&chunk[..read]),
        }
    }
}

/// The next piece of a body; none at its end.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Refused> {
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        match timeout(QUIET, frame).await.map_err(|_| Refused::Cut)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(Refused::Cut),
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
        }
    }
}

/// Reads what nobody wants: a sender whose connection closes while it still writes never sees the answer.
pub(super) async fn waste(body: &mut Body) {
    let mut left = FILE_MAX;
    let wasting = async {
        while let Ok(Some(chunk)) = next(body).await {
            match left.checked_sub(chunk.len() as u64) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    let _ = timeout(WHOLE, wasting).await;
}

#[allow(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn broken(error: io::Error) -> Refused {
    tracing::warn!(%error, "the media servers cannot write a file");
    Refused::Broken
}
