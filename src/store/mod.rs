//! Memory: one file per noun over sea-orm, one batched writer, device keys sealed.

pub mod accept;
pub mod accounts;
pub mod answers;
mod database;
pub mod device_keys;
mod erasing;
pub mod figures;
mod fleet;
pub mod keys;
mod mail_tickets;
mod many;
pub mod marks;
pub mod media;
pub mod messages;
mod moved;
pub mod received;
pub mod rotation;
pub mod seal;
pub mod sessions;
pub mod tenants;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};

pub use database::{BackupError, DatabaseUrl, NotADatabaseUrl, Reader, Trouble, back_up};
use database::{Company, Opened};
use seal::vault::{self, Standing};
use seal::{Guard, MasterKey, MasterSecret, Sealer};
use writer::Writer;

use crate::clock::Clock;
use crate::domain::error::Refusal;
use crate::domain::id::TenantId;
use crate::metrics::Metrics;

/// The database, open and up to date: a pool of readers, and one writer that commits in batches.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Reader,
    writer: Writer,
    master: MasterKey,
    /// The master key that came after the one we were given.
    successor: Option<MasterSecret>,
    held: Mutex<database::Held>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed: {0}")]
    Database(String),
    /// It says nothing of what was asked: the same may succeed when the database is back.
    #[error("{0}")]
    Away(Trouble),
    #[error("{0}")]
    Unusable(String),
    #[error("{0}")]
    InUse(&'static str),
    /// The session's lease is not the newest: what it wrote was refused.
    #[error("another holder has the session's lease")]
    LeaseLost,
    #[error("a part of the batch panicked; nothing of it was written")]
    Panicked,
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
    #[error("a rotation of the master key was cut short; `wamux keys rotate-master` goes on with it")]
    RotationUnfinished,
    #[error(
        "a rotation of the master key is under way, and this is not the key that it began with; give that one \
         (WAMUX_MASTER_KEY or master.key), and `wamux keys rotate-master` goes on with it"
    )]
    RotationElsewhere,
    #[error(
        "a rotation to another new master key is under way; give that one, or none: `wamux keys rotate-master` goes on with it"
    )]
    OtherRotation,
    #[error("this master key is in force already; give another, or none to have one made")]
    SameMasterKey,
    #[error(transparent)]
    Seal(#[from] seal::SealError),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Trouble::of(&error).map_or_else(|| Self::Database(error.to_string()), Self::Away)
    }
}

impl StoreError {
    const fn in_use(wanted: Company) -> Self {
        Self::InUse(match wanted {
            Company::Shared => "its master key is being rotated; start again when that is done",
            Company::Alone => "a server or another command is using it; stop every wamux on it first",
        })
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::overloaded(),
            StoreError::Closed => Self::stopping(),
            StoreError::Away(trouble) => {
                tracing::warn!(error = %trouble, "the database does not answer");
                Self::away()
            }
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
        let guard = Guard::default();
        let opened = database::open(url, Company::Shared, &guard).await?;
        match Self::unlock(&opened, &master).await {
            Ok(successor) => {
                let master = successor.as_ref().map_or(master, MasterSecret::key);
                guard.set(&master);
                let metrics = Arc::<Metrics>::default();
                let writer = Writer::start(opened.write, Arc::clone(&metrics));
                let held = Mutex::new(opened.held);
                let reader = Reader::new(opened.read);
                Ok(Self { inner: Arc::new(Inner { reader, writer, master, successor, held, clock, metrics }) })
            }
            Err(error) => {
                opened.close().await;
                Err(error)
            }
        }
    }

    async fn unlock(opened: &Opened, master: &MasterKey) -> Result<Option<MasterSecret>, StoreError> {
        let write = opened.write.present().1;
        match vault::standing(&write, master).await? {
            Standing::InForce => Ok(None),
            Standing::Arrived => {
                vault::forget_old(&write).await?;
                Ok(None)
            }
            Standing::Past(successor) => Ok(Some(successor)),
            Standing::Leaving(_) => Err(StoreError::RotationUnfinished),
            Standing::Beside => Err(StoreError::RotationElsewhere),
            Standing::Foreign => Err(StoreError::WrongMasterKey),
        }
    }

    /// The master key in force, if the one that was given is the one before: it was rotated, and the new one given by nobody yet.
    pub fn successor(&self) -> Option<&MasterSecret> {
        self.inner.successor.as_ref()
    }

    /// The new master key is where it will be found: from now on the old one opens nothing.
    pub async fn forget_old_key(&self) -> Result<(), StoreError> {
        self.write(|batch| Box::pin(vault::forget_old(batch))).await
    }

    /// What kind of database it is, for people.
    pub fn kind(&self) -> &'static str {
        match self.reader().get_database_backend() {
            DbBackend::Postgres => "PostgreSQL",
            _ => "SQLite",
        }
    }

    /// Committed data, from a pool of connections that cannot write.
    pub fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    /// Runs a job inside the writer's next batch: one transaction for many jobs, one fsync. Returns after the commit.
    pub async fn write<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>> + Send + 'static,
    {
        self.inner.writer.work(None, job).await
    }

    /// The same for what counts against a tenant's limits: no other server counts for this tenant until the commit.
    async fn write_for<T, F>(&self, tenant: TenantId, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>> + Send + 'static,
    {
        self.inner.writer.work(Some(tenant), job).await
    }

    /// Writes what no version of Wamux would: tests spoil rows with it.
    #[cfg(test)]
    pub(crate) async fn tamper(&self, sql: String) {
        use futures_util::FutureExt;
        use sea_orm::ConnectionTrait;
        self.write(move |batch| async move { batch.execute_unprepared(&sql).await.map(|_| ()) }.boxed()).await.unwrap();
    }

    /// Seals and opens a tenant's secrets.
    pub fn sealer(&self, tenant: TenantId) -> Sealer {
        self.inner.master.sealer(tenant)
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// What this server counts, for whoever has the store.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Jobs that wait for the writer.
    pub fn waiting_for_writer(&self) -> usize {
        self.inner.writer.waiting()
    }

    /// Asks the database for a sign of life, and whether the last thing to be written could be.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if !self.inner.writer.is_alive() {
            return Err(StoreError::Closed);
        }
        self.reader().ping().await?;
        self.inner.writer.trouble().map_or(Ok(()), |trouble| Err(StoreError::Away(trouble)))
    }

    /// Waits until the database takes what is to be written, if it does not now.
    pub async fn recovered(&self) {
        self.inner.writer.recovered().await;
    }

    /// Commits what is queued and closes every connection.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.reader.close().await;
        std::mem::take(&mut *self.inner.held.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
