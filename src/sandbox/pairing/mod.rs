//! Linking a companion: what it shows (a code to scan, [`qr`], or a code to type in, [`code`]), the phone that is given it,
//! and what both sign in the end. [`wait`] is the companion's connection meanwhile.
//!
//! Stanzas: `wacore/src/pair.rs` and `whatsapp-rust/src/pair.rs`.

mod code;
mod qr;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
use super::phone::{adv, history, keys, outbox, peer};
use super::stanza::{self, child};
use super::switchboard::Farewell;
use super::{SandboxError, app_state};
use crate::domain::phone::Phone;

pub(crate) use code::enter;
pub(crate) use qr::scan;
pub(crate) use wait::register;

/// How long a companion may take to answer its phone.
const SIGNING: Duration = Duration::from_secs(30);

/// Companions that wait to be linked: by the reference in the code they show, and by the number they asked a code for.
#[derive(Default)]
pub(crate) struct Pairings {
    scanned: Mutex<HashMap<String, qr::Offer>>,
    typed: Mutex<HashMap<Phone, code::Offer>>,
}

/// What a companion says of itself when it registers: no more than is needed, since who says it is not known to anybody.
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

/// Bytes of an `XEdDSA` signature.
const SIGNATURE: usize = 64;
/// Characters of a name, as phones let their persons write it.
const NAME: usize = 25;

/// What a phone has the companion's connection do.
enum Order {
    Hello(code::Hello),
    Link(Link),
}

/// The companion takes its place in the account, and signs for it.
struct Link {
    success: Node,
    signed: oneshot::Sender<Node>,
    /// The link is kept: the companion may log in.
    linked: oneshot::Receiver<()>,
}

impl Pairings {
    pub(crate) fn close(&self) {
        self.scanned.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.typed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Links a companion that showed its phone the secret: when this returns, that is on the disk.
async fn link(
    network: &Network,
    account: &Arc<Account>,
    companion: &Registration,
    secret: &[u8; 32],
    orders: &mpsc::Sender<Order>,
) -> Result<(), SandboxError> {
    let (device, success) = vouch(network, account, companion, secret).await?;
    let linked = complete(network, account, device, companion, orders, success).await;
    if linked.is_err() {
        // The companion never came to belong to the account: its place is given up.
        account.lock().await.companions.remove(&device);
        network.ledger.write(vec![Change::Unlink(account.device(device))]).await?;
        // It may have come already, on the strength of what it signed.
        network.switchboard.end(account.device(device), Farewell::Unlinked);
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
    let device = state.place().ok_or(SandboxError::Full)?;
    // Numbers are given again only when all of them were given.
    let again = device < state.next_device;
    state.next_device = state.next_device.max(device + 1);
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
    if again {
        changes.push(Change::ForgetPeer(account.device(device)));
    }
    // Every person has a name on WhatsApp; a phone that was made without one takes it from its first companion.
    if let Some(name) = companion.name.as_ref().filter(|name| state.name.is_none() && account::is_name(name)) {
        state.name = Some(name.clone());
        changes.push(Change::Rename { account: account.id, name: name.clone() });
    }
    let ticket = network.ledger.submit(changes).await?;
    drop(state);
    ticket.committed().await?;
    if again {
        // Nobody writes to it before its link is complete.
        network.forget_peer(account.device(device)).await;
    }
    Ok((device, pair_success(account, device, adv::seal(device_identity, secret))?))
}

async fn complete(
    network: &Network,
    account: &Arc<Account>,
    device: u16,
    companion: &Registration,
    orders: &mpsc::Sender<Order>,
    success: Node,
) -> Result<(), SandboxError> {
    let (signed, word) = oneshot::channel();
    let (done, linked) = oneshot::channel();
    let order = Order::Link(Link { success, signed, linked });
    orders.send(order).await.map_err(|_| SandboxError::Refused)?;
    let reply = timeout(SIGNING, word).await.ok().and_then(Result::ok).ok_or(SandboxError::Refused)?;
    let identity = child(&reply, "pair-device-sign").and_then(|sign| child(sign, "device-identity"));
    let identity = identity.and_then(stanza::bytes).ok_or(SandboxError::Refused)?;
    let device_identity = adv::accept(account, &companion.identity, identity)?;
    admit(network, account, device, device_identity, companion.takes_history).await?;
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

fn registration(caller: &Caller) -> Result<Registration, SandboxError> {
    let (noise, data) = (caller.noise_key, &caller.payload.device_pairing_data);
    let data: &DevicePairingRegistrationData = data.as_option().ok_or(SandboxError::Wire("no registration"))?;
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
                signature: data.e_skey_sig.clone().filter(|signature| signature.len() == SIGNATURE)?,
            },
            takes_history: history::taken(data.device_props.as_deref()),
            name: caller.payload.push_name.as_ref().map(|name| name.chars().take(NAME).collect()),
        })
    };
    let read = read().ok_or(SandboxError::Wire("a registration lacks keys"))?;
    if keys::is_signed(&read.identity, &read.signed_prekey) {
        Ok(read)
    } else {
        Err(SandboxError::Wire("a registration's pre-key is not signed by its device"))
    }
}
