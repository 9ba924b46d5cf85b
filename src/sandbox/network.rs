//! The network itself: its ledger, its certificate, its accounts and who is connected.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use whatsapp_rust::{Jid, Server};

use super::SandboxError;
use super::account::{Account, account_of_lid};
use super::faults::Faults;
use super::ledger::{AccountId, Device, Ledger};
use super::pairing::Pairings;
use super::root::Certificate;
use super::switchboard::Switchboard;
use super::trouble::{self, Trouble};
use crate::clock::Clock;
use crate::domain::phone::Phone;
use crate::sandbox::phone::keys;

/// Connections at once, those that are still shaking hands included.
const CONNECTIONS: usize = 8192;

/// Accounts at once. Past it, numbers nobody has used yet are not on this network.
const ACCOUNTS: usize = 200_000;

pub(crate) struct Network {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) certificate: Certificate,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) pairings: Pairings,
    pub(crate) faults: Faults,
    accounts: RwLock<Accounts>,
    connections: AtomicUsize,
    closed: AtomicBool,
}

/// Accounts that were needed since the start, by both of their names.
#[derive(Default)]
struct Accounts {
    by_phone: HashMap<Phone, Arc<Account>>,
    by_id: HashMap<AccountId, Arc<Account>>,
}

impl Network {
    pub(crate) async fn open(file: &Path, clock: Clock) -> Result<Arc<Self>, SandboxError> {
        let switchboard = Arc::new(Switchboard::default());
        let ledger = Ledger::open(file, Arc::clone(&switchboard)).await?;
        let certificate = Certificate::load(&ledger).await?;
        Ok(Arc::new(Self {
            ledger,
            faults: Faults::new(clock.clone()),
            clock,
            certificate,
            switchboard,
            pairings: Pairings::default(),
            accounts: RwLock::default(),
            connections: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }))
    }

    /// The account of a number, if anything was done with it since the start.
    pub(crate) fn known(&self, phone: &Phone) -> Option<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_phone.get(phone).cloned()
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
        if self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_id.len() >= ACCOUNTS {
            tracing::warn!("the network holds all the accounts it can");
            return Ok(None);
        }
        let row = self.ledger.create(keys::new_account(phone, &self.clock)?).await?;
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

    pub(crate) async fn by_id(&self, id: AccountId) -> Result<Option<Arc<Account>>, SandboxError> {
        let known = self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned();
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
        let accounts: Vec<_> =
            self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_id.values().cloned().collect();
        for account in accounts {
            account.lock().await.sessions.remove(&device);
        }
    }

    /// The first to load an account wins: there is one lock for each.
    fn keep(&self, account: Account) -> Arc<Account> {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = accounts.by_id.get(&account.id) {
            return Arc::clone(known);
        }
        let account = Arc::new(account);
        accounts.by_phone.insert(account.phone.clone(), Arc::clone(&account));
        accounts.by_id.insert(account.id, Arc::clone(&account));
        account
    }

    /// Seconds since 1970, as stanzas carry them.
    pub(crate) fn seconds(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// A place among the connections, if there is one.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        let taken = self.connections.fetch_add(1, Ordering::AcqRel);
        (taken < CONNECTIONS && !self.closed.load(Ordering::Acquire)).then_some(place)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// No new connections, the old ones end, everything submitted is committed.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.switchboard.close_all();
        self.pairings.close();
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
