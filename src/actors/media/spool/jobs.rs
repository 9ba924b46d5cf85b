//! Folders of jobs: each is there as long as its job, and a lock on it says that somebody does that job.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::unless_gone;
use crate::domain::id::MessageId;

/// A folder that goes away with everything in it when this does.
#[derive(Debug)]
pub(crate) struct TempFolder {
    path: PathBuf,
    /// Held for as long as the folder is needed. It ends with the process, however that ends.
    _lock: File,
}

impl TempFolder {
    pub(super) fn make(below: &Path, id: MessageId, count: &AtomicU64) -> io::Result<Self> {
        loop {
            // Another server may use this folder, and count by itself.
            let path = below.join(format!("{id}.{}", count.fetch_add(1, Ordering::Relaxed)));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // A sweep may have come between.
            let Some(lock) = locked(&path)? else { continue };
            if path.exists() {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if let Err(error) = unless_gone(fs::remove_dir_all(&self.path)) {
            tracing::warn!(%error, file = %self.path.display(), "the folder of a job was not removed");
        }
    }
}

/// The lock on a folder; none if somebody has it, or if the folder is gone.
fn locked(folder: &Path) -> io::Result<Option<File>> {
    let file = match File::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the folders of jobs that nobody does. What has another name is not ours, and one that does not go hides no other.
pub(super) fn sweep(below: &Path) -> io::Result<()> {
    for entry in fs::read_dir(below)? {
        let entry = entry?;
        if !is_job(&entry) {
            continue;
        }
        let path = entry.path();
        let swept = locked(&path).and_then(|lock| lock.map_or(Ok(()), |_lock| unless_gone(fs::remove_dir_all(&path))));
        if let Err(error) = swept {
            tracing::warn!(%error, file = %path.display(), "the folder of a job was not swept");
        }
    }
    Ok(())
}

/// A folder with a name of ours: the message's id and a number.
fn is_job(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let named = name.to_str().and_then(|name| name.split_once('.'));
    let ours = named.is_some_and(|(id, count)| id.parse::<Uuid>().is_ok() && count.parse::<u64>().is_ok());
    ours && entry.file_type().is_ok_and(|kind| kind.is_dir())
}
