//! From the wire's messages to ours: what was said, by whom, where.

mod medium;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use whatsapp_rust::prelude::{InboundMessage, MessageExt, MessageInfo, wa};
use whatsapp_rust::wacore::types::message::MessageSource;
use whatsapp_rust::waproto::codec::message_encoded_len;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_rust::{Client, Jid, Server};

use crate::domain::media::{Reference, Said};
use crate::domain::phone::Phone;

/// Takes received messages into safe keeping before they are acknowledged to the network.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Keeps the whole batch or none of it. A message may come twice: (session, chat, sender, wire id) tells it again.
    async fn commit(&self, batch: Vec<Received>) -> Result<(), InboxError>;
}

/// The messages could not be kept, so they stay unacknowledged and the network brings them again.
#[derive(Debug, thiserror::Error)]
#[error("received messages could not be stored: {0}")]
pub struct InboxError(pub String);

/// A message that came in, or one that another device of the same account sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    pub wire_id: String,
    /// Whose chat it is in; for a group its address has no phone.
    pub chat: Party,
    pub sender: Party,
    pub from_me: bool,
    pub is_group: bool,
    pub push_name: Option<String>,
    pub content: ReceivedContent,
    pub at: DateTime<Utc>,
}

/// An address of the network, and the phone number behind it as far as it is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// Without the device: `number@s.whatsapp.net`, `number@lid`, `number@g.us`.
    pub address: String,
    pub phone: Option<Phone>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum ReceivedContent {
    Text(String),
    Medium(Box<ReceivedMedium>),
    /// A kind that this version does not read, by its name.
    Unsupported(&'static str),
}

/// A picture, a film or a sound that came in: what is said of it, and where it lies, if that was said as well.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedMedium {
    pub said: Said,
    pub caption: Option<String>,
    pub reference: Option<Reference>,
}

impl ReceivedContent {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Medium(medium) => medium.said.wanted.as_str(),
            Self::Unsupported(kind) => kind,
        }
    }
}

/// Messages are personal: a debug print shows what kind one is and no more.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.content.name();
        f.debug_struct("Received").field("wire_id", &self.wire_id).field("kind", &kind).finish_non_exhaustive()
    }
}

/// What of a message concerns callers; `None` for traffic between devices, keys, and status updates.
pub(super) async fn received(client: &Client, message: &InboundMessage) -> Option<Received> {
    let info = &message.info;
    let content = content(&message.message, &info.source)?;
    if matches!(info.source.chat.server, Server::Broadcast | Server::Newsletter) {
        return None;
    }
    let (chat, sender) = parties(client, info).await;
    Some(Received {
        wire_id: info.id.clone(),
        chat,
        sender,
        from_me: info.source.is_from_me,
        is_group: info.source.is_group,
        push_name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
        content,
        at: info.timestamp,
    })
}

async fn parties(client: &Client, info: &MessageInfo) -> (Party, Party) {
    let source = &info.source;
    let sender = party(client, &source.sender, source.sender_alt.as_ref()).await;
    // The other address of a chat's peer is the sender's for what came in, the recipient's for what we sent elsewhere.
    let alt = if source.is_from_me {
        source.recipient_alt.as_ref().or(info.peer_recipient_pn.as_ref())
    } else {
        source.sender_alt.as_ref()
    };
    let chat = party(client, &source.chat, alt.filter(|_| !source.is_group)).await;
    (chat, sender)
}

/// The network names people by number or by LID; the number is in the address, beside it, or in what was learnt before.
async fn party(client: &Client, jid: &Jid, alt: Option<&Jid>) -> Party {
    let number =
        |jid: &Jid| jid.server.carries_phone_number().then(|| Phone::from_digits(jid.user_base()).ok()).flatten();
    let mut phone = number(jid).or_else(|| alt.and_then(number));
    if phone.is_none() && jid.is_lid() {
        let known = client.get_lid_pn_entry(&jid.to_non_ad()).await.ok().flatten();
        phone = known.and_then(|known| Phone::from_digits(&known.phone_number).ok());
    }
    Party { address: jid.to_non_ad_string(), phone }
}

fn content(message: &wa::Message, source: &MessageSource) -> Option<ReceivedContent> {
    if let Some(text) = message.text_content() {
        return Some(ReceivedContent::Text(text.to_owned()));
    }
    let message = message.get_base_message();
    if let Some(medium) = medium::of(message, source) {
        return Some(ReceivedContent::Medium(Box::new(medium)));
    }
    kind(message).map(ReceivedContent::Unsupported)
}

/// The name of what is not read yet, or `None` for what is no message to anyone.
fn kind(message: &wa::Message) -> Option<&'static str> {
    if let Some(protocol) = message.protocol_message.as_option() {
        return match protocol.r#type {
            Some(ProtocolType::REVOKE) => Some("revoke"),
            Some(ProtocolType::MESSAGE_EDIT) => Some("edit"),
            _ => None,
        };
    }
    let kinds = [
        (message.document_message.is_set(), "document"),
        (message.sticker_message.is_set() || message.lottie_sticker_message.is_set(), "sticker"),
        (message.location_message.is_set() || message.live_location_message.is_set(), "location"),
        (message.contact_message.is_set() || message.contacts_array_message.is_set(), "contact"),
        (message.reaction_message.is_set() || message.enc_reaction_message.is_set(), "reaction"),
        (message.poll_update_message.is_set(), "poll_vote"),
        (message.poll_creation_message.is_set() || message.poll_creation_message_v3.is_set(), "poll"),
        (message.secret_encrypted_message.is_set(), "edit"),
        (message.event_message.is_set(), "event"),
        (message.call.is_set() || message.call_log_messsage.is_set(), "call"),
    ];
    if let Some((_, kind)) = kinds.into_iter().find(|(set, _)| *set) {
        return Some(kind);
    }
    let bare = wa::Message {
        sender_key_distribution_message: message.sender_key_distribution_message.clone(),
        message_context_info: message.message_context_info.clone(),
        ..wa::Message::default()
    };
    // A group's key alone, or nothing at all, is not a message.
    (message_encoded_len(message) > message_encoded_len(&bare)).then_some("other")
}

#[cfg(test)]
mod tests;
