//! The spool: files on their way out, named by ids, in a folder of the data directory. Rows say which of them are needed.

mod jobs;

use std::collections::HashSet;
use std::convert::Infallible;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use ring::digest;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::domain::media::SpoolName;
pub(crate) use jobs::TempFolder;

/// What a file is called while it arrives.
const PARTIAL: &str = "part";
/// Below the spool: where files are made before they are spool files.
const JOBS: &str = "jobs";
/// What is gathered before it is written: a sender may send a byte at a time.
const BUFFER: usize = 256 * 1024;

/// A folder of files. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    folder: Arc<Path>,
    /// How many job folders there have been, so that no two have one name.
    jobs: Arc<AtomicU64>,
}

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
}

/// Why a file is not in the spool. `E` is what went wrong with where it came from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError<E = Infallible> {
    #[error("there are more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("it did not come to its end: {0}")]
    Source(E),
    /// Full, perhaps, or not ours to write to.
    #[error("the spool cannot be written: {0}")]
    Disk(#[from] io::Error),
}

impl Spool {
    /// The spool in this folder, which is made if it is missing and is for its owner alone.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        // ffmpeg works in a folder of its own, from which a relative path would lead elsewhere.
        let folder = std::path::absolute(folder)?;
        let private = |folder: &Path| {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            fs::set_permissions(folder, Permissions::from_mode(0o700))
        };
        private(&folder)?;
        private(&folder.join(JOBS))?;
        Ok(Self { folder: folder.into(), jobs: Arc::default() })
    }

    pub(crate) fn path(&self, name: SpoolName) -> PathBuf {
        self.folder.join(name.0.to_string())
    }

    /// Writes what arrives to the disk, as it arrives. It is a spool file once all of it is there and would outlive a loss of power;
    /// until then it goes away with any failure, and with whoever does not wait for the end.
    pub(crate) async fn receive<E>(
        &self,
        name: SpoolName,
        chunks: impl Stream<Item = Result<Bytes, E>> + Send,
        limit: u64,
    ) -> Result<Received, SpoolError<E>> {
        let arriving =
            Arriving { partial: self.path(name).with_extension(PARTIAL), whole: self.path(name), done: false };
        // Not on another thread, where it could come to be after its caller has gone.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&arriving.partial)?;
        let mut file = BufWriter::with_capacity(BUFFER, tokio::fs::File::from(file));
        let (mut size, mut digest) = (0, digest::Context::new(&digest::SHA256));
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(SpoolError::Source)?;
            size += chunk.len() as u64;
            if size > limit {
                return Err(SpoolError::TooLarge { limit });
            }
            digest.update(&chunk);
            file.write_all(&chunk).await?;
        }
        // What was written last may fail only now.
        file.flush().await?;
        let (file, from) = (file.into_inner().into_std().await, arriving.partial.clone());
        self.settle(file, from, name).await?;
        arriving.done();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest.finish().as_ref());
        Ok(Received { size, sha256 })
    }

    /// Makes a spool file of one that was made elsewhere below the data folder. On failure it stays where it was.
    pub(crate) async fn adopt(&self, from: &Path, name: SpoolName) -> io::Result<()> {
        let from = from.to_owned();
        let file = tokio::fs::File::open(&from).await?.into_std().await;
        self.settle(file, from, name).await
    }

    /// Brings a file to the disk, and its new name after it.
    async fn settle(&self, file: File, from: PathBuf, name: SpoolName) -> io::Result<()> {
        let (to, folder) = (self.path(name), Arc::clone(&self.folder));
        let settled = spawn_blocking(move || {
            file.sync_all()?;
            fs::rename(from, to)?;
            File::open(folder)?.sync_all()
        });
        settled.await.map_err(io::Error::other)?
    }

    /// Takes a file away. One that is not there is no failure.
    pub(crate) async fn remove(&self, name: SpoolName) -> io::Result<()> {
        unless_gone(tokio::fs::remove_file(self.path(name)).await)
    }

    /// The same for whoever cannot wait.
    pub(crate) fn discard(&self, name: SpoolName) -> io::Result<()> {
        unless_gone(fs::remove_file(self.path(name)))
    }

    /// An empty folder for what is done for one message, in the same file system as the spool.
    pub(crate) fn job_folder(&self, id: crate::domain::id::MessageId) -> io::Result<TempFolder> {
        TempFolder::make(&self.folder.join(JOBS), id, &self.jobs)
    }

    /// Takes away what a crash left behind: folders of jobs that nobody does any more, and files that no row names. A file is older
    /// than `older_than` before that is held against it: its message may be about to be accepted.
    pub(crate) async fn sweep(&self, in_use: &HashSet<Uuid>, older_than: Duration) -> io::Result<()> {
        let (folder, in_use) = (Arc::clone(&self.folder), in_use.clone());
        let swept = spawn_blocking(move || {
            jobs::sweep(&folder.join(JOBS))?;
            for entry in fs::read_dir(&*folder)? {
                let entry = entry?;
                let Some(name) = spool_name(&entry.path()) else { continue };
                let unneeded = !in_use.contains(&name) && age(&entry).is_some_and(|age| age >= older_than);
                if unneeded && let Err(error) = unless_gone(fs::remove_file(entry.path())) {
                    // It hides no other.
                    tracing::warn!(%error, file = %entry.path().display(), "a file of the spool was not swept");
                }
            }
            Ok(())
        });
        swept.await.map_err(io::Error::other)?
    }
}

/// The id that a file is named by, whole or on its way in. What has another name is not ours.
fn spool_name(file: &Path) -> Option<Uuid> {
    let ours = file.extension().is_none_or(|ending| ending == PARTIAL);
    file.file_stem()?.to_str()?.parse().ok().filter(|_| ours)
}

/// How long ago a file was last written or named; a file of the future has no age.
fn age(entry: &fs::DirEntry) -> Option<Duration> {
    let changed = entry.metadata().ok()?;
    let seconds = Duration::from_secs(changed.ctime().try_into().ok()?);
    let changed = SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(changed.ctime_nsec().try_into().ok()?);
    changed.elapsed().ok()
}

fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A file that is not whole yet.
struct Arriving {
    partial: PathBuf,
    whole: PathBuf,
    done: bool,
}

impl Arriving {
    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.done {
            // In this order: whoever may be about to give it its name finds it gone, or has done so already.
            let _ = fs::remove_file(&self.partial);
            let _ = fs::remove_file(&self.whole);
        }
    }
}

#[cfg(test)]
mod tests;
