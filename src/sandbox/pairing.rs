//! Linking a companion: the codes it shows, the phone that scans one, and what both sign.
//!
//! Stanzas: `wacore/src/pair.rs` and `whatsapp-rust/src/pair.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::waproto::whatsapp::ClientPairingProps;
use whatsapp_rust::waproto::whatsapp::client_payload::DevicePairingRegistrationData;

use super::account::{self, Account};
use super::device_list::{self, Happened};
use super::ledger::{Change, CompanionRow, SignedPreKey};
use super::network::Network;
use super::noise::Caller;
use super::phone::{adv, history, outbox, peer};
use super::stanza::{self, attr, child, text};
use super::wire::Wire;
use super::{SandboxError, app_state};
use crate::clock;
use crate::domain::phone::Phone;

/// A companion shows the first code for a minute and each of the others for twenty seconds.
const CODES: u32 = 6;
const SHOWN: Duration = Duration::from_mins(1);
const SHOWN_NEXT: Duration = Duration::from_secs(20);
/// A person may have scanned just before the code changed.
const GRACE: Duration = Duration::from_secs(10);
/// How long a companion may take to sign.
const SIGNING: Duration = Duration::from_secs(30);

/// Where native cameras find the code behind a link (`wacore/src/companion_reg.rs`).
const DEEP_LINK: &str = "https://wa.me/settings/linked_devices#";

/// Companions that wait to be scanned, by the reference in their code.
#[derive(Default)]
pub(crate) struct Pairings(Mutex<HashMap<String, Offer>>);

#[derive(Clone)]
struct Offer {
    companion: Registration,
    orders: mpsc::Sender<Order>,
    until: Instant,
}

/// What a companion says of itself when it registers.
#[derive(Clone)]
struct Registration {
    noise: [u8; 32],
    identity: [u8; 32],
    number: u32,
    signed_prekey: SignedPreKey,
    /// It takes the first part of its account's history inside a message.
    takes_history: bool,
    /// What it calls itself, or its person.
    name: Option<String>,
}

/// What a phone has its companion do: take its place in the account, and sign for it.
struct Order {
    success: Node,
    signed: oneshot::Sender<Node>,
    /// The link is kept: the companion may log in.
    linked: oneshot::Receiver<()>,
}

/// What a code holds.
struct Code<'q> {
    reference: &'q str,
    noise: [u8; 32],
    identity: [u8; 32],
    secret: [u8; 32],
}

impl Pairings {
    fn offer(&self, references: &[String], companion: &Registration, orders: &mpsc::Sender<Order>) {
        let mut until = clock::instant() + SHOWN + GRACE;
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for reference in references {
            offers.insert(reference.clone(), Offer { companion: companion.clone(), orders: orders.clone(), until });
            until += SHOWN_NEXT;
        }
    }

    fn withdraw(&self, references: &[String]) {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for reference in references {
            offers.remove(reference);
        }
    }

    /// A code works once, while it is shown, and only for the companion that shows it.
    fn take(&self, code: &Code<'_>) -> Result<Offer, SandboxError> {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offer = offers.get(code.reference).ok_or(SandboxError::UnknownQr)?;
        let fits = offer.companion.noise == code.noise && offer.companion.identity == code.identity;
        if !fits || offer.until < clock::instant() {
            return Err(SandboxError::UnknownQr);
        }
        offers.remove(code.reference).ok_or(SandboxError::UnknownQr)
    }

    pub(crate) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The network's side of a companion that is not linked yet: codes, then the phone's word.
pub(crate) async fn register(network: &Network, mut wire: Wire, caller: &Caller) -> Result<(), SandboxError> {
    let data = caller.payload.device_pairing_data.as_option().ok_or(SandboxError::Wire("no registration"))?;
    let companion = Registration { name: caller.payload.push_name.clone(), ..registration(caller.noise_key, data)? };
    let references = (0..CODES).map(|_| reference()).collect::<Result<Vec<_>, _>>()?;
    let (orders, inbox) = mpsc::channel(1);
    network.pairings.offer(&references, &companion, &orders);
    drop(orders);
    wire.send(&pair_device(&references)).await?;
    let shown = SHOWN + SHOWN_NEXT * (CODES - 1) + GRACE;
    let end = timeout(shown, wait(&mut wire, inbox)).await;
    network.pairings.withdraw(&references);
    if matches!(end, Ok(Ok(true))) {
        // Linked: the companion comes back under its new name.
        wire.send(&NodeBuilder::new("stream:error").attr("code", "515").build()).await?;
    }
    wire.close().await;
    end.unwrap_or(Ok(false)).map(|_| ())
}

/// Until a phone has linked the companion, or the companion has gone.
async fn wait(wire: &mut Wire, mut inbox: mpsc::Receiver<Order>) -> Result<bool, SandboxError> {
    let mut order: Option<Order> = None;
    loop {
        let said = tokio::select! {
            next = inbox.recv(), if order.is_none() => match next {
                Some(next) => {
                    wire.send(&next.success).await?;
                    order = Some(next);
                    continue;
                }
                // Closed, or every code was used up.
                None => return Ok(false),
            },
            said = wire.receive() => said?,
        };
        let Some(said) = said else { return Ok(false) };
        let answers = order.as_ref().is_some_and(|order| text(&order.success, "id") == text(&said, "id"));
        match order.take() {
            Some(order) if answers => {
                let _ = order.signed.send(said);
                return Ok(timeout(SIGNING, order.linked).await.is_ok_and(|linked| linked.is_ok()));
            }
            waiting => order = waiting,
        }
        if said.tag == "iq" && matches!(attr(&said, "type").as_deref(), Some("get" | "set")) {
            wire.send(&answer_unlinked(&said)).await?;
        }
    }
}

/// An unlinked companion may ask whether anyone is there; codes to type in are not offered here yet.
fn answer_unlinked(iq: &Node) -> Node {
    let id = text(iq, "id");
    if attr(iq, "xmlns").as_deref() == Some("w:p") {
        return stanza::result(&id).build();
    }
    tracing::warn!(stanza = %stanza::brief(iq), "unknown stanza from a companion that is not linked");
    stanza::error(&id, 501, "feature-not-implemented")
}

/// A phone scans a code: when this returns, the companion is linked and that is on the disk.
pub(crate) async fn scan(network: &Network, phone: &Phone, qr: &str) -> Result<(), SandboxError> {
    let code = parse(qr).ok_or(SandboxError::NotAQrCode)?;
    let account = network.reach(phone).await?.ok_or(SandboxError::NotOnWhatsApp)?;
    let offer = network.pairings.take(&code)?;
    let (device, success) = vouch(network, &account, &offer.companion, &code.secret).await?;
    let linked = complete(network, &account, device, offer, success).await;
    if linked.is_err() {
        // The companion never came to belong to the account: its place is given up.
        account.lock().await.companions.remove(&device);
        network.ledger.write(vec![Change::Unlink(account.device(device))]).await?;
    }
    linked
}

/// Gives the companion a place in the account and keeps it before the companion hears of it: whatever is killed from
/// here on, a companion that believes itself linked is known.
async fn vouch(
    network: &Network,
    account: &Account,
    companion: &Registration,
    secret: &[u8; 32],
) -> Result<(u16, Node), SandboxError> {
    let now = network.seconds();
    let mut state = account.lock().await;
    let device = state.next_device;
    state.next_device = device.checked_add(1).ok_or(SandboxError::Wire("an account has no more device numbers"))?;
    let device_identity = adv::vouch(account, device, &companion.identity, now)?;
    let row = CompanionRow {
        device,
        noise: companion.noise,
        identity: companion.identity,
        device_identity: device_identity.clone(),
        signed: false,
        registration: companion.number,
        signed_prekey: companion.signed_prekey.clone(),
        linked: now,
    };
    state.companions.insert(device, row.clone());
    let mut changes = vec![Change::Link { account: account.id, companion: Box::new(row) }];
    // Every person has a name on WhatsApp; a phone that was made without one takes it from its first companion.
    if let Some(name) = companion.name.as_ref().filter(|name| state.name.is_none() && account::is_name(name)) {
        state.name = Some(name.clone());
        changes.push(Change::Rename { account: account.id, name: name.clone() });
    }
    let ticket = network.ledger.submit(changes).await?;
    drop(state);
    ticket.committed().await?;
    Ok((device, pair_success(account, device, adv::seal(device_identity, secret))?))
}

async fn complete(
    network: &Network,
    account: &Arc<Account>,
    device: u16,
    offer: Offer,
    success: Node,
) -> Result<(), SandboxError> {
    let (signed, word) = oneshot::channel();
    let (done, linked) = oneshot::channel();
    let order = Order { success, signed, linked };
    offer.orders.send(order).await.map_err(|_| SandboxError::UnknownQr)?;
    let reply = timeout(SIGNING, word).await.ok().and_then(Result::ok).ok_or(SandboxError::Refused)?;
    let identity = child(&reply, "pair-device-sign").and_then(|sign| child(sign, "device-identity"));
    let identity = identity.and_then(stanza::bytes).ok_or(SandboxError::Refused)?;
    let device_identity = adv::accept(account, &offer.companion.identity, identity)?;
    admit(network, account, device, device_identity, offer.companion.takes_history).await?;
    let _ = done.send(());
    Ok(())
}

/// The link is complete: others may write to the companion, and its phone shares with it the keys of the app state and
/// what was said so far.
pub(crate) async fn admit(
    network: &Network,
    account: &Arc<Account>,
    device: u16,
    device_identity: Vec<u8>,
    takes_history: bool,
) -> Result<(), SandboxError> {
    let past = if takes_history { Some(history::gather(network, account).await?) } else { None };
    let mut changes = app_state::first_patch(network, account).await?;
    let mut state = account.lock().await;
    let Some(row) = state.companions.get_mut(&device) else { return Err(SandboxError::UnknownQr) };
    row.signed = true;
    row.device_identity.clone_from(&device_identity);
    changes.push(Change::Sign { device: account.device(device), device_identity });
    changes.extend(peer::share_keys(network, account, &mut state, device).await?);
    if let Some(past) = past {
        changes.extend(history::share(network, account, &mut state, device, past).await?);
    }
    let ticket = network.ledger.submit(changes).await?;
    drop(state);
    ticket.committed().await?;
    device_list::announce(network, account, Happened::Linked(device)).await
}

fn pair_device(references: &[String]) -> Node {
    let references = references.iter().map(|reference| stanza::leaf("ref", reference.as_bytes()));
    NodeBuilder::new("iq")
        .attr("from", stanza::SERVER)
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", "pair-device")
        .children([NodeBuilder::new("pair-device").children(references).build()])
        .build()
}

fn pair_success(account: &Account, device: u16, sealed: Vec<u8>) -> Result<Node, SandboxError> {
    // The account's chats are kept by LID, as they are everywhere by now.
    let props = ClientPairingProps { is_chat_db_lid_migrated: Some(true), ..Default::default() };
    let success = NodeBuilder::new("pair-success")
        .children([
            stanza::leaf("device-identity", sealed),
            NodeBuilder::new("device").attr("jid", account.pn(device)).attr("lid", account.lid(device)).build(),
            NodeBuilder::new("platform").attr("name", "android").build(),
            stanza::leaf("client-props", props.encode_to_vec()),
        ])
        .build();
    Ok(NodeBuilder::new("iq")
        .attr("from", stanza::SERVER)
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", outbox::message_id()?)
        .children([success])
        .build())
}

fn reference() -> Result<String, SandboxError> {
    Ok(format!("2@{}", BASE64_URL_SAFE_NO_PAD.encode(clock::entropy::<24>()?)))
}

fn registration(noise: [u8; 32], data: &DevicePairingRegistrationData) -> Result<Registration, SandboxError> {
    let number = |bytes: &Option<Vec<u8>>| stanza::number(&stanza::leaf("n", bytes.clone().unwrap_or_default()));
    let key = |bytes: &Option<Vec<u8>>| <[u8; 32]>::try_from(bytes.as_deref().unwrap_or_default()).ok();
    let read = || {
        Some(Registration {
            noise,
            identity: key(&data.e_ident)?,
            number: number(&data.e_regid)?,
            signed_prekey: SignedPreKey {
                id: number(&data.e_skey_id)?,
                key: key(&data.e_skey_val)?,
                signature: data.e_skey_sig.clone()?,
            },
            takes_history: history::taken(data.device_props.as_deref()),
            name: None,
        })
    };
    read().ok_or(SandboxError::Wire("a registration lacks keys"))
}

/// `ref,noise,identity,secret,…`, alone or behind a link.
fn parse(qr: &str) -> Option<Code<'_>> {
    let mut parts = qr.strip_prefix(DEEP_LINK).unwrap_or(qr).split(',');
    let reference = parts.next().filter(|reference| !reference.is_empty())?;
    let mut key = || BASE64_STANDARD.decode(parts.next()?).ok()?.try_into().ok();
    Some(Code { reference, noise: key()?, identity: key()?, secret: key()? })
}
