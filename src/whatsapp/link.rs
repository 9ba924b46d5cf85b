//! One client: it runs a connection, sends, and goes away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OnceCell};
use tokio::time::timeout;
use whatsapp_rust::prelude::{Subscription, wa};
use whatsapp_rust::{Client, Jid, SendOptions};

use super::WireError;
use super::blocked::Blocklist;
use super::encode::{self, SendError};
use super::signal::{Ears, phone_of};
use super::version::Claim;
use super::web::Web;
use crate::domain::phone::Phone;
use crate::domain::session::life::{End, Loss};
use crate::store::device_keys::DeviceKeys;

/// Connections that a run may open after its phone has scanned a code: one is needed to come back as a linked device.
const RETURNS: u32 = 3;
/// Addresses remembered so that a first contact is looked up once.
const ADDRESSES_MAX: usize = 1_000;

/// What a closing may take: the protocol crate waits up to 10 s for what is on its way, and then writes its last rows.
pub(super) const FINISH_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 5 } else { 15 });
/// How long what a lost connection still brought may take to be opened, and then to be kept.
const STRAGGLERS: Duration = Duration::from_millis(50);
const KEEP_WITHIN: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The connection was lost or never came about: run again when it is time.
    Lost(String),
    /// Nothing of the network could be reached: run again when it is time.
    Unreachable(String),
    /// The session's proxy is not there or did not let the connection through: run again when it is time.
    ProxyFailed(String),
    /// This client is of no use any more, and another one on the same keys may be: run that when it is time.
    Broken(String),
    /// Running again would end the same way. Nothing of the link touches the keys any more.
    Ended(End),
    /// We closed it.
    Closed,
}

impl Over {
    /// Whether the same link may be run again.
    pub const fn may_run_again(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Unreachable(_) | Self::ProxyFailed(_))
    }
}

/// A client that could not even be built.
impl From<WireError> for Over {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Version(_) | WireError::Web(_) => Self::Unreachable(error.to_string()),
            WireError::Keys(_) | WireError::Client(_) => Self::Lost(error.to_string()),
        }
    }
}

/// What the parts of a link know together about its present run.
#[derive(Default)]
pub(super) struct State {
    ready: AtomicBool,
    closed: AtomicBool,
    closing: Notify,
    dials: AtomicU32,
    returns: AtomicU32,
    end: Mutex<Option<End>>,
    why: Mutex<Option<(Loss, String)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn start(&self, linked: bool) {
        self.ready.store(false, Ordering::Relaxed);
        self.dials.store(1, Ordering::Relaxed);
        self.returns.store(if linked { 0 } else { RETURNS }, Ordering::Relaxed);
        *locked(&self.why) = None;
    }

    /// Takes one of the connections that this run may open. Whether the device is linked is asked of the device: the network
    /// closes the pairing's connection as soon as it has our answer, maybe before the event of the pairing is out.
    pub(super) fn may_dial(&self, linked: bool) -> bool {
        let take =
            |left: &AtomicU32| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        take(&self.dials).is_ok() || (linked && take(&self.returns).is_ok())
    }

    pub(super) fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// The first reason counts: what follows are its consequences.
    pub(super) fn because(&self, why: String) {
        self.unreachable(Loss::Dropped, why);
    }

    /// The same, of an attempt that did not get as far as the network.
    pub(super) fn unreachable(&self, loss: Loss, why: String) {
        locked(&self.why).get_or_insert((loss, why));
    }

    pub(super) fn ended(&self, end: End) {
        locked(&self.end).get_or_insert(end);
    }

    fn over(&self) -> Over {
        let was_ready = self.ready.swap(false, Ordering::Relaxed);
        if let Some(end) = locked(&self.end).clone() {
            return Over::Ended(end);
        }
        if self.closed.load(Ordering::Relaxed) {
            return Over::Closed;
        }
        // The crate is silent about refused handshakes, and about connections that it gave up itself.
        let silent = if was_ready { "the connection went silent" } else { "no session came about on the connection" };
        match locked(&self.why).take() {
            Some((Loss::Dropped, why)) => Over::Lost(why),
            Some((Loss::Unreachable, why)) => Over::Unreachable(why),
            Some((Loss::Proxy, why)) => Over::ProxyFailed(why),
            None => Over::Lost(silent.to_owned()),
        }
    }
}

/// A client on the keys of one session. Dropped, it stops without saying good-bye; `close` it instead.
pub struct Link {
    pub(super) client: Arc<Client>,
    /// The way to the media servers.
    pub(super) web: Web,
    keys: DeviceKeys,
    state: Arc<State>,
    version: Claim,
    finished: OnceCell<()>,
    addresses: Mutex<HashMap<Phone, Jid>>,
    blocklist: Blocklist,
    /// Counts the connections.
    run: AtomicU64,
    _events: Subscription,
}

impl Link {
    pub(super) fn new(
        client: Arc<Client>,
        web: Web,
        keys: DeviceKeys,
        ears: Arc<Ears>,
        state: Arc<State>,
        version: Claim,
    ) -> Self {
        ears.attach(&client);
        let events = client.subscribe_handler(ears);
        Self {
            client,
            web,
            keys,
            state,
            version,
            finished: OnceCell::new(),
            addresses: Mutex::default(),
            blocklist: Blocklist::default(),
            run: AtomicU64::new(0),
            _events: events,
        }
    }

    /// Runs one connection and says how it ended; while pairing, the phone's scan and the return as a linked device are
    /// one run. After what `may_run_again` it may be called again: the client keeps its caches, and its next handshake falls back
    /// when the last one was refused (whatsapp-rust 0.7.0, `Client::stop_supervision_loop`).
    pub async fn run(&self) -> Over {
        let linked = self.client.pn().is_some();
        self.keep_the_rest().await;
        self.run.fetch_add(1, Ordering::Relaxed);
        self.state.start(linked);
        // A linked device reconnects when our session says so; a pairing needs the crate to come back by itself.
        self.client.enable_auto_reconnect.store(!linked, Ordering::Relaxed);
        let trouble = self.keys.trouble();
        tokio::select! {
            () = self.client.run() => {}
            () = self.give_up_after(trouble) => {}
            // A loop that hangs on a dead connection, or in a dial, is not waited for.
            () = self.closing() => {}
        }
        let over = self.state.over();
        if !over.may_run_again() {
            // The crate's other tasks would go on, and might write into keys that are being destroyed, or beside the next client.
            self.finish().await;
        }
        if over == Over::Ended(End::Outdated) && self.version.is_superseded().await {
            return Over::Broken("WhatsApp asks for a newer version".to_owned());
        }
        over
    }

    /// Keeps what the last connection brought too late to be kept with it. The crate forgets that as it connects, though the keys that
    /// opened it may be stored as used by then: what WhatsApp brings again would pass for a repeat, and be lost (whatsapp-rust 0.7.0,
    /// `Client::connect`, "dropping late uncommitted drain entries").
    async fn keep_the_rest(&self) {
        let kept = timeout(KEEP_WITHIN, self.client.flush_pending_signal_state()).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::debug!(error = ?kept, "what the last connection brought late was not kept");
        }
    }

    /// A client whose keys cannot be read or stored leaves what arrives unconfirmed, and hears of it again only on its next
    /// connection, which on a good one may be days away: so the run ends, and our session decides when the next one begins.
    async fn give_up_after(&self, trouble: impl Future<Output = ()>) {
        trouble.await;
        self.state.because("the device's keys could not be read or stored".to_owned());
        self.client.reconnect_immediately().await;
        // The run itself says when it is over.
        std::future::pending::<()>().await;
    }

    /// Sends a text under an id that was stored before. `Ok` means written to the wire; the ack comes as an event.
    pub async fn send_text(&self, to: &Phone, wire_id: &str, text: &str) -> Result<(), SendError> {
        self.send(to, wire_id, encode::text(text)).await
    }

    pub(super) async fn send(&self, to: &Phone, wire_id: &str, message: wa::Message) -> Result<(), SendError> {
        // The crate would hold a send for up to a minute to wait for a connection; our outbox waits better.
        if !self.is_ready() {
            return Err(SendError::NotConnected);
        }
        let to = self.address_of(to).await?;
        if self.blocklist.has(&self.client, self.run.load(Ordering::Relaxed), &to).await {
            return Err(SendError::Blocked);
        }
        let options = SendOptions::default().with_message_id(wire_id);
        self.client.send_message_with_options(to, message, options).await?;
        Ok(())
    }

    /// Where a number is reached. To send to a number that is not on WhatsApp succeeds in silence, since the copy for our
    /// own phone still goes out; so a first contact is looked up. Its answer brings the LID that a send would have asked
    /// for, so even this costs no round trip more; and a number whose LID is known is on WhatsApp.
    pub(super) async fn address_of(&self, phone: &Phone) -> Result<Jid, SendError> {
        if let Some(known) = locked(&self.addresses).get(phone) {
            return Ok(known.clone());
        }
        let asked = encode::address(phone);
        let mapped = self.client.get_lid_pn_entry(&asked).await;
        if mapped.map_err(|error| SendError::Temporary(error.to_string()))?.is_some() {
            return Ok(asked);
        }
        let address = self.look_up(asked).await?;
        let mut addresses = locked(&self.addresses);
        if addresses.len() >= ADDRESSES_MAX {
            addresses.clear();
        }
        addresses.insert(phone.clone(), address.clone());
        Ok(address)
    }

    /// Asks WhatsApp, which may know the number under another form: some countries changed the length of theirs.
    async fn look_up(&self, asked: Jid) -> Result<Jid, SendError> {
        use whatsapp_rust::features::ContactError;
        let answers = self.client.contacts().is_on_whatsapp(std::slice::from_ref(&asked)).await;
        let answers = answers.map_err(|error| match error {
            ContactError::Iq(error) => encode::of_iq(&error),
            other => SendError::Temporary(other.to_string()),
        })?;
        let answer = answers.into_iter().next().ok_or(SendError::NotOnWhatsApp)?;
        match answer {
            answer if answer.is_registered => {
                Ok([answer.pn_jid, Some(answer.jid)].into_iter().flatten().find(Jid::is_pn).unwrap_or(asked))
            }
            answer if answer.contact_error.is_some() => {
                Err(SendError::Temporary("WhatsApp did not say who this is".into()))
            }
            _ => Err(SendError::NotOnWhatsApp),
        }
    }

    /// Says good-bye, writes what is not written yet, and ends `run`. The link cannot be run again, and nothing of it touches
    /// the keys any more.
    pub async fn close(&self) {
        self.state.closed.store(true, Ordering::Relaxed);
        self.state.closing.notify_one();
        self.finish().await;
    }

    /// Comes back when the link was closed and that is done.
    async fn closing(&self) {
        if !self.state.closed.load(Ordering::Relaxed) {
            self.state.closing.notified().await;
        }
        self.finish().await;
    }

    /// Whoever asks for it waits for the one end; if whoever began it goes away, the next one goes on.
    async fn finish(&self) {
        let finish = async {
            let end = async {
                self.client.disconnect().await;
                tokio::time::sleep(STRAGGLERS).await;
                self.keep_the_rest().await;
                self.keys.close().await;
            };
            if timeout(FINISH_WITHIN, end).await.is_err() {
                tracing::warn!("a client did not close in time, and is let go");
                self.let_go();
            }
        };
        self.finished.get_or_init(|| finish).await;
    }

    fn let_go(&self) {
        self.client.signal_shutdown_sync();
        self.keys.close_now();
    }

    /// Unlinks the device on the network if it can be reached (this may take more than a minute), then closes. The keys are
    /// worthless afterwards, and whoever owns them wipes them.
    pub async fn logout(&self) {
        self.client.logout().await;
        self.keys.close().await;
    }

    /// The number of the account, once linked.
    pub fn phone(&self) -> Option<Phone> {
        phone_of(&self.client.pn()?)
    }

    /// Whether a send would go out now.
    pub fn is_ready(&self) -> bool {
        self.state.ready.load(Ordering::Relaxed) && self.client.is_connected()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.let_go();
    }
}
