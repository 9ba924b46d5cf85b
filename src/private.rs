//! Files with secrets or personal data are for their owner alone, whatever the umask says.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database; it gives them the rights of the database when it makes them.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Makes an empty file with mode 0600, which is a new database for SQLite, or takes from the one that is there what others may
/// do with it.
pub(crate) fn database(file: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    tighten(file)?;
    for ending in BESIDE {
        let mut name = OsString::from(file);
        name.push(ending);
        tighten(&PathBuf::from(name))?;
    }
    Ok(())
}

fn tighten(file: &Path) -> io::Result<()> {
    let mode = match fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    match fs::set_permissions(file, Permissions::from_mode(mode & 0o700)) {
        // Somebody else's file, that we may use: its rights are theirs to give.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(file = %file.display(), %error, "a file can be read by others, and is not ours to change");
            Ok(())
        }
        // SQLite takes its files away when the last user leaves.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_and_one_that_was_open_to_all_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new.db"), folder.path().join("old.db"));
        let wal = folder.path().join("old.db-wal");
        for file in [&old, &wal] {
            fs::write(file, "kept").unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o664)).unwrap();
        }
        database(&new).unwrap();
        database(&old).unwrap();
        assert_eq!((mode(&new), mode(&old), mode(&wal)), (0o600, 0o600, 0o600));
        assert_eq!(fs::read_to_string(&old).unwrap(), "kept");
    }
}
