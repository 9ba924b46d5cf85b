//! The protocol crate encrypts and decrypts on threads of its own, with plain readers and writers: here they meet the sockets.

use std::io::{self, Read};
use std::time::Duration;

use reqwest::Response;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use whatsapp_rust::bytes::{Buf, Bytes};
use whatsapp_rust::wacore::net::UploadBody;

use super::body::CHUNK;
use super::pulse::Pulse;
use super::way::explained;

/// The most that one answer may bring, which is what the largest document on WhatsApp has.
const LARGEST: u64 = 2 << 30;

/// Reads all of a body of this length into chunks, as fast as they are taken; less than that is an error to whoever takes them.
pub(super) fn pour(mut body: UploadBody, length: u64, chunks: &mpsc::Sender<io::Result<Bytes>>) {
    let mut left = length;
    while left > 0 {
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK)];
        let read = match body.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read,
        };
        let chunk = read.map(|read| {
            chunk.truncate(read);
            left -= read as u64;
            Bytes::from(chunk)
        });
        let failed = chunk.is_err();
        if chunks.blocking_send(chunk).is_err() || failed {
            return;
        }
    }
}

/// The body of an answer for a thread that may wait.
pub(super) fn reader(runtime: Handle, response: Response, quiet: Duration) -> Box<dyn Read + Send> {
    Box::new(Incoming { runtime, response, quiet, chunk: Bytes::new(), left: LARGEST })
}

struct Incoming {
    runtime: Handle,
    response: Response,
    quiet: Duration,
    chunk: Bytes,
    left: u64,
}

impl Incoming {
    /// The next chunk that holds anything; an empty one at the end.
    fn next(&mut self) -> io::Result<Bytes> {
        let next = async {
            loop {
                match Pulse::new(self.quiet).alive(self.response.chunk()).await.map_err(io::Error::other)? {
                    Ok(Some(chunk)) if chunk.is_empty() => {}
                    Ok(chunk) => return Ok(chunk.unwrap_or_default()),
                    Err(error) => return Err(io::Error::other(explained(&error))),
                }
            }
        };
        self.runtime.block_on(next)
    }
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            self.chunk = self.next()?;
            self.left = self.left.checked_sub(self.chunk.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        }
        let read = self.chunk.len().min(into.len());
        self.chunk.copy_to_slice(&mut into[..read]);
        Ok(read)
    }
}
