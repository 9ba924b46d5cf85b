//! Which messages are for callers, and what they say.

use whatsapp_rust::prelude::{MessageBuilderExt, MessageField, wa};

use super::{ProtocolType, ReceivedContent, content};

fn protocol(kind: ProtocolType) -> wa::Message {
    let protocol = wa::message::ProtocolMessage { r#type: Some(kind), ..Default::default() };
    wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}

fn wrapped(message: wa::Message) -> wa::Message {
    let wrapper = wa::message::FutureProofMessage { message: MessageField::some(message) };
    wa::Message { ephemeral_message: MessageField::some(wrapper), ..Default::default() }
}

fn quoting() -> wa::Message {
    wa::Message::text_with_context("reply", wa::ContextInfo::default())
}

#[test]
fn texts_are_read_in_every_wrapping() {
    for (message, text) in [
        (wa::Message::text("plain"), "plain"),
        (quoting(), "reply"),
        (wrapped(wa::Message::text("vanishing")), "vanishing"),
        (wrapped(quoting()), "reply"),
    ] {
        assert!(content(&message) == Some(ReceivedContent::Text(text.to_owned())), "{text}");
    }
}

#[test]
fn other_kinds_are_named() {
    let image =
        wa::Message { image_message: MessageField::some(wa::message::ImageMessage::default()), ..Default::default() };
    let vote = wa::Message {
        poll_update_message: MessageField::some(wa::message::PollUpdateMessage::default()),
        ..Default::default()
    };
    let strange = wa::Message {
        invoice_message: MessageField::some(wa::message::InvoiceMessage::default()),
        ..Default::default()
    };
    for (message, kind) in [
        (image.clone(), "image"),
        (wrapped(image), "image"),
        (vote, "poll_vote"),
        (strange, "other"),
        (protocol(ProtocolType::REVOKE), "revoke"),
        (protocol(ProtocolType::MESSAGE_EDIT), "edit"),
    ] {
        assert!(content(&message) == Some(ReceivedContent::Unsupported(kind)), "{kind}");
    }
}

#[test]
fn what_devices_tell_each_other_is_no_message() {
    let key = wa::Message {
        sender_key_distribution_message: MessageField::some(wa::message::SenderKeyDistributionMessage::default()),
        message_context_info: MessageField::some(wa::MessageContextInfo::default()),
        ..Default::default()
    };
    for silent in [wa::Message::default(), key, protocol(ProtocolType::HISTORY_SYNC_NOTIFICATION)] {
        assert!(content(&silent).is_none());
    }
}
