//! A file that a phone sends: a form with parts. Where the network is elsewhere it is as small as the bodies of its API, which carry it on.

use hyper::body::Bytes;
use multer::{Constraints, Multipart, SizeLimit};
use std::time::Duration;
use tokio::time::timeout;
use warp::http::header::CONTENT_TYPE;

use super::super::super::body::{Chunks, drain};
use super::super::super::call::Answered;
use super::super::super::fields::Fields;
use super::super::visit::Visit;
use super::act::{Form, do_it, word};
use super::trouble::Trouble;
use crate::domain::error::{Code, Refusal};
use crate::http::sandbox::{Attachment, AttachmentKind, Deed, Measures};

/// Everything else in the form.
const REST_MAX: usize = 32 * 1024;
const TIME: Duration = Duration::from_secs(30);
const NAME_MAX: usize = 255;

/// A file as a browser sends it.
struct Sent {
    name: Option<String>,
    mime: Option<String>,
    bytes: Vec<u8>,
}

pub(in crate::http) async fn send_file(mut visit: Visit) -> Answered {
    visit.form_with_files()?;
    let (headers, mut chunks) = visit.call.take_body();
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| malformed())?;
    let max = visit.call.door.phones.file_max();
    let reading = timeout(TIME, parts(boundary, &mut chunks, max)).await;
    drain(&mut chunks).await;
    let (texts, sent) = match reading {
        Ok(read) => read?,
        Err(_) => return Err(Refusal::new(Code::BodyTooSlow, "The file did not arrive in time.")),
    };
    let mut fields = Fields::of_form(texts);
    let form = Form::read(&mut fields);
    let voice = word(&mut fields, "voice").is_some();
    let deed = match (form.chat.clone(), sent) {
        (None, _) => Err(Trouble::Number),
        (_, Part::None) => Err(Trouble::File),
        (_, Part::Large) => Err(Trouble::Large),
        (Some(to), Part::File(sent)) => Ok(Deed::Post { to, attachment: Box::new(attachment(sent, voice)) }),
    };
    let came = match (&form.phone, deed) {
        (Some(phone), Ok(deed)) => do_it(&visit, phone, deed).await,
        (None, _) => Err(Trouble::Number),
        (_, Err(trouble)) => Err(trouble),
    };
    form.back(came)
}

/// What came as the file.
enum Part {
    None,
    Large,
    File(Sent),
}

async fn parts(boundary: String, chunks: &mut Chunks, max: usize) -> Result<(Vec<(String, String)>, Part), Refusal> {
    // Of one that is too large a little more is read, so that what stands after it in the form is read too.
    let whole = SizeLimit::new().whole_stream((2 * max + 16 * REST_MAX) as u64);
    let mut multipart = Multipart::with_constraints(chunks, boundary, Constraints::new().size_limit(whole));
    let (mut texts, mut file, mut left) = (Vec::new(), Part::None, REST_MAX);
    loop {
        let part = match multipart.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return Ok((texts, file)),
            Err(multer::Error::StreamSizeExceeded { .. }) => return Ok((texts, Part::Large)),
            Err(_) => return Err(malformed()),
        };
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            file = read_file(part, max).await?;
        } else {
            let text = part.bytes().await.map_err(|_| malformed())?;
            left = left.checked_sub(name.len() + text.len()).ok_or_else(malformed)?;
            texts.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
    }
}

async fn read_file(mut part: multer::Field<'_>, max: usize) -> Result<Part, Refusal> {
    let name = part.file_name().map(line).filter(|name| !name.is_empty());
    let mime = part.content_type().map(|mime| line(mime.as_ref())).filter(|mime| !mime.is_empty());
    let mut bytes = Vec::new();
    loop {
        let chunk: Bytes = match part.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) if bytes.is_empty() => return Ok(Part::None),
            Ok(None) => return Ok(Part::File(Sent { name, mime, bytes })),
            Err(multer::Error::StreamSizeExceeded { .. }) => return Ok(Part::Large),
            Err(_) => return Err(malformed()),
        };
        if bytes.len() + chunk.len() > max {
            return Ok(Part::Large);
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// What a phone makes of a file: by its type, as people expect it.
fn attachment(sent: Sent, voice: bool) -> Attachment {
    let Sent { name, mime, bytes } = sent;
    let family = mime.as_deref().and_then(|mime| mime.split('/').next()).unwrap_or_default();
    let kind = match family {
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        _ => AttachmentKind::Document,
    };
    let is_audio = kind == AttachmentKind::Audio;
    Attachment {
        file_name: name.filter(|_| kind == AttachmentKind::Document),
        kind,
        bytes,
        mime,
        caption: String::new(),
        voice: voice && is_audio,
        measures: Measures::default(),
    }
}

fn line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

fn malformed() -> Refusal {
    Refusal::new(Code::MalformedRequest, "The form with the file could not be read.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: &str, mime: Option<&str>) -> Sent {
        Sent { name: Some(name.to_owned()), mime: mime.map(str::to_owned), bytes: vec![1] }
    }

    #[test]
    fn a_file_is_sent_as_what_it_is() {
        for (mime, voice, kind, is_voice, named) in [
            (Some("image/png"), true, AttachmentKind::Image, false, false),
            (Some("audio/ogg"), true, AttachmentKind::Audio, true, false),
            (Some("audio/mpeg"), false, AttachmentKind::Audio, false, false),
            (Some("video/mp4"), true, AttachmentKind::Video, false, false),
            (Some("application/pdf"), true, AttachmentKind::Document, false, true),
            (None, false, AttachmentKind::Document, false, true),
        ] {
            let made = attachment(sent("a.b", mime), voice);
            assert_eq!((made.kind, made.voice, made.file_name.is_some()), (kind, is_voice, named), "{mime:?}");
        }
    }
}
