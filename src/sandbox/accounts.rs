//! The accounts that are in memory: those in use. The ledger has all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::account::Account;
use super::ledger::AccountId;
use crate::domain::phone::Phone;

/// Accounts in memory at once. Past it those that nobody uses are let go.
const HELD: usize = 200_000;
/// How long nobody has used an account that is let go. What it was used for is on the disk long before.
const IDLE: Duration = Duration::from_mins(1);
/// Looking through all of them takes its time.
const AGAIN: Duration = Duration::from_secs(1);

/// Accounts by both of their names.
#[derive(Default)]
pub(crate) struct Accounts {
    by_phone: HashMap<Phone, Arc<Account>>,
    by_id: HashMap<AccountId, Arc<Account>>,
    swept: Option<Instant>,
}

impl Accounts {
    pub(crate) fn of_phone(&self, phone: &Phone, now: Instant) -> Option<Arc<Account>> {
        self.by_phone.get(phone).inspect(|account| account.used(now)).cloned()
    }

    pub(crate) fn of_id(&self, id: AccountId, now: Instant) -> Option<Arc<Account>> {
        self.by_id.get(&id).inspect(|account| account.used(now)).cloned()
    }

    /// The first to load an account wins: there is one lock for each.
    pub(crate) fn keep(&mut self, account: Account, now: Instant) -> Arc<Account> {
        if let Some(known) = self.of_id(account.id, now) {
            return known;
        }
        if self.by_id.len() >= HELD && self.swept.is_none_or(|swept| now > swept + AGAIN) {
            self.swept = Some(now);
            self.let_go(now);
        }
        account.used(now);
        let account = Arc::new(account);
        self.by_phone.insert(account.phone.clone(), Arc::clone(&account));
        self.by_id.insert(account.id, Arc::clone(&account));
        account
    }

    /// Whether there is no place for numbers that nobody has used yet. There is again when others are idle.
    pub(crate) fn is_full(&self) -> bool {
        self.by_id.len() >= 2 * HELD
    }

    /// Lets go of those that nobody has in hand, and nobody had for a while.
    pub(crate) fn let_go(&mut self, now: Instant) {
        // The two maps hold it, and who would take it out of them waits for us.
        let idle =
            |account: &Arc<Account>| Arc::strong_count(account) == 2 && account.idle(now) >= IDLE && account.rests();
        let gone: Vec<Arc<Account>> = self.by_id.values().filter(|account| idle(account)).cloned().collect();
        for account in gone {
            self.by_id.remove(&account.id);
            self.by_phone.remove(&account.phone);
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        self.by_id.values().cloned().collect()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}
