//! From the protocol's events to ours, and the inbound hook: both run on the receive path.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use whatsapp_rust::prelude::{Event, EventHandler, EventInterest, EventKind, InboundMessage, MessageBatch};
use whatsapp_rust::wacore::types::presence::ReceiptType;
use whatsapp_rust::{Client, InboundDurabilityHook, Jid};

use super::Listener;
use super::decode::{Inbox, received};
use super::link::State;
use crate::domain::phone::Phone;
use crate::domain::qr::QrCode;
use crate::domain::session::life::End;

/// What a link tells while it runs. How a run ended is `Link::run`'s answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A code to scan, in place of the one before.
    Qr { code: QrCode, valid_for: Duration },
    /// A phone scanned a code. The link connects by itself now.
    Paired { phone: Option<Phone>, business_name: Option<String>, platform: String },
    /// A phone scanned a code and the linking failed; the codes go on.
    PairFailed(String),
    /// There are no more codes to scan; the connection stays for a code that is still to be typed in.
    ScansOver,
    /// The pairing code is worth nothing any more. The app tells its own user why; it never tells us.
    CodeOver,
    /// Ready to send; what waited while offline has been received.
    Connected { phone: Option<Phone> },
    /// WhatsApp took a message, or refused it with a code.
    Ack { wire_id: String, error: Option<String>, at: Option<DateTime<Utc>> },
    /// A device of a recipient, matched by wire id alone: it may answer under a LID.
    Receipt { wire_ids: Vec<String>, kind: ReceiptKind, at: DateTime<Utc> },
    /// A message that could not be decrypted; its sender was asked to send it again.
    Undecryptable { wire_id: String },
}

impl LinkEvent {
    /// Whether this is about messages that were sent, and not about the run that heard it.
    pub const fn is_of_messages(&self) -> bool {
        matches!(self, Self::Ack { .. } | Self::Receipt { .. })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptKind {
    Delivered,
    Read,
    Played,
}

/// What a client of the protocol crate calls for events, for received messages and for failed attempts.
pub(super) struct Ears {
    on: Listener,
    inbox: Arc<dyn Inbox>,
    state: Arc<State>,
    client: OnceLock<Weak<Client>>,
}

impl Ears {
    pub(super) fn new(on: Listener, inbox: Arc<dyn Inbox>, state: Arc<State>) -> Self {
        Self { on, inbox, state, client: OnceLock::new() }
    }

    /// Binds the ears to their client, which does not exist yet when they are made.
    pub(super) fn attach(&self, client: &Arc<Client>) {
        let _ = self.client.set(Arc::downgrade(client));
    }

    pub(super) fn tell(&self, event: LinkEvent) {
        (self.on)(event);
    }

    /// From now on a lost connection ends the run.
    pub(super) fn stop_reconnecting(&self) {
        if let Some(client) = self.client() {
            client.enable_auto_reconnect.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn is_linked(&self) -> bool {
        self.client().is_some_and(|client| client.pn().is_some())
    }

    fn client(&self) -> Option<Arc<Client>> {
        self.client.get().and_then(Weak::upgrade)
    }

    fn phone(&self) -> Option<Phone> {
        phone_of(self.client()?.pn().as_ref()?)
    }

    /// Messages that the hook never sees: those that the phone sent again on our request.
    fn late(&self, batch: &MessageBatch) {
        let Some(client) = self.client().filter(|_| !batch.hook_committed) else { return };
        let (inbox, messages) = (Arc::clone(&self.inbox), Arc::clone(&batch.messages));
        tokio::spawn(async move {
            if let Err(error) = commit(&client, inbox.as_ref(), &messages).await {
                tracing::warn!(%error, "a message recovered from the phone was lost");
            }
        });
    }

    /// Has the device's row saved now. The crate's saver misses what changes while it saves, until it looks again half a minute later;
    /// what the app state said by then is stored as read, so after a kill in between a device without a name would wait 10 s for
    /// the app state at each start, for ever (whatsapp-rust 0.7.0, `PersistenceManager::run_background_saver`, `Client` on `success`).
    fn save_device(&self) {
        let Some(client) = self.client() else { return };
        tokio::spawn(async move {
            if let Err(error) = client.persistence_manager().flush().await {
                tracing::debug!(%error, "the device's row was not saved; it is tried again");
            }
        });
    }

    fn ended(&self, end: End) {
        self.state.ended(end);
    }
}

pub(super) fn phone_of(jid: &Jid) -> Option<Phone> {
    Phone::from_digits(jid.user_base()).ok()
}

async fn commit(client: &Client, inbox: &dyn Inbox, batch: &[InboundMessage]) -> anyhow::Result<()> {
    let batch: Vec<_> =
        join_all(batch.iter().map(|message| received(client, message))).await.into_iter().flatten().collect();
    if batch.is_empty() {
        return Ok(());
    }
    Ok(inbox.commit(batch).await?)
}

#[async_trait]
impl InboundDurabilityHook for Ears {
    /// A batch that could not be kept comes again with the next connection, and on a good connection that may be days away:
    /// so the run ends, and our session decides when the next one begins.
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        let kept = commit(&client, self.inbox.as_ref(), batch).await;
        if kept.is_err() {
            self.state.because("what was received could not be stored".to_owned());
            // In a task of its own, since it waits for the receive path that we are on.
            tokio::spawn(async move { client.reconnect_immediately().await });
        }
        kept
    }
}

impl EventHandler for Ears {
    fn interest(&self) -> EventInterest {
        EventInterest::of(&[
            EventKind::Connected,
            EventKind::Disconnected,
            EventKind::PairSuccess,
            EventKind::PairError,
            EventKind::LoggedOut,
            EventKind::PairingQrCode,
            EventKind::PairingQrCodesExhausted,
            EventKind::PairingCodeRefresh,
            EventKind::PairingCodeError,
            EventKind::ClientOutdated,
            EventKind::Messages,
            EventKind::Receipt,
            EventKind::UndecryptableMessage,
            EventKind::StreamReplaced,
            EventKind::TemporaryBan,
            EventKind::ConnectFailure,
            EventKind::ServerAck,
        ])
    }

    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::PairingQrCode(qr) => {
                self.tell(LinkEvent::Qr { code: QrCode::new(qr.code.clone()), valid_for: qr.timeout });
            }
            Event::PairSuccess(paired) => {
                self.tell(LinkEvent::Paired {
                    phone: phone_of(&paired.id),
                    business_name: Some(paired.business_name.clone()).filter(|name| !name.is_empty()),
                    platform: paired.platform.clone(),
                });
            }
            Event::Connected(_) => {
                self.stop_reconnecting();
                self.state.ready();
                self.save_device();
                self.tell(LinkEvent::Connected { phone: self.phone() });
            }
            Event::PairingQrCodesExhausted(out) if !out.disconnected => self.tell(LinkEvent::ScansOver),
            Event::PairingCodeRefresh(_) | Event::PairingCodeError(_) => self.tell(LinkEvent::CodeOver),
            Event::PairError(failed) => self.tell(LinkEvent::PairFailed(failed.error.clone())),
            Event::Messages(batch) => self.late(batch),
            Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
                self.tell(LinkEvent::Ack { wire_id: ack.id.clone(), error: ack.error.clone(), at: ack.timestamp });
            }
            Event::Receipt(receipt) => {
                if let Some(kind) = receipt_kind(&receipt.r#type) {
                    let wire_ids = receipt.message_ids.clone();
                    self.tell(LinkEvent::Receipt { wire_ids, kind, at: receipt.timestamp });
                }
            }
            Event::UndecryptableMessage(message) => {
                self.tell(LinkEvent::Undecryptable { wire_id: message.info.id.clone() });
            }
            other => self.over(other),
        }
    }
}

impl Ears {
    /// Events after which the run ends. The first says why.
    fn over(&self, event: &Event) {
        match event {
            Event::Disconnected(lost) => self.state.because(lost.reason.to_string()),
            Event::PairingQrCodesExhausted(_) => self.ended(End::QrExhausted),
            Event::LoggedOut(_) => self.ended(End::LoggedOut),
            Event::StreamReplaced(_) => self.ended(End::Replaced),
            Event::TemporaryBan(_) => self.ended(End::Banned),
            Event::ClientOutdated(_) => self.ended(End::Outdated),
            Event::ConnectFailure(failure) if failure.reason.should_reconnect() => {
                self.state.because(format!("WhatsApp answered {:?}", failure.reason));
            }
            Event::ConnectFailure(failure) => self.ended(End::Refused(format!("{:?}", failure.reason))),
            _ => {}
        }
    }
}

/// What a receipt says of a message of ours; `Inactive` is a delivery to a phone that nobody is looking at.
fn receipt_kind(receipt: &ReceiptType) -> Option<ReceiptKind> {
    match receipt {
        ReceiptType::Delivered | ReceiptType::Inactive => Some(ReceiptKind::Delivered),
        ReceiptType::Read => Some(ReceiptKind::Read),
        ReceiptType::Played => Some(ReceiptKind::Played),
        _ => None,
    }
}
