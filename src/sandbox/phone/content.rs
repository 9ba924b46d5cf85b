//! What a message does to a phone's screen: a new line of some type, or a change of one that is there.

use whatsapp_rust::wacore::proto_helpers::MessageExt;
use whatsapp_rust::waproto::whatsapp::Message;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;

use super::medium;
use crate::sandbox::ledger::Medium;
use crate::sandbox::screen::{DELETED, TEXT, UNSUPPORTED};

/// What the person sees of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Shown {
        kind: &'static str,
        text: String,
        medium: Option<Box<Medium>>,
    },
    /// The sender's earlier message now reads like this, or is gone.
    Changed {
        id: String,
        kind: &'static str,
        text: String,
    },
    /// A word to the app and not to the person.
    Nothing,
}

pub(crate) fn of(message: &Message) -> Content {
    let base = message.get_base_message();
    if let Some(edited) = base.edited_message.as_option().and_then(|edited| edited.message.as_option()) {
        return of(edited);
    }
    if let Some(word) = base.protocol_message.as_option() {
        let named = word.key.as_option().and_then(|key| key.id.clone());
        return match (word.r#type, named, word.edited_message.as_option()) {
            (Some(Type::REVOKE), Some(id), _) => Content::Changed { id, kind: DELETED, text: String::new() },
            (Some(Type::MESSAGE_EDIT), Some(id), Some(edited)) => {
                let (kind, text) = shown(edited);
                Content::Changed { id, kind, text }
            }
            _ => Content::Nothing,
        };
    }
    let only_keys = base.sender_key_distribution_message.is_set()
        && *base
            == Message {
                sender_key_distribution_message: base.sender_key_distribution_message.clone(),
                ..Default::default()
            };
    if only_keys {
        return Content::Nothing;
    }
    let (kind, text) = shown(base);
    Content::Shown { kind, text, medium: medium::of(base) }
}

/// The type of a message, and what of it can be read. A type nobody here knows is still a line on the screen.
fn shown(message: &Message) -> (&'static str, String) {
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let base = message.get_base_message();
    let caption = || base.get_caption().unwrap_or_default().to_owned();
    if let Some(words) = base.text_content() {
        (TEXT, words.to_owned())
    } else if base.image_message.is_set() {
        ("image", caption())
    } else if base.video_message.is_set() || base.ptv_message.is_set() {
        ("video", caption())
    } else if base.audio_message.is_set() {
        ("audio", String::new())
    } else if base.document_message.is_set() || base.document_with_caption_message.is_set() {
        ("document", caption())
    } else if base.sticker_message.is_set() || base.lottie_sticker_message.is_set() {
        ("sticker", String::new())
    } else if let Some(reaction) = base.reaction_message.as_option() {
        ("reaction", text(reaction.text.as_ref()))
    } else if let Some(contact) = base.contact_message.as_option() {
        ("contact", text(contact.display_name.as_ref()))
    } else if let Some(contacts) = base.contacts_array_message.as_option() {
        ("contacts", text(contacts.display_name.as_ref()))
    } else if let Some(place) = base.location_message.as_option() {
        ("location", text(place.name.as_ref()))
    } else if base.live_location_message.is_set() {
        ("location", String::new())
    } else if let Some(question) = poll(base) {
        ("poll", question)
    } else if base.poll_update_message.is_set() {
        ("poll_vote", String::new())
    } else {
        (UNSUPPORTED, String::new())
    }
}

/// What a poll asks; polls have a field for each form they had over the years.
fn poll(message: &Message) -> Option<String> {
    let polls = [&message.poll_creation_message, &message.poll_creation_message_v2, &message.poll_creation_message_v3];
    let poll = polls.into_iter().find_map(|poll| poll.as_option())?;
    Some(poll.name.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::buffa::MessageField;
    use whatsapp_rust::waproto::whatsapp::MessageKey;
    use whatsapp_rust::waproto::whatsapp::message::{CallLogMessage, ProtocolMessage, ReactionMessage};

    use super::*;

    fn line(words: &str) -> Message {
        Message { conversation: Some(words.to_owned()), ..Default::default() }
    }

    fn about(kind: Type, edited: Option<Message>) -> Message {
        let key = MessageKey { id: Some("3A1".to_owned()), ..Default::default() };
        let word = ProtocolMessage {
            r#type: Some(kind),
            key: MessageField::some(key),
            edited_message: edited.map_or_else(MessageField::none, MessageField::some),
            ..Default::default()
        };
        Message { protocol_message: MessageField::some(word), ..Default::default() }
    }

    #[test]
    fn an_edit_and_a_deletion_change_the_message_they_name() {
        let id = || "3A1".to_owned();
        let edit = about(Type::MESSAGE_EDIT, Some(line("better")));
        assert_eq!(of(&edit), Content::Changed { id: id(), kind: TEXT, text: "better".into() });
        let gone = about(Type::REVOKE, None);
        assert_eq!(of(&gone), Content::Changed { id: id(), kind: DELETED, text: String::new() });
        assert_eq!(of(&about(Type::APP_STATE_SYNC_KEY_SHARE, None)), Content::Nothing);
    }

    #[test]
    fn every_message_to_the_person_is_a_line_also_one_of_an_unknown_type() {
        assert_eq!(of(&line("hello")), Content::Shown { kind: TEXT, text: "hello".into(), medium: None });
        let reaction = ReactionMessage { text: Some("👍".to_owned()), ..Default::default() };
        let reaction = Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        assert_eq!(of(&reaction), Content::Shown { kind: "reaction", text: "👍".into(), medium: None });
        let rare = Message { call_log_messsage: MessageField::some(CallLogMessage::default()), ..Default::default() };
        assert_eq!(of(&rare), Content::Shown { kind: UNSUPPORTED, text: String::new(), medium: None });
    }
}
