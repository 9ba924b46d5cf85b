//! Memory: one file per noun over sea-orm, one batched writer, device keys sealed.

pub mod accept;
mod database;
pub mod device_keys;
pub mod keys;
mod many;
pub mod marks;
pub mod messages;
pub mod received;
pub mod seal;
pub mod sessions;
pub mod tenants;
mod writer;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};

pub use database::{DatabaseUrl, NotADatabaseUrl};
use seal::{MasterKey, Sealer};
use writer::Writer;

use crate::clock::Clock;
use crate::domain::error::Refusal;
use crate::domain::id::TenantId;

/// The database, open and up to date: a pool of readers, and one writer that commits in batches.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    reader: DatabaseConnection,
    writer: Writer,
    master: MasterKey,
    clock: Clock,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed: {0}")]
    Database(String),
    #[error("the writer's queue is full")]
    Full,
    #[error("the store is closed")]
    Closed,
    #[error("a row holds what no version of Wamux writes: {0}")]
    Corrupt(&'static str),
    #[error(
        "this database was sealed under another master key; give the one it was made with (WAMUX_MASTER_KEY or master.key)"
    )]
    WrongMasterKey,
    #[error(transparent)]
    Seal(#[from] seal::SealError),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::overloaded(),
            StoreError::Closed => Self::stopping(),
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::internal()
            }
        }
    }
}

impl Store {
    /// Opens the database, makes it if it is missing, brings it up to date, and proves the master key.
    pub async fn open(url: &DatabaseUrl, master: MasterKey, clock: Clock) -> Result<Self, StoreError> {
        let (write, reader) = database::open(url).await?;
        seal::prove(&write, &master).await?;
        let writer = Writer::start(write);
        Ok(Self { inner: Arc::new(Inner { reader, writer, master, clock }) })
    }

    /// Committed data, from a pool of connections that cannot write (on SQLite).
    pub fn reader(&self) -> &DatabaseConnection {
        &self.inner.reader
    }

    /// Runs a job inside the writer's next batch: one transaction for many jobs, one fsync. Returns after the commit.
    pub async fn write<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>> + Send + 'static,
    {
        self.inner.writer.work(job).await
    }

    /// Seals and opens a tenant's secrets.
    pub fn sealer(&self, tenant: TenantId) -> Sealer {
        self.inner.master.sealer(tenant)
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if !self.inner.writer.is_alive() {
            return Err(StoreError::Closed);
        }
        Ok(self.reader().ping().await?)
    }

    /// Commits what is queued and closes every connection.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        if let Err(error) = self.inner.reader.close_by_ref().await {
            tracing::warn!(%error, "the readers did not close");
        }
    }
}
