//! A running server is a value: it opens everything in order, and closes everything in the opposite order.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::actors::{Settings, StartError as SystemError, System};
use crate::clock::Clock;
use crate::config::{Config, Network};
use crate::http::serve::{Stop, serve};
use crate::http::{Door, routes};
use crate::store::seal::{MasterKey, MasterKeyError};
use crate::store::{Store, StoreError};
use crate::whatsapp::{Wire, WireError};

/// How long all of the closing may take.
const CLOSING: Duration = Duration::from_secs(9);

/// Why a server, or a command beside one, cannot start: a sentence for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {0} cannot be used: {1}; choose another with --data-dir (WAMUX_DATA_DIR)")]
    Folder(String, io::Error),
    #[error("another wamux is serving from the data folder {0}; stop it, or choose another with --data-dir")]
    FolderInUse(String),
    #[error("the port of {0} is taken by another program; choose another with --listen (port 0 picks a free one)")]
    PortTaken(SocketAddr),
    #[error("cannot listen on {0}: {1}; choose another address with --listen (WAMUX_LISTEN)")]
    Listen(SocketAddr, io::Error),
    #[error("the master key cannot be used: {0}")]
    Master(#[from] MasterKeyError),
    #[error("{0}")]
    WrongMasterKey(StoreError),
    #[error("the database ({0}) cannot be opened: {1}")]
    Store(String, StoreError),
    #[cfg(feature = "sandbox")]
    #[error("the sandbox cannot be opened: {0}")]
    Sandbox(#[from] crate::sandbox::SandboxError),
    #[error("the way to WhatsApp cannot be prepared: {0}")]
    Wire(#[from] WireError),
    #[error(transparent)]
    System(#[from] SystemError),
}

/// A server that runs. Dropping it ends it at once; `stop` ends it in order.
pub struct Server {
    pub addr: SocketAddr,
    system: System,
    store: Store,
    network: Outside,
    stop: Stop,
    door: JoinHandle<()>,
    /// Held while the server runs, so that no second one writes to the same folder.
    _folder: File,
}

#[cfg(feature = "sandbox")]
type Outside = crate::sandbox::Sandbox;
#[cfg(not(feature = "sandbox"))]
type Outside = ();

impl Server {
    /// Opens the folder, the port, the database, the network, the actors and the door, in this order.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let folder = lock(&config.data_dir)?;
        let listener = listen(config.listen).await?;
        let addr = listener.local_addr().map_err(|error| StartError::Listen(config.listen, error))?;
        let clock = Clock::default();
        let store = open_store(&config, clock.clone()).await?;
        let (network, wire) = outside(&config, clock.clone()).await?;
        let settings = Settings { store: store.clone(), wire, mode: config.network.mode() };
        let system = System::start(settings).await?;
        let (stop, stopping) = Stop::new();
        let door = Arc::new(Door {
            system: system.clone(),
            operator: config.operator,
            stopping: stopping.clone(),
            #[cfg(feature = "sandbox")]
            sandbox: network.clone(),
        });
        let door = tokio::spawn(serve(listener, routes(&door), clock, stopping));
        Ok(Self { addr, system, store, network, stop, door, _folder: folder })
    }

    /// The handle that everything goes through.
    pub const fn system(&self) -> &System {
        &self.system
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    #[cfg(feature = "sandbox")]
    pub const fn sandbox(&self) -> &crate::sandbox::Sandbox {
        &self.network
    }

    /// Takes nothing more, lets what was begun end, ends the streams, and closes everything; in bounded time.
    pub async fn stop(self) {
        let closing = async {
            self.stop.begin();
            if self.door.await.is_err() {
                tracing::error!("the door ended badly");
            }
            self.system.stop().await;
            self.store.close().await;
            close(&self.network).await;
        };
        if timeout(CLOSING, closing).await.is_err() {
            tracing::warn!(
                "not everything closed in time; what was accepted is kept and goes out after the next start"
            );
        }
    }
}

/// The database, with its master key; `serve` and the commands open it alike, and may do so side by side.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store, StartError> {
    let folder = &config.data_dir;
    fs::create_dir_all(folder).map_err(|error| StartError::Folder(folder.display().to_string(), error))?;
    let master = match &config.master {
        Some(master) => master.clone(),
        None => MasterKey::load_or_make(&folder.join("master.key"))?,
    };
    Store::open(&config.database, master, clock).await.map_err(|error| match error {
        StoreError::WrongMasterKey => StartError::WrongMasterKey(error),
        other => StartError::Store(format!("{:?}", config.database), other),
    })
}

/// Makes the data folder, and holds it for as long as the file lives.
fn lock(folder: &Path) -> Result<File, StartError> {
    let name = || folder.display().to_string();
    let failed = |error| StartError::Folder(name(), error);
    fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(folder.join("serve.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::FolderInUse(name())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

async fn listen(addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken(addr),
        _ => StartError::Listen(addr, error),
    })
}

#[cfg(feature = "sandbox")]
async fn outside(config: &Config, clock: Clock) -> Result<(Outside, Wire), StartError> {
    use crate::sandbox::{Sandbox, Settings};
    debug_assert_eq!(config.network, Network::Sandbox, "a sandbox build knows no other network");
    let sandbox = Sandbox::open(Settings { file: config.data_dir.join("sandbox.db") }, clock).await?;
    let network = sandbox.clone();
    Ok((sandbox, Wire::sandbox(Arc::new(move || network.dial()))))
}

#[cfg(feature = "sandbox")]
async fn close(network: &Outside) {
    network.close().await;
}

#[cfg(not(feature = "sandbox"))]
#[allow(clippy::unused_async, reason = "the other build opens a network here")]
async fn outside(config: &Config, _: Clock) -> Result<(Outside, Wire), StartError> {
    debug_assert_eq!(config.network, Network::Whatsapp, "a build without the sandbox knows no other network");
    Ok(((), Wire::whatsapp()?))
}

#[cfg(not(feature = "sandbox"))]
#[allow(clippy::unused_async, reason = "the other build closes a network here")]
async fn close((): &Outside) {}

#[cfg(test)]
mod tests;
