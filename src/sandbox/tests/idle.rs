//! Accounts that nobody uses are in the file alone.

use std::time::Duration;

use whatsapp_rust::prelude::Event;

use super::harness::{Companion, Net, phone, text};
use crate::clock::instant;

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

#[tokio::test]
async fn an_account_that_was_let_go_is_there_again_when_it_is_needed() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    companion.send(BOB, "before").await;
    companion.receipt().await;
    net.confirmed(ALICE).await;
    let network = &net.sandbox.network;
    // Alice is connected, so hers stays.
    net.until("let go", async || network.let_go(Duration::from_secs(61)) == 1).await;
    companion.send(BOB, "after").await;
    companion.receipt().await;
    let backend = companion.stop().await;
    net.until("let go", async || network.let_go(Duration::from_secs(61)) == 0).await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("back")).await.unwrap();
    let companion = Companion::start(&net.sandbox, backend).await;
    assert_eq!(companion.receives().await.2, "back");
    assert_eq!(net.texts(BOB).await, ["before", "after", "back"]);
    assert_eq!(network.let_go(Duration::ZERO), 2, "who was used just now stays");
}

#[tokio::test]
async fn a_companion_that_says_nothing_for_too_long_is_hung_up_on() {
    const PATIENCE: Duration = Duration::from_secs(2);
    let net = Net::new().await;
    let keys = net.linked(ALICE).await.stop().await;
    net.sandbox.network.lose_patience(PATIENCE);
    let companion = Companion::start(&net.sandbox, keys).await;
    companion.connected().await;
    // As long as it talks it is listened to.
    let began = instant();
    while began.elapsed() < 2 * PATIENCE {
        companion.send(BOB, "still here").await;
        companion.receipt().await;
    }
    assert!(companion.client.is_connected());
    companion.wait("hung up", |event| matches!(event, Event::Disconnected(_))).await;
}
