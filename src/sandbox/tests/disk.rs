//! The file cannot be written any more.

use std::time::Duration;

use whatsapp_rust::prelude::Event;

use super::harness::{Net, phone};
use crate::sandbox::SandboxError;
use crate::sandbox::ledger::Ledger;

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

#[tokio::test]
async fn a_network_that_cannot_write_its_file_says_so_and_lets_nobody_in() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    assert!(!net.sandbox.has_failed());
    Ledger::fill(&net.folder().join("sandbox.db")).await;
    let refused = net.sandbox.create_phone(&phone(BOB), Some("Bob")).await;
    assert!(refused.is_err());
    let ended = net.sandbox.create_phone(&phone(ALICE), Some("Alice")).await;
    assert!(matches!(ended, Err(SandboxError::Closed)), "{ended:?}");
    tokio::time::timeout(Duration::from_secs(20), net.sandbox.failed()).await.unwrap();
    assert!(net.sandbox.has_failed());
    // Who is there hears the end of it, and nobody gets as far as a handshake again.
    companion.wait("disconnected", |event| matches!(event, Event::Disconnected(_))).await;
    let mut socket = net.sandbox.dial();
    let read = tokio::io::AsyncReadExt::read(&mut socket, &mut [0]).await;
    assert!(matches!(read, Ok(0)), "{read:?}");
}
