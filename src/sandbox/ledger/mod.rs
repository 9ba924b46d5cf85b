//! The sandbox's memory: one embedded SQLite file, one writer that commits in batches, a few readers.
//! What is acknowledged has been committed; nothing else in the sandbox knows SQL.

mod apply;
mod lines;
mod linked;
mod medium;
mod read;
pub(crate) mod row;
mod writer;

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub(crate) use lines::{PAGE_LINES, Part};
pub(crate) use medium::{Due, Fetched, Medium, Reference};
pub(crate) use read::exact;
pub(crate) use row::{
    AUTO_READ, AccountId, AccountRow, BLOCKED, Change, CompanionRow, Device, NewAccount, OFFLINE, Outgoing, ScreenRow,
    Setting, Showing, SignedPreKey,
};

use writer::Outward;

use crate::private;
use crate::sandbox::switchboard::Switchboard;

/// Submissions that may wait for the writer; past it, who submits waits.
const WAITING: usize = 1024;

/// Stanzas for companions that are not there. Device 0 is the phone, which is, and for which they wait while it is offline.
const ORPHANS: &str = "DELETE FROM queue WHERE device <> 0 AND NOT EXISTS (SELECT 1 FROM companion \
     WHERE companion.account = queue.account AND companion.device = queue.device)";

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the sandbox's file: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("the sandbox's file holds a value that cannot be: {0}")]
    Corrupt(&'static str),
    #[error("the sandbox's folder of media: {0}")]
    Media(#[from] std::io::Error),
    #[error("the ledger is closed")]
    Closed,
}

/// A clonable way to the file.
#[derive(Clone)]
pub(crate) struct Ledger {
    commands: mpsc::Sender<Command>,
    readers: SqlitePool,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
    failed: watch::Receiver<bool>,
}

/// What the writer is asked. Questions are answered in the order of the submissions around them.
enum Command {
    Write {
        changes: Vec<Change>,
        done: oneshot::Sender<Vec<Showing>>,
    },
    /// Nobody waits for this one: it goes with the next commit.
    Note {
        changes: Vec<Change>,
    },
    Create {
        account: Box<NewAccount>,
        done: oneshot::Sender<AccountRow>,
    },
    TakePreKey {
        device: Device,
        done: oneshot::Sender<Option<PreKey>>,
    },
    Session {
        account: AccountId,
        peer: Device,
        answer: oneshot::Sender<Option<Vec<u8>>>,
    },
    PhonePreKey {
        account: AccountId,
        id: u32,
        answer: oneshot::Sender<Option<Vec<u8>>>,
    },
    /// Commits what came before and ends the writer.
    Close,
}

/// A one-time pre-key as its owner published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PreKey {
    pub(crate) id: u32,
    pub(crate) key: [u8; 32],
}

/// A submission on its way to the disk.
pub(crate) struct Ticket(oneshot::Receiver<Vec<Showing>>);

impl Ticket {
    /// Waits for the commit.
    pub(crate) async fn committed(self) -> Result<Vec<Showing>, LedgerError> {
        self.0.await.map_err(|_| LedgerError::Closed)
    }
}

impl Ledger {
    /// Whoever fetches media is told by `due` that there are some, and that it is over when that closes.
    pub(crate) async fn open(
        file: &Path,
        switchboard: Arc<Switchboard>,
        due: mpsc::Sender<()>,
    ) -> Result<Self, LedgerError> {
        // It holds the keys of the network and of everybody on it.
        private::database(file).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-4096")
            .disable_statement_logging();
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut connection).await?;
        sqlx::query(ORPHANS).execute(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options.read_only(true).pragma("cache_size", "-1024"))
            .await?;
        let (commands, inbox) = mpsc::channel(WAITING);
        let (tell, failed) = watch::channel(false);
        let writer = tokio::spawn(writer::run(connection, inbox, Outward { switchboard, due }, tell));
        Ok(Self { commands, readers, writer: Arc::new(Mutex::new(Some(writer))), failed })
    }

    /// Hands changes to the writer, in order; the ticket tells when they are on the disk.
    pub(crate) async fn submit(&self, changes: Vec<Change>) -> Result<Ticket, LedgerError> {
        let (done, ticket) = oneshot::channel();
        self.command(Command::Write { changes, done }).await?;
        Ok(Ticket(ticket))
    }

    /// Changes that may be lost in a crash, at no more cost than doing something twice.
    pub(crate) async fn note(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.command(Command::Note { changes }).await
    }

    /// Submits and waits for the commit.
    pub(crate) async fn write(&self, changes: Vec<Change>) -> Result<Vec<Showing>, LedgerError> {
        self.submit(changes).await?.committed().await
    }

    /// Stores a new account, or gives the one that has the number already.
    pub(crate) async fn create(&self, account: NewAccount) -> Result<AccountRow, LedgerError> {
        let (done, row) = oneshot::channel();
        self.command(Command::Create { account: Box::new(account), done }).await?;
        row.await.map_err(|_| LedgerError::Closed)
    }

    /// Takes a one-time pre-key out of a companion's stock; it is never given again.
    pub(crate) async fn take_prekey(&self, device: Device) -> Result<Option<PreKey>, LedgerError> {
        let (done, key) = oneshot::channel();
        self.command(Command::TakePreKey { device, done }).await?;
        key.await.map_err(|_| LedgerError::Closed)
    }

    pub(crate) async fn session(&self, account: AccountId, peer: Device) -> Result<Option<Vec<u8>>, LedgerError> {
        let (answer, record) = oneshot::channel();
        self.command(Command::Session { account, peer, answer }).await?;
        record.await.map_err(|_| LedgerError::Closed)
    }

    pub(crate) async fn phone_prekey(&self, account: AccountId, id: u32) -> Result<Option<Vec<u8>>, LedgerError> {
        let (answer, key) = oneshot::channel();
        self.command(Command::PhonePreKey { account, id, answer }).await?;
        key.await.map_err(|_| LedgerError::Closed)
    }

    /// Whether the file could not be written. Nothing is taken any more.
    pub(crate) fn has_failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// Returns when the file could not be written; never, if all goes well.
    pub(crate) async fn failed(&self) {
        if self.failed.clone().wait_for(|failed| *failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Everything submitted before is committed; nothing after is.
    pub(crate) async fn close(&self) {
        let _ = self.commands.send(Command::Close).await;
        if let Some(writer) = self.writer.lock().await.take() {
            let _ = writer.await;
        }
        self.readers.close().await;
    }

    async fn command(&self, command: Command) -> Result<(), LedgerError> {
        self.commands.send(command).await.map_err(|_| LedgerError::Closed)
    }
}

#[cfg(test)]
impl Ledger {
    /// From here on no account can be stored, as if the disk were full.
    pub(crate) async fn fill(file: &Path) {
        const FULL: &str = "CREATE TRIGGER full BEFORE INSERT ON account BEGIN SELECT RAISE(ABORT, 'full'); END";
        let options = SqliteConnectOptions::new().filename(file);
        let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(FULL).execute(&mut other).await.unwrap();
    }

    /// As if another network had been here: the next one to open the file makes a certificate of its own.
    pub(crate) async fn forget_root(&self) {
        self.write(vec![Change::ForgetRoot]).await.unwrap();
    }
}
