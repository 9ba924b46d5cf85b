//! WhatsApp's current web version: looked up once per process, by one session for all of them, and paced when that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use whatsapp_rust::http::HttpClient;

use crate::clock;

pub(super) type Version = (u32, u32, u32);

/// How long a look-up counts as fresh: a version that WhatsApp refuses so soon after it is not looked up again.
const FRESH: Duration = Duration::from_mins(1);
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
    /// When it was looked up.
    since: Option<Instant>,
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
        Self { is_fixed: true, ..Self::known(version, web) }
    }

    /// One that is not looked up before WhatsApp calls it outdated.
    pub(super) fn known(version: Version, web: Arc<dyn HttpClient>) -> Self {
        Self { known: Mutex::new(Known { version: Some(version), ..Known::default() }), ..Self::new(web) }
    }

    pub(super) async fn get(&self) -> Result<Version, Unknown> {
        let mut known = self.known.lock().await;
        match known.version {
            Some(version) => Ok(version),
            None => self.look_up(&mut known).await,
        }
    }

    async fn look_up(&self, known: &mut Known) -> Result<Version, Unknown> {
        if let Some(failure) = known.failure.as_ref().filter(|failure| (self.now)() < failure.until) {
            return Err(failure.why.clone());
        }
        match whatsapp_rust::version::fetch_latest_app_version(&self.web).await {
            Ok(version) => {
                *known = Known { version: Some(version), since: Some((self.now)()), failure: None };
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

    /// WhatsApp called this version outdated. Whether another one may do: if it is still the one that is known, the first to say so
    /// looks it up anew, for all who come after it. A look-up that fails leaves it open.
    pub(super) async fn is_superseded(&self, outdated: Version) -> bool {
        let mut known = self.known.lock().await;
        if known.version != Some(outdated) {
            return true;
        }
        if self.is_fixed || known.since.is_some_and(|since| (self.now)().duration_since(since) < FRESH) {
            return false;
        }
        known.version = None;
        self.look_up(&mut known).await != Ok(outdated)
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

    /// WhatsApp called it outdated; whether another one may do.
    pub(super) async fn is_superseded(&self) -> bool {
        self.current.is_superseded(self.version).await
    }
}

#[cfg(test)]
mod tests;
