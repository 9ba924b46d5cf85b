//! A phone that is offline: what it is sent waits on the network, acknowledged, and reaches it in order when it is back.

use std::sync::Arc;

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::inbox::{self, Letter};
use super::outbox;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;
use crate::sandbox::account::{Account, Held, account_of_lid};
use crate::sandbox::ledger::{AccountId, Change, Device, OFFLINE, Outgoing, Setting, Ticket};
use crate::sandbox::message::{Routed, outgoing, settled};
use crate::sandbox::network::Network;
use crate::sandbox::receipt::{self, NAMED, Receipt};
use crate::sandbox::screen::Status;
use crate::sandbox::stanza::{address, attr, child, kept, text};

/// Stanzas read from the ledger at once.
const PAGE: i64 = 64;

/// What is known of a phone while it is offline.
#[derive(Default)]
pub(crate) struct Away {
    /// The last of what waited for it that it has.
    got: i64,
    /// It is on its way back.
    returning: bool,
}

/// Whether the phone of an account that is held is offline.
pub(crate) fn is_away(held: &mut Held, account: AccountId) -> bool {
    held.get(account).is_some_and(|(_, state)| state.away.is_some())
}

/// A message that waits for a phone: as its sender put it on the wire, with who that was and the one copy that it is to open.
pub(crate) fn letter(held: &Held, letter: &Letter<'_>) -> Result<Option<Outgoing>, SandboxError> {
    let Some(sender) = held.account(letter.from.account) else { return Ok(None) };
    let mut node = NodeBuilder::new("message").children([letter.enc.clone()]).build();
    node.attrs = letter.message.attrs.clone();
    waiting(node, &sender, letter.from.device, letter.to, "message").map(Some)
}

/// A companion's receipt that asks a phone for a message again.
pub(crate) fn question(receipt: &Node, by: &Account, device: u16, to: AccountId) -> Result<Change, SandboxError> {
    waiting(receipt.clone(), by, device, to, "receipt").map(Change::Enqueue)
}

fn waiting(
    mut node: Node,
    from: &Account,
    device: u16,
    to: AccountId,
    class: &'static str,
) -> Result<Outgoing, SandboxError> {
    node.attrs.insert("from", from.lid(device));
    let (id, kind) = (text(&node, "id"), text(&node, "type"));
    outgoing(Device { account: to, device: 0 }, class, id, kind, &node)
}

/// Messages of an account have come this far with `by`: its phone shows it now, or when it is back.
pub(crate) fn advance(
    network: &Network,
    held: &mut Held,
    of: AccountId,
    by: &Account,
    ids: Vec<String>,
    status: Status,
) -> Result<Vec<Change>, SandboxError> {
    if !is_away(held, of) {
        return Ok(vec![Change::Advance { account: of, chat: by.phone.digits().to_owned(), ids, status }]);
    }
    let kind = if status == Status::Read { "read" } else { "" };
    let later = |ids| {
        let receipt = Receipt { from: by.lid(0), kind, ids, at: network.seconds() };
        receipt.outgoing(Device { account: of, device: 0 }).map(Change::Enqueue)
    };
    ids.chunks(NAMED).map(later).collect()
}

/// From here on the phone receives nothing, across restarts.
pub(crate) async fn leave(network: &Network, phone: &Phone) -> Result<(), SandboxError> {
    let account = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
    let mut state = account.lock().await;
    if let Some(away) = &mut state.away {
        away.returning = false;
        return Ok(());
    }
    network.ledger.write(vec![set(account.id, true)]).await?;
    state.away = Some(Away::default());
    Ok(())
}

/// The phone is back, and has what waited for it, when this returns.
pub(crate) async fn come_back(network: &Arc<Network>, phone: &Phone) -> Result<(), SandboxError> {
    let account = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
    match &mut account.lock().await.away {
        Some(away) => away.returning = true,
        None => return Ok(()),
    }
    // A phone stops half-way for nobody, least of all with a message that it has opened and not shown.
    let network = Arc::clone(network);
    let coming = tokio::spawn(async move { catch_up(&network, &account).await });
    coming.await.map_err(SandboxError::wire)?
}

/// Several may bring one phone back at once: each takes what nobody has taken.
async fn catch_up(network: &Network, account: &Arc<Account>) -> Result<(), SandboxError> {
    loop {
        let got = match &account.lock().await.away {
            Some(away) if away.returning => away.got,
            _ => return Ok(()),
        };
        let page = network.ledger.queued(account.device(0), got, PAGE).await?;
        if page.is_empty() && arrive(network, account).await? {
            return Ok(());
        }
        let mut under_way = Vec::new();
        for (seq, stanza) in page {
            under_way.extend(take(network, account, seq, &stanza).await?);
        }
        for (ticket, again) in under_way {
            settled(network, ticket, again).await?;
        }
    }
}

/// The phone is online if nothing waits for it any more; whoever sends to it waits for this.
async fn arrive(network: &Network, account: &Account) -> Result<bool, SandboxError> {
    let mut state = account.lock().await;
    let Some(away) = state.away.as_ref().filter(|away| away.returning) else { return Ok(true) };
    // What was submitted before this can be read after it.
    network.ledger.write(Vec::new()).await?;
    if !network.ledger.queued(account.device(0), away.got, 1).await?.is_empty() {
        return Ok(false);
    }
    network.ledger.write(vec![set(account.id, false)]).await?;
    state.away = None;
    Ok(true)
}

/// One stanza reaches the phone. It leaves the ledger with what comes of it.
async fn take(
    network: &Network,
    account: &Arc<Account>,
    seq: i64,
    stanza: &[u8],
) -> Result<Option<(Ticket, Vec<Option<Outgoing>>)>, SandboxError> {
    let stanza = kept(stanza)?;
    let from = address(&stanza, "from");
    let sender = match from.as_ref().and_then(|from| account_of_lid(&from.user)) {
        Some(id) => network.by_id(id).await?,
        None => None,
    };
    let (Some(from), Some(sender)) = (from, sender) else { return Err(SandboxError::Wire("a stanza from nobody")) };
    let mut held = Held::take(vec![Arc::clone(account), Arc::clone(&sender)]).await;
    match held.get(account.id).and_then(|(_, state)| state.away.as_mut()) {
        Some(away) if away.returning && away.got < seq => away.got = seq,
        _ => return Ok(None),
    }
    let mut routed = Routed::default();
    let received = receive(network, &mut held, account, sender.device(from.device), &stanza, &mut routed).await;
    match received {
        // What cannot be made sense of now will never be, and must not keep the rest from coming.
        Err(error @ (SandboxError::Wire(_) | SandboxError::Broken(_) | SandboxError::Crypto(_))) => {
            tracing::warn!(account = account.id, %error, "a phone cannot make sense of a stanza that waited for it");
        }
        received => received?,
    }
    let Routed { mut changes, again } = routed;
    changes.push(Change::Received { device: account.device(0), seq });
    Ok(Some((network.ledger.submit(changes).await?, again)))
}

async fn receive(
    network: &Network,
    held: &mut Held,
    account: &Arc<Account>,
    from: Device,
    stanza: &Node,
    routed: &mut Routed,
) -> Result<(), SandboxError> {
    if let Some(enc) = child(stanza, "enc").filter(|_| stanza.tag == "message") {
        let letter = Letter { from, to: account.id, message: stanza, enc };
        return inbox::receive(network, held, &letter, routed).await;
    }
    let to = address(stanza, "to");
    let status = match (attr(stanza, "type").as_deref(), to) {
        (Some("retry"), Some(to)) => {
            routed.changes = outbox::again(network, held, from, account, &to, stanza).await?;
            return Ok(());
        }
        (Some("read"), _) => Status::Read,
        _ => Status::Delivered,
    };
    if let Some(by) = held.account(from.account) {
        let (chat, ids) = (by.phone.digits().to_owned(), receipt::ids(stanza));
        routed.changes.push(Change::Advance { account: account.id, chat, ids, status });
    }
    Ok(())
}

fn set(account: AccountId, offline: bool) -> Change {
    Change::Set(Setting::of_phone(account, OFFLINE, offline))
}
