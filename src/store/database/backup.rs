//! A consistent copy of a `SQLite` database while others use it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::str::FromStr;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use tempfile::NamedTempFile;

use super::{Company, DatabaseUrl, sqlite};
use crate::store::StoreError;
use crate::store::device_keys::Kind;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "the database is a PostgreSQL, whose own tool makes consistent copies while servers use it: \
         pg_dump --format=custom --file=FILE \"$WAMUX_DATABASE_URL\", and pg_restore brings one back"
    )]
    Postgres,
    #[error("{0} exists; a backup overwrites nothing, so give it another name")]
    Exists(String),
    #[error("there is no database at {0}; say where it is with --data-dir or --database-url")]
    NoDatabase(String),
    #[error("the backup cannot be written to {0}: {1}")]
    File(String, io::Error),
    #[error("the copy was not made: {0}")]
    Copy(#[from] sqlx::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies what is committed now. The copy has its name when it is whole and on the disk, and not before; how many bytes it has.
pub async fn back_up(url: &DatabaseUrl, file: &Path) -> Result<u64, BackupError> {
    if !url.is_sqlite() {
        return Err(BackupError::Postgres);
    }
    let source = SqliteConnectOptions::from_str(url.as_str())?;
    let database = source.get_filename().to_owned();
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database.display().to_string()));
    }
    let shown = file.display().to_string();
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(shown));
    }
    // Not in the middle of a rotation: half of it would be sealed under another key.
    let held = sqlite::hold(url, Company::Shared)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error| BackupError::File(shown.clone(), error);
    // In the same folder, so that it can be given its name in one step; for its owner alone.
    let draft = tempfile::Builder::new().prefix(".wamux-backup-").tempfile_in(folder).map_err(failed)?;
    let mut connection = source.read_only(true).busy_timeout(sqlite::PATIENCE).connect().await?;
    sqlx::query("VACUUM INTO ?").bind(draft.path().to_string_lossy().as_ref()).execute(&mut connection).await?;
    connection.close().await?;
    without_encryption_states(draft.path()).await?;
    drop(held);
    let (file, folder) = (file.to_owned(), folder.to_owned());
    let named = tokio::task::spawn_blocking(move || name(draft, &file, &folder)).await;
    named.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(shown),
        _ => BackupError::File(shown, error),
    })
}

/// The state of the encryption with each other device is left out of the copy: by the time it is restored, the other side has gone on,
/// would take what is sent for repeats, and would show nothing. Without it, both sides agree anew.
async fn without_encryption_states(copy: &Path) -> Result<(), sqlx::Error> {
    let mut copy = SqliteConnectOptions::new().filename(copy).connect().await?;
    for kind in [Kind::SignalSession, Kind::BaseKey, Kind::SenderKey, Kind::GroupKeyHolders] {
        sqlx::query("DELETE FROM device_key WHERE kind = ?").bind(kind as i16).execute(&mut copy).await?;
    }
    copy.close().await
}

/// `VACUUM INTO` leaves it to others to have the copy on the disk.
fn name(draft: NamedTempFile, file: &Path, folder: &Path) -> io::Result<u64> {
    draft.as_file().sync_all()?;
    let named = draft.persist_noclobber(file)?;
    File::open(folder)?.sync_all()?;
    Ok(named.metadata()?.len())
}
