//! What one side does wrong, by chance or on purpose, harms nobody else.

use std::sync::Arc;

use super::harness::{Companion, Net, phone, text};
use crate::sandbox::SandboxError;

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
