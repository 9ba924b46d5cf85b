//! The WhatsApp network in a box: a simulated network that speaks the real wire protocol, so that the client in
//! `whatsapp` runs against it unchanged.
//!
//! A companion connects ([`Sandbox::dial`]), shakes hands ([`noise`]), and either shows a code for a phone to scan or to type
//! in ([`pairing`]) or logs in ([`login`]). What it asks is answered in [`iq`]; a message goes through [`message`] to the
//! phones and companions it was encrypted for. A phone ([`phone`]) decrypts it and shows it. Everything that this
//! changes is one submission to the [`ledger`], and only after its commit the sender hears the ack. Stanzas for a
//! companion wait in the ledger until it confirms them, connected or not.

mod account;
mod accounts;
mod admission;
mod app_state;
mod connection;
mod device_list;
mod faults;
mod iq;
mod ledger;
mod login;
mod media;
mod message;
mod network;
mod noise;
mod pairing;
mod person;
mod phone;
mod receipt;
mod root;
mod screen;
mod stanza;
mod switchboard;
mod tls;
mod trouble;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::DuplexStream;

pub use faults::{
    COUNT_MAX, Count, Fault, FaultError, FaultId, FaultInfo, FaultKind, Probability, SECONDS_MAX, Seconds,
};
pub use ledger::LedgerError;
pub use person::{Copy, PAGE_MAX, PhoneInfo};
pub use phone::draft::{Attachment, AttachmentKind, Measures};
pub use screen::{Facts, Page, Shown, Status};
pub use tls::Tls;
pub use wire::{CHAT, Stream};

use crate::clock::{Clock, NoEntropy};
use connection::Upgrade;
use network::Network;

/// What each direction of an in-process connection holds before its writer waits.
const PIPE: usize = 8 * 1024;

/// Where the sandbox keeps what it knows; media lie beside the file, in the folder `sandbox-media`.
#[derive(Debug, Clone)]
pub struct Settings {
    pub file: PathBuf,
}

/// A running network. Clones are the same network.
#[derive(Clone)]
pub struct Sandbox {
    network: Arc<Network>,
}

/// Why the sandbox did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("there is no such phone")]
    NoSuchPhone,
    #[error("there is no such message, or nothing to fetch in it")]
    NoSuchMedium,
    #[error("the phone does not have it: {0}")]
    NotFetched(String),
    #[error("no message of this phone has that id")]
    NoSuchLine,
    #[error("the number is not on WhatsApp")]
    NotOnWhatsApp,
    #[error("this is not a code for linking a device")]
    NotAQrCode,
    #[error("this code is not shown by any device, or not any more")]
    UnknownQr,
    #[error("no device waits for a code with this number, or not any more")]
    NoCodeAsked,
    #[error("this is not the code that the device shows")]
    WrongCode,
    #[error("the phone is offline")]
    Offline,
    #[error("the account has as many linked devices as it can have")]
    Full,
    #[error("the device did not take the link")]
    Refused,
    #[error("the sandbox is closed")]
    Closed,
    #[error(transparent)]
    Fault(#[from] FaultError),
    #[error(transparent)]
    Storage(LedgerError),
    #[error("{0}")]
    Wire(&'static str),
    #[error("{0}")]
    Broken(String),
    #[error("cryptography: {0}")]
    Crypto(String),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl From<LedgerError> for SandboxError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Closed => Self::Closed,
            error => Self::Storage(error),
        }
    }
}

impl SandboxError {
    /// What a peer sent or did cannot be understood.
    fn wire(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }

    fn crypto(error: impl std::fmt::Display) -> Self {
        Self::Crypto(error.to_string())
    }
}

impl Sandbox {
    /// Opens the network that the file holds, or a new one.
    pub async fn open(settings: Settings, clock: Clock) -> Result<Self, SandboxError> {
        Ok(Self { network: Network::open(&settings.file, clock).await? })
    }

    /// A fresh connection to the network, as after a TCP connect: the caller speaks the WebSocket upgrade of
    /// `GET /ws/chat` on it. Must be called within a tokio runtime.
    pub fn dial(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(PIPE);
        if !self.network.is_closed() {
            let network = self.clone();
            tokio::spawn(async move { network.serve(far).await });
        }
        near
    }

    /// Serves a connection on any stream, as the other end of `dial`, until it ends.
    pub async fn serve(&self, stream: impl Stream + 'static) {
        connection::serve(Arc::clone(&self.network), Box::new(stream), Upgrade::Due).await;
    }

    /// The same, after an HTTP server has answered the WebSocket upgrade. The host is what the client calls that server: there it
    /// finds the media servers too.
    pub async fn serve_upgraded(&self, stream: impl Stream + 'static, host: Option<&str>) {
        let host =
            host.filter(|host| media::is_host(host)).inspect(|host| self.network.media.named(host)).map(Into::into);
        connection::serve(Arc::clone(&self.network), Box::new(stream), Upgrade::Done(host)).await;
    }

    /// The media servers' answer, over whatever way the request came. Both bodies stream.
    pub async fn media(&self, request: hyper::Request<reqwest::Body>) -> hyper::Response<reqwest::Body> {
        media::answer(Arc::clone(&self.network), request).await
    }

    /// No new connections, the old ones end, everything submitted is committed.
    pub async fn close(&self) {
        self.network.close().await;
    }

    /// Returns when the network could not write its file: it has ended, and what it acknowledged is in the file. Whoever runs
    /// it should start it again when there is room.
    pub async fn failed(&self) {
        self.network.ledger.failed().await;
    }

    /// Whether it has ended so.
    pub fn has_failed(&self) -> bool {
        self.network.ledger.has_failed()
    }

    /// The public key of the root that vouches for this network's certificate.
    pub fn root_key(&self) -> [u8; 32] {
        self.network.certificate.root
    }

    /// TLS for whoever opens this network on a port.
    pub async fn tls(&self) -> Result<Tls, SandboxError> {
        Tls::load(&self.network.ledger).await
    }
}

/// Does what was begun to its end, also when whoever asked for it hangs up meanwhile: half of it would be neither done nor not.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, SandboxError>> + Send + 'static,
) -> Result<T, SandboxError> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends.
        Err(_) => Err(SandboxError::Closed),
    }
}
