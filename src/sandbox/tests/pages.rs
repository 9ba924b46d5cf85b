//! Screens are read in pages, and have an end.

use super::harness::{Net, phone};
use crate::sandbox::ledger::{Change, ScreenRow};
use crate::sandbox::{SandboxError, Status};

const BOB: &str = "+237622222222";

/// As if a phone had shown so many messages.
async fn fill(net: &Net, many: std::ops::Range<usize>, text: &str) {
    let account = net.sandbox.network.find(&phone(BOB)).await.unwrap().unwrap().id;
    let line = |n: usize| ScreenRow {
        id: net.sandbox.network.clock.id().to_string(),
        message_id: n.to_string(),
        chat: "237611111111".to_owned(),
        sender: "237611111111".to_owned(),
        from_me: false,
        device: 0,
        kind: "text",
        text: format!("{text}{n}"),
        medium: None,
        status: Status::Delivered,
        timestamp: 0,
    };
    let changes = many.map(|n| Change::Show { account, row: Box::new(line(n)) }).collect();
    net.sandbox.network.ledger.write(changes).await.unwrap();
}

#[tokio::test]
async fn a_screen_is_read_page_by_page() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    fill(&net, 0..25, "").await;
    let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = net.sandbox.page(&phone(BOB), after.as_deref(), 10).await.unwrap();
        seen.extend(page.messages.into_iter().map(|line| line.text));
        pages += 1;
        after = page.next_after;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen), (3, (0..25).map(|n| n.to_string()).collect()));
    let lost = net.sandbox.page(&phone(BOB), Some("no such"), 10).await;
    assert!(matches!(lost, Err(SandboxError::NoSuchLine)));
}

#[tokio::test]
async fn a_page_has_an_end_in_bytes_and_still_moves_on() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    fill(&net, 0..3, &"x".repeat(3 << 20)).await;
    let page = net.sandbox.page(&phone(BOB), None, 10).await.unwrap();
    assert_eq!((page.messages.len(), page.next_after.is_some()), (1, true));
}

#[tokio::test]
async fn the_oldest_lines_go_when_there_are_too_many() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    fill(&net, 0..1000, "").await;
    let net = net.reopen().await;
    fill(&net, 1000..2150, "").await;
    let shown = net.texts(BOB).await;
    assert!((2000..2100).contains(&shown.len()), "{}", shown.len());
    assert_eq!(shown.last().map(String::as_str), Some("2149"));
}
