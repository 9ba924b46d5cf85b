//! What a person would see.

use std::time::Duration;

use whatsapp_rust::prelude::{Event, Jid};
use whatsapp_rust::wacore::types::presence::ReceiptType;

use super::harness::{Companion, Net, phone, text};
use crate::sandbox::{SandboxError, Status};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";
const CAROL: &str = "+237633333333";
const DAVE: &str = "+237644444444";

#[tokio::test]
async fn a_linked_client_is_connected_and_its_text_is_on_the_phone() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(ALICE), Some("Alice @ home")).await.unwrap();
    // A client that gets no key of the app state says so only after ten seconds.
    let companion = tokio::time::timeout(Duration::from_secs(9), net.linked(ALICE)).await.expect("in time");
    assert_eq!(companion.client.push_name(), "Alice \u{ff20} home", "the name is in the app state");
    let id = companion.send(BOB, "hello").await;
    let receipt = companion.receipt().await;
    assert_eq!(receipt.message_ids, std::slice::from_ref(&id));
    assert!(receipt.source.sender.is_lid(), "a phone answers under its LID");
    let shown = net.screen(BOB).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].text.as_str(), &shown[0].whatsapp_message_id, shown[0].from_me), ("hello", &id, false));
    assert_eq!((shown[0].chat.to_string(), shown[0].from.to_string()), (ALICE.to_owned(), ALICE.to_owned()));
    let own = net.screen(ALICE).await;
    assert_eq!((own[0].text.as_str(), own[0].from_me, own[0].status), ("hello", true, Status::Delivered));
    assert_eq!(own[0].chat.to_string(), BOB);
}

#[tokio::test]
async fn many_texts_to_several_numbers_arrive_in_order_and_each_is_delivered() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let numbers = [BOB, CAROL, DAVE];
    let mut sent = Vec::new();
    for n in 0..20 {
        sent.push(companion.send(numbers[n % 3], &format!("text {n}")).await);
    }
    let mut delivered = std::collections::HashSet::new();
    while delivered.len() < sent.len() {
        delivered.extend(companion.receipt().await.message_ids.iter().cloned());
    }
    for (first, number) in numbers.iter().enumerate() {
        let want: Vec<String> = (first..20).step_by(3).map(|n| format!("text {n}")).collect();
        assert_eq!(net.texts(number).await, want);
    }
    assert!(net.screen(ALICE).await.iter().all(|shown| shown.status == Status::Delivered));
}

#[tokio::test]
async fn reading_is_told_to_who_wrote() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let ids = [companion.send(BOB, "one").await, companion.send(BOB, "two").await];
    companion.receipt().await;
    companion.receipt().await;
    net.sandbox.read(&phone(BOB), &phone(ALICE)).await.unwrap();
    let receipt = companion.receipt().await;
    assert_eq!(receipt.r#type, ReceiptType::Read);
    let mut read = receipt.message_ids.clone();
    read.sort_unstable();
    let mut want = ids.to_vec();
    want.sort_unstable();
    assert_eq!(read, want);
    assert!(receipt.source.sender.is_lid());
    assert!(net.screen(ALICE).await.iter().all(|shown| shown.status == Status::Read));
}

#[tokio::test]
async fn a_phone_writes_and_the_client_learns_number_and_lid() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let shown = net.sandbox.write(&phone(BOB), &phone(ALICE), &text("good morning")).await.unwrap();
    let (sender, other, said) = companion.receives().await;
    assert_eq!(said, "good morning");
    assert!(sender.is_lid());
    assert_eq!(other.map(|jid| jid.to_non_ad()), Some(Jid::pn(phone(BOB).digits().to_owned())));
    assert_eq!(shown.status, Status::Sent);
    assert_eq!(net.texts(ALICE).await, ["good morning"]);
    // And the other way round, in the same session.
    companion.send(BOB, "and to you").await;
    companion.receipt().await;
    assert_eq!(net.texts(BOB).await, ["good morning", "and to you"]);
    assert_eq!(net.screen(BOB).await[0].status, Status::Delivered);
}

#[tokio::test]
async fn the_client_reads_and_the_phone_that_wrote_sees_it() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let shown = net.sandbox.write(&phone(BOB), &phone(ALICE), &text("read me")).await.unwrap();
    let (sender, ..) = companion.receives().await;
    let id = shown.whatsapp_message_id.as_str();
    companion.client.mark_as_read(&sender.to_non_ad(), None, &[id]).await.unwrap();
    companion.acknowledged(id, "receipt").await;
    companion.acknowledged(id, "receipt").await;
    assert_eq!(net.screen(BOB).await[0].status, Status::Read);
}

#[tokio::test]
async fn what_comes_while_a_client_is_away_waits_for_it_in_order() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let backend = companion.stop().await;
    let want: Vec<String> = (0..150).map(|n| format!("missed {n}")).collect();
    for said in &want {
        net.sandbox.write(&phone(BOB), &phone(ALICE), &text(said)).await.unwrap();
    }
    let companion = Companion::start(&net.sandbox, backend).await;
    let mut got = Vec::new();
    while got.len() < want.len() {
        got.extend(companion.texts().await);
    }
    assert_eq!(got, want);
    companion.connected().await;
}

#[tokio::test]
async fn a_message_that_is_sent_again_shows_once_and_is_receipted_again() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let id = companion.send(BOB, "once").await;
    companion.receipt().await;
    companion.send_as(BOB, "once", &id).await;
    assert_eq!(companion.receipt().await.message_ids, std::slice::from_ref(&id));
    net.sandbox.read(&phone(BOB), &phone(ALICE)).await.unwrap();
    assert_eq!(companion.receipt().await.r#type, ReceiptType::Read);
    companion.send_as(BOB, "once", &id).await;
    // Delivered, and read, once more: a sender that lost its memory gets all of it back.
    companion.wait("delivered", |event| matches!(event, Event::Receipt(r) if r.r#type != ReceiptType::Read)).await;
    companion.wait("read", |event| matches!(event, Event::Receipt(r) if r.r#type == ReceiptType::Read)).await;
    assert_eq!(net.texts(BOB).await, ["once"]);
}

#[tokio::test]
async fn a_network_that_was_closed_knows_everyone_again() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    companion.send(BOB, "before").await;
    companion.receipt().await;
    let backend = companion.stop().await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("waiting")).await.unwrap();
    let net = net.reopen().await;
    let companion = Companion::start(&net.sandbox, backend).await;
    assert_eq!(companion.texts().await, ["waiting"]);
    companion.connected().await;
    companion.send(BOB, "after").await;
    companion.receipt().await;
    assert_eq!(net.texts(BOB).await, ["before", "waiting", "after"]);
}

#[tokio::test]
async fn a_socket_that_is_cut_costs_nothing() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.drop_connection(&phone(ALICE));
    companion.wait("disconnected", |event| matches!(event, Event::Disconnected(_))).await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("into the gap")).await.unwrap();
    assert_eq!(companion.texts().await, ["into the gap"]);
}

#[tokio::test]
async fn a_second_login_replaces_the_first() {
    let net = Net::new().await;
    let first = net.linked(ALICE).await;
    let second = Companion::start(&net.sandbox, first.backend.clone()).await;
    first.wait("replaced", |event| matches!(event, Event::StreamReplaced(_))).await;
    second.connected().await;
}

#[tokio::test]
async fn a_client_that_logs_out_is_not_known_any_more() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    companion.client.logout().await;
    let backend = companion.stop().await;
    let companion = Companion::start(&net.sandbox, backend).await;
    companion.wait("logged out", |event| matches!(event, Event::LoggedOut(_))).await;
}

#[tokio::test]
async fn a_phone_that_unlinks_its_devices_logs_them_out() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.unlink_all(&phone(ALICE)).await.unwrap();
    companion.wait("logged out", |event| matches!(event, Event::LoggedOut(_))).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("to the phone alone")).await.unwrap();
    assert_eq!(net.texts(ALICE).await, ["to the phone alone"]);
}

#[tokio::test]
async fn two_clients_of_one_phone_both_see_a_chat() {
    let net = Net::new().await;
    let (one, two) = (net.linked(ALICE).await, net.linked(ALICE).await);
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("to all of you")).await.unwrap();
    assert_eq!(one.texts().await, ["to all of you"]);
    assert_eq!(two.texts().await, ["to all of you"]);
    // What the phone itself writes, its companions see as well.
    net.sandbox.write(&phone(ALICE), &phone(BOB), &text("from the phone")).await.unwrap();
    assert_eq!(one.texts().await, ["from the phone"]);
    assert_eq!(two.texts().await, ["from the phone"]);
    // And what one companion writes, the other does.
    two.send(BOB, "from the second").await;
    assert_eq!(one.texts().await, ["from the second"]);
}

#[tokio::test]
async fn who_wrote_before_a_device_was_linked_writes_to_that_device_too() {
    let net = Net::new().await;
    let alice = net.linked(ALICE).await;
    alice.send(BOB, "to the phone").await;
    alice.receipt().await;
    let bob = net.linked(BOB).await;
    alice.wait("told", |event| matches!(event, Event::DeviceListUpdate(_))).await;
    alice.send(BOB, "to both").await;
    assert_eq!(bob.texts().await, ["to both"]);
    net.sandbox.unlink_all(&phone(BOB)).await.unwrap();
    alice.wait("told", |event| matches!(event, Event::DeviceListUpdate(_))).await;
    alice.send(BOB, "to the phone again").await;
    alice.receipt().await;
    assert_eq!(net.texts(BOB).await, ["to the phone", "to both", "to the phone again"]);
}

#[tokio::test]
async fn what_a_client_has_confirmed_does_not_come_again() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    companion.send(BOB, "hello").await;
    companion.receipt().await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("hi")).await.unwrap();
    companion.texts().await;
    net.sandbox.read(&phone(BOB), &phone(ALICE)).await.unwrap();
    companion.receipt().await;
    net.confirmed(ALICE).await;
}

#[tokio::test]
async fn a_client_that_knows_an_older_certificate_is_let_in_all_the_same() {
    let net = Net::new().await;
    let backend = net.linked(ALICE).await.stop().await;
    // The first login after pairing has stored the certificate, and the next one would skip to its end (IK).
    net.sandbox.network.ledger.forget_root().await;
    let net = net.reopen().await;
    let companion = Companion::start(&net.sandbox, backend).await;
    companion.connected().await;
    companion.send(BOB, "still here").await;
    companion.receipt().await;
}

#[tokio::test]
async fn what_one_client_pins_is_pinned_on_the_other() {
    let net = Net::new().await;
    let (one, two) = (net.linked(ALICE).await, net.linked(ALICE).await);
    let chat = Jid::pn(phone(BOB).digits().to_owned());
    one.client.chat_actions().pin_chat(&chat).await.unwrap();
    two.wait("pinned", |event| matches!(event, Event::PinUpdate(_))).await;
    // And the other way round, on top of it.
    two.client.chat_actions().unpin_chat(&chat).await.unwrap();
    one.wait("unpinned", |event| matches!(event, Event::PinUpdate(_))).await;
}

#[tokio::test]
async fn a_link_that_was_cut_short_by_a_crash_counts() {
    let net = Net::new().await;
    let backend = net.linked(ALICE).await.stop().await;
    net.unsign(ALICE).await;
    let net = net.reopen().await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let companion = Companion::start(&net.sandbox, backend).await;
    companion.connected().await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("welcome")).await.unwrap();
    assert_eq!(companion.texts().await, ["welcome"]);
}

#[tokio::test]
async fn a_note_to_oneself_is_on_the_own_phone_once() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let id = companion.send(ALICE, "milk").await;
    companion.acknowledged(&id, "message").await;
    let shown = net.screen(ALICE).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].text.as_str(), shown[0].from_me), ("milk", true));
    assert_eq!(shown[0].chat.to_string(), ALICE);
}

#[tokio::test]
async fn a_phone_that_cannot_read_what_its_companion_sent_gets_it_again() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    companion.send(BOB, "first").await;
    companion.receipt().await;
    // The phone's word confirms the session, so that the next copy can only be read with it.
    net.sandbox.write(&phone(ALICE), &phone(BOB), &text("from the phone")).await.unwrap();
    companion.texts().await;
    net.sandbox.forget_sessions(&phone(ALICE)).await.unwrap();
    companion.send(BOB, "second").await;
    net.until("shown", async || net.texts(ALICE).await == ["first", "from the phone", "second"]).await;
}

#[tokio::test]
async fn a_client_whose_keys_run_low_brings_more() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let few = net.prekeys(ALICE).await;
    for n in 0..few {
        let writer = phone(&format!("+2376500000{n:02}"));
        net.sandbox.create_phone(&writer, None).await.unwrap();
        net.sandbox.write(&writer, &phone(ALICE), &text("hello")).await.unwrap();
    }
    net.until("more keys", async || net.prekeys(ALICE).await > few / 2).await;
    drop(companion);
}

#[tokio::test]
async fn two_clients_of_two_phones_write_to_each_other() {
    let net = Net::new().await;
    let (alice, bob) = (net.linked(ALICE).await, net.linked(BOB).await);
    alice.send(BOB, "from alice").await;
    assert_eq!(bob.texts().await, ["from alice"]);
    bob.send(ALICE, "from bob").await;
    assert_eq!(alice.texts().await, ["from bob"]);
    assert_eq!(net.texts(ALICE).await, ["from alice", "from bob"]);
    assert_eq!(net.texts(BOB).await, ["from alice", "from bob"]);
}

#[tokio::test]
async fn a_number_that_is_not_on_whatsapp_is_reported_so() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let nobody = phone("+15550000001");
    let jid = Jid::pn(nobody.digits().to_owned());
    let found = companion.client.contacts().is_on_whatsapp(&[jid, Jid::pn(phone(BOB).digits().to_owned())]).await;
    let known: Vec<bool> = found.unwrap().iter().map(|user| user.is_registered).collect();
    assert_eq!(known, [false, true]);
    assert!(matches!(net.sandbox.create_phone(&nobody, None).await, Err(SandboxError::NotOnWhatsApp)));
    assert!(matches!(net.sandbox.screen(&nobody).await, Err(SandboxError::NoSuchPhone)));
}

#[tokio::test]
async fn a_code_that_is_not_shown_links_nothing() {
    let net = Net::new().await;
    let companion = Companion::start(&net.sandbox, std::sync::Arc::default()).await;
    let code = companion.code().await;
    let forged = code.replacen("2@", "2@x", 1);
    assert!(matches!(net.sandbox.scan(&phone(ALICE), "hello").await, Err(SandboxError::NotAQrCode)));
    assert!(matches!(net.sandbox.scan(&phone(ALICE), &forged).await, Err(SandboxError::UnknownQr)));
    net.sandbox.scan(&phone(ALICE), &code).await.unwrap();
    assert!(matches!(net.sandbox.scan(&phone(BOB), &code).await, Err(SandboxError::UnknownQr)));
    companion.connected().await;
}

#[tokio::test]
async fn a_client_that_lost_its_sessions_asks_again_and_reads() {
    let net = Net::new().await;
    let companion = net.estranged(ALICE, BOB).await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("second")).await.unwrap();
    assert_eq!(companion.texts().await, ["second"]);
}

#[tokio::test]
async fn a_phone_that_cannot_read_asks_again_and_shows() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    companion.send(BOB, "first").await;
    companion.receipt().await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("so that the session is confirmed")).await.unwrap();
    companion.receives().await;
    net.sandbox.forget_sessions(&phone(BOB)).await.unwrap();
    companion.send(BOB, "second").await;
    companion.wait("delivered", |event| matches!(event, Event::Receipt(r) if r.r#type != ReceiptType::Retry)).await;
    assert_eq!(net.texts(BOB).await, ["first", "so that the session is confirmed", "second"]);
}
