//! How a phone sends: encrypted for every device of the other account and for the own companions, and once more when
//! one of them could not decrypt.

use std::sync::Arc;

use whatsapp_rust::wacore::libsignal::protocol::PreKeyBundle;
use whatsapp_rust::wacore::messages::{MessageUtils, wrap_device_sent};
use whatsapp_rust::wacore_binary::{Attrs, Node};
use whatsapp_rust::waproto::whatsapp::Message;
use whatsapp_rust::{Jid, NodeBuilder, Server};

use super::draft::Draft;
use super::signal::{self, Sealed};
use super::{away, keys, peer};
use crate::clock;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;
use crate::sandbox::account::{Account, Held, State};
use crate::sandbox::ledger::{Change, CompanionRow, Device, PreKey, ScreenRow, SignedPreKey};
use crate::sandbox::message::{Parties, outgoing, route};
use crate::sandbox::network::Network;
use crate::sandbox::screen::{self, Shown, Status, shown};
use crate::sandbox::stanza::{address, attr, bytes, child, key, number, text};

/// How often a phone sends a message again to a device that cannot read it.
const RETRIES: u32 = 5;

/// The id of a message from a phone.
pub(crate) fn message_id() -> Result<String, SandboxError> {
    use std::fmt::Write as _;
    let bytes: [u8; 9] = clock::entropy()?;
    Ok(bytes.iter().fold("3A".to_owned(), |mut id, byte| {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02X}");
        id
    }))
}

pub(crate) fn text_message(text: &str) -> Message {
    Message { conversation: Some(text.to_owned()), ..Default::default() }
}

/// The other end of a session that has yet to begin.
pub(crate) enum Other {
    Phone(Arc<Account>),
    Companion(Box<CompanionRow>),
}

/// A message as the phone of `sender` puts it on the wire, under the LID of `target`.
pub(crate) async fn compose(
    network: &Network,
    held: &mut Held,
    parties: (&Arc<Account>, &Arc<Account>),
    id: &str,
    draft: &Draft,
    changes: &mut Vec<Change>,
) -> Result<Node, SandboxError> {
    let (sender, target) = parties;
    let (chat, message) = (target.lid(0), draft.message(&network.media));
    let plain = MessageUtils::encode_and_pad(&message);
    let copy = MessageUtils::encode_and_pad(&wrap_device_sent(message, chat.to_string()));
    let mut copies = Vec::new();
    for (to, other) in recipients(held, sender, target) {
        let Some((account, state)) = held.get(sender.id) else { continue };
        let (padded, address) =
            if to.account == sender.id { (&copy, sender.lid(to.device)) } else { (&plain, target.lid(to.device)) };
        let sealed = match seal(network, account, state, to, &other, padded, changes).await {
            Ok(sealed) => sealed,
            // What one device published must not keep the message from all others.
            Err(SandboxError::Crypto(error)) => {
                tracing::warn!(account = to.account, device = to.device, %error, "a device that no phone can write to");
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut enc = enc(sealed, None);
        if let Some(kind) = draft.media_type() {
            enc.attrs.insert("mediatype", kind);
        }
        copies.push(NodeBuilder::new("to").attr("jid", address).children([enc]).build());
    }
    Ok(NodeBuilder::new("message")
        .attr("to", chat)
        .attr("id", id)
        .attr("type", draft.stanza())
        .children([NodeBuilder::new("participants").children(copies).build()])
        .build())
}

/// Encrypts for one device, which may be the first time.
async fn seal(
    network: &Network,
    account: &Account,
    state: &mut State,
    to: Device,
    other: &Other,
    padded: &[u8],
    changes: &mut Vec<Change>,
) -> Result<Sealed, SandboxError> {
    ready(network, account, state, to, other, changes).await?;
    signal::encrypt(account, state, to, padded, &network.ledger, changes).await
}

/// Every device of the other account, and the own companions.
fn recipients(held: &mut Held, sender: &Arc<Account>, target: &Arc<Account>) -> Vec<(Device, Other)> {
    let mut recipients = Vec::new();
    if target.id != sender.id {
        recipients.push((target.device(0), Other::Phone(Arc::clone(target))));
    }
    let accounts = if target.id == sender.id { vec![sender] } else { vec![sender, target] };
    for account in accounts {
        let Some((account, state)) = held.get(account.id) else { continue };
        let listed = state.companions.values().filter(|companion| companion.signed);
        recipients.extend(listed.map(|row| (account.device(row.device), Other::Companion(Box::new(row.clone())))));
    }
    recipients
}

/// Has a session with a device, begun from its bundle if there was none.
pub(crate) async fn ready(
    network: &Network,
    account: &Account,
    state: &mut State,
    to: Device,
    other: &Other,
    changes: &mut Vec<Change>,
) -> Result<(), SandboxError> {
    if signal::has_session(account, state, to, &network.ledger).await? {
        return Ok(());
    }
    begin(network, account, state, to, other, changes).await
}

async fn begin(
    network: &Network,
    account: &Account,
    state: &mut State,
    to: Device,
    other: &Other,
    changes: &mut Vec<Change>,
) -> Result<(), SandboxError> {
    let bundle = match other {
        Other::Phone(phone) => keys::phone_bundle(phone, None)?,
        Other::Companion(row) => keys::companion_bundle(row, keys::take(network, to).await?)?,
    };
    changes.extend(signal::begin(account, state, to, &bundle, &network.ledger).await?);
    Ok(())
}

pub(crate) fn enc(sealed: Sealed, count: Option<u32>) -> Node {
    let mut builder = NodeBuilder::new("enc").attr("v", "2").attr("type", sealed.kind);
    if let Some(count) = count {
        builder = builder.attr("count", count);
    }
    builder.bytes(sealed.bytes).build()
}

/// A companion could not decrypt what a device of `target` sent: a phone encrypts it anew, a companion is told.
pub(crate) async fn again(
    network: &Network,
    held: &mut Held,
    me: Device,
    target: &Arc<Account>,
    to: &Jid,
    receipt: &Node,
) -> Result<Vec<Change>, SandboxError> {
    let count: u32 = child(receipt, "retry").and_then(|retry| attr(retry, "count")?.parse().ok()).unwrap_or(1);
    let Some(by) = held.account(me.account) else { return Ok(Vec::new()) };
    if to.device != 0 {
        // A device that is not there would never take it.
        let there = held.get(target.id).is_some_and(|(_, state)| state.listed().any(|device| device == to.device));
        return if there { pass_on(&by, me, target, to, receipt) } else { Ok(Vec::new()) };
    }
    let row = held.get(me.account).and_then(|(_, state)| state.companions.get(&me.device).cloned());
    let Some(row) = row else { return Ok(Vec::new()) };
    let Some((account, state)) = held.get(target.id) else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    if count > RETRIES {
        tracing::warn!(account = target.id, "a companion keeps asking for a message it cannot read");
        return Ok(changes);
    }
    match bundle_in(receipt, me.device)? {
        Some(bundle) => changes.extend(signal::begin(account, state, me, &bundle, &network.ledger).await?),
        None => begin(network, account, state, me, &Other::Companion(Box::new(row)), &mut changes).await?,
    }
    if attr(receipt, "category").as_deref() == Some("peer") {
        changes.extend(peer::share_keys(network, account, state, me.device).await?);
        return Ok(changes);
    }
    let id = text(receipt, "id");
    let Some(row) = network.ledger.own_message(target.id, &id).await? else { return Ok(changes) };
    let medium =
        if screen::is_medium(row.kind) { network.ledger.medium(target.id, &row.id).await?.map(Box::new) } else { None };
    let draft = Draft { kind: row.kind, text: row.text, medium };
    let mut message = draft.message(&network.media);
    let mut builder = NodeBuilder::new("message")
        .attr("from", account.address(to.server, 0))
        .attr("id", id.as_str())
        .attr("type", draft.stanza())
        .attr("t", network.seconds())
        .attr("notify", state.push_name(account, 0));
    if me.account == target.id {
        let chat = address(receipt, "recipient").unwrap_or_else(|| Jid::pn(row.chat.as_str()));
        message = wrap_device_sent(message, chat.to_string());
        builder = builder.attr("recipient", chat);
    } else if to.server == Server::Lid {
        builder = builder.attr("sender_pn", account.pn(0));
    } else {
        builder = builder.attr("sender_lid", account.lid(0));
    }
    let padded = MessageUtils::encode_and_pad(&message);
    let sealed = signal::encrypt(account, state, me, &padded, &network.ledger, &mut changes).await?;
    let node = builder.children([enc(sealed, Some(count))]).build();
    changes.push(Change::Enqueue(outgoing(me, "message", id, draft.stanza().to_owned(), &node)?));
    Ok(changes)
}

/// The retry receipt goes to the companion that sent the message; it still has it.
fn pass_on(by: &Account, me: Device, target: &Account, to: &Jid, receipt: &Node) -> Result<Vec<Change>, SandboxError> {
    let mut node = receipt.clone();
    node.attrs = Attrs::new();
    for (name, value) in receipt.attrs.iter().filter(|(name, _)| name.as_ref() != "to") {
        node.attrs.push_value(name.clone(), value.clone());
    }
    node.attrs.insert("from", by.address(to.server, me.device));
    let id = text(receipt, "id");
    Ok(vec![Change::Enqueue(outgoing(target.device(to.device), "receipt", id, "retry".to_owned(), &node)?)])
}

/// The keys that a retry receipt may carry for a fresh session.
fn bundle_in(receipt: &Node, device: u16) -> Result<Option<PreKeyBundle>, SandboxError> {
    let Some(parts) = child(receipt, "keys") else { return Ok(None) };
    let one_time = child(parts, "key")
        .and_then(|pair| Some(PreKey { id: number(child(pair, "id")?)?, key: key(child(pair, "value")?)? }));
    let signed = child(parts, "skey").and_then(signed_prekey);
    let identity = child(parts, "identity").and_then(key);
    let registration = child(receipt, "registration").and_then(number).unwrap_or(0);
    match (signed, identity) {
        (Some(signed), Some(identity)) => keys::bundle(registration, device, &identity, &signed, one_time).map(Some),
        _ => Ok(None),
    }
}

/// A signed pre-key as uploads and retry receipts carry it.
pub(crate) fn signed_prekey(node: &Node) -> Option<SignedPreKey> {
    Some(SignedPreKey {
        id: number(child(node, "id")?)?,
        key: key(child(node, "value")?)?,
        signature: bytes(child(node, "signature")?)?.to_vec(),
    })
}

/// The person sends something: on every screen it is for when this returns, and queued for every companion.
pub(crate) async fn write(network: &Network, phone: &Phone, to: &Phone, draft: Draft) -> Result<Shown, SandboxError> {
    let sender = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
    let target = network.reach(to).await?.ok_or(SandboxError::NotOnWhatsApp)?;
    let id = message_id()?;
    let now = network.clock.now();
    let row = ScreenRow {
        id: network.clock.id().to_string(),
        message_id: id.clone(),
        chat: to.digits().to_owned(),
        sender: phone.digits().to_owned(),
        from_me: true,
        device: 0,
        kind: draft.kind,
        text: draft.text.clone(),
        medium: draft.medium.clone(),
        status: Status::Sent,
        timestamp: now.timestamp_micros(),
    };
    let mut changes = vec![Change::Show { account: sender.id, row: Box::new(row.clone()) }];
    let mut held = Held::take(vec![Arc::clone(&sender), Arc::clone(&target)]).await;
    if away::is_away(&mut held, sender.id) {
        return Err(SandboxError::Offline);
    }
    let node = compose(network, &mut held, (&sender, &target), &id, &draft, &mut changes).await?;
    let parties = Parties { sender: sender.device(0), target: target.id };
    changes.extend(route(network, &mut held, &parties, &node).await?.changes);
    let ticket = network.ledger.submit(changes).await?;
    drop(held);
    ticket.committed().await?;
    shown(row)
}
