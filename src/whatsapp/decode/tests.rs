//! Which messages are for callers, and what they say.

use whatsapp_rust::prelude::{MessageBuilderExt, MessageField, wa};

use super::{ProtocolType, ReceivedContent, ReceivedMedium};
use crate::domain::media::{Said, Wanted};

fn content(message: &wa::Message) -> Option<ReceivedContent> {
    super::content(message, &super::MessageSource::default())
}

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
    let document = wa::Message {
        document_message: MessageField::some(wa::message::DocumentMessage::default()),
        ..Default::default()
    };
    let vote = wa::Message {
        poll_update_message: MessageField::some(wa::message::PollUpdateMessage::default()),
        ..Default::default()
    };
    let strange = wa::Message {
        invoice_message: MessageField::some(wa::message::InvoiceMessage::default()),
        ..Default::default()
    };
    for (message, kind) in [
        (document.clone(), "document"),
        (wrapped(document), "document"),
        (vote, "poll_vote"),
        (strange, "other"),
        (protocol(ProtocolType::REVOKE), "revoke"),
        (protocol(ProtocolType::MESSAGE_EDIT), "edit"),
    ] {
        assert!(content(&message) == Some(ReceivedContent::Unsupported(kind)), "{kind}");
    }
}

fn medium(message: &wa::Message) -> ReceivedMedium {
    match content(message) {
        Some(ReceivedContent::Medium(medium)) => *medium,
        other => panic!("{}", other.map_or("nothing", |other| other.name())),
    }
}

fn note() -> wa::message::AudioMessage {
    wa::message::AudioMessage {
        ptt: Some(true),
        seconds: Some(3),
        waveform: Some([7; 64].to_vec()),
        mimetype: Some("audio/ogg; codecs=opus".to_owned()),
        file_length: Some(5),
        direct_path: Some("/v/x".to_owned()),
        media_key: Some(vec![1; 32]),
        file_enc_sha256: Some(vec![2; 32]),
        file_sha256: Some(vec![3; 32]),
        ..Default::default()
    }
}

fn sound(audio: wa::message::AudioMessage) -> wa::Message {
    wa::Message { audio_message: MessageField::some(audio), ..Default::default() }
}

#[test]
fn media_are_read_in_every_wrapping_and_known_by_what_opens_them() {
    let voice = sound(note());
    let plain = medium(&voice);
    assert!(medium(&wrapped(voice)) == plain);
    let said = Said::nothing(Wanted::Voice).of_type(Some("audio/ogg; codecs=opus")).with_seconds(Some(3));
    assert_eq!(plain.said, said.with_size(Some(5)).with_waveform(Some(&[7; 64])));
    let reference = plain.reference.unwrap();
    assert_eq!((reference.key, reference.sealed_sha256, reference.plain_sha256), ([1; 32], [2; 32], [3; 32]));

    let film = wa::message::VideoMessage { gif_playback: Some(true), ..Default::default() };
    let film = wa::Message { video_message: MessageField::some(film), ..Default::default() };
    assert_eq!(medium(&film).said, Said { gif: true, ..Said::nothing(Wanted::Video) });
    let words = wa::message::ImageMessage { caption: Some("look".to_owned()), ..Default::default() };
    let picture = wa::Message { image_message: MessageField::some(words), ..Default::default() };
    let once = wa::message::FutureProofMessage { message: MessageField::some(picture) };
    let once = wa::Message { view_once_message_v2: MessageField::some(once), ..Default::default() };
    assert_eq!(medium(&once).caption.as_deref(), Some("look"));
}

#[test]
fn what_cannot_be_fetched_safely_is_shown_and_not_fetched() {
    for broken in [
        wa::message::AudioMessage { direct_path: Some("@evil.example/".to_owned()), ..note() },
        wa::message::AudioMessage { direct_path: None, ..note() },
        wa::message::AudioMessage { media_key: Some(vec![1; 31]), ..note() },
        wa::message::AudioMessage { file_sha256: None, ..note() },
    ] {
        let medium = medium(&sound(broken));
        assert!(medium.reference.is_none() && medium.said.duration_ms == Some(3000));
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
