//! An account: a number, a LID, the keys of its phone, and the companions linked to it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard};
use whatsapp_rust::wacore::libsignal::protocol::{IdentityKeyPair, KeyPair};
use whatsapp_rust::{Jid, Server};

use super::SandboxError;
use super::ledger::{AccountId, AccountRow, CompanionRow, Device, LedgerError};
use super::phone::away::Away;
use super::root;
use crate::clock;
use crate::domain::phone::Phone;

/// LIDs stand in a row from here: fifteen digits that say nothing about the number, as on the real network.
const FIRST_LID: i64 = 100_000_000_000_000;

/// Devices that one account can have linked at once, as on the real network.
const LINKED: usize = 4;

/// The highest device number: an address holds it in one byte (`wacore-binary/src/encoder.rs`, `write_ad_jid`), and the
/// real network stays below a hundred.
const HIGHEST_DEVICE: u16 = 99;

/// Numbers that one account may bring into being by asking about them, so that none uses up all there are.
const MAKES: u32 = 50_000;

/// Bytes of a name that a companion says.
const NAME: usize = 256;

/// What never changes about an account, and the lock on what does.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) phone: Phone,
    pub(crate) identity: IdentityKeyPair,
    pub(crate) registration: u32,
    pub(crate) signed_prekey: KeyPair,
    pub(crate) raw_id: u32,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) sync_key_id: Vec<u8>,
    pub(crate) sync_key: Vec<u8>,
    /// Numbers that came into being because it asked about them.
    made: AtomicU32,
    last_used: std::sync::Mutex<Instant>,
    state: Arc<Mutex<State>>,
}

/// What changes. Whoever holds it decides, submits to the ledger in that order, and lets go before the commit.
pub(crate) struct State {
    pub(crate) name: Option<String>,
    pub(crate) companions: BTreeMap<u16, CompanionRow>,
    /// One above the highest number that was ever given.
    pub(crate) next_device: u16,
    pub(crate) next_prekey: u32,
    /// Whose messages do not get through to any of its devices.
    pub(crate) blocked: HashSet<AccountId>,
    /// Set while the phone is offline.
    pub(crate) away: Option<Away>,
    /// The person reads at once what the phone shows.
    pub(crate) reads_at_once: bool,
    /// What companions called the account when they came; their messages carry it.
    pub(crate) called: BTreeMap<u16, String>,
    /// The phone's Signal sessions that were used last, as stored. The ledger has all of them.
    pub(crate) sessions: HashMap<Device, Vec<u8>>,
}

impl Account {
    pub(crate) fn from_row(row: AccountRow) -> Result<Self, SandboxError> {
        let identity = root::pair(&super::ledger::exact(row.identity, "identity key")?)?;
        let companions = row.companions.into_iter().map(|companion| (companion.device, companion)).collect();
        Ok(Self {
            id: row.id,
            phone: Phone::from_digits(&row.phone).map_err(|_| LedgerError::Corrupt("phone"))?,
            identity: IdentityKeyPair::new(identity.public_key.into(), identity.private_key),
            registration: row.registration,
            signed_prekey: root::pair(&super::ledger::exact(row.signed_prekey, "signed pre-key")?)?,
            raw_id: row.raw_id,
            created: row.created,
            sync_key_id: row.sync_key_id,
            sync_key: row.sync_key,
            made: AtomicU32::new(0),
            last_used: std::sync::Mutex::new(clock::instant()),
            state: Arc::new(Mutex::new(State {
                name: row.name,
                companions,
                next_device: row.next_device,
                next_prekey: row.next_prekey,
                blocked: row.blocked.into_iter().collect(),
                away: row.offline.then(Away::default),
                reads_at_once: row.auto_read,
                called: BTreeMap::new(),
                sessions: HashMap::new(),
            })),
        })
    }

    pub(crate) fn device(&self, device: u16) -> Device {
        Device { account: self.id, device }
    }

    pub(crate) fn pn(&self, device: u16) -> Jid {
        Jid::pn_device(self.phone.digits(), device)
    }

    pub(crate) fn lid(&self, device: u16) -> Jid {
        lid_of(self.id).with_device(device)
    }

    /// The address of a device in the form the other side used.
    pub(crate) fn address(&self, server: Server, device: u16) -> Jid {
        if server == Server::Lid { self.lid(device) } else { self.pn(device) }
    }

    /// Whether it may bring one more number into being by asking about it.
    pub(crate) fn may_make(&self) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed) < MAKES
    }

    pub(crate) fn used(&self, now: Instant) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether all that is known of it is in the ledger: nobody has it in hand, and its phone is not on its way back.
    pub(crate) fn rests(&self) -> bool {
        self.state.try_lock().is_ok_and(|state| state.away.is_none())
    }

    /// How long nobody asked for it.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.last_used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn lock(&self) -> OwnedMutexGuard<State> {
        Arc::clone(&self.state).lock_owned().await
    }
}

impl State {
    /// The companions that others may write to: those whose link is complete.
    pub(crate) fn listed(&self) -> impl Iterator<Item = u16> + '_ {
        self.companions.values().filter(|companion| companion.signed).map(|companion| companion.device)
    }

    /// The number for one more companion, if there is room for it: one that nobody had, as long as there is one.
    pub(crate) fn place(&self) -> Option<u16> {
        if self.listed().count() >= LINKED {
            return None;
        }
        (self.next_device..=HIGHEST_DEVICE)
            .chain(1..=HIGHEST_DEVICE)
            .find(|device| *device > 0 && !self.companions.contains_key(device))
    }

    /// What others see as the sender's name: what its device said last, or else the phone's.
    pub(crate) fn push_name(&self, account: &Account, device: u16) -> String {
        let name = self.called.get(&device).or(self.name.as_ref());
        name.map_or_else(|| account.phone.to_string(), |name| carried(name))
    }

    /// A companion says the account's name, as it does when it logs in and with its presence.
    pub(crate) fn call(&mut self, device: u16, name: &str) {
        if is_name(name) && self.companions.contains_key(&device) {
            self.called.insert(device, name.to_owned());
        }
    }
}

/// Whether a companion's word is taken for a name.
pub(crate) fn is_name(word: &str) -> bool {
    !word.trim().is_empty() && word.len() <= NAME
}

/// The binary encoding takes any short text with an `@` for an address (`wacore-binary/src/encoder.rs`, `parse_jid_meta`)
/// and no client could read it, so the sign is a wide one.
fn carried(name: &str) -> String {
    name.replace('@', "\u{ff20}")
}

/// The LID of an account.
pub(crate) fn lid_of(id: AccountId) -> Jid {
    Jid::lid_device((FIRST_LID + id).to_string(), 0)
}

/// The account behind a LID's user part.
pub(crate) fn account_of_lid(user: &str) -> Option<AccountId> {
    user.parse::<i64>().ok()?.checked_sub(FIRST_LID).filter(|id| *id > 0)
}

/// Several accounts held at once, taken in the order of their numbers so that no two wait for each other.
pub(crate) struct Held {
    held: Vec<(Arc<Account>, OwnedMutexGuard<State>)>,
}

impl Held {
    pub(crate) async fn take(mut accounts: Vec<Arc<Account>>) -> Self {
        accounts.sort_by_key(|account| account.id);
        accounts.dedup_by_key(|account| account.id);
        let mut held = Vec::with_capacity(accounts.len());
        for account in accounts {
            let state = account.lock().await;
            held.push((account, state));
        }
        Self { held }
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<Arc<Account>> {
        self.held.iter().find(|(account, _)| account.id == id).map(|(account, _)| Arc::clone(account))
    }

    pub(crate) fn get(&mut self, id: AccountId) -> Option<(&Account, &mut State)> {
        self.held.iter_mut().find(|(account, _)| account.id == id).map(|(account, state)| (&**account, &mut **state))
    }
}
