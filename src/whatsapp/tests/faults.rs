//! What a run of a link says of each fault of the network, and that it comes back where it should.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

use super::peer::{Peer, network, over, phone};
use crate::domain::session::life::End;
use crate::sandbox::{Count, Fault, FaultKind, Sandbox, Seconds};
use crate::whatsapp::version::CurrentVersion;
use crate::whatsapp::{LinkEvent, Over, ReceiptKind, Wire, new_wire_id};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

async fn inject(sandbox: &Sandbox, fault: Fault) {
    sandbox.inject(Fault { account: Some(phone(ALICE)), ..fault }).await.unwrap();
}

/// Runs again and sends, as a session does once it may.
async fn comes_back(alice: &mut Peer) {
    alice.run();
    alice.connected().await;
    let id = alice.send(BOB, "back again").await;
    alice.receipted(&id, ReceiptKind::Delivered).await;
}

#[tokio::test]
async fn a_dropped_connection_is_lost_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault::new(FaultKind::DropConnection)).await;
    assert!(matches!(over(run).await, Over::Lost(_)));
    comes_back(&mut alice).await;
}

#[tokio::test]
async fn refused_connections_are_attempts_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault { count: Count::try_from(3).ok(), ..Fault::new(FaultKind::RefuseConnections) }).await;
    inject(&sandbox, Fault::new(FaultKind::DropConnection)).await;
    assert!(matches!(over(run).await, Over::Lost(_)));
    for _ in 0..3 {
        let Over::Lost(why) = over(alice.run()).await else { panic!("the attempt was not lost") };
        assert!(!why.is_empty());
    }
    comes_back(&mut alice).await;
}

#[tokio::test]
async fn a_device_that_was_taken_out_is_logged_out() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault::new(FaultKind::LogOut)).await;
    assert_eq!(over(run).await, Over::Ended(End::LoggedOut));
}

#[tokio::test]
async fn a_replaced_connection_says_so_and_the_device_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault::new(FaultKind::Replace)).await;
    assert_eq!(over(run).await, Over::Ended(End::Replaced));
    comes_back(&mut alice.restart(&sandbox).await).await;
}

#[tokio::test]
async fn a_ban_is_heard_at_the_next_login_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault { seconds: Seconds::try_from(600).ok(), ..Fault::new(FaultKind::Ban) }).await;
    assert!(matches!(over(run).await, Over::Lost(_)));
    assert_eq!(over(alice.run()).await, Over::Ended(End::Banned));
    sandbox.heal(None, None);
    comes_back(&mut alice.restart(&sandbox).await).await;
}

#[tokio::test]
async fn an_outdated_client_is_told_so_at_the_next_login_and_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    let run = alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault::new(FaultKind::OutdatedClient)).await;
    assert!(matches!(over(run).await, Over::Lost(_)));
    assert_eq!(over(alice.run()).await, Over::Ended(End::Outdated));
    sandbox.heal(None, None);
    comes_back(&mut alice.restart(&sandbox).await).await;
}

/// Where the version is looked up: there is a second one by now.
struct Web;

#[async_trait]
impl HttpClient for Web {
    async fn execute(&self, _: HttpRequest) -> anyhow::Result<HttpResponse> {
        let body = br#"{\"dynamic_data\":{\"client_revision\":2,\"x\":1}}"#;
        Ok(HttpResponse { status_code: 200, body: body.to_vec() })
    }
}

#[tokio::test]
async fn a_version_that_was_retired_gives_way_to_a_newer_one_at_the_next_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    let dialled = sandbox.clone();
    let version = Arc::new(CurrentVersion::known((2, 3000, 1), Arc::new(Web)));
    let wire = Wire { version: Arc::clone(&version), ..Wire::sandbox(Arc::new(move || dialled.dial())) };
    let alice = alice.restart_on(&wire).await;
    inject(&sandbox, Fault::new(FaultKind::OutdatedClient)).await;
    assert!(matches!(over(alice.run()).await, Over::Broken(_)), "another client may do better");
    assert_eq!(version.get().await, Ok((2, 3000, 2)));
    // If that is refused as well there is none to try.
    let alice = alice.restart_on(&wire).await;
    assert_eq!(over(alice.run()).await, Over::Ended(End::Outdated));
    sandbox.heal(None, None);
    comes_back(&mut alice.restart_on(&wire).await).await;
}

#[tokio::test]
async fn a_message_whose_ack_was_lost_may_be_sent_again_and_shows_once() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    inject(&sandbox, Fault { count: Count::try_from(1).ok(), ..Fault::new(FaultKind::LoseAcks) }).await;
    let id = new_wire_id();
    for _ in 0..2 {
        alice.link.send_text(&phone(BOB), &id, "once").await.unwrap();
    }
    alice.hears("an ack", |event| matches!(event, LinkEvent::Ack { wire_id, error: None, .. } if *wire_id == id)).await;
    assert_eq!(sandbox.screen(&phone(BOB)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_comes_twice_and_in_the_wrong_order_is_received_once() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = network(&folder).await;
    let mut alice = Peer::new(&folder, &sandbox).await;
    alice.pair(&sandbox, ALICE).await;
    sandbox.create_phone(&phone(BOB), None).await.unwrap();
    for kind in [FaultKind::RepeatStanzas, FaultKind::ReorderStanzas] {
        inject(&sandbox, Fault::new(kind)).await;
    }
    let mut want: Vec<String> = (0..7).map(|n| format!("text {n}")).collect();
    for said in &want {
        sandbox.write(&phone(BOB), &phone(ALICE), &said.clone().try_into().unwrap()).await.unwrap();
    }
    sandbox.heal(None, None);
    sandbox.write(&phone(BOB), &phone(ALICE), &"the last".to_owned().try_into().unwrap()).await.unwrap();
    want.push("the last".to_owned());
    let mut got = Vec::new();
    while got.len() < want.len() {
        got.push(alice.reads().await);
    }
    got.sort_unstable();
    want.sort_unstable();
    assert_eq!(got, want);
}
