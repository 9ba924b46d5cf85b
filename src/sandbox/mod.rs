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
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::DuplexStream;

pub use faults::{
    COUNT_MAX, Count, Fault, FaultError, FaultId, FaultInfo, FaultKind, Probability, SECONDS_MAX, Seconds,
};
pub use ledger::LedgerError;
pub use screen::{Facts, Page, Shown, Status};
pub use tls::Tls;
pub use wire::{CHAT, Stream};

use crate::clock::{Clock, NoEntropy};
use crate::domain::content::Text;
use crate::domain::phone::Phone;
use crate::domain::session::pairing_code::PairingCode;
use connection::Upgrade;
use network::Network;
use switchboard::Farewell;

/// What each direction of an in-process connection holds before its writer waits.
const PIPE: usize = 8 * 1024;

/// Where the sandbox keeps what it knows.
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

/// The most messages that one look at a screen shows.
pub const PAGE_MAX: u32 = ledger::PAGE_LINES;

/// A phone's copy of a medium.
pub struct Copy {
    /// As its sender put it: not to be trusted.
    pub mime: Option<String>,
    pub size: u64,
    pub body: reqwest::Body,
}

/// A phone as the sandbox knows it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[schema(as = SimulatedPhone)]
#[serde(rename_all = "camelCase")]
pub struct PhoneInfo {
    pub phone: Phone,
    pub name: Option<String>,
    /// It reads at once what it shows.
    pub auto_read: bool,
    pub online: bool,
}

fn info(phone: &Phone, state: &account::State) -> PhoneInfo {
    let (auto_read, online) = (state.reads_at_once, state.away.is_none());
    PhoneInfo { phone: phone.clone(), name: state.name.clone(), auto_read, online }
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
        let host = host.filter(|host| media::is_host(host)).map(Into::into);
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

    /// Makes a phone, or finds it; a name is given to it either way.
    pub async fn create_phone(&self, phone: &Phone, name: Option<&str>) -> Result<PhoneInfo, SandboxError> {
        let account = self.network.reach(phone).await?.ok_or(SandboxError::NotOnWhatsApp)?;
        let mut state = account.lock().await;
        if let Some(name) = name.filter(|name| state.name.as_deref() != Some(name)) {
            state.name = Some(name.to_owned());
            let renamed = ledger::Change::Rename { account: account.id, name: name.to_owned() };
            self.network.ledger.write(vec![renamed]).await?;
        }
        Ok(info(phone, &state))
    }

    /// Whether the person of a phone reads at once what it shows from now on.
    pub async fn read_at_once(&self, phone: &Phone, at_once: bool) -> Result<PhoneInfo, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let mut state = account.lock().await;
        if state.reads_at_once != at_once {
            let chosen = ledger::Setting::of_phone(account.id, ledger::AUTO_READ, at_once);
            self.network.ledger.write(vec![ledger::Change::Set(chosen)]).await?;
            state.reads_at_once = at_once;
        }
        Ok(info(phone, &state))
    }

    /// The phone is cut off: it receives nothing and says nothing, across restarts, until it comes back.
    pub async fn go_offline(&self, phone: &Phone) -> Result<(), SandboxError> {
        phone::away::leave(&self.network, phone).await
    }

    /// The phone is back, and has received what waited for it, when this returns.
    pub async fn come_online(&self, phone: &Phone) -> Result<(), SandboxError> {
        phone::away::come_back(&self.network, phone).await
    }

    /// The phone scans the code: the companion that shows it is linked when this returns.
    pub async fn scan(&self, phone: &Phone, qr: &str) -> Result<(), SandboxError> {
        let (here, phone, qr) = (self.clone(), phone.clone(), qr.to_owned());
        to_the_end(async move {
            here.at_hand(&phone).await?;
            pairing::scan(&here.network, &phone, &qr).await
        })
        .await
    }

    /// The person types in the code that a companion shows: it is linked when this returns. A wrong code is one of three tries.
    pub async fn enter_code(&self, phone: &Phone, code: &PairingCode) -> Result<(), SandboxError> {
        let (here, phone, code) = (self.clone(), phone.clone(), code.clone());
        to_the_end(async move {
            here.at_hand(&phone).await?;
            pairing::enter(&here.network, &phone, &code).await
        })
        .await
    }

    /// A phone links devices over the network.
    async fn at_hand(&self, phone: &Phone) -> Result<(), SandboxError> {
        match self.network.find(phone).await? {
            Some(account) if account.lock().await.away.is_some() => Err(SandboxError::Offline),
            _ => Ok(()),
        }
    }

    /// What the phone's screen shows, oldest first: all of it, or the first ten thousand messages.
    pub async fn screen(&self, phone: &Phone) -> Result<Vec<Shown>, SandboxError> {
        Ok(self.page(phone, None, PAGE_MAX).await?.messages)
    }

    /// A part of what the phone's screen shows: from the oldest, or from after the message with this id. A phone that is fetching
    /// media is looked at when it has them, or after ten seconds.
    pub async fn page(&self, phone: &Phone, after: Option<&str>, most: u32) -> Result<Page, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        phone::fetching::settle(&self.network, account.id).await?;
        let part = self.network.ledger.screen(account.id, after, most.clamp(1, PAGE_MAX)).await?;
        let ledger::Part { rows, more } = part.ok_or(SandboxError::NoSuchLine)?;
        let next_after = rows.last().filter(|_| more).map(|row| row.id.clone());
        let messages = rows.into_iter().map(screen::shown).collect::<Result<_, _>>()?;
        Ok(Page { messages, next_after })
    }

    /// The phone's own copy of the medium in a message, decrypted, as a body that streams.
    pub async fn copy(&self, phone: &Phone, message: &str) -> Result<Copy, SandboxError> {
        let medium = phone::fetching::shown(&self.network, phone, message).await?;
        match medium.fetched {
            ledger::Fetched::Here { sha256, .. } => {
                let gone = || SandboxError::NotFetched("it had no room for it any more".to_owned());
                let (file, size) = self.network.media.copies.find(&sha256).ok_or_else(gone)?;
                let body = reqwest::Body::wrap_stream(media::chunks(file, size));
                Ok(Copy { mime: medium.facts.mime, size, body })
            }
            ledger::Fetched::Failed(why) => Err(SandboxError::NotFetched(why)),
            ledger::Fetched::Due => Err(SandboxError::NotFetched("it is still fetching it".to_owned())),
        }
    }

    /// The time of the medium in a message is over on the media servers: whoever comes for it from now on finds nothing. Phones
    /// that have it keep it.
    pub async fn expire(&self, phone: &Phone, message: &str) -> Result<(), SandboxError> {
        let medium = phone::fetching::shown(&self.network, phone, message).await?;
        if let Some(reference) = medium.reference {
            self.network.media.expire(&reference.path);
        }
        Ok(())
    }

    /// The phone writes; a phone that does not exist yet does from here on.
    pub async fn write(&self, phone: &Phone, to: &Phone, text: &Text) -> Result<Shown, SandboxError> {
        let (network, phone, to, text) = (Arc::clone(&self.network), phone.clone(), to.clone(), text.clone());
        to_the_end(async move { phone::outbox::write(&network, &phone, &to, &text).await }).await
    }

    /// The person reads what is unread in a chat, and the senders learn of it.
    pub async fn read(&self, phone: &Phone, chat: &Phone) -> Result<(), SandboxError> {
        phone::inbox::read(&self.network, phone, chat).await
    }

    /// Closes the sockets of all companions of this phone's account, without a word.
    pub fn drop_connection(&self, phone: &Phone) {
        if let Some(account) = self.network.known(phone) {
            self.network.switchboard.end_account(account.id, Farewell::Dropped);
        }
    }

    /// The person takes a companion out of the linked devices; it is told so, now or when it comes back.
    pub async fn unlink_all(&self, phone: &Phone) -> Result<(), SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let devices: Vec<u16> = account.lock().await.companions.keys().copied().collect();
        for device in devices {
            iq::companion::unlink(&self.network, &account, device).await?;
        }
        Ok(())
    }

    /// How many companions the person sees in the list of linked devices.
    pub async fn linked(&self, phone: &Phone) -> Result<usize, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        Ok(account.lock().await.companions.len())
    }

    /// The phone loses what it shares with other devices, as when an app is restored from an old backup: it cannot read
    /// what comes next and asks for it again.
    pub async fn forget_sessions(&self, phone: &Phone) -> Result<(), SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let mut state = account.lock().await;
        state.sessions.clear();
        self.network.ledger.write(vec![ledger::Change::ForgetSessions { account: account.id }]).await?;
        Ok(())
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
