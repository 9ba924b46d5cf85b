//! What waits in the ledger goes out as it is asked for, and never before what it follows from.

use std::collections::HashSet;
use std::sync::Arc;

use whatsapp_rust::prelude::Event;

use super::harness::{Companion, Net, phone, text};
use crate::sandbox::faults::{Fault, FaultKind, Seconds};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

#[tokio::test]
async fn a_large_backlog_goes_out_as_it_is_asked_for_and_in_order() {
    const WAITING: usize = 230;
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.confirmed(ALICE).await;
    let backend = companion.stop().await;
    let said: Vec<_> = (0..WAITING).map(|n| n.to_string()).collect();
    for said in &said {
        net.sandbox.write(&phone(BOB), &phone(ALICE), &text(said)).await.unwrap();
    }
    let companion = Companion::start(&net.sandbox, backend).await;
    let mut got = Vec::new();
    while got.len() < WAITING {
        got.extend(companion.texts().await);
    }
    assert_eq!(got, said);
    // And what comes then is handed over as ever.
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("live")).await.unwrap();
    assert_eq!(companion.texts().await, ["live"]);
}

#[tokio::test]
async fn no_receipt_overtakes_its_ack_when_a_connection_lags() {
    const SENT: usize = 200;
    let net = Net::new().await;
    let companion = Arc::new(net.linked(ALICE).await);
    companion.send(BOB, "first").await;
    companion.receipt().await;
    let late = Fault { seconds: Seconds::try_from(1).ok(), ..Fault::new(FaultKind::DelayAcks) };
    net.sandbox.inject(late).await.unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for n in 0..SENT {
        let companion = Arc::clone(&companion);
        sending.spawn(async move { companion.send(BOB, &n.to_string()).await });
    }
    let sent: HashSet<String> = sending.join_all().await.into_iter().collect();
    let (mut acknowledged, mut receipted) = (HashSet::new(), HashSet::new());
    while !sent.is_subset(&receipted) {
        let event = companion.wait("an ack", |event| matches!(event, Event::ServerAck(_) | Event::Receipt(_))).await;
        match &*event {
            Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
                acknowledged.insert(ack.id.clone());
            }
            Event::Receipt(receipt) => {
                for id in receipt.message_ids.iter().filter(|id| sent.contains(*id)) {
                    assert!(acknowledged.contains(id), "a receipt before its ack");
                    receipted.insert(id.clone());
                }
            }
            _ => {}
        }
    }
}
