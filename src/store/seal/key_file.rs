//! The file that holds the master key: made on the first start, and replaced in one step when the key is rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{MasterKeyError, MasterSecret};
use crate::clock;

/// `master.key` in the data folder.
#[derive(Debug, Clone)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join("master.key"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the key before this one is kept: backups from before a rotation need it.
    pub fn old(&self) -> PathBuf {
        self.0.with_extension("key.old")
    }

    /// Reads the key; makes the key and the file (mode 0600) if there is none.
    pub fn load_or_make(&self) -> Result<MasterSecret, MasterKeyError> {
        match self.read() {
            Err(MasterKeyError::File(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                let secret = MasterSecret::fresh()?;
                match self.make(&secret) {
                    Ok(()) => Ok(secret),
                    // Another process was a moment earlier: its key is the key.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.read(),
                    Err(error) => Err(self.failed(error)),
                }
            }
            read => read,
        }
    }

    fn read(&self) -> Result<MasterSecret, MasterKeyError> {
        let text = fs::read_to_string(&self.0).map_err(|error| self.failed(error))?;
        text.trim().parse().map_err(|_| MasterKeyError::NoKeyInFile(self.0.display().to_string()))
    }

    /// The file appears with the whole key in it, or not at all.
    fn make(&self, secret: &MasterSecret) -> io::Result<()> {
        let nonce = clock::entropy::<8>().map_err(io::Error::other)?;
        let draft = self.0.with_extension(format!("key.{:016x}", u64::from_be_bytes(nonce)));
        let made = write(&draft, secret).and_then(|()| match fs::hard_link(&draft, &self.0) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => write(&self.0, secret),
            linked => linked,
        });
        let _ = fs::remove_file(&draft);
        made.and_then(|()| self.sync_folder())
    }

    /// Puts another key in its place: at every moment the file holds the one or the other, whole and on the disk.
    pub fn replace(&self, new: &MasterSecret) -> Result<(), MasterKeyError> {
        if matches!(self.load_or_make(), Ok(present) if present == *new) {
            return Ok(());
        }
        self.exchange(new).map_err(|error| self.failed(error))
    }

    fn exchange(&self, new: &MasterSecret) -> io::Result<()> {
        let draft = self.0.with_extension("key.new");
        let _ = fs::remove_file(&draft);
        write(&draft, new)?;
        let _ = fs::remove_file(self.old());
        // Not every mount has links.
        fs::hard_link(&self.0, self.old()).or_else(|_| copy(&self.0, &self.old()))?;
        fs::rename(&draft, &self.0)?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn failed(&self, error: io::Error) -> MasterKeyError {
        MasterKeyError::File(self.0.display().to_string(), error)
    }
}

/// A new file, for its owner alone, and on the disk.
fn write(file: &Path, secret: &MasterSecret) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    new.write_all(secret.reveal().as_bytes())?;
    new.sync_all()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut old = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    old.write_all(&fs::read(from)?)?;
    old.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(folder.path());
        let first = file.load_or_make().unwrap();
        assert!(file.load_or_make().unwrap() == first);
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft stays behind");
    }

    #[test]
    fn of_many_that_make_the_file_at_once_all_have_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(folder.path());
        let keys: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..16).map(|_| scope.spawn(|| file.load_or_make().unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(folder.path());
        fs::write(file.path(), "").unwrap();
        let told = file.load_or_make().unwrap_err().to_string();
        assert!(told.contains(file.path().to_str().unwrap()), "{told}");
    }

    #[test]
    fn where_there_are_no_links_the_old_key_is_copied_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(folder.path());
        let key = file.load_or_make().unwrap();
        copy(file.path(), &file.old()).unwrap();
        assert_eq!((fs::read_to_string(file.old()).unwrap(), mode(&file.old())), (key.reveal(), 0o600));
    }

    #[test]
    fn a_replaced_key_leaves_the_old_one_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(folder.path());
        let (first, second) = (file.load_or_make().unwrap(), MasterSecret::fresh().unwrap());
        // A draft that a crash left behind is no obstacle, and to replace twice is to replace once.
        fs::write(folder.path().join("master.key.new"), "half a k").unwrap();
        file.replace(&second).unwrap();
        file.replace(&second).unwrap();
        assert!(file.load_or_make().unwrap() == second);
        assert_eq!(fs::read_to_string(file.old()).unwrap(), first.reveal());
        assert_eq!((mode(file.path()), mode(&file.old())), (0o600, 0o600));
        assert!(!folder.path().join("master.key.new").exists());
    }
}
