//! Bodies: bounded in size and time, counted while they arrive, so that chunked ones are as welcome as announced ones.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use hyper::body::Bytes;
use percent_encoding::percent_decode;
use serde_json::error::Category;
use tokio::time::timeout;
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::fields::Fields;
use crate::domain::error::{Code, FieldError, Refusal};

/// The longest text, escaped throughout, takes a fifth of this.
const JSON_MAX: usize = 256 * 1024;
const JSON_TIME: Duration = if cfg!(test) { Duration::from_millis(200) } else { Duration::from_secs(10) };
/// How much of an unwanted body is read away, and for how long, so that its sender gets to see the answer.
const WASTE_MAX: usize = 16 * 1024 * 1024;
const WASTE_TIME: Duration = Duration::from_secs(2);

/// A body on its way in.
pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// Reads a JSON object; gives it back with the bytes that it was read from.
pub(super) async fn json(headers: &HeaderMap, chunks: Chunks) -> Result<(Vec<u8>, Fields), Refusal> {
    expect(headers, "application/json", "Send JSON in UTF-8 as `Content-Type: application/json`.")?;
    let body = whole(headers, chunks).await?;
    let fields = Fields::of_json(&body).map_err(|error| match error.classify() {
        Category::Data => {
            let fields = vec![FieldError::new("body", "must be a JSON object")];
            Refusal { fields, ..Refusal::new(Code::ValidationFailed, "The body must be a JSON object.") }
        }
        _ => Refusal::new(Code::MalformedJson, format!("The body is not JSON: {error}.")),
    })?;
    Ok((body, fields))
}

/// Reads what a page's form sends. A field that was left blank is not given.
pub(super) async fn form(headers: &HeaderMap, chunks: Chunks) -> Result<Fields, Refusal> {
    let kind = "application/x-www-form-urlencoded";
    expect(headers, kind, "Send a form's fields as `Content-Type: application/x-www-form-urlencoded`.")?;
    let body = whole(headers, chunks).await?;
    if !is_utf8(&body) {
        return Err(Refusal::new(Code::MalformedRequest, "The form is not text in UTF-8."));
    }
    let fields = url::form_urlencoded::parse(&body).into_owned().filter(|(_, value)| !value.is_empty());
    Ok(Fields::of_form(fields.collect()))
}

/// Whether all that a form says is UTF-8; a lenient reader would put something in the place of what is not.
fn is_utf8(form: &[u8]) -> bool {
    form.split(|byte| matches!(byte, b'&' | b'=')).all(|piece| percent_decode(piece).decode_utf8().is_ok())
}

async fn whole(headers: &HeaderMap, mut chunks: Chunks) -> Result<Vec<u8>, Refusal> {
    match timeout(JSON_TIME, collect(headers, &mut chunks, JSON_MAX)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(refusal)) => {
            drain(&mut chunks).await;
            Err(refusal)
        }
        Err(_) => {
            let detail = format!("The body did not arrive within {} seconds.", JSON_TIME.as_secs());
            Err(Refusal::new(Code::BodyTooSlow, detail))
        }
    }
}

fn expect(headers: &HeaderMap, wanted: &str, how: &str) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let meant = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
    let readable = parts.all(|part| match part.split_once('=') {
        Some((name, set)) if name.trim().eq_ignore_ascii_case("charset") => {
            set.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if meant && readable && plain {
        return Ok(());
    }
    Err(Refusal::new(Code::UnsupportedMediaType, how))
}

async fn collect(headers: &HeaderMap, chunks: &mut Chunks, max: usize) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::new(Code::BodyTooLarge, format!("The body may have at most {max} bytes."));
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::new(Code::MalformedJson, "The body ended before its end."))?;
        if body.len() + chunk.len() > max {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads the rest of a body away, but not for long.
pub(super) async fn drain(chunks: &mut Chunks) {
    let _ = timeout(WASTE_TIME, waste(chunks)).await;
}

/// Reads the rest and forgets it: a sender whose connection closes while it still writes never sees the answer.
async fn waste(chunks: &mut Chunks) {
    let mut left = WASTE_MAX;
    while let Some(Ok(chunk)) = chunks.next().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests;
