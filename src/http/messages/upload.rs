//! Forms with a file (multipart/form-data): parts in any order, the file onto the disk as it arrives, everything else short.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use hyper::body::Bytes;
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::time::{Instant, Sleep, sleep, timeout};
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use crate::actors::{Upload, Uploading};
use crate::clock::instant;
use crate::domain::error::{Code, Refusal};
use crate::domain::media::too_large;
use crate::http::body::{Chunks, drain};
use crate::http::call::Call;

/// What all fields beside the file may have, their names included; and what a part costs of that, so that there are not too many.
const FIELDS_MAX: usize = 32 * 1024;
const PART: usize = 128;
/// What may come before a part's content: the parser holds it in memory until it is whole.
const HEAD_MAX: usize = 256 * 1024;
/// How much of a file's name is kept, in characters.
const NAME_MAX: usize = 120;
/// How long a body may stand still, and how long all of it may take: 64 MB at a bit less than a megabit a second.
const QUIET: Duration = if cfg!(test) { Duration::from_millis(200) } else { Duration::from_secs(30) };
const ALL: Duration = Duration::from_mins(10);

/// What a form says.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) texts: Vec<(String, String)>,
    /// The file, unless it is empty: a page sends it so when none was chosen.
    pub(super) upload: Option<Upload>,
    /// What the file is called where it came from. Nothing goes by it.
    pub(super) file_name: Option<String>,
}

impl Form {
    /// What an idempotency key stands for. Parts may come in another order the next time, and between other boundaries.
    pub(super) fn digested(&self) -> Vec<u8> {
        let mut texts: Vec<_> = self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        texts.sort_unstable();
        let mut bytes = serde_json::to_vec(&texts).unwrap_or_default();
        bytes.extend(self.upload.iter().flat_map(Upload::sha256));
        bytes
    }
}

/// Whether the body is a form with parts.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    kind.eq_ignore_ascii_case("multipart/form-data") && plain
}

/// Reads a form; its file may have so many bytes.
pub(super) async fn read(call: &mut Call, uploading: Uploading, limit: u64) -> Result<Form, Refusal> {
    let mut form = Form::default();
    read_into(call, &mut form, Ok(uploading), limit).await.map(|()| form)
}

/// The same, as far as it can be read. Who may not upload is refused when a file comes.
pub(super) async fn read_into(
    call: &mut Call,
    form: &mut Form,
    uploading: Result<Uploading, Refusal>,
    limit: u64,
) -> Result<(), Refusal> {
    let (headers, mut chunks) = call.take_body();
    let reading = parts(headers, &mut chunks, form, uploading, limit);
    let read = timeout(ALL, reading).await.unwrap_or_else(|_| Err(slow(ALL)));
    if !read.as_ref().is_err_and(|refusal| refusal.code == Code::BodyTooSlow) {
        // What follows the last part, or what nobody wants any more.
        drain(&mut chunks).await;
    }
    read
}

/// Reads a form away that is refused before it is read.
pub(super) async fn refuse(call: &mut Call, refusal: Refusal) -> Refusal {
    drain(&mut call.take_body().1).await;
    refusal
}

async fn parts(
    headers: &HeaderMap,
    chunks: &mut Chunks,
    form: &mut Form,
    uploading: Result<Uploading, Refusal>,
    limit: u64,
) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| malformed("its Content-Type names no boundary"))?;
    let whole = limit + (FIELDS_MAX + HEAD_MAX) as u64;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > whole) {
        return Err(too_large("The file", limit));
    }
    let head = Arc::new(AtomicUsize::new(usize::MAX));
    let paced = Paced { chunks, paused: false, head: Arc::clone(&head), quiet: Box::pin(sleep(QUIET)) };
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
    let mut multipart = Multipart::with_constraints(paced, boundary, constraints);
    let (mut uploading, mut left) = (Some(uploading), FIELDS_MAX);
    loop {
        head.store(HEAD_MAX, Ordering::Relaxed);
        let part = multipart.next_field().await.map_err(|error| refused(&error, limit))?;
        head.store(usize::MAX, Ordering::Relaxed);
        let Some(mut part) = part else { return Ok(()) };
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            let Some(uploading) = uploading.take() else {
                return Err(Refusal::field("file", "is given more than once"));
            };
            let name = part.file_name().unwrap_or_default().chars().filter(|sign| !sign.is_control()).take(NAME_MAX);
            form.file_name = Some(name.collect()).filter(|name: &String| !name.is_empty());
            form.upload = file(uploading, &mut part, limit).await?;
        } else {
            let text = text(&name, &mut part, &mut left, limit).await?;
            form.texts.push((name, text));
        }
    }
}

/// The file, unless it is empty.
async fn file(
    uploading: Result<Uploading, Refusal>,
    part: &mut Field<'_>,
    limit: u64,
) -> Result<Option<Upload>, Refusal> {
    match uploading {
        Ok(uploading) => {
            let upload = uploading.receive(part.map_err(|error| refused(&error, limit)), limit).await?;
            Ok(Some(upload).filter(|upload| upload.size() > 0))
        }
        Err(refusal) => {
            while let Some(chunk) = part.chunk().await.map_err(|error| refused(&error, limit))? {
                if !chunk.is_empty() {
                    return Err(refusal);
                }
            }
            Ok(None)
        }
    }
}

/// The content of a short part.
async fn text(name: &str, part: &mut Field<'_>, left: &mut usize, limit: u64) -> Result<String, Refusal> {
    let much = || {
        let detail = format!("The fields beside the file may have {} KiB in all.", FIELDS_MAX / 1024);
        Refusal::new(Code::BodyTooLarge, detail)
    };
    *left = left.checked_sub(PART + name.len()).ok_or_else(much)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| refused(&error, limit))? {
        *left = left.checked_sub(chunk.len()).ok_or_else(much)?;
        bytes.extend_from_slice(&chunk);
    }
    let name: String = name.chars().take(100).collect();
    String::from_utf8(bytes).map_err(|_| Refusal::field(&name, "must be text in UTF-8"))
}

fn slow(within: Duration) -> Refusal {
    let detail = if within == ALL {
        format!("The body did not arrive within {} minutes.", within.as_secs() / 60)
    } else {
        format!("Nothing more of the body arrived for {} seconds.", within.as_secs())
    };
    Refusal::new(Code::BodyTooSlow, detail)
}

fn malformed(why: &str) -> Refusal {
    Refusal::new(Code::MalformedRequest, format!("The body is not a form as multipart/form-data: {why}."))
}

fn refused(error: &multer::Error, limit: u64) -> Refusal {
    match error {
        multer::Error::StreamSizeExceeded { .. } => too_large("The file", limit),
        multer::Error::StreamReadFailed(why) => match why.downcast_ref() {
            Some(Broken::Slow) => slow(QUIET),
            Some(Broken::Head) => malformed("a part's head is too long"),
            Some(Broken::Off) | None => malformed("it ended before its end"),
        },
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => malformed("it ended before its end"),
        _ => malformed("a part's head cannot be read"),
    }
}

/// A body for a parser that takes all that there is before it gives anything away: it gets a piece at a time, so that what it holds
/// is no more than that, however fast the body comes and however slow the disk is.
struct Paced<'c> {
    chunks: &'c mut Chunks,
    paused: bool,
    /// How much may still come of a part's head.
    head: Arc<AtomicUsize>,
    quiet: Pin<Box<Sleep>>,
}

/// Why a body has no more pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Off,
    Slow,
    Head,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Broken {}

impl Stream for Paced<'_> {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.paused) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.chunks.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.paused = true;
                let until = Instant::from_std(instant() + QUIET);
                self.quiet.as_mut().reset(until);
                let head = self.head.load(Ordering::Relaxed);
                if head == usize::MAX {
                    return Poll::Ready(Some(Ok(chunk)));
                }
                let Some(left) = head.checked_sub(chunk.len()) else { return Poll::Ready(Some(Err(Broken::Head))) };
                self.head.store(left, Ordering::Relaxed);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Broken::Off))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.quiet.as_mut().poll(cx).map(|()| Some(Err(Broken::Slow))),
        }
    }
}

#[cfg(test)]
mod tests;
