//! Receipts from companions: what they confirm leaves their queue, and who wrote learns of it.

use std::collections::HashSet;
use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::{Jid, NodeBuilder, Server};

use super::SandboxError;
use super::account::{Account, Held};
use super::ledger::{Change, Device, Outgoing};
use super::login::Answer;
use super::message::{ack, outgoing};
use super::network::Network;
use super::phone::{away, outbox, reupload};
use super::screen::Status;
use super::stanza::{address, attr, child, children, text};

/// Messages that one receipt may name (`whatsapp-rust/src/receipt.rs`, `MAX_RECEIPT_IDS_PER_STANZA`).
pub(crate) const NAMED: usize = 256;

/// A companion received, read, or could not decrypt.
pub(crate) async fn from_companion(
    network: &Network,
    account: &Arc<Account>,
    me: Device,
    receipt: &Node,
) -> Result<Answer, SandboxError> {
    let ids = ids(receipt);
    let mut changes: Vec<_> =
        ids.iter().map(|id| Change::Confirm { device: me, class: "message", id: id.clone(), kind: None }).collect();
    let answer = ack(receipt, "receipt").build();
    let to = address(receipt, "to");
    let target = match &to {
        Some(to) => network.look_up(to).await?,
        None => None,
    };
    let (Some(to), Some(target)) = (to, target) else {
        let ticket = Some(network.ledger.submit(changes).await?);
        return Ok(Answer { stanzas: vec![answer], ticket, ..Answer::default() });
    };
    let kind = attr(receipt, "type").unwrap_or_default();
    if kind == reupload::ASKS && target.id == account.id {
        // It is no word on the message as such, which may still be under way to this companion.
        let changes = reupload::asked(network, account, me, receipt).await?;
        let ticket = Some(network.ledger.submit(changes).await?);
        return Ok(Answer { stanzas: vec![answer], ticket, ..Answer::default() });
    }
    let mut held = Held::take(vec![Arc::clone(account), Arc::clone(&target)]).await;
    if kind == "retry" && to.device == 0 && away::is_away(&mut held, target.id) {
        changes.push(away::question(receipt, account, me.device, target.id)?);
    } else if kind == "retry" {
        changes.extend(outbox::again(network, &mut held, me, &target, &to, receipt).await?);
    } else if target.id != account.id {
        let reached = Reached { by: account, device: me.device, target: &target, to: &to, kind: &kind, ids };
        changes.extend(reached.changes(network, &mut held)?);
    }
    let ticket = Some(network.ledger.submit(changes).await?);
    drop(held);
    Ok(Answer { stanzas: vec![answer], ticket, ..Answer::default() })
}

/// Messages of `target` reached a device of `by`.
struct Reached<'r> {
    by: &'r Account,
    device: u16,
    target: &'r Account,
    to: &'r Jid,
    kind: &'r str,
    ids: Vec<String>,
}

impl Reached<'_> {
    fn changes(self, network: &Network, held: &mut Held) -> Result<Vec<Change>, SandboxError> {
        let mut changes = Vec::new();
        let Some((_, state)) = held.get(self.target.id) else { return Ok(changes) };
        let listed: Vec<u16> = state.listed().collect();
        // A delivery concerns the device that sent; that a person has read concerns all of the sender's devices.
        let devices: Vec<u16> = match self.kind {
            "read" | "played" => listed,
            _ => listed.into_iter().filter(|device| *device == self.to.device).collect(),
        };
        let receipt = Receipt {
            from: self.by.address(self.to.server, self.device),
            kind: self.kind,
            ids: &self.ids,
            at: network.seconds(),
        };
        for device in devices {
            changes.push(Change::Enqueue(receipt.outgoing(self.target.device(device))?));
        }
        if let Some(status) = reached(self.kind) {
            changes.extend(away::advance(network, held, self.target.id, self.by, self.ids, status)?);
        }
        Ok(changes)
    }
}

/// What a receipt says of a message. A companion in the background says `inactive`, and has it all the same.
fn reached(kind: &str) -> Option<Status> {
    match kind {
        "" | "inactive" => Some(Status::Delivered),
        "read" | "played" => Some(Status::Read),
        _ => None,
    }
}

/// A receipt on its way to a companion.
pub(crate) struct Receipt<'r> {
    pub(crate) from: Jid,
    /// Empty for a delivery.
    pub(crate) kind: &'r str,
    pub(crate) ids: &'r [String],
    pub(crate) at: i64,
}

impl Receipt<'_> {
    pub(crate) fn outgoing(&self, to: Device) -> Result<Outgoing, SandboxError> {
        let (first, rest) = self.ids.split_first().ok_or(SandboxError::Wire("a receipt for nothing"))?;
        let mut builder =
            NodeBuilder::new("receipt").attr("from", &self.from).attr("id", first.as_str()).attr("t", self.at);
        if !self.kind.is_empty() {
            builder = builder.attr("type", self.kind);
        }
        if !rest.is_empty() {
            let items = rest.iter().map(|id| NodeBuilder::new("item").attr("id", id.as_str()).build());
            builder = builder.children([NodeBuilder::new("list").children(items).build()]);
        }
        outgoing(to, "receipt", first.clone(), self.kind.to_owned(), &builder.build())
    }
}

/// A phone's receipt for what a companion sent, in the form of address that was used.
pub(crate) fn of_phone(
    phone: &Account,
    server: Server,
    kind: &str,
    ids: &[String],
    to: Device,
    at: i64,
) -> Result<Outgoing, SandboxError> {
    Receipt { from: phone.address(server, 0), kind, ids, at }.outgoing(to)
}

/// The messages a receipt is about: its own id, and a list of more.
pub(crate) fn ids(receipt: &Node) -> Vec<String> {
    let listed = child(receipt, "list").map(children).unwrap_or_default();
    std::iter::once(text(receipt, "id")).chain(listed.iter().map(|item| text(item, "id"))).take(NAMED).collect()
}

/// Messages that a companion could not decrypt and asked for again, on this connection. It sends an ack after each such question, which
/// is for what it could not decrypt, and not for what comes in its place under the same id.
#[derive(Default)]
pub(crate) struct Again(HashSet<String>);

/// Questions whose acks are still to come; a companion that sends none is not remembered for ever.
const UNACKED: usize = 1024;

impl Again {
    pub(crate) fn heard(&mut self, receipt: &Node) {
        if attr(receipt, "type").as_deref() == Some("retry") && self.0.len() < UNACKED {
            self.0.extend(ids(receipt));
        }
    }

    /// A companion confirms something; it leaves its queue.
    pub(crate) fn confirmed(&mut self, me: Device, ack: &Node) -> Option<Change> {
        let class = match attr(ack, "class")?.as_ref() {
            "receipt" => "receipt",
            "notification" => "notification",
            // A message is confirmed by a receipt, or by an ack when a companion gives up on it.
            "message" if self.0.remove(text(ack, "id").as_str()) => return None,
            "message" => "message",
            _ => return None,
        };
        let kind = (class == "receipt").then(|| text(ack, "type"));
        Some(Change::Confirm { device: me, class, id: text(ack, "id"), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Device = Device { account: 1, device: 2 };

    #[test]
    fn the_ack_after_a_question_is_for_what_could_not_be_read_and_the_next_one_is_for_what_came_in_its_place() {
        let ack = |id: &str| NodeBuilder::new("ack").attr("class", "message").attr("id", id).build();
        let question = NodeBuilder::new("receipt").attr("type", "retry").attr("id", "ONE").build();
        let mut again = Again::default();
        again.heard(&NodeBuilder::new("receipt").attr("id", "TWO").build());
        assert!(again.confirmed(ME, &ack("TWO")).is_some());
        for _ in 0..2 {
            again.heard(&question);
            assert!(again.confirmed(ME, &ack("ONE")).is_none());
        }
        assert!(matches!(again.confirmed(ME, &ack("ONE")), Some(Change::Confirm { id, .. }) if id == "ONE"));
    }
}
