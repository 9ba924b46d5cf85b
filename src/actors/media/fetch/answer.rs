//! What the other side's answer means: go elsewhere, take it, ask again later, or give up. Sentences name the host and never the
//! whole URL, which may carry a signature that opens what it names.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use mime_guess::Mime;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::names::NoWay;
use crate::clock::Clock;
use crate::domain::media::{Fault, MediaUrl};

/// The longest wait that the other side may ask of us.
const AFTER_MAX: Duration = Duration::from_hours(1);
/// How much is told of what a library says, which may quote the other side.
const REASON_MAX: usize = 200;

/// The other side may recover.
pub(super) const fn again(why: String) -> Fault {
    Fault::DownloadFailed { why, again: true, after: None }
}

/// The same would happen again.
pub(super) const fn never(why: String) -> Fault {
    Fault::DownloadFailed { why, again: false, after: None }
}

/// Where the answer sends us, if it does: as much a stranger's word as the first URL was.
pub(super) fn redirect(from: &MediaUrl, answer: &Response) -> Result<Option<MediaUrl>, Fault> {
    let Some(location) = answer.headers().get(LOCATION) else { return Ok(None) };
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let host = from.host();
    let location = std::str::from_utf8(location.as_bytes()).ok();
    let Some(url) = location.and_then(|location| from.url().join(location).ok()) else {
        return Err(never(format!("{host} redirects to what is no URL")));
    };
    let to = MediaUrl::of(url).map_err(|wrong| never(format!("{host} redirects to another URL, which {wrong}")))?;
    if from.url().scheme() == "https" && to.url().scheme() == "http" {
        return Err(never(format!("{host} redirects from https to http")));
    }
    Ok(Some(to))
}

/// Whether what follows is the file, whole and plain, and not announced as too large.
pub(super) fn accept(url: &MediaUrl, answer: &Response, limit: u64) -> Result<(), Fault> {
    let (host, status) = (url.host(), answer.status());
    if status != StatusCode::OK {
        let words = status.canonical_reason().map(|words| format!(" ({words})")).unwrap_or_default();
        let why = format!("{host} answered {}{words}", status.as_u16());
        let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).filter(|_| again);
        let after = asked.and_then(|asked| retry_after(asked, Clock::default().now().into()));
        return Err(Fault::DownloadFailed { why, again, after });
    }
    let plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    if !answer.headers().get_all(CONTENT_ENCODING).iter().all(|coding| plain(coding.as_bytes().trim_ascii())) {
        return Err(never(format!("{host} sent it compressed, though it was asked for the plain file")));
    }
    match answer.content_length() {
        Some(length) if length > limit => Err(Fault::TooLarge { limit }),
        _ => Ok(()),
    }
}

/// Seconds, or a date; `None` for what is neither.
fn retry_after(asked: &str, now: SystemTime) -> Option<Duration> {
    let after = match asked.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(asked.trim()).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(after.min(AFTER_MAX))
}

/// What it is said to be: by its type, or where that says nothing, by its name.
pub(super) fn claimed(url: &MediaUrl, answer: &Response) -> Option<Mime> {
    let said = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.parse::<Mime>().ok());
    said.filter(|said| said.subtype() != "octet-stream").or_else(|| mime_guess::from_path(url.url().path()).first())
}

/// An exchange that did not happen, or broke off.
pub(super) fn fault(host: &str, error: &reqwest::Error) -> Fault {
    if let Some(no_way) = find::<NoWay>(error) {
        return match no_way {
            NoWay::Forbidden => Fault::UrlForbidden,
            NoWay::NoAddress | NoWay::Unresolved(_) => again(format!("the name {host} was not found")),
        };
    }
    if error.is_timeout() {
        again(format!("{host} did not answer in time"))
    } else if let Some(tls) = find::<rustls::Error>(error) {
        never(format!("the TLS connection to {host} failed: {}", short(tls)))
    } else if error.is_builder() {
        never(format!("{host} cannot be asked for by HTTP"))
    } else if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        never(format!("{host} does not answer in HTTP"))
    } else if error.is_connect() {
        again(format!("{host} cannot be reached: {}", short(bottom(error))))
    } else {
        again(format!("the connection to {host} broke off: {}", short(bottom(error))))
    }
}

fn short(reason: &(impl Error + ?Sized)) -> String {
    reason.to_string().chars().take(REASON_MAX).collect()
}

/// What lies beneath an error. An I/O error hides what it was made of from `source`.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(here) = at {
        if let Some(found) = here.downcast_ref() {
            return Some(found);
        }
        at = beneath(here);
    }
    None
}

fn bottom(error: &reqwest::Error) -> &(dyn Error + 'static) {
    let mut at: &(dyn Error + 'static) = error;
    while let Some(deeper) = beneath(at) {
        at = deeper;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date_and_never_more_than_an_hour() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (asked, want) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("3600", Some(3600)),
            ("86400", Some(3600)),
            ("18446744073709551615", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3600)),
            ("18446744073709551616", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(asked, now), want.map(Duration::from_secs), "{asked}");
        }
    }
}
