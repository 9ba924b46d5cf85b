//! Files from tasks that must not wait for a disk: each step is a stay on a thread that may.

use std::fs::File;
use std::io::{self, Read};

use futures_util::stream::{self, Stream};
use tokio::task::spawn_blocking;
use whatsapp_rust::bytes::Bytes;

/// How much is read at once.
const CHUNK: usize = 128 * 1024;

/// Does something on a thread that may wait.
pub(crate) async fn off<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// So many bytes of a file, a chunk at a time; fewer are an error.
pub(crate) fn chunks(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let next = off(move || {
            let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
            let read = file.read(&mut chunk)?;
            chunk.truncate(read);
            if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((chunk, file)) }
        });
        let (chunk, file) = next.await?;
        let left = left.saturating_sub(chunk.len() as u64);
        Ok(Some((Bytes::from(chunk), (file, left))))
    })
}
