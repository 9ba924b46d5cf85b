//! The file that holds the master key: made on the first start, and replaced in one step when the key is rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{MasterKeyError, MasterSecret};

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
        match fs::read_to_string(&self.0) {
            Ok(text) => text.trim().parse(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = MasterSecret::fresh()?;
                match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0) {
                    Ok(mut new) => {
                        let written = new.write_all(secret.reveal().as_bytes()).and_then(|()| new.sync_all());
                        written.map_err(|error| self.failed(error))?;
                        Ok(secret)
                    }
                    // Another process was a moment earlier: its key is the key.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.load_or_make(),
                    Err(error) => Err(self.failed(error)),
                }
            }
            Err(error) => Err(self.failed(error)),
        }
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
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(new.reveal().as_bytes())?;
        file.sync_all()?;
        let _ = fs::remove_file(self.old());
        fs::hard_link(&self.0, self.old())?;
        fs::rename(&draft, &self.0)?;
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn failed(&self, error: io::Error) -> MasterKeyError {
        MasterKeyError::File(self.0.display().to_string(), error)
    }
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
