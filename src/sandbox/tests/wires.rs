//! What one side does wrong, by chance or on purpose, harms nobody else.

use std::sync::Arc;

use whatsapp_rust::prelude::Event;
use whatsapp_rust::wacore::iq::privacy::{PrivacyCategory, PrivacyValue};
use whatsapp_rust::wacore::libsignal::protocol::PublicKey;
use whatsapp_rust::{Jid, NodeBuilder};

use super::harness::{Companion, Net, phone, text};
use crate::clock::Clock;
use crate::sandbox::ledger::SignedPreKey;
use crate::sandbox::phone::keys;
use crate::sandbox::{SandboxError, root, stanza};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

#[tokio::test]
async fn a_phone_whose_keys_are_wasted_still_asks_again_and_reads() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    companion.send(BOB, "first").await;
    companion.receipt().await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("so that the session is confirmed")).await.unwrap();
    companion.receives().await;
    net.waste_keys(BOB, 1200).await;
    assert_eq!(net.unused_keys(BOB).await, 1000, "the oldest go");
    net.sandbox.forget_sessions(&phone(BOB)).await.unwrap();
    companion.send(BOB, "second").await;
    net.until("shown", async || net.texts(BOB).await.last().is_some_and(|last| last == "second")).await;
}

#[tokio::test]
async fn a_number_can_be_linked_again_and_again_and_has_four_devices_at_most() {
    let net = Net::new().await;
    let mut companions = Vec::new();
    for _ in 0..4 {
        companions.push(net.linked(ALICE).await);
    }
    let fifth = Companion::start(&net.sandbox, Arc::default()).await;
    let code = fifth.code().await;
    assert!(matches!(net.sandbox.scan(&phone(ALICE), &code).await, Err(SandboxError::Full)));
    // Bob has written to the first of them, whose number is the next one to be given again.
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("to all four")).await.unwrap();
    companions[0].texts().await;
    companions[0].send(BOB, "and back").await;
    companions[0].receipt().await;
    net.sandbox.unlink_all(&phone(ALICE)).await.unwrap();
    net.had_devices(ALICE, 300).await;
    let again = net.linked(ALICE).await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("to the new one")).await.unwrap();
    assert_eq!(again.texts().await, ["to the new one"]);
    again.send(BOB, "it reads").await;
    again.receipt().await;
    assert_eq!(again.client.lid().map(|lid| lid.device), Some(1));
}

#[tokio::test]
async fn a_device_that_nobody_can_write_to_keeps_nothing_from_the_others() {
    let net = Net::new().await;
    let (_spoilt, sound) = (net.linked(ALICE).await, net.linked(ALICE).await);
    net.spoil_key(ALICE, 1).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("to who can read it")).await.unwrap();
    assert_eq!(sound.texts().await, ["to who can read it"]);
    assert_eq!(net.texts(ALICE).await, ["to who can read it"]);
}

#[test]
fn a_pre_key_counts_only_with_its_devices_signature() {
    let account = keys::new_account(&phone(ALICE), &Clock::default()).unwrap();
    let pair = root::pair(&account.identity).unwrap();
    let key = root::public(&root::pair(&account.signed_prekey).unwrap()).unwrap();
    let public = PublicKey::from_djb_public_key_bytes(&key).unwrap();
    let signature = pair.private_key.calculate_signature(&public.serialize(), &mut rand::rng()).unwrap().to_vec();
    let identity = root::public(&pair).unwrap();
    let signed = SignedPreKey { id: 1, key, signature };
    assert!(keys::is_signed(&identity, &signed));
    assert!(!keys::is_signed(&key, &signed), "by another key");
    assert!(!keys::is_signed(&identity, &SignedPreKey { signature: vec![0; 64], ..signed.clone() }));
    let long = [signed.signature.clone(), vec![0; 1_000_000]].concat();
    assert!(!keys::is_signed(&identity, &SignedPreKey { signature: long, ..signed }));
}

#[tokio::test]
async fn what_holds_no_message_is_a_line_and_is_confirmed() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(ALICE), None).await.unwrap();
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    // Padding that is longer than what it pads, and something that is no protobuf.
    for nonsense in [vec![0xff], [vec![0xff; 20], vec![1]].concat()] {
        net.encrypts(ALICE, BOB, &nonsense).await;
    }
    let shown = net.screen(BOB).await;
    assert_eq!(shown.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["unsupported", "unsupported"]);
}

#[tokio::test]
async fn a_copy_that_was_asked_for_as_often_as_can_be_counted_is_given_up() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(ALICE), None).await.unwrap();
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let enc = NodeBuilder::new("enc").attr("v", "2").attr("type", "msg").attr("count", u32::MAX).bytes([1, 2, 3]);
    net.routes(ALICE, 1, BOB, enc.build()).await;
    assert!(net.texts(BOB).await.is_empty());
}

#[tokio::test]
async fn nothing_waits_for_a_device_that_is_not_there() {
    let net = Net::new().await;
    net.linked(ALICE).await.stop().await;
    net.linked(BOB).await.stop().await;
    net.queue(BOB, 1).await;
    net.queue(BOB, 7).await;
    let kept = net.waiting(BOB, 1).await;
    let net = net.reopen().await;
    assert_eq!((net.waiting(BOB, 1).await, net.waiting(BOB, 7).await), (kept, 0));
    for device in [1, 7] {
        let retry = NodeBuilder::new("retry").attr("v", "1").attr("id", "2").attr("t", "1").attr("count", "1").build();
        let to = Jid::pn_device(phone(BOB).digits(), device);
        let receipt = NodeBuilder::new("receipt").attr("id", "2").attr("type", "retry").attr("to", to);
        net.receipts(ALICE, 1, &receipt.children([retry]).build()).await;
    }
    assert_eq!((net.waiting(BOB, 1).await, net.waiting(BOB, 7).await), (kept + 1, 0));
}

#[tokio::test]
async fn who_takes_itself_out_of_an_account_is_sent_away() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let iq =
        NodeBuilder::new("iq").attr("id", "bye").attr("xmlns", "md").attr("type", "set").attr("to", "s.whatsapp.net");
    let jid = Jid::pn_device(phone(ALICE).digits(), 1);
    let remove = NodeBuilder::new("remove-companion-device").attr("jid", jid).attr("reason", "user_initiated");
    // As a client that asks for it and means to stay.
    companion.client.send_node(iq.children([remove.build()]).build()).await.unwrap();
    companion.wait("sent away", |event| matches!(event, Event::LoggedOut(_))).await;
    assert_eq!(net.sandbox.linked(&phone(ALICE)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_hears_how_many_keys_are_left_each_time_one_of_the_last_is_taken() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    // It uploads them behind its first connection's back.
    net.until("it has uploaded its keys", async || net.prekeys(ALICE).await > 0).await;
    companion.stop().await;
    let before = net.waiting(ALICE, 1).await;
    let all = net.prekeys(ALICE).await;
    for _ in 0..all + 2 {
        net.takes_key(ALICE, 1).await;
    }
    let told = net.told(ALICE, 1).await.into_iter().skip(before);
    let values: Vec<_> = told.map(|node| stanza::text(&node.children().unwrap()[0], "value")).collect();
    assert_eq!(values, ["10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]);
}

#[tokio::test]
async fn a_scan_whose_caller_hangs_up_is_a_scan_all_the_same() {
    let net = Net::new().await;
    let companion = Companion::start(&net.sandbox, Arc::default()).await;
    let code = companion.code().await;
    let (number, mut hung_up) = (phone(ALICE), false);
    tokio::select! {
        biased;
        _ = net.sandbox.scan(&number, &code) => {}
        () = std::future::ready(()) => hung_up = true,
    }
    assert!(hung_up, "before it was done");
    companion.connected().await;
    assert_eq!(net.sandbox.linked(&number).await.unwrap(), 1);
}

#[tokio::test]
async fn the_other_companions_hear_whom_one_blocks_and_what_it_hides() {
    let net = Net::new().await;
    let one = net.linked(ALICE).await;
    net.linked(ALICE).await.stop().await;
    one.send(BOB, "hello").await;
    one.receipt().await;
    let before = net.waiting(ALICE, 2).await;
    let bob = Jid::pn(phone(BOB).digits());
    one.client.blocking().block(&bob).await.unwrap();
    one.client.set_privacy_setting(PrivacyCategory::Last, PrivacyValue::None).await.unwrap();
    let told: Vec<_> = net.told(ALICE, 2).await.into_iter().skip(before).collect();
    let words: Vec<_> = told.iter().map(|node| &node.children().unwrap()[0]).collect();
    assert_eq!(words.iter().map(|word| word.tag.as_ref()).collect::<Vec<_>>(), ["blocklist", "privacy"]);
    assert!(told.iter().all(|node| stanza::text(node, "type") == "account_sync"));
    let item = &words[0].children().unwrap()[0];
    assert_eq!(stanza::text(item, "action"), "block");
    assert_ne!(stanza::text(words[0], "dhash"), stanza::text(words[0], "prev_dhash"));
    let category = &words[1].children().unwrap()[0];
    assert_eq!((stanza::text(category, "name").as_str(), stanza::text(category, "value").as_str()), ("last", "none"));
}
