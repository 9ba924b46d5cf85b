//! Opening the database: SQLite by default, PostgreSQL by its URL; one connection that writes, several that read.

mod backup;
mod pool;
mod postgres;
mod reader;
mod sqlite;
mod trouble;
mod url;

use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::StoreError;
use super::seal::Guard;
pub use backup::{BackupError, back_up};
pub(super) use pool::Pool;
pub use reader::Reader;
pub(super) use sqlite::Held;
use sqlite::Use;
pub use trouble::Trouble;
pub use url::{DatabaseUrl, NotADatabaseUrl};

/// Questions that are answered at once; a sign of life has a connection beside them.
const READERS: u32 = 4;

/// Who else may have the database open at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// Servers and commands, as many as there are.
    Shared,
    /// Nobody: what is sealed is being sealed under another key.
    Alone,
}

/// The writer's connection and the readers', on a database that is up to date. While it lives, nobody has the database in a company
/// that does not go with ours.
pub(super) struct Opened {
    pub(super) write: Pool,
    pub(super) read: Pool,
    pub(super) held: Held,
}

impl Opened {
    /// Lets everything go at once: a connection that is merely dropped keeps its place for a moment.
    pub(super) async fn close(self) {
        for pool in [self.write, self.read] {
            pool.close().await;
        }
    }
}

pub(super) async fn open(url: &DatabaseUrl, company: Company, guard: &Guard) -> Result<Opened, StoreError> {
    if url.is_sqlite() {
        let held = sqlite::hold(url, company)?;
        let write = Database::connect(sqlite::options(url, Use::First)).await?;
        // A file that was taken away is not made anew under a running server.
        let write = Pool::new(write, sqlite::options(url, Use::Write));
        sqlite::migrate(&write.present().1).await?;
        let read = connect(sqlite::options(url, Use::Read)).await?;
        return Ok(Opened { write, read, held });
    }
    postgres::examine(url, company).await?;
    postgres::migrate(url).await?;
    let write = connect(postgres::writing(url, company, guard.clone())).await?;
    let read = connect(postgres::reading(url)).await?;
    Ok(Opened { write, read, held: Held::default() })
}

async fn connect(options: ConnectOptions) -> Result<Pool, DbErr> {
    Ok(Pool::new(Database::connect(options.clone()).await?, options))
}

/// What both kinds of pools have in common.
fn options(url: &DatabaseUrl, connections: u32, patience: Duration) -> ConnectOptions {
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
