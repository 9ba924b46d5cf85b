//! The network itself: its ledger, its certificate, its accounts and who is connected.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use whatsapp_rust::{Jid, Server};

use super::SandboxError;
use super::account::{Account, account_of_lid};
use super::accounts::Accounts;
use super::faults::Faults;
use super::ledger::{AccountId, Device, Ledger, LedgerError};
use super::media::Media;
use super::pairing::Pairings;
use super::root::Certificate;
use super::switchboard::Switchboard;
use super::trouble::{self, Trouble};
use crate::clock::{self, Clock};
use crate::domain::phone::Phone;
use crate::sandbox::phone::{fetching, keys};

/// Connections at once, those that are still shaking hands included.
const CONNECTIONS: usize = 8192;

/// Accounts in the file. Past it, numbers nobody has used yet are not on this network.
const ACCOUNTS: i64 = 1_000_000;

pub(crate) struct Network {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) certificate: Certificate,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) pairings: Pairings,
    pub(crate) faults: Faults,
    pub(crate) media: Media,
    /// Tells that a phone has fetched something, or could not.
    pub(crate) fetched: watch::Sender<()>,
    accounts: RwLock<Accounts>,
    /// How many there are in the file.
    made: AtomicI64,
    connections: AtomicUsize,
    closed: AtomicBool,
    /// In milliseconds.
    patience: AtomicU64,
}

/// Clients ping every 15 to 30 seconds: one that says nothing for three minutes is gone.
const PATIENCE: u64 = 3 * 60 * 1000;

impl Network {
    /// How long a companion may say nothing.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    /// For those who log in from now on.
    #[cfg(test)]
    pub(crate) fn lose_patience(&self, after: Duration) {
        self.patience.store(u64::try_from(after.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) async fn open(file: &Path, clock: Clock) -> Result<Arc<Self>, SandboxError> {
        let switchboard = Arc::new(Switchboard::default());
        let (due, falls_due) = mpsc::channel(1);
        let ledger = Ledger::open(file, Arc::clone(&switchboard), due).await?;
        let certificate = Certificate::load(&ledger).await?;
        let made = ledger.accounts().await?;
        let media = Media::open(file, certificate.key.private_key.serialize(), &clock).map_err(LedgerError::from)?;
        let network = Arc::new(Self {
            ledger,
            faults: Faults::new(clock.clone()),
            clock,
            media,
            fetched: watch::Sender::new(()),
            certificate,
            switchboard,
            pairings: Pairings::default(),
            accounts: RwLock::default(),
            made: AtomicI64::new(made),
            connections: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            patience: AtomicU64::new(PATIENCE),
        });
        tokio::spawn(fetching::run(Arc::downgrade(&network), falls_due));
        Ok(network)
    }

    /// The account of a number, if anything was done with it lately.
    pub(crate) fn known(&self, phone: &Phone) -> Option<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).of_phone(phone, clock::instant())
    }

    /// The account of a number, if it exists.
    pub(crate) async fn find(&self, phone: &Phone) -> Result<Option<Arc<Account>>, SandboxError> {
        let known = self.known(phone);
        if known.is_some() {
            return Ok(known);
        }
        match self.ledger.account(phone.digits()).await? {
            Some(row) => Ok(Some(self.keep(Account::from_row(row)?))),
            None => Ok(None),
        }
    }

    /// The account of a number, made if there is none; `None` for a number that is not on WhatsApp.
    pub(crate) async fn reach(&self, phone: &Phone) -> Result<Option<Arc<Account>>, SandboxError> {
        if trouble::of(phone) == Some(Trouble::NotOnWhatsApp) {
            return Ok(None);
        }
        if let Some(account) = self.find(phone).await? {
            return Ok(Some(account));
        }
        let full = self.accounts.read().unwrap_or_else(PoisonError::into_inner).is_full();
        if full || self.made.load(Ordering::Relaxed) >= ACCOUNTS {
            tracing::warn!("the network holds all the accounts it can");
            return Ok(None);
        }
        let row = self.ledger.create(keys::new_account(phone, &self.clock)?).await?;
        self.made.fetch_max(row.id, Ordering::Relaxed);
        Ok(Some(self.keep(Account::from_row(row)?)))
    }

    /// The account behind an address: a number is made on first need, a LID exists or does not.
    pub(crate) async fn resolve(&self, address: &Jid) -> Result<Option<Arc<Account>>, SandboxError> {
        match address.server {
            Server::Pn => match Phone::from_digits(&address.user) {
                Ok(phone) => self.reach(&phone).await,
                Err(_) => Ok(None),
            },
            Server::Lid => match account_of_lid(&address.user) {
                Some(id) => self.by_id(id).await,
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The same, but nothing is made.
    pub(crate) async fn look_up(&self, address: &Jid) -> Result<Option<Arc<Account>>, SandboxError> {
        match (address.server, Phone::from_digits(&address.user)) {
            (Server::Pn, Ok(phone)) => self.find(&phone).await,
            (Server::Pn, Err(_)) => Ok(None),
            _ => self.resolve(address).await,
        }
    }

    /// Whether there is anybody at an address: every number is on this network, but for the one that stands for those that
    /// are not.
    pub(crate) async fn is_somebody(&self, address: &Jid) -> Result<bool, SandboxError> {
        match (address.server, Phone::from_digits(&address.user)) {
            (Server::Pn, Ok(phone)) => Ok(trouble::of(&phone) != Some(Trouble::NotOnWhatsApp)),
            _ => Ok(self.look_up(address).await?.is_some()),
        }
    }

    pub(crate) async fn by_id(&self, id: AccountId) -> Result<Option<Arc<Account>>, SandboxError> {
        let known = self.accounts.read().unwrap_or_else(PoisonError::into_inner).of_id(id, clock::instant());
        if known.is_some() {
            return Ok(known);
        }
        match self.ledger.account_by_id(id).await? {
            Some(row) => Ok(Some(self.keep(Account::from_row(row)?))),
            None => Ok(None),
        }
    }

    /// No phone has a session at hand with the device that had this number before. Called without a lock on any account.
    pub(crate) async fn forget_peer(&self, device: Device) {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner).all();
        for account in accounts {
            account.lock().await.sessions.remove(&device);
        }
    }

    fn keep(&self, account: Account) -> Arc<Account> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).keep(account, clock::instant())
    }

    /// As if nobody had used any account for so long.
    #[cfg(test)]
    pub(crate) fn let_go(&self, idle: Duration) -> usize {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.let_go(clock::instant() + idle);
        accounts.len()
    }

    /// Seconds since 1970, as stanzas carry them.
    pub(crate) fn seconds(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// A place among the connections, if there is one.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        let taken = self.connections.fetch_add(1, Ordering::AcqRel);
        (taken < CONNECTIONS && !self.is_closed()).then_some(place)
    }

    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Closed, or without a file to write: nobody is let in any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.ledger.has_failed()
    }

    /// No new connections, the old ones end, everything submitted is committed.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.switchboard.close_all();
        self.pairings.close();
        self.fetched.send_replace(());
        self.ledger.close().await;
    }
}

/// One connection's place; it is free again when this is dropped.
pub(crate) struct Place(Arc<Network>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}
