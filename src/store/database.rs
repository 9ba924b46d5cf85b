//! Opening the database: SQLite by default, PostgreSQL by its URL; one connection that writes, several that read.

mod away;
mod postgres;
mod sqlite;
mod url;

use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::StoreError;
use super::seal::Guard;
pub(super) use away::is_away;
pub(super) use sqlite::Held;
pub use url::{DatabaseUrl, NotADatabaseUrl};

const READERS: u32 = 4;

/// Who else may have the database open at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// Servers and commands, as many as there are.
    Shared,
    /// Nobody: what is sealed is being sealed under another key.
    Alone,
}

/// The writer's connection and the readers' pool, on a database that is up to date. While it lives, nobody has the database in a
/// company that does not go with ours.
pub(super) struct Opened {
    pub(super) write: DatabaseConnection,
    pub(super) read: DatabaseConnection,
    pub(super) held: Held,
}

impl Opened {
    /// Lets everything go at once: a connection that is merely dropped keeps its place for a moment.
    pub(super) async fn close(self) {
        for db in [self.write, self.read] {
            if let Err(error) = db.close().await {
                tracing::warn!(%error, "a connection did not close");
            }
        }
    }
}

pub(super) async fn open(url: &DatabaseUrl, company: Company, guard: &Guard) -> Result<Opened, StoreError> {
    if url.is_sqlite() {
        let held = sqlite::hold(url, company)?;
        let write = Database::connect(sqlite::options(url, false)).await?;
        sqlite::migrate(&write).await?;
        let read = Database::connect(sqlite::options(url, true)).await?;
        return Ok(Opened { write, read, held });
    }
    postgres::examine(url, company).await?;
    postgres::migrate(url).await?;
    let write = Database::connect(postgres::writing(url, company, guard.clone())).await?;
    let read = Database::connect(postgres::reading(url)).await?;
    Ok(Opened { write, read, held: Held::default() })
}

/// What both kinds of pools have in common.
fn pool(url: &DatabaseUrl, connections: u32, patience: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.as_str());
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(patience)
        .acquire_timeout(patience)
        .sqlx_logging(false);
    options
}

async fn up(write: &DatabaseConnection) -> Result<(), DbErr> {
    Migrator::up(write, None).await
}
