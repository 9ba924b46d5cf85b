//! Every fault, as a real client meets it, and what is left when it is healed.

use whatsapp_rust::prelude::Event;
use whatsapp_rust::types::events::TempBanReason;
use whatsapp_rust::types::presence::ReceiptType;

use super::harness::{Companion, Net, phone, text};
use crate::sandbox::faults::{Count, Fault, FaultError, FaultKind, Seconds};
use crate::sandbox::{FaultId, SandboxError};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

/// A fault of Alice's first companion.
fn hers(kind: FaultKind) -> Fault {
    Fault { devices: vec![(phone(ALICE), 1)], ..Fault::new(kind) }
}

fn times(count: u64) -> Option<Count> {
    Count::try_from(count).ok()
}

fn seconds(seconds: u64) -> Option<Seconds> {
    Seconds::try_from(seconds).ok()
}

async fn inject(net: &Net, fault: Fault) -> FaultId {
    net.sandbox.inject(fault).await.unwrap()
}

/// The acks and receipts of messages that come before the ack of `last`: their ids, and whether it was an ack.
async fn until_acknowledged(companion: &Companion, last: &str) -> Vec<(String, bool)> {
    let mut seen = Vec::new();
    loop {
        let event = companion.wait("an ack", |event| matches!(event, Event::ServerAck(_) | Event::Receipt(_))).await;
        match &*event {
            Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
                seen.push((ack.id.clone(), true));
                if ack.id == last {
                    return seen;
                }
            }
            Event::Receipt(receipt) => seen.extend(receipt.message_ids.iter().map(|id| (id.clone(), false))),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_dropped_connection_breaks_as_often_as_asked_and_then_holds() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, Fault { count: times(2), ..hers(FaultKind::DropConnection) }).await;
    for _ in 0..2 {
        companion.wait("disconnected", |event| matches!(event, Event::Disconnected(_))).await;
    }
    companion.connected().await;
    assert!(net.sandbox.faults(None).is_empty());
    companion.send(BOB, "at last").await;
    companion.receipt().await;
}

#[tokio::test]
async fn a_fault_that_is_aimed_at_one_companion_leaves_the_other_alone() {
    let net = Net::new().await;
    let (one, two) = (net.linked(ALICE).await, net.linked(ALICE).await);
    inject(&net, hers(FaultKind::DropConnection)).await;
    one.wait("disconnected", |event| matches!(event, Event::Disconnected(_))).await;
    two.send(BOB, "still here").await;
    two.receipt().await;
    let mut events = std::iter::from_fn(|| two.events.try_recv().ok());
    assert!(!events.any(|event| matches!(*event, Event::Disconnected(_))));
}

#[tokio::test]
async fn refused_logins_go_through_when_the_fault_is_used_up() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, Fault { count: times(1), ..hers(FaultKind::RefuseConnections) }).await;
    inject(&net, hers(FaultKind::DropConnection)).await;
    companion.connected().await;
    assert!(net.sandbox.faults(None).is_empty());
}

#[tokio::test]
async fn a_lost_ack_is_never_told_though_the_message_is_kept() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, Fault { count: times(1), ..hers(FaultKind::LoseAcks) }).await;
    let lost = companion.send(BOB, "lost").await;
    let told = companion.send(BOB, "told").await;
    let seen = until_acknowledged(&companion, &told).await;
    assert!(!seen.contains(&(lost, true)));
    assert_eq!(net.texts(BOB).await, ["lost", "told"]);
}

#[tokio::test]
async fn a_fault_about_one_party_leaves_the_others_alone() {
    const CAROL: &str = "+237633333333";
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let id = inject(&net, Fault { peer: Some(phone(BOB)), ..hers(FaultKind::LoseAcks) }).await;
    // By number the first time, and by LID once that is known.
    for round in ["first", "second"] {
        let to_bob = companion.send(BOB, round).await;
        let to_carol = companion.send(CAROL, round).await;
        assert!(!until_acknowledged(&companion, &to_carol).await.contains(&(to_bob, true)));
    }
    assert_eq!(net.sandbox.heal(Some(id), None), 1);
    let healed = companion.send(BOB, "healed").await;
    companion.acknowledged(&healed, "message").await;
}

#[tokio::test]
async fn a_late_ack_is_late_and_no_receipt_overtakes_it() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, Fault { seconds: seconds(8), count: times(1), ..hers(FaultKind::DelayAcks) }).await;
    let late = companion.send(BOB, "late").await;
    let prompt = companion.send(BOB, "prompt").await;
    let seen = until_acknowledged(&companion, &late).await;
    assert!(seen.contains(&(prompt, true)), "{seen:?}");
    assert!(!seen.contains(&(late.clone(), false)), "{seen:?}");
    assert!(companion.receipt().await.message_ids.contains(&late));
}

#[tokio::test]
async fn repeated_stanzas_are_there_twice_and_read_once() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let id = inject(&net, hers(FaultKind::RepeatStanzas)).await;
    let sent = companion.send(BOB, "twice receipted").await;
    for _ in 0..2 {
        assert!(companion.receipt().await.message_ids.contains(&sent));
    }
    for said in ["one", "two"] {
        net.sandbox.write(&phone(BOB), &phone(ALICE), &text(said)).await.unwrap();
    }
    assert_eq!([companion.receives().await.2, companion.receives().await.2], ["one", "two"]);
    net.sandbox.heal(Some(id), None);
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("three")).await.unwrap();
    assert_eq!(companion.receives().await.2, "three");
    net.confirmed(ALICE).await;
}

#[tokio::test]
async fn reordered_stanzas_change_places_with_their_neighbours() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.confirmed(ALICE).await;
    let backend = companion.stop().await;
    for said in ["one", "two", "three", "four", "five"] {
        net.sandbox.write(&phone(BOB), &phone(ALICE), &text(said)).await.unwrap();
    }
    inject(&net, hers(FaultKind::ReorderStanzas)).await;
    let companion = Companion::start(&net.sandbox, backend).await;
    let mut got = Vec::new();
    while got.len() < 5 {
        got.extend(companion.texts().await);
    }
    assert_eq!(got, ["two", "one", "four", "three", "five"]);
    // One that has no neighbour does not wait for ever.
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("alone")).await.unwrap();
    assert_eq!(companion.texts().await, ["alone"]);
}

#[tokio::test]
async fn lost_receipts_are_gone_for_good() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, hers(FaultKind::LoseReceipts)).await;
    let id = companion.send(BOB, "hello").await;
    companion.acknowledged(&id, "message").await;
    net.confirmed(ALICE).await;
    net.sandbox.heal(None, None);
    let backend = companion.stop().await;
    let companion = Companion::start(&net.sandbox, backend).await;
    companion.connected().await;
    let later = companion.send(BOB, "and now").await;
    let receipt = companion.receipt().await;
    assert_eq!((receipt.message_ids.clone(), &receipt.r#type), (vec![later], &ReceiptType::Delivered));
}

#[tokio::test]
async fn a_logged_out_companion_is_told_so_and_unknown_from_then_on() {
    let net = Net::new().await;
    let (one, two) = (net.linked(ALICE).await, net.linked(ALICE).await);
    inject(&net, hers(FaultKind::LogOut)).await;
    one.wait("logged out", |event| matches!(event, Event::LoggedOut(out) if !out.on_connect)).await;
    let one = Companion::start(&net.sandbox, one.stop().await).await;
    one.wait("logged out", |event| matches!(event, Event::LoggedOut(out) if out.on_connect)).await;
    two.send(BOB, "still linked").await;
    two.receipt().await;
    assert!(net.sandbox.faults(None).is_empty());
}

#[tokio::test]
async fn a_replaced_companion_is_told_so_and_may_come_back() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, hers(FaultKind::Replace)).await;
    companion.wait("replaced", |event| matches!(event, Event::StreamReplaced(_))).await;
    Companion::start(&net.sandbox, companion.stop().await).await.connected().await;
}

#[tokio::test]
async fn a_banned_companion_hears_why_and_how_long_until_it_is_healed() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, Fault { seconds: seconds(3600), ..hers(FaultKind::Ban) }).await;
    let event = companion.wait("banned", |event| matches!(event, Event::TemporaryBan(_))).await;
    let Event::TemporaryBan(ban) = &*event else { unreachable!() };
    assert_eq!(ban.code, TempBanReason::SentToTooManyPeople);
    assert!((3000..=3600).contains(&ban.expire.num_seconds()), "{}", ban.expire);
    net.sandbox.heal(None, None);
    Companion::start(&net.sandbox, companion.stop().await).await.connected().await;
}

#[tokio::test]
async fn an_outdated_client_hears_so_until_it_is_healed() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, hers(FaultKind::OutdatedClient)).await;
    companion.wait("outdated", |event| matches!(event, Event::ClientOutdated(_))).await;
    net.sandbox.heal(None, None);
    Companion::start(&net.sandbox, companion.stop().await).await.connected().await;
}

#[tokio::test]
async fn in_silence_nothing_passes_and_afterwards_nothing_is_missing() {
    let net = Net::new().await;
    let (silent, heard) = (net.linked(ALICE).await, net.linked(ALICE).await);
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    silent.send(BOB, "before").await;
    silent.receipt().await;
    inject(&net, hers(FaultKind::Silence)).await;
    let id = silent.send(BOB, "into the silence").await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("are you there?")).await.unwrap();
    heard.send(BOB, "I am").await;
    heard.receipt().await;
    assert_eq!(net.texts(BOB).await, ["before", "are you there?", "I am"]);
    assert!(silent.client.is_connected());
    let mut events = std::iter::from_fn(|| silent.events.try_recv().ok());
    assert!(!events.any(|event| event.messages().next().is_some()));
    net.sandbox.heal(None, None);
    silent.acknowledged(&id, "message").await;
    net.confirmed(ALICE).await;
    assert_eq!(net.texts(BOB).await.last().unwrap(), "into the silence");
}

#[tokio::test]
async fn a_silent_connection_ends_with_its_client() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, hers(FaultKind::Silence)).await;
    companion.stop().await;
    net.until("ended", async || net.sandbox.network.connections() == 0).await;
}

#[tokio::test]
async fn a_silence_ends_by_itself() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    inject(&net, Fault { seconds: seconds(1), ..hers(FaultKind::Silence) }).await;
    let id = companion.send(BOB, "patience").await;
    companion.acknowledged(&id, "message").await;
}

#[tokio::test]
async fn a_fault_that_cannot_be_is_refused() {
    let net = Net::new().await;
    let unknown = net.sandbox.inject(hers(FaultKind::LoseAcks)).await;
    assert!(matches!(unknown, Err(SandboxError::NoSuchPhone)));
    net.sandbox.create_phone(&phone(ALICE), None).await.unwrap();
    let odd = net.sandbox.inject(Fault { count: times(3), ..hers(FaultKind::Silence) }).await;
    assert!(matches!(odd, Err(SandboxError::Fault(FaultError::DoesNotGoWith("count", _)))));
    let nobody = Some(phone("+15550000001"));
    let about = net.sandbox.inject(Fault { peer: nobody, ..hers(FaultKind::LoseAcks) }).await;
    assert!(matches!(about, Err(SandboxError::NotOnWhatsApp)));
    assert!(net.sandbox.faults(None).is_empty());
}
