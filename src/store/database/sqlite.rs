//! SQLite: a file, opened for write-ahead and full durability, and a lock beside it that says who else may have it open.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, DatabaseConnection, DbErr};

use super::{Company, DatabaseUrl, READERS, up};
use crate::private;
use crate::store::StoreError;

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The lock, while it is held; nothing on PostgreSQL, whose locks live in its connections.
#[derive(Default)]
pub(in crate::store) struct Held(#[allow(dead_code, reason = "held until it is dropped")] Option<File>);

/// Takes the file `<database>.lock` in shared or sole possession.
pub(super) fn hold(url: &DatabaseUrl, company: Company) -> Result<Held, StoreError> {
    let unusable = |why: String| StoreError::Unusable(why);
    let options = SqliteConnectOptions::from_str(url.as_str()).map_err(|error| unusable(error.to_string()))?;
    let path = format!("{}.lock", options.get_filename().display());
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(Path::new(&path));
    let file = file.map_err(|error| unusable(format!("{path}: {error}")))?;
    // What people write to each other is in it.
    let database = options.get_filename();
    private::database(database).map_err(|error| unusable(format!("{}: {error}", database.display())))?;
    let taken = match company {
        Company::Shared => file.try_lock_shared(),
        Company::Alone => file.try_lock(),
    };
    match taken {
        Ok(()) => Ok(Held(Some(file))),
        Err(TryLockError::WouldBlock) => Err(StoreError::in_use(company)),
        Err(TryLockError::Error(error)) => Err(unusable(format!("{path}: {error}"))),
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The database is made if there is none.
    First,
    Write,
    Read,
}

pub(super) fn options(url: &DatabaseUrl, what: Use) -> ConnectOptions {
    let read_only = what == Use::Read;
    let mut options = super::options(url, if read_only { READERS + 1 } else { 1 }, PATIENCE);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        // FULL: a commit is on the disk before its caller hears of it; NORMAL would lose accepted messages with the power.
        let sqlite = sqlite.busy_timeout(PATIENCE).foreign_keys(true).read_only(read_only);
        if read_only {
            sqlite
        } else {
            let make = what == Use::First;
            sqlite.create_if_missing(make).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
        }
    });
    options
}

/// SQLite has no lock for this: whoever comes second finds the other's tables half made, waits, and then has nothing left to do.
pub(super) async fn migrate(write: &DatabaseConnection) -> Result<(), DbErr> {
    for _ in 0..200 {
        if up(write).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    up(write).await
}
