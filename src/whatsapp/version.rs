//! WhatsApp's current web version: looked up once per process, by one session for all of them, and paced when that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use whatsapp_rust::http::HttpClient;

use crate::clock;

pub(super) type Version = (u32, u32, u32);

/// How long a failed look-up stands, doubled with each one that follows: whoever asks meanwhile is told of it, and asks nobody.
const STANDS: Duration = Duration::from_secs(2);
const STANDS_AT_MOST: Duration = Duration::from_secs(32);

/// Why the version is not known: a clause for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("WhatsApp's current version could not be looked up: {0}")]
pub struct Unknown(String);

pub(super) struct CurrentVersion {
    web: Arc<dyn HttpClient>,
    /// Held while a look-up is under way, so that whoever else wants to know waits for its answer.
    known: Mutex<Known>,
    is_fixed: bool,
    now: fn() -> Instant,
}

#[derive(Default)]
struct Known {
    version: Option<Version>,
    failure: Option<Failure>,
}

struct Failure {
    why: Unknown,
    until: Instant,
    /// How many there were in a row.
    row: u32,
}

impl CurrentVersion {
    pub(super) fn new(web: Arc<dyn HttpClient>) -> Self {
        Self { web, known: Mutex::default(), is_fixed: false, now: clock::instant }
    }

    /// One that is never looked up.
    pub(super) fn fixed(version: Version, web: Arc<dyn HttpClient>) -> Self {
        Self { known: Mutex::new(Known { version: Some(version), failure: None }), is_fixed: true, ..Self::new(web) }
    }

    pub(super) async fn get(&self) -> Result<Version, Unknown> {
        let mut known = self.known.lock().await;
        if let Some(version) = known.version {
            return Ok(version);
        }
        if let Some(failure) = known.failure.as_ref().filter(|failure| (self.now)() < failure.until) {
            return Err(failure.why.clone());
        }
        match whatsapp_rust::version::fetch_latest_app_version(&self.web).await {
            Ok(version) => {
                *known = Known { version: Some(version), failure: None };
                Ok(version)
            }
            Err(error) => {
                let (why, row) =
                    (Unknown(error.to_string()), known.failure.as_ref().map_or(1, |before| before.row + 1));
                let stands = (STANDS * (1 << (row - 1).min(8))).min(STANDS_AT_MOST);
                known.failure = Some(Failure { why: why.clone(), until: (self.now)() + stands, row });
                Err(why)
            }
        }
    }

    /// WhatsApp called this version outdated: it is looked up again for whoever asks next. Whoever comes later with the same news must not undo a newer look-up.
    pub(super) async fn forget(&self, outdated: Version) {
        let mut known = self.known.lock().await;
        if known.version == Some(outdated) && !self.is_fixed {
            known.version = None;
        }
    }
}

/// The version that one client claims to be.
pub(super) struct Claim {
    current: Arc<CurrentVersion>,
    version: Version,
}

impl Claim {
    pub(super) fn new(current: &Arc<CurrentVersion>, version: Version) -> Self {
        Self { current: Arc::clone(current), version }
    }

    /// WhatsApp called it outdated.
    pub(super) async fn withdraw(&self) {
        self.current.forget(self.version).await;
    }
}

#[cfg(test)]
mod tests;
