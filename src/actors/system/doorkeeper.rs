//! Who is let in: API keys checked without a query a call, revoked at once, their uses counted in memory and written in lots.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::clock;
use crate::domain::access::{Access, ApiKey, Bearer, KeyHash, Mode};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::KeyId;
use crate::store::Store;
use crate::store::keys::Uses;

/// How long a key is trusted without asking the database again: what another process changes (the command line, one day another
/// machine) holds after this long. What this process changes holds at once.
const TRUST: Duration = Duration::from_secs(2);
/// How many keys are remembered.
const REMEMBERED: usize = 10_000;

/// What was shown at the door: where to look it up.
#[derive(Clone, Copy)]
enum Kind {
    Key,
    SignIn,
}

pub struct Doorkeeper {
    store: Store,
    mode: Mode,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashMap<KeyHash, (Access, Instant)>,
    uses: HashMap<KeyId, (i64, DateTime<Utc>)>,
    /// Counts revocations, so that a look-up which began before one does not bring the key back.
    revocations: u64,
}

impl Doorkeeper {
    pub fn new(store: Store, mode: Mode) -> Self {
        Self { store, mode, memory: Mutex::default() }
    }

    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What this key allows, now. Counts the use.
    pub async fn admit(&self, key: &ApiKey) -> Result<Access, Refusal> {
        if key.mode() != self.mode {
            return Err(refused(&format!("This server takes {} keys.", self.mode.as_str())));
        }
        self.admit_hash(key.hash()).await
    }

    /// The same for whoever shows something that stands for a key. Counts the use of the key.
    pub async fn admit_hash(&self, hash: KeyHash) -> Result<Access, Refusal> {
        let access = self.look_up(hash, Kind::Key).await?;
        let now = self.store.clock().now();
        if access.expires_at.is_some_and(|end| end <= now) {
            return Err(refused("This API key has expired."));
        }
        if let Bearer::Key(key) = access.bearer {
            let mut memory = self.memory();
            let uses = memory.uses.entry(key).or_insert((0, now));
            *uses = (uses.0 + 1, now);
        }
        Ok(access)
    }

    /// What a browser's cookie allows, now.
    pub async fn admit_sign_in(&self, hash: KeyHash) -> Result<Access, Refusal> {
        let access = self.look_up(hash, Kind::SignIn).await?;
        let now = self.store.clock().now();
        if access.expires_at.is_some_and(|end| end <= now) {
            return Err(refused("You were signed out, after a month."));
        }
        Ok(access)
    }

    /// Whether the key is there still, or somebody signed in, after they were let in.
    pub async fn still_knows(&self, access: &Access) -> Result<(), Refusal> {
        let kind = match access.bearer {
            Bearer::Key(_) => Kind::Key,
            Bearer::SignIn(_) => Kind::SignIn,
        };
        self.look_up(access.hash, kind).await.map(drop)
    }

    async fn look_up(&self, hash: KeyHash, kind: Kind) -> Result<Access, Refusal> {
        let asked = clock::instant();
        let revocations = {
            let memory = self.memory();
            if let Some((access, since)) = memory.known.get(&hash)
                && asked.duration_since(*since) < TRUST
            {
                return Ok(access.clone());
            }
            memory.revocations
        };
        let found = match kind {
            Kind::Key => self.store.access(&hash, self.mode).await?,
            Kind::SignIn => self.store.access_of_sign_in(&hash).await?,
        };
        let mut memory = self.memory();
        let Some(access) = found else {
            memory.known.remove(&hash);
            return Err(refused(match kind {
                Kind::Key => "No such API key.",
                Kind::SignIn => "Nobody is signed in here.",
            }));
        };
        if memory.known.len() >= REMEMBERED {
            memory.known.retain(|_, (_, since)| asked.duration_since(*since) < TRUST);
        }
        if memory.revocations == revocations && memory.known.len() < REMEMBERED {
            memory.known.insert(hash, (access.clone(), asked));
        }
        Ok(access)
    }

    pub fn revoke(&self, hash: &KeyHash) {
        let mut memory = self.memory();
        memory.revocations += 1;
        memory.known.remove(hash);
    }

    /// Writes down the uses counted since the last time.
    pub async fn write_uses(&self) -> Result<(), Refusal> {
        let counted = std::mem::take(&mut self.memory().uses);
        if counted.is_empty() {
            return Ok(());
        }
        let uses = counted.iter().map(|(key, (count, last))| Uses { key: *key, count: *count, last: *last }).collect();
        if let Err(error) = self.store.count_uses(uses).await {
            // Not written, so not forgotten.
            let mut memory = self.memory();
            for (key, (count, last)) in counted {
                memory.uses.entry(key).or_insert((0, last)).0 += count;
            }
            return Err(error.into());
        }
        Ok(())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(why: &str) -> Refusal {
    Refusal::new(Code::InvalidApiKey, why)
}
