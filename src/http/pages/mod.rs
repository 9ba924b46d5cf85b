//! The pages for people: what they are answered with, and under which rules a browser shows them.
//!
//! Every page works without script, asks this host alone, and is made of the same frame, tokens and components.

pub(super) mod account;
pub(super) mod actors;
mod ask;
mod assets;
mod by_mail;
pub(super) mod console;
mod docs;
pub(super) mod entry;
mod frame;
pub(super) mod keys;
mod landing;
mod look;
mod measure;
pub(super) mod messages;
mod moment;
mod operator;
pub(super) mod overview;
#[cfg(feature = "sandbox")]
pub(super) mod phones;
mod refused;
mod said;
pub(super) mod sessions;
pub(super) mod start;
mod tried;
mod visit;
mod words;

use maud::Markup;
use warp::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY};
use warp::http::{HeaderMap, HeaderName, HeaderValue};

use super::accept;
use super::call::{Answered, Call};
use super::origin;
use super::reply::{self, Response};
pub(super) use assets::asset;
pub(super) use by_mail::{ask_reset, confirm, forgot, make_account, reset, set_password};
pub(super) use docs::{docs, reference};
pub(super) use entry::{login, sign_in, sign_up, signup};
pub(super) use look::Look;
pub(super) use operator::{change_plan, leave, operate, operated_sessions, operated_tenants, operator};
pub(super) use visit::{Visit, token};

/// What a page may load and do: its own host's style, script and pictures, and nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const PERMISSIONS: (HeaderName, HeaderValue) = (
    HeaderName::from_static("permissions-policy"),
    HeaderValue::from_static("camera=(), microphone=(), geolocation=(), browsing-topics=()"),
);

/// What `/` is to whoever asks: a page to a browser, and to a program what the API is.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    accept::liked(headers, &[("application/json", false), ("text/html", true)]).unwrap_or(false)
}

#[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
pub(super) fn landing<D>(call: &Call<D>) -> Answered {
    let look = Look::of(call);
    Ok(page(&look, &landing::page(&look, &origin::address(&call.headers))))
}

/// A page as it looks to somebody, with what a browser is told of every page.
fn page(look: &Look, markup: &Markup) -> Response {
    let mut response = reply::shown("text/html; charset=utf-8", markup.0.clone().into_bytes());
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(look.language.tag()));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-language, cookie"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let (name, value) = PERMISSIONS;
    headers.insert(name, value);
    look.keep(&mut response);
    response
}
