//! Accounts that nobody uses are in the file alone.

use std::time::Duration;

use super::harness::{Companion, Net, phone, text};

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
