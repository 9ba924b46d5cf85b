//! The keys of one linked device: a small sealed key-value store that writes through its session's lease.
//! What the kinds and marks mean is the wire's affair (`crate::whatsapp::key_store`).

mod again;
mod flood;
mod name;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use entity::device_key::Model;
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, Semaphore};

use crate::clock;
use crate::domain::session::Lease;
use crate::store::seal::{SealError, Sealer};
use crate::store::{Store, StoreError};

pub(super) use again::seal_again;
use flood::Change;
pub(super) use flood::{Held, KeyJob, write};
pub use name::{digest, name_of};
#[cfg(test)]
pub(crate) use tests::{MASTER, new_lease, store_at, store_with_session};

/// What a row is. The numbers are in the database: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Kind {
    Device = 1,
    Identity = 2,
    SignalSession = 3,
    PreKey = 4,
    SignedPreKey = 5,
    SenderKey = 6,
    SyncKey = 7,
    SyncVersion = 8,
    MutationMac = 9,
    GroupKeyHolders = 10,
    LidMapping = 11,
    BaseKey = 12,
    DeviceList = 13,
    GroupMetadata = 14,
    ContactToken = 15,
    SentMessage = 16,
    PendingInbound = 17,
    MessageSecret = 18,
    /// Which network the device is linked on.
    Network = 19,
}

/// One row, opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: Vec<u8>,
    pub mark: i64,
}

/// The value is a secret and the name may hold a phone number: neither is shown.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("mark", &self.mark).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DeviceKeyError {
    #[error("the device keys could not be read")]
    Read(#[from] DbErr),
    #[error("the device keys could not be written")]
    Write(#[from] StoreError),
    /// Another holder has the session now; its keys are no longer ours to change.
    #[error("the lease of this session is no longer the newest")]
    LeaseLost,
    #[error("the device keys are closed")]
    Closed,
    #[error("a device key could not be sealed or opened")]
    Seal(#[from] SealError),
}

/// The kind of failure stays: some pass, and some do not.
impl From<DeviceKeyError> for StoreError {
    fn from(error: DeviceKeyError) -> Self {
        match error {
            DeviceKeyError::Read(error) => error.into(),
            DeviceKeyError::Write(error) => error,
            DeviceKeyError::LeaseLost => Self::LeaseLost,
            DeviceKeyError::Closed => Self::Closed,
            DeviceKeyError::Seal(error) => Self::Seal(error),
        }
    }
}

type Result<T> = std::result::Result<T, DeviceKeyError>;

/// How many writes of one session may be on their way at once.
const WRITES: u32 = 1024;

/// How long the database is asked again for what nobody says again, and how soon.
const PATIENCE: Duration = Duration::from_secs(90);
const AGAIN: Duration = Duration::from_millis(200);

/// The device keys of the session whose lease it holds. Clones are the same handle.
#[derive(Clone)]
pub struct DeviceKeys {
    store: Store,
    lease: Lease,
    sealer: Arc<Sealer>,
    writes: Arc<Semaphore>,
    trouble: Arc<Notify>,
}

impl DeviceKeys {
    pub fn new(store: Store, lease: Lease) -> Self {
        let sealer = Arc::new(store.sealer(lease.tenant));
        let writes = Arc::new(Semaphore::new(WRITES as usize));
        Self { store, lease, sealer, writes, trouble: Arc::default() }
    }

    /// Waits, from now on, until a key cannot be read or stored: the database is away, or another holder has the lease. Whoever
    /// lives by these keys has to begin anew then.
    pub fn trouble(&self) -> Notified<'_> {
        self.trouble.notified()
    }

    fn noted<T>(&self, done: Result<T>) -> Result<T> {
        let failed =
            matches!(&done, Err(DeviceKeyError::Read(_) | DeviceKeyError::Write(_) | DeviceKeyError::LeaseLost));
        if failed {
            self.trouble.notify_waiters();
        }
        done
    }

    /// Waits for the writes on their way and takes no more through this handle: a straggler must not bring back a key that
    /// is about to be destroyed, nor write beside the handle that comes next.
    pub async fn close(&self) {
        let _all = self.writes.acquire_many(WRITES).await;
        self.writes.close();
    }

    /// As `close`, for whoever cannot wait.
    pub fn close_now(&self) {
        self.writes.close();
    }

    pub async fn get(&self, kind: Kind, name: &str) -> Result<Option<Entry>> {
        let row = self.noted(rows::one(self.store.reader(), self.scope(kind), name).await.map_err(Into::into))?;
        row.map(|row| self.open(row)).transpose()
    }

    /// The rows that exist, in no particular order.
    pub async fn get_many(&self, kind: Kind, names: &[String]) -> Result<Vec<Entry>> {
        self.open_all(self.noted(rows::named(self.store.reader(), self.scope(kind), names).await.map_err(Into::into))?)
    }

    pub async fn list(&self, kind: Kind) -> Result<Vec<Entry>> {
        self.open_all(self.noted(rows::all(self.store.reader(), self.scope(kind)).await.map_err(Into::into))?)
    }

    pub async fn marked(&self, kind: Kind, mark: i64) -> Result<Vec<Entry>> {
        self.open_all(self.noted(rows::marked(self.store.reader(), self.scope(kind), mark).await.map_err(Into::into))?)
    }

    /// Nothing is opened for the answer.
    pub async fn any_marked(&self, kind: Kind, mark: i64) -> Result<bool> {
        self.noted(rows::any_marked(self.store.reader(), self.scope(kind), mark).await.map_err(Into::into))
    }

    pub async fn holds(&self, kind: Kind, name: &str) -> Result<bool> {
        self.noted(rows::holds(self.store.reader(), self.scope(kind), name).await.map_err(Into::into))
    }

    /// Name and mark of the row with the highest mark.
    pub async fn last(&self, kind: Kind) -> Result<Option<(String, i64)>> {
        self.noted(rows::last(self.store.reader(), self.scope(kind)).await.map_err(Into::into))
    }

    pub async fn put(&self, kind: Kind, entry: Entry) -> Result<()> {
        self.put_many(kind, vec![entry]).await
    }

    /// Inserts or replaces all of them, or none.
    pub async fn put_many(&self, kind: Kind, entries: Vec<Entry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let sealed = self.seal_all(kind, entries)?;
        self.change(Change::Put(sealed)).await
    }

    /// The same for what nobody says again: if the database does not answer, it is asked again for a while.
    pub async fn put_patiently(&self, kind: Kind, entries: Vec<Entry>) -> Result<()> {
        let sealed = self.seal_all(kind, entries)?;
        let _write = self.writes.acquire().await.map_err(|_| DeviceKeyError::Closed)?;
        let until = clock::instant() + PATIENCE;
        loop {
            let done = self.store.change_keys(self.lease, Change::Put(sealed.clone())).await;
            let away = matches!(done, Err(DeviceKeyError::Write(StoreError::Away(_))));
            if !away || clock::instant() > until {
                return self.noted(done);
            }
            tokio::time::sleep(AGAIN).await;
            if self.writes.is_closed() {
                return Err(DeviceKeyError::Closed);
            }
        }
    }

    /// Puts a row whose mark is above every other mark of its kind.
    pub async fn append(&self, kind: Kind, name: String, value: Vec<u8>) -> Result<()> {
        let mut sealed = self.seal(kind, Entry { name, value, mark: 0 })?;
        let scope = self.scope(kind);
        self.write(move |txn| {
            Box::pin(async move {
                sealed.mark = rows::last(txn, scope).await?.map_or(1, |(_, mark)| mark.saturating_add(1));
                rows::upsert(txn, vec![sealed]).await
            })
        })
        .await
    }

    /// Adds one to the marks of the rows that carry these marks, and makes no row.
    pub async fn raise_marks(&self, kind: Kind, marks: Vec<i64>) -> Result<()> {
        let scope = self.scope(kind);
        self.write(move |txn| Box::pin(async move { rows::raise_marks(txn, scope, &marks).await })).await
    }

    /// Reads the named rows and writes what `merge` makes of them, as one step among all writes.
    pub async fn merge<F>(&self, kind: Kind, names: Vec<String>, merge: F) -> Result<()>
    where
        F: FnOnce(HashMap<String, Entry>) -> Vec<Entry> + Send + 'static,
    {
        let (keys, scope) = (self.clone(), self.scope(kind));
        let merged = self.write(move |txn| {
            Box::pin(async move {
                let old = rows::named(txn, scope, &names).await?;
                match keys.open_all(old) {
                    Ok(old) => {
                        let new = merge(old.into_iter().map(|entry| (entry.name.clone(), entry)).collect());
                        match keys.seal_all(kind, new) {
                            Ok(sealed) => rows::upsert(txn, sealed).await.map(Ok),
                            Err(error) => Ok(Err(error)),
                        }
                    }
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        merged.await?
    }

    /// Removes a row and returns what it held; of two callers one gets it.
    pub async fn take(&self, kind: Kind, name: String) -> Result<Option<Entry>> {
        let scope = self.scope(kind);
        let taken = self.write(move |txn| Box::pin(async move { rows::take(txn, scope, &name).await })).await?;
        taken.map(|row| self.open(row)).transpose()
    }

    pub async fn delete(&self, kind: Kind, name: String) -> Result<()> {
        self.delete_many(kind, vec![name]).await
    }

    pub async fn delete_many(&self, kind: Kind, names: Vec<String>) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.change(Change::Delete(kind, names)).await
    }

    pub async fn delete_marked(&self, kind: Kind, mark: i64) -> Result<()> {
        let scope = self.scope(kind);
        self.write(move |txn| Box::pin(rows::delete_marked(txn, scope, mark))).await
    }

    pub async fn delete_kind(&self, kind: Kind) -> Result<()> {
        let scope = self.scope(kind);
        self.write(move |txn| Box::pin(rows::delete_kind(txn, scope))).await
    }

    /// Deletes what is marked below `mark`, and says how many. An idle session costs a read and no write.
    pub async fn expire(&self, kind: Kind, mark: i64) -> Result<u64> {
        let scope = self.scope(kind);
        if !rows::any_below(self.store.reader(), scope, mark).await? {
            return Ok(0);
        }
        self.write(move |txn| Box::pin(rows::delete_below(txn, scope, mark))).await
    }

    /// As `expire`, for the rows among them that `stale` agrees to.
    pub async fn expire_if<F>(&self, kind: Kind, mark: i64, stale: F) -> Result<u64>
    where
        F: Fn(&Entry) -> bool + Send + 'static,
    {
        let (keys, scope) = (self.clone(), self.scope(kind));
        if !rows::any_below(self.store.reader(), scope, mark).await? {
            return Ok(0);
        }
        let expired = self.write(move |txn| {
            Box::pin(async move {
                let opened = keys.open_all(rows::below(txn, scope, mark).await?);
                let entries = match opened {
                    Ok(entries) => entries,
                    Err(error) => return Ok(Err(error)),
                };
                let names: Vec<_> = entries.into_iter().filter(|entry| stale(entry)).map(|entry| entry.name).collect();
                rows::delete(txn, scope, &names).await?;
                Ok(Ok(names.len() as u64))
            })
        });
        expired.await?
    }

    /// Destroys every key of the session: after this the device must be linked again.
    pub async fn wipe(&self) -> Result<()> {
        let session = self.lease.session;
        self.write(move |txn| Box::pin(rows::wipe(txn, session))).await
    }

    async fn change(&self, change: Change) -> Result<()> {
        let _write = self.writes.acquire().await.map_err(|_| DeviceKeyError::Closed)?;
        self.noted(self.store.change_keys(self.lease, change).await)
    }

    async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, std::result::Result<T, DbErr>> + Send + 'static,
    {
        let _write = self.writes.acquire().await.map_err(|_| DeviceKeyError::Closed)?;
        let lease = self.lease;
        let done = self.store.write(move |txn| {
            Box::pin(async move { if rows::held(txn, lease).await? { job(txn).await.map(Some) } else { Ok(None) } })
        });
        let done = done.await.map_err(DeviceKeyError::from);
        self.noted(done.and_then(|done| done.ok_or(DeviceKeyError::LeaseLost)))
    }

    fn scope(&self, kind: Kind) -> rows::Scope {
        rows::Scope { session: self.lease.session, kind }
    }

    fn seal(&self, kind: Kind, entry: Entry) -> Result<Model> {
        let context = context(self.lease.session.0, kind as i16, &entry.name);
        let value = self.sealer.seal(&context, &entry.value)?;
        Ok(Model { session_id: self.lease.session.0, kind: kind as i16, name: entry.name, value, mark: entry.mark })
    }

    fn seal_all(&self, kind: Kind, entries: Vec<Entry>) -> Result<Vec<Model>> {
        entries.into_iter().map(|entry| self.seal(kind, entry)).collect()
    }

    fn open(&self, row: Model) -> Result<Entry> {
        let value = self.sealer.open(&context(row.session_id, row.kind, &row.name), &row.value)?;
        Ok(Entry { name: row.name, value, mark: row.mark })
    }

    fn open_all(&self, rows: Vec<Model>) -> Result<Vec<Entry>> {
        rows.into_iter().map(|row| self.open(row)).collect()
    }
}

/// Binds a sealed value to its place, so that no row can stand in for another.
fn context(session: uuid::Uuid, kind: i16, name: &str) -> Vec<u8> {
    let mut context = Vec::with_capacity(18 + name.len());
    context.extend_from_slice(session.as_bytes());
    context.extend_from_slice(&kind.to_be_bytes());
    context.extend_from_slice(name.as_bytes());
    context
}
