//! A running server is a value: it opens everything in order, and closes everything in the opposite order.

pub mod master;
mod network;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "sandbox")]
pub(crate) mod trust;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::actors::{Settings, StartError as SystemError, System};
use crate::clock::Clock;
use crate::config::{Config, SignUp};
use crate::http::serve::{Stop, serve};
use crate::http::{Door, routes};
use crate::store::seal::MasterKeyError;
use crate::store::{Store, StoreError};
use crate::whatsapp::WireError;
use network::Outside;
#[cfg(feature = "sandbox")]
pub use sandbox::SandboxServer;

/// How long the actors may take to stop, and how long all of the closing; the door has a limit of its own.
const ACTORS: Duration = Duration::from_secs(4);
const CLOSING: Duration = Duration::from_secs(9);

/// Why a server, or a command beside one, cannot start: a sentence for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {0} cannot be used: {1}; choose another with --data-dir (WAMUX_DATA_DIR)")]
    Folder(String, io::Error),
    #[error(
        "another wamux runs its simulated network from the data folder {0}; stop it, or choose another with --data-dir"
    )]
    NetworkInUse(String),
    #[error("the port of {0} is taken by another program; choose another with {1} (port 0 picks a free one)")]
    PortTaken(SocketAddr, Knob),
    #[error("cannot listen on {0}: {2}; choose another address with {1}")]
    Listen(SocketAddr, Knob, io::Error),
    #[error("the master key cannot be used: {0}")]
    Master(#[from] MasterKeyError),
    #[error("{0}")]
    WrongMasterKey(StoreError),
    #[error("the database ({0}) cannot be used: {1}")]
    Store(String, StoreError),
    #[cfg(feature = "sandbox")]
    #[error("the sandbox cannot be opened: {0}")]
    Sandbox(#[from] crate::sandbox::SandboxError),
    #[cfg(feature = "sandbox")]
    #[error("`wamux sandbox` runs a simulated network itself; --sandbox-url (WAMUX_SANDBOX_URL) is for `wamux serve`")]
    SandboxElsewhere,
    #[cfg(feature = "sandbox")]
    #[error("TLS cannot be prepared: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the way to WhatsApp cannot be prepared: {0}")]
    Wire(#[from] WireError),
    #[error(transparent)]
    System(#[from] SystemError),
}

impl StartError {
    fn store(config: &Config, error: StoreError) -> Self {
        match error {
            StoreError::WrongMasterKey => Self::WrongMasterKey(error),
            other => Self::Store(format!("{:?}", config.database), other),
        }
    }
}

/// A server that runs, until `stop`. Dropping it instead closes the door and leaves the rest to run, as a crash test may want.
pub struct Server {
    pub addr: SocketAddr,
    system: System,
    store: Store,
    network: Outside,
    stop: Stop,
    door: JoinHandle<()>,
}

impl Server {
    /// Opens the folder, the port, the database, the network, the actors and the door, in this order.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (listener, addr) = listen(config.listen, "--listen (WAMUX_LISTEN)").await?;
        let clock = Clock::default();
        let store = open_store(&config, clock.clone()).await?;
        let (network, wire) = Outside::open(&config, clock.clone()).await?;
        let egress = config.egress;
        let wire = wire.within(egress.clone());
        let media = config.data_dir.join("media");
        let settings = Settings {
            store: store.clone(),
            wire,
            mode: config.network.mode(),
            media,
            egress,
            expiry: config.expiry,
            retention: config.retention,
            mail: config.mail,
        };
        let system = System::start(settings).await?;
        let (stop, stopping) = Stop::new();
        let door = Arc::new(Door {
            system: system.clone(),
            operator: config.operator,
            sign_up_open: config.sign_up == SignUp::Open,
            proxies: config.trusted_proxies,
            stopping: stopping.clone(),
            #[cfg(feature = "sandbox")]
            phones: network.phones(),
        });
        let door = tokio::spawn(serve(listener, routes(&door), Some(system.clone()), clock, stopping));
        Ok(Self { addr, system, store, network, stop, door })
    }

    /// The handle that everything goes through.
    pub const fn system(&self) -> &System {
        &self.system
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The simulated network, if it runs in this process.
    #[cfg(feature = "sandbox")]
    pub const fn sandbox(&self) -> Option<&crate::sandbox::Sandbox> {
        self.network.sandbox()
    }

    /// Where the simulated network of this process listens for other clients, if it was told to.
    #[cfg(feature = "sandbox")]
    pub fn sandbox_addr(&self) -> Option<SocketAddr> {
        self.network.sandbox_addr()
    }

    /// Returns when the simulated network of this process has failed, and has to be started again with the process.
    pub async fn network_failed(&self) {
        self.network.failed().await;
    }

    /// Takes nothing more, lets what was begun end, ends the streams, and closes everything; in bounded time.
    pub async fn stop(self) {
        let closing = async {
            self.stop.begin();
            if self.door.await.is_err() {
                tracing::error!("the door ended badly");
            }
            if timeout(ACTORS, self.system.stop()).await.is_err() {
                tracing::warn!("the actors did not stop in time; what they had in hand goes on after the next start");
            }
            self.store.close().await;
            self.network.close().await;
        };
        if timeout(CLOSING, closing).await.is_err() {
            tracing::warn!(
                "not everything closed in time; what was accepted is kept and goes out after the next start"
            );
        }
    }
}

/// The database, with its master key; `serve` and the commands open it alike, and may do so side by side. A rotation of the key that
/// was cut short is finished first.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store, StartError> {
    let folder = &config.data_dir;
    fs::create_dir_all(folder).map_err(|error| StartError::Folder(folder.display().to_string(), error))?;
    let open = async || {
        Store::open(&config.database, master::given(config)?, clock.clone())
            .await
            .map_err(|e| StartError::store(config, e))
    };
    let store = match open().await {
        Err(StartError::Store(_, StoreError::RotationUnfinished)) => {
            tracing::warn!("a rotation of the master key was cut short; going on with it");
            master::rotate(config, None, |_| Ok(())).await?;
            open().await?
        }
        opened => opened?,
    };
    master::settle(config, &store).await?;
    Ok(store)
}

/// The knob that an address came from, for whoever has to change it.
type Knob = &'static str;

async fn listen(addr: SocketAddr, knob: Knob) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = TcpListener::bind(addr).await.and_then(|listener| listener.local_addr().map(|addr| (listener, addr)));
    bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken(addr, knob),
        _ => StartError::Listen(addr, knob, error),
    })
}

#[cfg(test)]
mod tests;
