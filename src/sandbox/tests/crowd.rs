//! Many at once, in every direction.

use std::collections::HashSet;
use std::sync::Arc;

use super::harness::{Companion, Net, phone, text};

const EACH: usize = 10;

fn number(n: usize) -> String {
    format!("+2376000000{n:02}")
}

/// Every client writes to every number, the own one left out.
async fn writes_to_all(companion: Arc<Companion>, own: usize, numbers: usize) {
    for round in 0..EACH {
        for other in (0..numbers).filter(|other| *other != own) {
            companion.send(&number(other), &format!("{round} from {own}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_writes_to_everyone_and_each_screen_is_in_order() {
    const CLIENTS: usize = 5;
    const NUMBERS: usize = 8;
    let net = Arc::new(Net::new().await);
    let mut companions = Vec::new();
    for n in 0..CLIENTS {
        companions.push(Arc::new(net.linked(&number(n)).await));
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (n, companion) in companions.iter().enumerate() {
        tasks.spawn(writes_to_all(Arc::clone(companion), n, NUMBERS));
    }
    for n in CLIENTS..NUMBERS {
        let net = Arc::clone(&net);
        net.sandbox.create_phone(&phone(&number(n)), None).await.unwrap();
        tasks.spawn(async move {
            for round in 0..EACH {
                for other in (0..NUMBERS).filter(|other| *other != n) {
                    let said = text(&format!("{round} from {n}"));
                    net.sandbox.write(&phone(&number(n)), &phone(&number(other)), &said).await.unwrap();
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    for n in 0..NUMBERS {
        let own = phone(&number(n));
        // What came, and as much that went.
        net.until("all there", async || net.screen(&number(n)).await.len() >= 2 * EACH * (NUMBERS - 1)).await;
        let screen = net.screen(&number(n)).await;
        let ids: HashSet<_> = screen.iter().map(|shown| &shown.whatsapp_message_id).collect();
        assert_eq!(ids.len(), screen.len(), "shown twice");
        for other in (0..NUMBERS).filter(|other| *other != n) {
            let from = phone(&number(other));
            let said: Vec<_> = screen.iter().filter(|shown| shown.from == from).map(|shown| &shown.text).collect();
            let want: Vec<_> = (0..EACH).map(|round| format!("{round} from {other}")).collect();
            assert_eq!(said, want.iter().collect::<Vec<_>>());
        }
        assert_eq!(screen.iter().filter(|shown| shown.from == own).count(), EACH * (NUMBERS - 1));
    }
}
