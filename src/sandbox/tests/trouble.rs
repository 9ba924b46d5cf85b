//! The numbers that stand for trouble, through the wire; the one that is not on WhatsApp has its test in `journeys`.

use whatsapp_rust::prelude::Event;
use whatsapp_rust::types::presence::ReceiptType;

use super::harness::{Companion, Net, phone, text};
use crate::sandbox::Status;

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

/// A message to the number is acknowledged, and neither shown nor receipted; the own phone has it as sent.
async fn is_taken_and_goes_nowhere(number: &str) {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let id = companion.send(number, "anyone?").await;
    companion.acknowledged(&id, "message").await;
    // Whatever this one leads to comes after whatever the first one led to.
    let second = companion.send(BOB, "someone?").await;
    assert_eq!(companion.receipt().await.message_ids, [second]);
    assert!(net.texts(number).await.is_empty());
    let own = net.screen(ALICE).await;
    assert_eq!((own[0].text.as_str(), own[0].status), ("anyone?", Status::Sent));
    // What a phone writes goes the same way.
    net.sandbox.write(&phone(BOB), &phone(number), &text("anyone?")).await.unwrap();
    assert!(net.texts(number).await.is_empty());
}

#[tokio::test]
async fn a_message_to_a_phone_that_is_never_there_stays_with_one_tick() {
    is_taken_and_goes_nowhere("+15550000002").await;
}

#[tokio::test]
async fn a_message_to_someone_who_has_blocked_you_stays_with_one_tick() {
    is_taken_and_goes_nowhere("+15550000004").await;
}

async fn refused_with(companion: &Companion, id: &str) -> Option<String> {
    let fits = |event: &Event| matches!(event, Event::ServerAck(ack) if ack.id == id);
    let event = companion.wait("an ack", fits).await;
    let Event::ServerAck(ack) = &*event else { unreachable!() };
    ack.error.clone()
}

#[tokio::test]
async fn a_message_to_a_slow_number_is_acknowledged_late_and_receipted_after_that() {
    const SLOW: &str = "+15550000003";
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let before = crate::clock::instant();
    let slow = companion.send(SLOW, "hello").await;
    let prompt = companion.send(BOB, "hello").await;
    let acknowledged =
        |event: &Event| matches!(event, Event::ServerAck(ack) if ack.class.as_deref() == Some("message"));
    for id in [prompt, slow.clone()] {
        let event = companion.wait("an ack", acknowledged).await;
        let Event::ServerAck(ack) = &*event else { unreachable!() };
        assert_eq!(ack.id, id);
    }
    assert!(before.elapsed() >= super::super::trouble::LATE);
    assert_eq!(companion.receipt().await.message_ids, [slow]);
    assert_eq!(net.texts(SLOW).await, ["hello"]);
}

#[tokio::test]
async fn a_limited_sender_is_refused_and_nobody_shows_anything() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let id = companion.send("+15550000005", "hello").await;
    assert_eq!(refused_with(&companion, &id).await.as_deref(), Some("463"));
    assert!(net.texts("+15550000005").await.is_empty());
    assert!(net.texts(ALICE).await.is_empty());
}

#[tokio::test]
async fn a_phone_that_cannot_decrypt_at_first_asks_again_and_shows_once() {
    const SLEEPY: &str = "+15550000006";
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    for said in ["first", "second"] {
        let id = companion.send(SLEEPY, said).await;
        let delivered = |event: &Event| matches!(event, Event::Receipt(r) if r.r#type == ReceiptType::Delivered && r.message_ids.contains(&id));
        companion.wait("delivered", delivered).await;
    }
    assert_eq!(net.texts(SLEEPY).await, ["first", "second"]);
    assert_eq!(net.unused_keys(SLEEPY).await, 0, "what was not opened keeps no key");
    // What phones write is not sent again, so they are read at once.
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(SLEEPY), &text("third")).await.unwrap();
    assert_eq!(net.texts(SLEEPY).await, ["first", "second", "third"]);
}

#[tokio::test]
async fn a_client_with_an_old_list_of_devices_learns_it_from_the_ack() {
    let net = Net::new().await;
    let alice = net.linked(ALICE).await;
    alice.send(BOB, "to the phone").await;
    alice.receipt().await;
    let backend = alice.stop().await;
    let bob = net.linked(BOB).await;
    // Nobody tells Alice of Bob's new device.
    net.forget_queue(ALICE).await;
    let alice = Companion::start(&net.sandbox, backend).await;
    alice.connected().await;
    let missed = alice.send(BOB, "to the phone alone").await;
    alice.acknowledged(&missed, "message").await;
    let mut got = Vec::new();
    let came = async || {
        let id = alice.send(BOB, "to both").await;
        alice.acknowledged(&id, "message").await;
        let events = std::iter::from_fn(|| bob.events.try_recv().ok());
        got.extend(
            events
                .flat_map(|event| event.messages().filter_map(|m| m.message.conversation.clone()).collect::<Vec<_>>()),
        );
        !got.is_empty()
    };
    net.until("told", came).await;
    assert_eq!(got[0], "to both");
}
