//! The simulated network as a server of its own, and its door beside a server that carries it.

use std::fs::{self, File, TryLockError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{CLOSING, StartError, listen};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::elsewhere::Fingerprint;
use crate::http::Alone;
use crate::http::serve::{Stop, serve_tls_too};
use crate::sandbox::{Sandbox, Settings};

/// Where a network that runs alone listens unless told otherwise.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9080);

/// The network that a data folder holds. It lives in one process's memory, so its file has one process at a time. (The tenants'
/// database needs no such lock: sessions write under leases.)
pub(super) struct Kept {
    pub(super) sandbox: Sandbox,
    _alone: File,
}

impl Kept {
    pub(super) async fn open(folder: &Path, clock: Clock) -> Result<Self, StartError> {
        let alone = alone(folder)?;
        let sandbox = Sandbox::open(Settings { file: folder.join("sandbox.db") }, clock).await?;
        Ok(Self { sandbox, _alone: alone })
    }

    pub(super) async fn close(self) {
        self.sandbox.close().await;
    }
}

fn alone(folder: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::Folder(folder.display().to_string(), error);
    fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(folder.join("sandbox.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::NetworkInUse(folder.display().to_string())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// A network's door on a port: its clients come in there, and whoever uses its phones.
pub(super) struct Opening {
    pub(super) addr: SocketAddr,
    stop: Stop,
    door: JoinHandle<()>,
}

impl Opening {
    pub(super) async fn start(addr: SocketAddr, sandbox: Sandbox, clock: Clock) -> Result<Self, StartError> {
        let (listener, addr) = listen(addr, "--sandbox-listen (WAMUX_SANDBOX_LISTEN)").await?;
        let tls = sandbox.tls().await?;
        announce(addr, tls.fingerprint, sandbox.root_key());
        let (stop, stopping) = Stop::new();
        let routes = crate::http::alone(&Arc::new(Alone::new(sandbox, addr.ip())));
        let door = tokio::spawn(serve_tls_too(listener, tls.config, routes, clock, stopping));
        Ok(Self { addr, stop, door })
    }

    /// Lets nobody in any more, and lets the calls end that were begun; its clients' connections end with the network.
    pub(super) async fn close(self) {
        self.stop.begin();
        if self.door.await.is_err() {
            tracing::error!("the network's door ended badly");
        }
    }
}

/// What clients of the network want to know. Whatever listens on every address is reached at this machine's own, too.
fn announce(addr: SocketAddr, certificate: Fingerprint, root: [u8; 32]) {
    let at = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, addr.port())),
        _ => addr,
    };
    let (hex, base64) = (Fingerprint(root), BASE64_STANDARD.encode(root));
    tracing::info!("clients of the simulated network connect to ws://{at}/ws/chat; another wamux with:");
    tracing::info!("  WAMUX_SANDBOX_URL=ws://{at}/ws/chat wamux serve");
    tracing::info!("the root's public key, for clients that check it: {hex}, in base64 {base64}");
    tracing::info!("wss:// and https:// work on the same port; the certificate's SHA-256: {certificate}");
    tracing::info!(
        "its phones, without keys: curl --json '{{\"phone\": \"+237600000001\"}}' http://{at}/sandbox/phones"
    );
}

/// The simulated network alone: `wamux sandbox`. It runs until `stop`.
pub struct SandboxServer {
    pub addr: SocketAddr,
    kept: Kept,
    opening: Opening,
}

impl SandboxServer {
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        if config.sandbox_url.is_some() {
            return Err(StartError::SandboxElsewhere);
        }
        let clock = Clock::default();
        let kept = Kept::open(&config.data_dir, clock.clone()).await?;
        let opening = Opening::start(config.sandbox_listen.unwrap_or(USUAL), kept.sandbox.clone(), clock).await?;
        Ok(Self { addr: opening.addr, kept, opening })
    }

    pub const fn sandbox(&self) -> &Sandbox {
        &self.kept.sandbox
    }

    /// Takes nobody new, ends the connections, and commits everything; in bounded time.
    pub async fn stop(self) {
        let closing = async { tokio::join!(self.opening.close(), self.kept.close()) };
        if timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("not everything closed in time; what was acknowledged is kept");
        }
    }
}
