//! Requests that hyper cannot read reach no handler: it answers them itself, with a bare status, and closes. It has no hook for
//! that, so the bare head is exchanged for a whole problem document on its way to the socket. What is exchanged is recognised by
//! all of its bytes: an answer of ours always has a request id, and hyper's own has nothing but a date.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::reply;
use super::new_request_id;
use crate::clock::{Clock, instant};
use crate::domain::error::{Code, Refusal};

/// How long, and how much of it, the rest of an unread request is read away: a client whose connection is reset while it still
/// writes never sees the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// A connection on which hyper's own answers say what they mean.
pub(super) struct Explained<S> {
    stream: S,
    clock: Clock,
    instead: Option<Instead>,
}

/// The answer in place of hyper's, and the farewell after it. Nothing else is written any more.
struct Instead {
    answer: Vec<u8>,
    written: usize,
    wasted: usize,
    patience: Pin<Box<Sleep>>,
}

impl<S> Explained<S> {
    pub(super) const fn new(stream: S, clock: Clock) -> Self {
        Self { stream, clock, instead: None }
    }
}

/// What hyper means with these bytes, if they are an answer of its own.
fn meant(head: &[u8]) -> Option<Refusal> {
    if !head.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let (first, rest) = std::str::from_utf8(head).ok()?.split_once("\r\n")?;
    let bare = rest.strip_prefix("connection: close\r\ncontent-length: 0\r\ndate: ")?.strip_suffix("\r\n\r\n")?;
    if bare.contains("\r\n") {
        return None;
    }
    let (code, detail) = match first.strip_prefix("HTTP/1.1 ")?.get(..3)? {
        "400" => {
            (Code::MalformedRequest, "This is not an HTTP/1.1 request: its request line or a header cannot be read.")
        }
        "414" => (Code::UriTooLong, "The path and its query may have 65534 bytes at most."),
        "431" => (Code::HeadersTooLarge, "The headers may have 64 KiB and 100 lines at most."),
        _ => return None,
    };
    Some(Refusal::new(code, detail))
}

fn instead_of(head: &[u8], clock: &Clock) -> Option<Instead> {
    let refusal = meant(head)?;
    let id = new_request_id(clock);
    let answer = reply::on_the_wire(&refusal, &id);
    let patience = Box::pin(sleep_until(Instant::from_std(instant() + LINGER)));
    Some(Instead { answer, written: 0, wasted: 0, patience })
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, clock, instead } = &mut *self;
        if instead.is_none() {
            *instead = instead_of(buf, clock);
        }
        let Some(instead) = instead else { return Pin::new(stream).poll_write(cx, buf) };
        while let Some(rest @ [_, ..]) = instead.answer.get(instead.written..) {
            match ready!(Pin::new(&mut *stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => instead.written += n,
            }
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            [one] => self.poll_write(cx, one),
            _ if self.instead.is_some() => Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum())),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, instead, .. } = &mut *self;
        ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        let Some(instead) = instead else { return Poll::Ready(Ok(())) };
        let mut waste = [0; 8192];
        while instead.wasted < LINGER_BYTES && instead.patience.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => instead.wasted += buf.filled().len(),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hyper_s_own_answers_are_exchanged() {
        let tail = "connection: close\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n";
        for (head, code) in [
            (format!("HTTP/1.1 400 Bad Request\r\n{tail}"), Some(Code::MalformedRequest)),
            (format!("HTTP/1.1 414 URI Too Long\r\n{tail}"), Some(Code::UriTooLong)),
            (format!("HTTP/1.1 431 Request Header Fields Too Large\r\n{tail}"), Some(Code::HeadersTooLarge)),
            (format!("HTTP/1.1 204 No Content\r\n{tail}"), None),
            (format!("HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\n{tail}"), None),
            (format!("HTTP/1.1 400 Bad Request\r\n{tail}x"), None),
            (format!("HTTP/1.1 400 Bad Request\r\n{}", tail.replace("GMT", "GMT\r\nx: y")), None),
            ("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(meant(head.as_bytes()).map(|refusal| refusal.code), code, "{head}");
        }
    }
}
