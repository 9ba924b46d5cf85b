//! What is sent: its exact length is said before it, since WhatsApp's media servers take nothing else, and every piece that is
//! taken is a sign of life.

use std::io;

use futures_util::stream::{self, Stream, StreamExt};
use reqwest::Body;
use tokio::sync::mpsc;
use whatsapp_rust::bytes::Bytes;

use super::pulse::Pulse;

/// How much is read and sent at once.
pub(super) const CHUNK: usize = 64 * 1024;
/// Chunks between whoever reads and whoever sends.
const WAITING: usize = 2;

pub(super) struct Outgoing {
    pub(super) length: u64,
    pub(super) body: Body,
}

impl Outgoing {
    pub(super) fn of_bytes(bytes: Bytes, pulse: Pulse) -> Self {
        let length = bytes.len() as u64;
        let pieces = stream::unfold(bytes, |mut left| async move {
            let piece = left.split_to(left.len().min(CHUNK));
            (!piece.is_empty()).then_some((Ok(piece), left))
        });
        Self::of(length, pieces, pulse)
    }

    /// What comes from elsewhere, a chunk at a time.
    pub(super) fn of_chunks(length: u64, pulse: Pulse) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, chunks) = mpsc::channel(WAITING);
        let chunks = stream::unfold(chunks, |mut chunks| async move { Some((chunks.recv().await?, chunks)) });
        (sender, Self::of(length, chunks, pulse))
    }

    fn of(length: u64, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static, pulse: Pulse) -> Self {
        let chunks = chunks.inspect(move |_| pulse.beat());
        Self { length, body: Body::wrap_stream(chunks) }
    }
}
