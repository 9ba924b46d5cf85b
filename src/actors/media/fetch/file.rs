//! The file of a download: new, for its owner alone, and gone again unless it was finished.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::answer::again;
use crate::domain::media::Fault;

/// What is gathered before it is written: a server may send a byte at a time.
const BUFFER: usize = 256 * 1024;

/// A file that is not whole yet.
pub(super) struct Draft {
    file: BufWriter<File>,
    size: u64,
    /// What is removed when this goes; `None` once it is finished.
    path: Option<PathBuf>,
}

impl Draft {
    /// Made at once and not on another thread, where it could come to be after its caller has gone.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file.into()), size: 0, path: Some(path.to_owned()) })
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Its size, once all of it is in the file.
    pub(super) async fn finish(mut self) -> io::Result<u64> {
        self.file.flush().await?;
        self.path = None;
        Ok(self.size)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = self.path.take()
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(%error, "the rest of a download could not be removed");
        }
    }
}

/// This server's own trouble: a full disk may have room again later.
pub(super) fn fault(error: &io::Error) -> Fault {
    tracing::error!(%error, "a download could not be written");
    again("this server could not write it to its disk".to_owned())
}
