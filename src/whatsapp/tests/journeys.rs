//! A session's life on a network that speaks the real wire.

use super::peer::{Peer, network, over, phone};
use crate::domain::content::Text;
use crate::domain::session::life::End;
use crate::sandbox::{Sandbox, Shown};
use crate::store::device_keys::{DeviceKeys, new_lease, store_with_session};
use crate::whatsapp::{LinkEvent, NoCode, Over, ReceiptKind, SendError, new_wire_id};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

/// Bob's phone writes to Alice.
async fn bob_writes(sandbox: &Sandbox, text: &str) -> Shown {
    sandbox.create_phone(&phone(BOB), Some("Bob")).await.unwrap();
    sandbox.write(&phone(BOB), &phone(ALICE), &Text::try_from(text.to_owned()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_text_is_taken_delivered_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    assert_eq!(alice.link.phone(), Some(phone(ALICE)));
    let id = alice.send(BOB, "hello").await;
    alice.hears("an ack", |event| matches!(event, LinkEvent::Ack { wire_id, error: None, .. } if *wire_id == id)).await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
    sandbox.read(&phone(BOB), &phone(ALICE)).await.unwrap();
    alice.receipted(&id, ReceiptKind::Read).await;
    let shown = sandbox.screen(&phone(BOB)).await.unwrap();
    assert_eq!((shown.len(), shown[0].text.as_str(), &shown[0].whatsapp_message_id), (1, "hello", &id));
}

#[tokio::test]
async fn a_code_that_a_person_types_in_links_too_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let _run = alice.run();
    alice.hears("a code", |event| matches!(event, LinkEvent::Qr { .. })).await;
    let (old, _) = alice.link.pairing_code(&phone(BOB)).await.unwrap();
    let (code, valid_for) = alice.link.pairing_code(&phone(ALICE)).await.unwrap();
    assert!(code != old && valid_for.as_secs() > 120, "{valid_for:?}");
    assert!(sandbox.enter_code(&phone(BOB), &old).await.is_err(), "the last code alone counts");
    sandbox.enter_code(&phone(ALICE), &code).await.unwrap();
    alice.connected().await;
    assert_eq!(alice.link.phone(), Some(phone(ALICE)));
    assert_eq!(alice.link.pairing_code(&phone(ALICE)).await, Err(NoCode::NotPairing));
    let id = alice.send(BOB, "hello").await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
}

#[tokio::test]
async fn who_wrote_is_known_by_number_though_the_network_says_a_lid() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    let written = bob_writes(&sandbox, "good morning").await;
    let got = alice.receives().await;
    assert!(got.sender.address.ends_with("@lid"), "{}", got.sender.address);
    assert_eq!((got.sender.phone, got.chat.phone), (Some(phone(BOB)), Some(phone(BOB))));
    assert_eq!(got.push_name.as_deref(), Some("Bob"));
    assert_eq!((got.wire_id, got.from_me, got.is_group), (written.whatsapp_message_id, false, false));
    let said = Text::try_from("from the phone itself".to_owned()).unwrap();
    sandbox.write(&phone(ALICE), &phone(BOB), &said).await.unwrap();
    let got = alice.receives().await;
    assert!(got.from_me);
    assert_eq!(got.chat.phone, Some(phone(BOB)));
}

#[tokio::test]
async fn a_lost_connection_ends_the_run_and_the_next_run_receives_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    sandbox.drop_connection(&phone(ALICE));
    assert!(matches!(over(run).await, Over::Lost(_)));
    assert_eq!(alice.link.send_text(&phone(BOB), &new_wire_id(), "too early").await, Err(SendError::NotConnected));
    for n in 0..3 {
        bob_writes(&sandbox, &format!("missed {n}")).await;
    }
    let run = alice.run();
    for n in 0..3 {
        assert_eq!(alice.reads().await, format!("missed {n}"));
    }
    alice.connected().await;
    let id = alice.send(BOB, "back").await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
    alice.link.close().await;
    assert_eq!(over(run).await, Over::Closed);
}

#[tokio::test]
async fn a_restarted_process_goes_on_without_a_new_pairing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    let id = alice.send(BOB, "before").await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
    let mut alice = alice.restart(&sandbox).await;
    assert_eq!(alice.link.phone(), Some(phone(ALICE)));
    bob_writes(&sandbox, "while it was down").await;
    alice.run();
    assert_eq!(alice.reads().await, "while it was down");
    alice.connected().await;
    // The same id again, as after a crash between the wire and the receipt: shown once, receipted again.
    alice.link.send_text(&phone(BOB), &id, "before").await.unwrap();
    alice.receipted(&id, ReceiptKind::Delivered).await;
    let id = alice.send(BOB, "after").await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
    let texts: Vec<_> = sandbox.screen(&phone(BOB)).await.unwrap().into_iter().map(|shown| shown.text).collect();
    assert_eq!(texts, ["before", "while it was down", "after"]);
}

#[tokio::test]
async fn what_the_inbox_could_not_keep_ends_the_run_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    alice.refuse_next(1);
    bob_writes(&sandbox, "kept at the second time").await;
    alice.has_refused().await;
    assert_eq!(over(run).await, Over::Lost("what was received could not be stored".to_owned()));
    let run = alice.run();
    assert_eq!(alice.reads().await, "kept at the second time");
    alice.connected().await;
    alice.refuse_next(1);
    bob_writes(&sandbox, "kept by the next process").await;
    assert!(matches!(over(run).await, Over::Lost(_)));
    let mut alice = alice.restart(&sandbox).await;
    alice.run();
    assert_eq!(alice.reads().await, "kept by the next process");
}

#[tokio::test]
async fn a_number_that_is_not_on_whatsapp_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    for _ in 0..2 {
        let sent = alice.link.send_text(&phone("+15550000001"), &new_wire_id(), "anyone?").await;
        assert_eq!(sent, Err(SendError::NotOnWhatsApp));
    }
    let id = alice.send(BOB, "someone").await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
}

#[tokio::test]
async fn an_unlinked_device_is_logged_out_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    sandbox.unlink_all(&phone(ALICE)).await.unwrap();
    assert_eq!(over(run).await, Over::Ended(End::LoggedOut));
    let keys = DeviceKeys::new(alice.store.clone(), alice.lease);
    keys.wipe().await.unwrap();
    let (store, lease) = (alice.store.clone(), alice.lease);
    drop(alice);
    let mut alice = Peer::open(store, lease, folder.path().join("wamux.db"), &sandbox).await;
    assert_eq!(alice.link.phone(), None);
    alice.pair(&sandbox, ALICE).await;
}

#[tokio::test]
async fn a_logout_unlinks_the_device_on_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    alice.link.logout().await;
    assert_eq!(over(run).await, Over::Ended(End::LoggedOut));
    let alice = alice.restart(&sandbox).await;
    assert_eq!(over(alice.run()).await, Over::Ended(End::LoggedOut));
}

#[tokio::test]
async fn a_second_client_of_a_device_replaces_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut first = Peer::new(&folder, &sandbox).await;
    let run = first.pair(&sandbox, ALICE).await;
    let mut second = Peer::open(first.store.clone(), first.lease, folder.path().join("wamux.db"), &sandbox).await;
    second.run();
    assert_eq!(over(run).await, Over::Ended(End::Replaced));
    second.connected().await;
}

#[tokio::test]
async fn many_sessions_of_one_database_pair_at_once_and_write_to_each_other() {
    const SESSIONS: usize = 24;
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let (store, _) = store_with_session(folder.path()).await;
    let number = |n: usize| format!("+2376333333{n:02}");
    let mut pairing = tokio::task::JoinSet::new();
    for n in 0..SESSIONS {
        let lease = new_lease(&store, &format!("session {n}")).await;
        let (store, sandbox, file) = (store.clone(), sandbox.clone(), folder.path().join("wamux.db"));
        pairing.spawn(async move {
            let mut peer = Peer::open(store, lease, file, &sandbox).await;
            peer.pair(&sandbox, &number(n)).await;
            (n, peer)
        });
    }
    let mut peers = pairing.join_all().await;
    peers.sort_by_key(|(n, _)| *n);
    for (n, peer) in &peers {
        peer.send(&number((n + 1) % SESSIONS), &format!("from {n}")).await;
    }
    for (n, peer) in &mut peers {
        assert_eq!(peer.reads().await, format!("from {}", (*n + SESSIONS - 1) % SESSIONS));
    }
}
