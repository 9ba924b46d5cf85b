//! What a person would see.

use whatsapp_rust::prelude::{Event, Jid};
use whatsapp_rust::wacore::types::presence::ReceiptType;

use super::harness::{Net, phone, text};
use crate::sandbox::Status;

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

#[tokio::test]
async fn a_linked_client_is_connected_and_its_text_is_on_the_phone() {
    let sandbox = Net::new().await;
    sandbox.sandbox.create_phone(&phone(ALICE), Some("Alice")).await.unwrap();
    let started = std::time::Duration::from_secs(9);
    let companion = tokio::time::timeout(started, sandbox.linked(ALICE)).await.expect("linked without the ten seconds");
    let id = companion.send(BOB, "hello").await;
    let event = companion.wait("delivered", |event| matches!(event, Event::Receipt(_))).await;
    let Event::Receipt(receipt) = &*event else { unreachable!() };
    assert_eq!(receipt.message_ids, [id.clone()]);
    assert!(receipt.source.sender.is_lid(), "a phone answers under its LID");
    let shown = sandbox.screen(BOB).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].text.as_str(), &shown[0].whatsapp_message_id, shown[0].from_me), ("hello", &id, false));
    assert_eq!((shown[0].chat.to_string(), shown[0].from.to_string()), (ALICE.to_owned(), ALICE.to_owned()));
    let own = sandbox.screen(ALICE).await;
    assert_eq!((own[0].text.as_str(), own[0].from_me, own[0].status), ("hello", true, Status::Delivered));
    assert_eq!(own[0].chat.to_string(), BOB);
}

#[tokio::test]
async fn a_phone_writes_and_the_client_learns_number_and_lid() {
    let sandbox = Net::new().await;
    let companion = sandbox.linked(ALICE).await;
    sandbox.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let shown = sandbox.sandbox.write(&phone(BOB), &phone(ALICE), &text("good morning")).await.unwrap();
    let (sender, other, said) = companion.receives().await;
    assert_eq!(said, "good morning");
    assert!(sender.is_lid());
    assert_eq!(other.map(|jid| jid.to_non_ad()), Some(Jid::pn(phone(BOB).digits().to_owned())));
    assert_eq!(shown.status, Status::Sent);
    assert_eq!(sandbox.texts(ALICE).await, ["good morning"]);
    let _ = ReceiptType::Read;
}
