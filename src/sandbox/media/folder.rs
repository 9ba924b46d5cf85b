//! A folder of files named by what is in them, bounded in bytes, in number and in age. A file's time of change is when it was
//! kept, so that the next one to open the folder knows as much.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;

/// The ending of files that nobody has finished.
const STAGED: &str = "tmp";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: u64,
    pub(crate) files: usize,
    pub(crate) age: TimeDelta,
}

/// Clones are the same folder. What is not said to be quick waits for the disk.
#[derive(Clone)]
pub(crate) struct Folder {
    path: Arc<Path>,
    bounds: Bounds,
    clock: Clock,
    index: Arc<Mutex<Index>>,
}

/// What there is, oldest first.
#[derive(Default)]
struct Index {
    kept: HashMap<String, (DateTime<Utc>, u64)>,
    order: BTreeSet<(DateTime<Utc>, String)>,
    bytes: u64,
}

impl Index {
    fn add(&mut self, name: &str, at: DateTime<Utc>, size: u64) {
        self.take(name);
        self.kept.insert(name.to_owned(), (at, size));
        self.order.insert((at, name.to_owned()));
        self.bytes += size;
    }

    fn take(&mut self, name: &str) -> Option<u64> {
        let (at, size) = self.kept.remove(name)?;
        self.order.remove(&(at, name.to_owned()));
        self.bytes -= size;
        Some(size)
    }
}

/// A file under way: it is gone when this is dropped.
pub(crate) struct Staged {
    pub(crate) file: File,
    path: PathBuf,
}

impl Drop for Staged {
    fn drop(&mut self) {
        // It may have been kept under another name.
        let _ = fs::remove_file(&self.path);
    }
}

impl Folder {
    pub(crate) fn open(path: &Path, bounds: Bounds, clock: Clock) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let mut index = Index::default();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(STAGED) {
                let _ = fs::remove_file(entry.path());
            } else if let Ok(metadata) = entry.metadata() {
                index.add(&name, metadata.modified().map_or_else(|_| clock.now(), DateTime::from), metadata.len());
            }
        }
        let folder = Self { path: path.into(), bounds, clock, index: Arc::new(Mutex::new(index)) };
        folder.sweep(0);
        Ok(folder)
    }

    /// A new file.
    pub(crate) fn stage(&self) -> io::Result<Staged> {
        let path = self.path.join(format!("{}.{STAGED}", self.clock.id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Staged { file, path })
    }

    /// Takes a file out to go on with it: nobody else has it then.
    pub(crate) fn take(&self, name: &str) -> io::Result<Option<Staged>> {
        if self.lock().take(name).is_none() {
            return Ok(None);
        }
        let path = self.path.join(format!("{}.{STAGED}", self.clock.id()));
        fs::rename(self.path.join(name), &path)?;
        let staged = Staged { file: OpenOptions::new().read(true).write(true).open(&path)?, path };
        Ok(Some(staged))
    }

    /// Keeps a file under a name; when this returns it outlives a crash of the machine. Older ones make room for it.
    pub(crate) fn keep(&self, staged: &Staged, name: &str) -> io::Result<()> {
        let (now, size) = (self.clock.now(), staged.file.metadata()?.len());
        self.sweep(size);
        staged.file.set_modified(SystemTime::from(now))?;
        staged.file.sync_all()?;
        fs::rename(&staged.path, self.path.join(name))?;
        File::open(&self.path)?.sync_all()?;
        self.lock().add(name, now, size);
        Ok(())
    }

    /// A file and its size. Quick.
    pub(crate) fn find(&self, name: &str) -> Option<(File, u64)> {
        let (at, size) = *self.lock().kept.get(name)?;
        if self.is_old(at) {
            self.remove(name);
            return None;
        }
        File::open(self.path.join(name)).ok().map(|file| (file, size))
    }

    /// How much there is under a name. Quick.
    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        let (at, size) = *self.lock().kept.get(name)?;
        (!self.is_old(at)).then_some(size)
    }

    /// A file that came once more is as young as a new one. Quick.
    pub(crate) fn renew(&self, name: &str) -> bool {
        let now = self.clock.now();
        let Some(size) = self.size(name) else { return false };
        let renewed = File::options().write(true).open(self.path.join(name));
        if renewed.and_then(|file| file.set_modified(SystemTime::from(now))).is_err() {
            return false;
        }
        self.lock().add(name, now, size);
        true
    }

    /// Quick.
    pub(crate) fn remove(&self, name: &str) {
        if self.lock().take(name).is_some() {
            let _ = fs::remove_file(self.path.join(name));
        }
    }

    /// Deletes what is too old, and as many of the oldest as it takes for one more file of this size.
    fn sweep(&self, more: u64) {
        let mut gone = Vec::new();
        let mut index = self.lock();
        while let Some((at, name)) = index.order.first().cloned() {
            let full = index.bytes.saturating_add(more) > self.bounds.bytes || index.kept.len() >= self.bounds.files;
            if !full && !self.is_old(at) {
                break;
            }
            index.take(&name);
            gone.push(name);
        }
        drop(index);
        for name in gone {
            let _ = fs::remove_file(self.path.join(name));
        }
    }

    fn is_old(&self, at: DateTime<Utc>) -> bool {
        at + self.bounds.age <= self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 10, files: 3, age: TimeDelta::days(1) };

    fn keep(folder: &Folder, name: &str, text: &str) {
        let mut staged = folder.stage().unwrap();
        staged.file.write_all(text.as_bytes()).unwrap();
        folder.keep(&staged, name).unwrap();
    }

    fn read(folder: &Folder, name: &str) -> Option<String> {
        let (mut file, size) = folder.find(name)?;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, size);
        Some(text)
    }

    #[test]
    fn the_oldest_make_room_and_what_is_too_old_is_gone_also_after_a_restart() {
        let (root, clock) = (tempfile::tempdir().unwrap(), Clock::default());
        let folder = Folder::open(root.path(), BOUNDS, clock.clone()).unwrap();
        keep(&folder, "a", "aaaa");
        keep(&folder, "b", "bbbb");
        assert!(folder.renew("a"), "it is younger than b now");
        keep(&folder, "c", "cccc");
        assert_eq!((read(&folder, "a").as_deref(), read(&folder, "b")), (Some("aaaa"), None));
        clock.shift(TimeDelta::hours(23));
        let folder = Folder::open(root.path(), BOUNDS, clock.clone()).unwrap();
        assert_eq!(read(&folder, "c").as_deref(), Some("cccc"));
        clock.shift(TimeDelta::hours(2));
        assert_eq!((read(&folder, "c"), folder.size("a")), (None, None));
        let folder = Folder::open(root.path(), BOUNDS, clock).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        for (n, name) in ["1", "2", "3", "4"].into_iter().enumerate() {
            keep(&folder, name, "");
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), (n + 1).min(3));
        }
    }

    #[test]
    fn what_nobody_finished_is_gone_and_what_is_taken_out_is_taken_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), BOUNDS, Clock::default()).unwrap();
        drop(folder.stage().unwrap());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        std::mem::forget(folder.stage().unwrap());
        let folder = Folder::open(root.path(), BOUNDS, Clock::default()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        keep(&folder, "a", "begun");
        let mut taken = folder.take("a").unwrap().unwrap();
        assert!(folder.take("a").unwrap().is_none() && folder.find("a").is_none());
        let mut text = String::new();
        taken.file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "begun");
        folder.keep(&taken, "b").unwrap();
        drop(taken);
        assert_eq!(read(&folder, "b").as_deref(), Some("begun"));
    }
}
