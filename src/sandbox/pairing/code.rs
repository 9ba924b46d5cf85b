//! Codes to type in: a companion asks for one for a number, and whoever types it into the phone of that number links it.
//!
//! The network passes three words on and never sees the code. `companion_hello` brings the companion's ephemeral key, wrapped
//! with the code; `primary_hello`, sent when a person has typed a code, the phone's, wrapped with what was typed; and
//! `companion_finish` a bundle under what both keys agree on. It is the bundle that a wrong code does not open: the phone says
//! so to its person, and the companion is told nothing (`wacore/src/pair_code.rs`, `start_pair_success_timeout`). The stanzas
//! are those of that file's `build_companion_hello_iq` and `build_companion_finish_iq` and of `handle_primary_hello` in
//! `whatsapp-rust/src/pair_code.rs`; whatsmeow and Baileys write the same.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::{Node, NodeContent};

use super::{Order, Pairings, Registration, link};
use crate::clock;
use crate::domain::phone::Phone;
use crate::domain::session::pairing_code::PairingCode;
use crate::sandbox::SandboxError;
use crate::sandbox::network::Network;
use crate::sandbox::phone::link_code::{Half, Wrapped};
use crate::sandbox::phone::outbox;
use crate::sandbox::stanza::{self, address, bytes, child, key};

/// How long a code can be typed in (`PairCodeUtils::code_validity`).
pub(super) const VALID: Duration = Duration::from_mins(3);
/// How often; companions answer no more for one code (`PairCodeUtils::max_primary_hello_attempts`).
const TRIES: u32 = 3;
/// How long a companion may take to answer a code that was typed in.
const FINISHING: Duration = Duration::from_secs(10);

/// A companion that waits for a code to be typed in.
#[derive(Clone)]
pub(super) struct Offer {
    reference: String,
    wrapped: Wrapped,
    companion: Arc<Registration>,
    orders: mpsc::Sender<Order>,
    until: Instant,
    tries: u32,
}

/// A companion asks for a code for this number.
pub(super) struct Asked {
    pub(super) number: Phone,
    wrapped: Wrapped,
}

/// The phone's word, and where the companion's answer to it goes.
pub(super) struct Hello {
    pub(super) notification: Node,
    pub(super) finish: oneshot::Sender<Finish>,
}

/// The companion's last word.
pub(super) struct Finish {
    bundle: Vec<u8>,
    identity: [u8; 32],
}

impl Pairings {
    /// The network routes by number: the companion that asked last is the one that a number's phone reaches.
    pub(super) fn expect(&self, asked: &Asked, reference: &str, from: &Arc<Registration>, orders: mpsc::Sender<Order>) {
        let offer = Offer {
            reference: reference.to_owned(),
            wrapped: asked.wrapped,
            companion: Arc::clone(from),
            orders,
            until: clock::instant() + VALID,
            tries: 0,
        };
        self.typed.lock().unwrap_or_else(PoisonError::into_inner).insert(asked.number.clone(), offer);
    }

    /// Forgets a code, unless the number has a newer one. False if there was none.
    pub(super) fn take_back(&self, number: &Phone, reference: &str) -> bool {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = typed.get(number).is_some_and(|offer| offer.reference == reference);
        ours && typed.remove(number).is_some()
    }

    /// One try at the code of a number.
    fn try_at(&self, number: &Phone) -> Result<Offer, SandboxError> {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let offer = typed.get_mut(number).filter(|offer| offer.tries < TRIES && offer.until >= clock::instant());
        let offer = offer.ok_or(SandboxError::NoCodeAsked)?;
        offer.tries += 1;
        Ok(offer.clone())
    }
}

/// A person types a code into the phone: when this returns, the companion is linked and that is on the disk.
pub(crate) async fn enter(network: &Network, phone: &Phone, code: &PairingCode) -> Result<(), SandboxError> {
    let account = network.reach(phone).await?.ok_or(SandboxError::NotOnWhatsApp)?;
    let offer = network.pairings.try_at(phone)?;
    let (code, wrapped) = (code.clone(), offer.wrapped);
    let half =
        tokio::task::spawn_blocking(move || Half::new(&code, &wrapped)).await.map_err(SandboxError::crypto)??;
    let (finish, word) = oneshot::channel();
    let identity = account.identity.public_key().public_key_bytes();
    let notification = primary_hello(network, &half.wrapped, identity, &offer.reference)?;
    let order = Order::Hello(Hello { notification, finish });
    offer.orders.send(order).await.map_err(|_| SandboxError::NoCodeAsked)?;
    let finish = timeout(FINISHING, word).await.ok().and_then(Result::ok).ok_or(SandboxError::Refused)?;
    if finish.identity != offer.companion.identity {
        return Err(SandboxError::Wire("a companion finishes under another identity"));
    }
    let secret = half.secret(&account.identity, &finish.identity, &finish.bundle)?.ok_or(SandboxError::WrongCode)?;
    if !network.pairings.take_back(phone, &offer.reference) {
        return Err(SandboxError::NoCodeAsked);
    }
    link(network, &account, &offer.companion, &secret, &offer.orders).await
}

/// `companion_hello`, if it is one that the network takes: for a number, from the companion that is connected, and with a name
/// to show in the form `Browser (System)`, which the real network insists on (whatsmeow, `PairPhone`).
pub(super) fn asked(said: &Node, companion: &Registration) -> Option<Asked> {
    let number = Phone::from_digits(&address(said, "jid")?.user).ok()?;
    let wrapped = bytes(child(said, "link_code_pairing_wrapped_companion_ephemeral_pub")?)?.try_into().ok()?;
    let noise = child(said, "companion_server_auth_key_pub").and_then(key)?;
    let display = match &child(said, "companion_platform_display")?.content {
        Some(NodeContent::Bytes(bytes)) => std::str::from_utf8(bytes).ok()?.to_owned(),
        Some(NodeContent::String(text)) => text.to_string(),
        _ => return None,
    };
    let (browser, system) = display.strip_suffix(')')?.split_once(" (")?;
    let fits = noise == companion.noise && !browser.is_empty() && !system.is_empty();
    fits.then_some(Asked { number, wrapped })
}

/// The answer to `companion_hello`: the reference that the rest goes under.
pub(super) fn answer(id: &str, reference: &str) -> Node {
    let reference = stanza::leaf("link_code_pairing_ref", reference.as_bytes());
    let inner = NodeBuilder::new("link_code_companion_reg").attr("stage", "companion_hello").children([reference]);
    stanza::result(id).children([inner.build()]).build()
}

/// `companion_finish`, if it is about this reference.
pub(super) fn finished(said: &Node, reference: Option<&str>) -> Option<Finish> {
    let named = child(said, "link_code_pairing_ref").and_then(bytes)?;
    let bundle = child(said, "link_code_pairing_wrapped_key_bundle").and_then(bytes)?.to_vec();
    let identity = child(said, "companion_identity_public").and_then(key)?;
    reference.is_some_and(|reference| reference.as_bytes() == named).then_some(Finish { bundle, identity })
}

fn primary_hello(network: &Network, wrapped: &Wrapped, identity: &[u8], reference: &str) -> Result<Node, SandboxError> {
    let inner = NodeBuilder::new("link_code_companion_reg").attr("stage", "primary_hello").children([
        stanza::leaf("link_code_pairing_wrapped_primary_ephemeral_pub", wrapped.as_slice()),
        stanza::leaf("primary_identity_pub", identity),
        stanza::leaf("link_code_pairing_ref", reference.as_bytes()),
    ]);
    Ok(NodeBuilder::new("notification")
        .attr("from", stanza::SERVER)
        .attr("type", "link_code_companion_reg")
        .attr("id", outbox::message_id()?)
        .attr("t", network.seconds())
        .children([inner.build()])
        .build())
}
