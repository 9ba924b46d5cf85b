//! Where a message came from: the request that asked for it, and the trace that the request belongs to. Both stay with the message,
//! so that what becomes of it hours later, or after a crash, can still be laid beside the request.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What names a request in the log, in its answer and on its messages: the caller's own id if it gave a sane one, else a new one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 1 to 128 letters, digits, -, _, . or :")]
pub struct NotARequestId;

impl RequestId {
    pub const HEADER: &str = "x-request-id";

    /// Of what came past the door.
    pub fn none() -> Self {
        Self(Arc::from(""))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = NotARequestId;

    fn from_str(text: &str) -> Result<Self, NotARequestId> {
        let sane = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        let is_sane = (1..=128).contains(&text.len()) && text.bytes().all(sane);
        if is_sane { Ok(Self(Arc::from(text))) } else { Err(NotARequestId) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a trace, as the header `traceparent` of the W3C says it. Of later versions, the part that this one knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent reads 00-<32 hexadecimal digits>-<16>-<2>")]
pub struct NotATraceParent;

impl TraceParent {
    pub const HEADER: &str = "traceparent";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceParent {
    type Err = NotATraceParent;

    fn from_str(text: &str) -> Result<Self, NotATraceParent> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits);
            part.filter(|part| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
        };
        let known = (|| Some((part(2)?, part(32)?, part(16)?, part(2)?)))();
        let (version, trace, span, flags) = known.ok_or(NotATraceParent)?;
        let is_nothing = |id: &str| id.bytes().all(|b| b == b'0');
        if version == "ff" || (version == "00" && parts.next().is_some()) || is_nothing(trace) || is_nothing(span) {
            return Err(NotATraceParent);
        }
        Ok(Self(format!("00-{trace}-{span}-{flags}").into()))
    }
}

/// Where a message came from, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    pub request: Option<RequestId>,
    /// None unless traces are exported: then nothing of them is kept either.
    pub trace: Option<TraceParent>,
}

impl Cause {
    /// Of a message that this request asked for.
    pub fn of(request: &RequestId) -> Self {
        Self { request: Some(request.clone()).filter(|id| !id.as_str().is_empty()), trace: None }
    }

    /// As it was kept. What does not read as it was written is not known any more.
    pub fn kept(request: Option<&str>, trace: Option<&str>) -> Self {
        Self { request: request.and_then(|id| id.parse().ok()), trace: trace.and_then(|trace| trace.parse().ok()) }
    }

    /// The request's id for a line of the log; empty if there is none.
    pub fn id(&self) -> &str {
        self.request.as_ref().map_or("", RequestId::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_that_could_disturb_a_log_is_none() {
        for sane in ["a", "0199a7b0-0000-7000-8000-000000000000", "web:42_x.y", &"x".repeat(128)] {
            assert_eq!(sane.parse::<RequestId>().unwrap().as_str(), sane);
        }
        for odd in ["", "a b", "a\nb", "é", "a\"b", &"x".repeat(129)] {
            assert_eq!(odd.parse::<RequestId>(), Err(NotARequestId), "{odd}");
        }
        assert_eq!(Cause::of(&RequestId::none()), Cause::default());
    }

    #[test]
    fn a_traceparent_reads_as_the_w3c_says() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for good in [format!("00-{trace}-{span}-01"), format!("cc-{trace}-{span}-01-what-comes-later")] {
            assert_eq!(good.parse::<TraceParent>().unwrap().as_str(), format!("00-{trace}-{span}-01"), "{good}");
        }
        for bad in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{span}-1"),
        ] {
            assert_eq!(bad.parse::<TraceParent>(), Err(NotATraceParent), "{bad}");
        }
    }
}
