//! The OpenAPI document: made of the route table, of what is said beside each handler, and of the types that answers are made of.

mod answers;
mod builder;
pub(super) mod described;
mod made;
mod operation;
pub(super) mod samples;
pub(super) mod texts;

use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use warp::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use warp::http::{HeaderMap, HeaderValue};

pub(super) use builder::{Described, Entry, Tag};

use super::call::{Answered, Call};
use super::reply;

/// How long a copy may be used without asking whether it is the newest.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document, as `GET /api/v1/openapi.json` answers it and `wamux openapi` prints it.
pub fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| made::document().to_pretty_json().unwrap_or_default())
}

fn etag() -> &'static str {
    static ETAG: OnceLock<String> = OnceLock::new();
    ETAG.get_or_init(|| {
        let digest = ring::digest::digest(&ring::digest::SHA256, document().as_bytes());
        format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(digest))
    })
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn show(call: Call) -> Answered {
    let mut response = if is_known(&call.headers) {
        reply::unchanged()
    } else {
        reply::shown("application/json", document().as_bytes().to_vec())
    };
    response.headers_mut().insert(CACHE_CONTROL, FRESH);
    response.headers_mut().insert(ETAG, HeaderValue::from_static(etag()));
    Ok(response)
}

/// Whether the caller says that it has the document as it is (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == "*" || tag == etag())
}

#[cfg(test)]
mod tests;
