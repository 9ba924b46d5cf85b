//! The wire: the only place that knows the protocol crate. What all sessions of a process share is here; one client is a `Link`.

mod blocked;
mod decode;
pub mod dial;
mod download;
mod encode;
mod home;
pub mod key_store;
mod limits;
mod link;
mod media;
mod pairing_code;
mod proxy;
mod signal;
#[cfg(test)]
mod tests;
mod version;
mod web;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use whatsapp_rust::store::persistence_manager::PersistenceManager;
use whatsapp_rust::wacore::store::{DeviceCommand, DevicePropsOverride};
use whatsapp_rust::waproto::whatsapp::device_props::PlatformType;
use whatsapp_rust::{CacheConfig, CacheEntryConfig, Client, ClientBuilderError, MsgSecretPolicy, TokioRuntime};

use crate::domain::egress::Egress;
use crate::domain::elsewhere::SandboxUrl;
use crate::domain::pacing::Pace;
use crate::domain::proxy::Proxy;
use crate::store::device_keys::DeviceKeys;
use dial::{Dial, Dialler, Network, Way};
use home::Home;
use key_store::KeyStore;
use signal::Ears;
use version::{CurrentVersion, Version};

pub use decode::{Inbox, InboxError, Received, ReceivedContent, ReceivedMedium};
pub use download::{Asked, DownloadError, Opened};
pub use encode::{SendError, new_wire_id};
#[cfg(feature = "sandbox")]
pub use key_store::linked_device;
pub use link::{Link, Over};
pub use media::{Outgoing, UploadError};
pub use pairing_code::NoCode;
pub use signal::{LinkEvent, ReceiptKind};
pub use web::{Exchange, MediaServers};

/// The web version that clients of the sandbox claim to be; the sandbox does not mind.
const SANDBOX_VERSION: Version = (2, 3000, 1_044_659_339);

/// How often a changed device row is saved at the latest.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Called inline on the receive path: it must not block.
pub type Listener = Arc<dyn Fn(LinkEvent) + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the HTTP client could not be built: {0}")]
    Web(#[from] reqwest::Error),
    #[error(transparent)]
    Version(#[from] version::Unknown),
    #[error("the device's keys could not be read: {0}")]
    Keys(String),
    #[error("the client could not be built")]
    Client(#[from] ClientBuilderError),
}

/// What all sessions of a process share: the way to the network, the HTTP client and WhatsApp's current version.
#[derive(Clone)]
pub struct Wire {
    network: Network,
    web: web::Web,
    version: Arc<CurrentVersion>,
    way: Way,
    pace: Pace,
}

impl Wire {
    /// To a network in this process. Nothing here reaches the internet.
    pub fn sandbox(dial: Dial) -> Self {
        Self::simulated(Network::Sandbox(dial), web::Web::closed())
    }

    /// The same, with its media servers.
    #[must_use]
    pub fn with_media(self, servers: MediaServers) -> Self {
        Self { web: web::Web::sandbox(servers), ..self }
    }

    /// To a simulated network elsewhere, and nowhere else.
    pub fn sandbox_at(url: &SandboxUrl, tls: ClientConfig) -> Result<Self, WireError> {
        let web = web::Web::sandbox_at(url, tls.clone())?;
        Ok(Self::simulated(Network::sandbox_at(url, tls), web))
    }

    fn simulated(network: Network, web: web::Web) -> Self {
        let version = Arc::new(CurrentVersion::fixed(SANDBOX_VERSION, Arc::new(web.clone())));
        Self { network, web, version, way: Way::default(), pace: Pace::OFF }
    }

    /// To the real network.
    pub fn whatsapp() -> Result<Self, WireError> {
        let web = web::Web::whatsapp()?;
        let version = Arc::new(CurrentVersion::new(Arc::new(web.clone())));
        Ok(Self { network: Network::whatsapp(), web, version, way: Way::default(), pace: Pace::CAREFUL })
    }

    /// The same, with the addresses that sessions' proxies may have.
    #[must_use]
    pub fn within(mut self, egress: Egress) -> Self {
        self.way.egress = Arc::new(egress);
        self
    }

    /// The same, for a session that has a proxy, or none. Only its own connection goes through it: what all sessions share, such
    /// as the look-up of WhatsApp's version, goes direct.
    #[must_use]
    pub fn through(&self, proxy: Option<Proxy>) -> Self {
        let way = Way { proxy: proxy.map(Arc::new), egress: Arc::clone(&self.way.egress) };
        Self { way, ..self.clone() }
    }

    /// How fast sessions send on this network when nobody asks for another pace.
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// Builds a client over the keys of one session. It does nothing until it is run.
    pub async fn open(&self, keys: DeviceKeys, on: Listener, inbox: Arc<dyn Inbox>) -> Result<Link, WireError> {
        let version = self.version.get().await?;
        let backend = Arc::new(KeyStore::new(keys.clone()));
        let device = PersistenceManager::new(backend).await.map_err(|error| WireError::Keys(error.to_string()))?;
        let device = Arc::new(device);
        let looks = DevicePropsOverride::new().with_os("Wamux").with_platform_type(PlatformType::CHROME);
        device.process_command(DeviceCommand::SetDeviceProps(looks)).await;
        let state = Arc::<link::State>::default();
        let ears = Arc::new(Ears::new(on, inbox, Arc::clone(&state)));
        let client = Client::builder()
            .with_runtime(TokioRuntime)
            .with_persistence_manager(device)
            .with_transport_factory(Dialler::new(
                self.network.clone(),
                self.way.clone(),
                Arc::clone(&state),
                Arc::clone(&ears),
                Home::of(keys.clone()),
            ))
            .with_http_client_arc(Arc::new(self.web.clone()))
            .with_version_override(version)
            .with_background_saver_interval(SAVE_EVERY)
            .with_cache_config(caches())
            .with_skip_history_sync(true)
            .with_inbound_durability_hook_arc(Arc::<Ears>::clone(&ears))
            .build()
            .await?
            .into_client();
        let claim = version::Claim::new(&self.version, version);
        Ok(Link::new(client, self.web.clone(), keys, ears, state, claim))
    }
}

/// Bounds for a process with a thousand sessions. The caches fill as they are used, so these are ceilings, not costs.
fn caches() -> CacheConfig {
    const HOUR: Option<Duration> = Some(Duration::from_hours(1));
    const MINUTES: Option<Duration> = Some(Duration::from_mins(5));
    CacheConfig {
        group_cache: CacheEntryConfig::new(HOUR, 50),
        device_registry_cache: CacheEntryConfig::new(HOUR, 1_000),
        // Any capacity takes the write of a sent message off the send path; what falls out is read back from the store.
        recent_messages: CacheEntryConfig::new(MINUTES, 32),
        message_retry_counts: CacheEntryConfig::new(HOUR, 200),
        undecryptable_dispatched: CacheEntryConfig::new(MINUTES, 200),
        sender_key_devices_cache: CacheEntryConfig::new(HOUR, 50),
        session_locks_capacity: 2_000,
        chat_lanes_capacity: 500,
        group_distribution_locks_capacity: 64,
        resend_rate_limiter_capacity: 256,
        // Secrets only open encrypted edits and answers to bots, which we do not read: a row per message is saved.
        msg_secret_policy: MsgSecretPolicy::Disabled,
        seed_msg_secrets_from_history: false,
        ..CacheConfig::default()
    }
}
