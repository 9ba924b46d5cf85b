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
async fn the_latest_lines_are_read_from_their_first_on() {
    let net = Net::new().await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    fill(&net, 0..25, "").await;
    let texts = async |after: Option<&str>, latest, most| {
        let page = net.sandbox.latest(&phone(BOB), after, latest, most).await.unwrap();
        let texts: Vec<String> = page.messages.iter().map(|line| line.text.clone()).collect();
        (texts.join(" "), page.next_after)
    };
    assert_eq!(texts(None, 3, 10).await, ("22 23 24".to_owned(), None));
    assert_eq!(texts(None, 25, 2).await.0, "0 1");
    assert_eq!(texts(None, 99, 2).await.0, "0 1");
    let (begin, onward) = texts(None, 4, 2).await;
    assert_eq!((begin.as_str(), texts(onward.as_deref(), 4, 2).await.0.as_str()), ("21 22", "23 24"));
    assert_eq!(texts(onward.as_deref(), 1, 2).await.0, "24");
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
