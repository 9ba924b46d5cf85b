//! What a phone does with what arrives: decrypts it, shows it, confirms it, or asks for it again.

use std::borrow::Cow;
use std::sync::Arc;

use whatsapp_rust::wacore::messages::{MessageUtils, unwrap_device_sent};
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::waproto::whatsapp::Message;
use whatsapp_rust::{Jid, NodeBuilder, Server, waproto};

use super::content::{self, Content};
use super::signal::{self, Unreadable};
use super::{away, keys, peer};
use crate::domain::phone::Phone;
use crate::sandbox::account::{Account, Held};
use crate::sandbox::ledger::{AccountId, Change, Device, ScreenRow};
use crate::sandbox::message::{Routed, outgoing};
use crate::sandbox::network::Network;
use crate::sandbox::screen::Status;
use crate::sandbox::stanza::{self, address, attr, bytes, text};
use crate::sandbox::trouble::{self, Trouble};
use crate::sandbox::{SandboxError, receipt};

/// A phone asks for the same message this often, as the real app does (`wacore/src/protocol/retry.rs`).
const RETRIES: u32 = 5;

/// An encrypted copy that reached a phone.
pub(crate) struct Letter<'l> {
    pub(crate) from: Device,
    pub(crate) to: AccountId,
    pub(crate) message: &'l Node,
    pub(crate) enc: &'l Node,
}

impl Letter<'_> {
    fn id(&self) -> String {
        text(self.message, "id")
    }

    /// The form of address this conversation uses: the phone answers in the same.
    fn server(&self) -> Server {
        address(self.message, "to").map_or(Server::Lid, |to| to.server)
    }
}

pub(crate) async fn receive(
    network: &Network,
    held: &mut Held,
    letter: &Letter<'_>,
    routed: &mut Routed,
) -> Result<(), SandboxError> {
    let opened = if fails_at_first(held, letter) {
        // It comes again under a key of its own: what this one names is of no use any more.
        let (kind, sealed) = enc_of(letter);
        let named = signal::named_prekey(&kind, sealed);
        routed.changes.extend(named.map(|id| Change::DropPhonePreKey { account: letter.to, id }));
        Err(Unreadable::AtFirst)
    } else {
        open(network, held, letter, routed).await
    };
    match opened {
        Ok(message) if letter.from.account == letter.to => own(network, held, letter, message, routed).await,
        Ok(message) => incoming(network, held, letter, &message, routed),
        Err(Unreadable::Failed(error)) => Err(error),
        Err(why) => unreadable(network, held, letter, &why, routed).await,
    }
}

/// A number that stands for trouble reads only what was sent again. Phones do not send again to phones.
fn fails_at_first(held: &Held, letter: &Letter<'_>) -> bool {
    let first = attr(letter.enc, "count").is_none() && letter.from.device != 0 && letter.from.account != letter.to;
    first
        && held.account(letter.to).and_then(|reader| trouble::of(&reader.phone)) == Some(Trouble::CannotDecryptAtFirst)
}

/// The type of a copy and its bytes.
fn enc_of<'l>(letter: &Letter<'l>) -> (Cow<'l, str>, &'l [u8]) {
    (attr(letter.enc, "type").unwrap_or_default(), bytes(letter.enc).unwrap_or_default())
}

async fn open(
    network: &Network,
    held: &mut Held,
    letter: &Letter<'_>,
    routed: &mut Routed,
) -> Result<Message, Unreadable> {
    let (account, state) = held.get(letter.to).ok_or(SandboxError::Closed)?;
    let (kind, sealed) = enc_of(letter);
    let changes = &mut routed.changes;
    let padded = signal::decrypt(account, state, letter.from, &kind, sealed, &network.ledger, changes).await?;
    Ok(decoded(&padded).unwrap_or_else(|error| {
        // Sent again it would be no better: it is shown as what no app understands, and confirmed.
        tracing::debug!(account = letter.to, %error, "a message that holds no message");
        Message::default()
    }))
}

fn decoded(padded: &[u8]) -> Result<Message, SandboxError> {
    let plain = MessageUtils::unpad_message_ref(padded, 2).map_err(SandboxError::wire)?;
    waproto::codec::message_decode(plain).map_err(SandboxError::wire)
}

/// From another account: shown, and confirmed to the device that sent it.
fn incoming(
    network: &Network,
    held: &mut Held,
    letter: &Letter<'_>,
    message: &Message,
    routed: &mut Routed,
) -> Result<(), SandboxError> {
    let (Some(reader), Some(sender)) = (held.account(letter.to), held.account(letter.from.account)) else {
        return Ok(());
    };
    let number = sender.phone.digits().to_owned();
    let content = content::of(message);
    if let Content::Changed { id, kind, text } = content {
        routed.changes.push(Change::Alter { account: reader.id, sender: number, message_id: id, kind, text });
    } else if let Content::Shown { kind, text, medium } = content {
        let row = Box::new(ScreenRow {
            id: network.clock.id().to_string(),
            message_id: letter.id(),
            chat: number.clone(),
            sender: number,
            from_me: false,
            device: letter.from.device,
            kind,
            text,
            medium,
            status: Status::Delivered,
            timestamp: network.clock.now().timestamp_micros(),
        });
        routed.changes.push(Change::Show { account: reader.id, row });
        let ids = vec![letter.id()];
        if held.get(letter.to).is_some_and(|(_, state)| state.reads_at_once) {
            routed.again.push(None);
            confirm(network, held, letter, routed)?;
            routed.changes.extend(seen(network, held, &reader, &sender, letter.server(), ids)?);
            return Ok(());
        }
        let read = match letter.from.device {
            0 => None,
            _ => Some(receipt::of_phone(&reader, letter.server(), "read", &ids, letter.from, network.seconds())?),
        };
        routed.again.push(read);
    }
    confirm(network, held, letter, routed)
}

/// The delivery receipt: to the device that sent, and onto the screen of its phone.
fn confirm(network: &Network, held: &mut Held, letter: &Letter<'_>, routed: &mut Routed) -> Result<(), SandboxError> {
    let Some(reader) = held.account(letter.to) else { return Ok(()) };
    let ids = vec![letter.id()];
    if letter.from.device != 0 {
        let receipt = receipt::of_phone(&reader, letter.server(), "", &ids, letter.from, network.seconds())?;
        routed.changes.push(Change::Enqueue(receipt));
    }
    routed.changes.extend(away::advance(network, held, letter.from.account, &reader, ids, Status::Delivered)?);
    Ok(())
}

/// From a companion of this account: a copy of what it sent, or a word between devices of one person.
async fn own(
    network: &Network,
    held: &mut Held,
    letter: &Letter<'_>,
    message: Message,
    routed: &mut Routed,
) -> Result<(), SandboxError> {
    if message.protocol_message.is_set() {
        return peer::hear(network, held, letter, &message, routed).await;
    }
    let chat = message.device_sent_message.as_option().and_then(|sent| sent.destination_jid.clone());
    // Not a copy of what went to others: a note to oneself.
    let chat = chat.and_then(|chat| chat.parse::<Jid>().ok()).or_else(|| address(letter.message, "to"));
    let Some(chat) = chat else { return Ok(()) };
    let Some(partner) = network.resolve(&chat).await? else { return Ok(()) };
    let Some(account) = held.account(letter.to) else { return Ok(()) };
    let number = account.phone.digits().to_owned();
    let content = content::of(&unwrap_device_sent(message));
    if let Content::Changed { id, kind, text } = content {
        routed.changes.push(Change::Alter { account: account.id, sender: number, message_id: id, kind, text });
    } else if let Content::Shown { kind, text, medium } = content {
        let row = Box::new(ScreenRow {
            id: network.clock.id().to_string(),
            message_id: letter.id(),
            chat: partner.phone.digits().to_owned(),
            sender: number,
            from_me: true,
            device: letter.from.device,
            kind,
            text,
            medium,
            status: Status::Sent,
            timestamp: network.clock.now().timestamp_micros(),
        });
        routed.changes.push(Change::Show { account: account.id, row });
        routed.again.push(None);
    }
    Ok(())
}

/// What was read before is confirmed again; anything else is asked for again, with fresh keys.
async fn unreadable(
    network: &Network,
    held: &mut Held,
    letter: &Letter<'_>,
    why: &Unreadable,
    routed: &mut Routed,
) -> Result<(), SandboxError> {
    let Some(sender) = held.account(letter.from.account) else { return Ok(()) };
    if network.ledger.shows(letter.to, sender.phone.digits(), &letter.id()).await? {
        return if letter.from.account == letter.to { Ok(()) } else { confirm(network, held, letter, routed) };
    }
    tracing::debug!(account = letter.to, %why, "a phone cannot read a message");
    let count = attr(letter.enc, "count").and_then(|count| count.parse().ok()).unwrap_or(0_u32).saturating_add(1);
    if count > RETRIES || letter.from.device == 0 {
        tracing::warn!(account = letter.to, "a phone gives up on a message it cannot read");
        return Ok(());
    }
    let Some((reader, state)) = held.get(letter.to) else { return Ok(()) };
    let key = keys::one_time(reader, state, &mut routed.changes)?;
    let mut bundle = keys::nodes(0, reader.identity.public_key().public_key_bytes(), &keys::signed(reader)?, Some(key));
    // Here the registration stands beside the keys (`wacore/src/protocol/retry.rs`).
    bundle.remove(0);
    let (id, at) = (letter.id(), network.seconds());
    let retry = NodeBuilder::new("retry").attr("v", "1").attr("id", id.as_str()).attr("t", at).attr("count", count);
    let mut node = NodeBuilder::new("receipt")
        .attr("from", reader.address(letter.server(), 0))
        .attr("id", id.as_str())
        .attr("type", "retry")
        .attr("t", at);
    if letter.from.account == letter.to {
        // Between the devices of one person a receipt says which chat it is about, or that it is about none.
        let category = attr(letter.message, "category").map(Cow::into_owned);
        node = match (category, address(letter.message, "to")) {
            (Some(category), _) => node.attr("category", category),
            (None, Some(chat)) => node.attr("recipient", chat.to_non_ad()),
            (None, None) => node,
        };
    }
    let parts = [
        retry.build(),
        stanza::leaf("registration", reader.registration.to_be_bytes()),
        NodeBuilder::new("keys").children(bundle).build(),
    ];
    let node = node.children(parts).build();
    routed.changes.push(Change::Enqueue(outgoing(letter.from, "receipt", id, "retry".to_owned(), &node)?));
    Ok(())
}

/// The person reads what is unread in a chat: every device of who wrote it learns of it.
pub(crate) async fn read(network: &Network, phone: &Phone, chat: &Phone) -> Result<(), SandboxError> {
    let reader = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
    let writer = network.find(chat).await?.ok_or(SandboxError::NoSuchPhone)?;
    let mut held = Held::take(vec![Arc::clone(&reader), Arc::clone(&writer)]).await;
    if away::is_away(&mut held, reader.id) {
        return Err(SandboxError::Offline);
    }
    let unread = network.ledger.unread(reader.id, chat.digits()).await?;
    let ids: Vec<String> = unread.into_iter().map(|row| row.message_id).collect();
    let changes = seen(network, &mut held, &reader, &writer, Server::Lid, ids)?;
    let ticket = network.ledger.submit(changes).await?;
    drop(held);
    ticket.committed().await?;
    Ok(())
}

/// The person has seen these: so it stands on the own screen, and every device of who wrote them learns of it.
fn seen(
    network: &Network,
    held: &mut Held,
    reader: &Account,
    writer: &Account,
    server: Server,
    ids: Vec<String>,
) -> Result<Vec<Change>, SandboxError> {
    let mut changes = Vec::new();
    let devices: Vec<u16> = held.get(writer.id).map(|(_, state)| state.listed().collect()).unwrap_or_default();
    for ids in ids.chunks(receipt::NAMED) {
        for device in &devices {
            let to = writer.device(*device);
            changes.push(Change::Enqueue(receipt::of_phone(reader, server, "read", ids, to, network.seconds())?));
        }
    }
    changes.push(Change::Read { account: reader.id, chat: writer.phone.digits().to_owned(), ids: ids.clone() });
    changes.extend(away::advance(network, held, writer.id, reader, ids, Status::Read)?);
    Ok(changes)
}
