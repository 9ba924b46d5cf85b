//! Opening the database: SQLite by default, PostgreSQL by its URL; one connection that writes, several that read.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr};

/// Where the database is: `sqlite://path` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must start with sqlite:// or postgres://")]
pub struct NotADatabaseUrl;

impl DatabaseUrl {
    pub fn sqlite(file: &Path) -> Self {
        Self(format!("sqlite://{}", file.display()))
    }

    fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }
}

impl FromStr for DatabaseUrl {
    type Err = NotADatabaseUrl;

    fn from_str(text: &str) -> Result<Self, NotADatabaseUrl> {
        let known = ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        known.then(|| Self(text.to_owned())).ok_or(NotADatabaseUrl)
    }
}

/// A URL may hold a password, so only its kind is shown.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_sqlite() { &self.0 } else { "postgres://…" })
    }
}

const READERS: u32 = 4;
/// Any number that no other user of the same PostgreSQL is likely to lock: "wamux" in ASCII.
const MIGRATION_LOCK: i64 = 0x0077_616d_7578;

/// The writer's connection and the readers' pool, on a database that is up to date.
pub(super) async fn open(url: &DatabaseUrl) -> Result<(DatabaseConnection, DatabaseConnection), DbErr> {
    let write = Database::connect(options(url, 1, false)).await?;
    migrate(&write).await?;
    let read = Database::connect(options(url, READERS, true)).await?;
    Ok((write, read))
}

fn options(url: &DatabaseUrl, connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(&url.0);
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(false);
    if url.is_sqlite() {
        options.map_sqlx_sqlite_opts(move |sqlite| {
            // FULL: a commit is on the disk before its caller hears of it; NORMAL would lose accepted messages with the power.
            let sqlite = sqlite.busy_timeout(Duration::from_secs(10)).foreign_keys(true).read_only(read_only);
            if read_only {
                sqlite
            } else {
                sqlite.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
            }
        });
    }
    options
}

/// Brings the database up to date, alone: two processes may start at the same moment.
async fn migrate(write: &DatabaseConnection) -> Result<(), DbErr> {
    if write.get_database_backend() == DbBackend::Postgres {
        // The pool holds a single connection, so the lock, the migration and the unlocking are on the same one.
        write.execute_unprepared(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
        let done = Migrator::up(write, None).await;
        write.execute_unprepared(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})")).await?;
        return done;
    }
    // SQLite has no such lock: whoever comes second finds the other's tables half made, waits, and then has nothing left to do.
    for _ in 0..40 {
        if Migrator::up(write, None).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Migrator::up(write, None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_databases_are_taken_and_no_password_is_shown() {
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
        let url: DatabaseUrl = "postgres://me:secret@host/db".parse().unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}
