//! The way of a message: from one device to every device it was encrypted for, in one commit.
//!
//! Shape of the stanza: `wacore/src/send/dm.rs`; what a companion reads of it: `parse_message_info` in
//! `wacore/src/messages.rs`.

use std::collections::HashSet;
use std::sync::Arc;

use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::marshal::marshal;
use whatsapp_rust::{Jid, NodeBuilder, Server};

use super::SandboxError;
use super::account::{Account, Held};
use super::ledger::{AccountId, Change, Device, Outgoing, Showing, Ticket};
use super::login::Answer;
use super::network::Network;
use super::phone::away;
use super::phone::inbox::{self, Letter};
use super::screen::Status;
use super::stanza::{self, address, attr, child, children, text};
use super::trouble::{self, Trouble};

/// Devices that one stanza may be encrypted for.
const COPIES: usize = 256;

/// What a message comes to: the changes that hold it, and for every [`Change::Show`] among them, in order, the read
/// receipt that is due once more if the phone had read it before.
#[derive(Default)]
pub(crate) struct Routed {
    pub(crate) changes: Vec<Change>,
    pub(crate) again: Vec<Option<Outgoing>>,
}

/// The devices behind a stanza.
pub(crate) struct Parties {
    pub(crate) sender: Device,
    pub(crate) target: AccountId,
}

/// A companion sends: everything it causes is committed, then it is acknowledged.
pub(crate) async fn from_companion(
    network: &Network,
    account: &Arc<Account>,
    me: Device,
    message: &Node,
) -> Result<Answer, SandboxError> {
    let target = match address(message, "to") {
        Some(to) => network.resolve(&to).await?,
        None => None,
    };
    let Some(target) = target else {
        // Groups, broadcasts and newsletters have no place here yet; a number may not be on WhatsApp.
        tracing::warn!(stanza = %stanza::brief(message), "a message to nobody on this network");
        return Ok(Answer::now(ack(message, "message").attr("error", "404").build()));
    };
    let trouble = trouble::of(&target.phone);
    if trouble == Some(Trouble::LimitsSender) {
        return Ok(Answer::now(ack(message, "message").attr("error", trouble::LIMITED).build()));
    }
    let late = (trouble == Some(Trouble::AcksLate)).then_some(trouble::LATE);
    let parties = Parties { sender: me, target: target.id };
    let mut held = Held::take(vec![Arc::clone(account), target]).await;
    let drifted = drift(&mut held, &parties, message)?;
    let routed = route(network, &mut held, &parties, message).await?;
    let ticket = network.ledger.submit(routed.changes).await?;
    drop(held);
    let mut ack = ack(message, "message").attr("t", network.seconds());
    if let Some(hash) = drifted {
        ack = ack.attr("phash", hash);
    }
    Ok(Answer { stanzas: vec![ack.build()], ticket: Some(ticket), again: routed.again, late, ..Answer::default() })
}

/// The hash over the devices that a message should have been for, if it was for others: with the ack its sender learns
/// that it has an old list and asks for the new one (`whatsapp-rust/src/client/node_io.rs`, `check_phash_against_ack`).
fn drift(held: &mut Held, parties: &Parties, message: &Node) -> Result<Option<String>, SandboxError> {
    let (Some(to), Some(_)) = (address(message, "to"), child(message, "participants")) else { return Ok(None) };
    let given: HashSet<Device> = copies(held, parties, message).into_iter().map(|(device, _)| device).collect();
    let (mut devices, mut addresses) = (HashSet::new(), Vec::new());
    for id in [parties.target, parties.sender.account] {
        let Some((account, state)) = held.get(id) else { return Ok(None) };
        let others =
            std::iter::once(0).chain(state.listed()).filter(|number| account.device(*number) != parties.sender);
        for number in others {
            if devices.insert(account.device(number)) {
                addresses.push(account.address(to.server, number));
            }
        }
    }
    let hash = || MessageUtils::participant_list_hash(&addresses).map_err(SandboxError::wire);
    (given != devices).then(hash).transpose()
}

/// Hands every copy in a message to its device. The accounts of both sides are held.
pub(crate) async fn route(
    network: &Network,
    held: &mut Held,
    parties: &Parties,
    message: &Node,
) -> Result<Routed, SandboxError> {
    let mut routed = Routed::default();
    let copies = copies(held, parties, message);
    // The sender's own phone shows a message before the answers to it arrive.
    let (own, others): (Vec<_>, Vec<_>) = copies.into_iter().partition(|(to, _)| to.account == parties.sender.account);
    // Who is blocked does not learn of it: the network takes the message, and that is the last of it.
    let lost = held.get(parties.target).is_some_and(|(account, state)| {
        state.blocked.contains(&parties.sender.account) || trouble::of(&account.phone).is_some_and(Trouble::swallows)
    });
    let others = others.into_iter().filter(|_| !lost);
    for (to, enc) in own.into_iter().chain(others) {
        if to.device == 0 {
            let letter = Letter { from: parties.sender, to: to.account, message, enc };
            if away::is_away(held, to.account) {
                routed.changes.extend(away::letter(held, &letter)?.map(Change::Enqueue));
            } else {
                inbox::receive(network, held, &letter, &mut routed).await?;
            }
        } else if let Some(outgoing) = forward(network, held, parties, to, message, enc)? {
            routed.changes.push(Change::Enqueue(outgoing));
        }
    }
    Ok(routed)
}

/// Waits for the commit, and says once more what a phone had read before.
pub(crate) async fn settled(
    network: &Network,
    ticket: Ticket,
    again: Vec<Option<Outgoing>>,
) -> Result<(), SandboxError> {
    let showings = ticket.committed().await?;
    let read = |showing: &Showing| *showing == Showing::Repeated(Status::Read);
    let due = showings.iter().zip(again).filter(|(showing, _)| read(showing)).filter_map(|(_, due)| due);
    let due: Vec<_> = due.map(Change::Enqueue).collect();
    if !due.is_empty() {
        network.ledger.submit(due).await?;
    }
    Ok(())
}

/// The encrypted copies of a message by device: a list of them, or one for the device it is addressed to.
fn copies<'m>(held: &mut Held, parties: &Parties, message: &'m Node) -> Vec<(Device, &'m Node)> {
    let listed = child(message, "participants").map(children).unwrap_or_default();
    let listed = listed.iter().filter_map(|to| Some((address(to, "jid")?, child(to, "enc")?)));
    let direct = address(message, "to").zip(child(message, "enc"));
    listed
        .chain(direct)
        .filter_map(|(to, enc)| Some((whose(held, parties, &to)?, enc)))
        .filter(|(to, _)| *to != parties.sender)
        .take(COPIES)
        .collect()
}

/// A message may go to the devices of the account it is for, and to those of its sender.
fn whose(held: &mut Held, parties: &Parties, to: &Jid) -> Option<Device> {
    [parties.target, parties.sender.account].into_iter().find_map(|id| {
        let account = held.account(id)?;
        let same = to.user == account.address(to.server, 0).user && matches!(to.server, Server::Pn | Server::Lid);
        same.then(|| account.device(to.device))
    })
}

/// A copy on its way to a companion. It says who wrote in both forms, so that the companion learns the pair.
fn forward(
    network: &Network,
    held: &mut Held,
    parties: &Parties,
    to: Device,
    message: &Node,
    enc: &Node,
) -> Result<Option<Outgoing>, SandboxError> {
    if !held.get(to.account).is_some_and(|(_, state)| state.listed().any(|device| device == to.device)) {
        return Ok(None);
    }
    let Some((sender, state)) = held.get(parties.sender.account) else { return Ok(None) };
    let chat = address(message, "to").unwrap_or_else(|| sender.lid(0));
    let kind = attr(message, "type").map_or_else(|| "text".to_owned(), std::borrow::Cow::into_owned);
    let mut builder = NodeBuilder::new("message")
        .attr("from", sender.address(chat.server, parties.sender.device))
        .attr("id", text(message, "id"))
        .attr("type", kind.clone())
        .attr("t", network.seconds())
        .attr("notify", state.push_name(sender, parties.sender.device));
    for name in ["edit", "category"] {
        if let Some(value) = attr(message, name) {
            builder = builder.attr(name, value.into_owned());
        }
    }
    if to.account == sender.id {
        builder = builder.attr("recipient", chat.to_non_ad());
    } else if chat.server == Server::Lid {
        builder = builder.attr("sender_pn", sender.pn(0));
    } else {
        builder = builder.attr("sender_lid", sender.lid(0));
    }
    let mut inner = vec![enc.clone()];
    inner.extend(child(message, "device-identity").cloned());
    outgoing(to, "message", text(message, "id"), kind, &builder.children(inner).build()).map(Some)
}

pub(crate) fn outgoing(
    to: Device,
    class: &'static str,
    id: String,
    kind: String,
    node: &Node,
) -> Result<Outgoing, SandboxError> {
    Ok(Outgoing { to, class, id, kind, stanza: marshal(node).map_err(SandboxError::wire)? })
}

/// The network's word that it has a stanza.
pub(crate) fn ack(node: &Node, class: &'static str) -> NodeBuilder {
    let mut builder = NodeBuilder::new("ack").attr("class", class).attr("id", text(node, "id"));
    if let Some(to) = address(node, "to") {
        builder = builder.attr("from", to);
    }
    for name in ["type", "participant", "recipient"] {
        if let (Some(value), true) = (attr(node, name), class != "message") {
            builder = builder.attr(name, value.into_owned());
        }
    }
    builder
}
