//! What one side does wrong, by chance or on purpose, harms nobody else.

use super::harness::{Net, phone, text};

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
