//! An account's device list and who hears that it changed: its own companions, and the companions of everyone its phone
//! chats with. Without that a sender goes on encrypting for the devices it remembers.
//!
//! Stanzas: `wacore/src/stanza/devices.rs`, `whatsapp-rust/src/handlers/notification/device.rs`.

use std::sync::Arc;

use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::{Jid, NodeBuilder};

use super::SandboxError;
use super::account::{Account, State};
use super::ledger::{Change, Device};
use super::message::outgoing;
use super::network::Network;
use super::phone::{adv, outbox};
use super::stanza;
use crate::domain::phone::Phone;

/// Chat partners that are told. Others learn of it when they ask.
const TOLD: i64 = 1000;

/// What happened to a device.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Linked(u16),
    Unlinked(u16),
}

impl Happened {
    fn device(self) -> u16 {
        match self {
            Self::Linked(device) | Self::Unlinked(device) => device,
        }
    }
}

/// The list as device queries carry it: devices and their hash, and the phone's signed word on which of them count.
pub(crate) fn nodes(account: &Account, state: &State, asked: &Jid) -> Result<Node, SandboxError> {
    let hash = hash(state, asked)?;
    let list = NodeBuilder::new("device-list").attr("hash", hash).children(
        std::iter::once(NodeBuilder::new("device").attr("id", "0").build()).chain(state.listed().map(|device| {
            NodeBuilder::new("device").attr("id", device.to_string()).attr("key-index", device.to_string()).build()
        })),
    );
    let mut nodes = vec![list.build()];
    if state.listed().next().is_some() {
        nodes.push(key_indexes(account, state)?);
    }
    Ok(NodeBuilder::new("devices").children(nodes).build())
}

fn key_indexes(account: &Account, state: &State) -> Result<Node, SandboxError> {
    let (timestamp, signed) = adv::key_index_list(account, state)?;
    Ok(NodeBuilder::new("key-index-list").attr("ts", timestamp.to_string()).bytes(signed).build())
}

fn hash(state: &State, of: &Jid) -> Result<String, SandboxError> {
    let devices: Vec<Jid> = std::iter::once(0).chain(state.listed()).map(|device| of.with_device(device)).collect();
    MessageUtils::participant_list_hash(&devices).map_err(SandboxError::wire)
}

/// Tells everyone concerned. Called without the lock on the account, after the change is kept.
pub(crate) async fn announce(network: &Network, account: &Arc<Account>, what: Happened) -> Result<(), SandboxError> {
    let (own, others, word) = {
        let state = account.lock().await;
        let own: Vec<u16> = state.listed().filter(|device| *device != what.device()).collect();
        (own, to_others(account, &state, what)?, to_own(network, account, &state)?)
    };
    let mut changes = Vec::new();
    for device in own {
        changes.push(notification(account.device(device), &word)?);
    }
    for phone in network.ledger.chats(account.id, TOLD).await? {
        let Ok(phone) = Phone::from_digits(&phone) else { continue };
        let Some(partner) = network.find(&phone).await?.filter(|partner| partner.id != account.id) else { continue };
        let devices: Vec<u16> = partner.lock().await.listed().collect();
        for device in devices {
            changes.push(notification(partner.device(device), &others)?);
        }
    }
    network.ledger.write(changes).await?;
    Ok(())
}

/// A notification for one companion, under an id of its own.
pub(crate) fn notification(to: Device, node: &Node) -> Result<Change, SandboxError> {
    let mut node = node.clone();
    let id = outbox::message_id()?;
    node.attrs.insert("id", id.as_str());
    Ok(Change::Enqueue(outgoing(to, "notification", id, String::new(), &node)?))
}

/// `<notification type="devices">` with one thing that happened.
fn to_others(account: &Account, state: &State, what: Happened) -> Result<Node, SandboxError> {
    let device = NodeBuilder::new("device").attr("jid", account.lid(what.device()));
    let (timestamp, _) = adv::key_index_list(account, state)?;
    let (tag, children) = match what {
        Happened::Linked(index) => {
            ("add", [device.attr("key-index", index.to_string()).build(), key_indexes(account, state)?])
        }
        Happened::Unlinked(_) => {
            let indexes = NodeBuilder::new("key-index-list").attr("ts", timestamp.to_string()).build();
            ("remove", [device.build(), indexes])
        }
    };
    let operation = NodeBuilder::new(tag).attr("device_hash", hash(state, &account.lid(0))?).children(children).build();
    Ok(NodeBuilder::new("notification")
        .attr("from", account.lid(0))
        .attr("type", "devices")
        .attr("t", timestamp)
        .attr("lid", account.lid(0))
        .children([operation])
        .build())
}

/// `<notification type="account_sync">` with the whole list.
fn to_own(network: &Network, account: &Account, state: &State) -> Result<Node, SandboxError> {
    let devices = state.listed().map(|device| {
        NodeBuilder::new("device").attr("jid", account.pn(device)).attr("key-index", device.to_string()).build()
    });
    let primary = NodeBuilder::new("device").attr("jid", account.pn(0)).build();
    let list = std::iter::once(primary).chain(devices).chain([key_indexes(account, state)?]);
    let devices = NodeBuilder::new("devices").attr("dhash", hash(state, &account.pn(0))?).children(list).build();
    Ok(NodeBuilder::new("notification")
        .attr("from", account.pn(0))
        .attr("type", "account_sync")
        .attr("t", network.seconds())
        .children([devices])
        .build())
}

/// Tells the other companions of an account what one of them changed.
pub(crate) fn account_sync(
    network: &Network,
    account: &Account,
    state: &State,
    by: u16,
    word: Node,
) -> Result<Vec<Change>, SandboxError> {
    let node = NodeBuilder::new("notification")
        .attr("from", account.pn(0))
        .attr("type", "account_sync")
        .attr("t", network.seconds())
        .children([word])
        .build();
    let others = state.listed().filter(|device| *device != by);
    others.map(|device| notification(account.device(device), &node)).collect()
}

/// The keys of a companion run low: it is asked for more (`handle_prekey_low`).
pub(crate) fn prekeys_low(network: &Network, to: Device, left: i64) -> Result<Change, SandboxError> {
    let count = NodeBuilder::new("count").attr("value", left).build();
    let node = NodeBuilder::new("notification")
        .attr("from", stanza::SERVER)
        .attr("type", "encrypt")
        .attr("t", network.seconds())
        .children([count])
        .build();
    notification(to, &node)
}
