//! Client and network stop in the middle of everything, as when their process is killed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio::runtime::{Builder, Runtime};
use whatsapp_rust::prelude::{Client, Event};
use whatsapp_rust::wacore::store::InMemoryBackend;

use super::harness::{Companion, Net, open, phone};

const ALICE: &str = "+237611111111";
const NUMBERS: [&str; 3] = ["+237622222222", "+237633333333", "+237644444444"];

/// What the sender knows whatever dies: what it wants to send, and what was acknowledged or delivered.
#[derive(Default)]
struct Desk {
    acknowledged: Mutex<HashSet<String>>,
    delivered: Mutex<HashSet<String>>,
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Sends what is not delivered yet, under ids that never change, until the network has acknowledged `enough` of it.
async fn send(companion: &Companion, desk: &Arc<Desk>, all: &[(String, usize)], enough: usize) {
    let client = Arc::clone(&companion.client);
    let due: Vec<_> = {
        let delivered = desk.delivered.lock().unwrap();
        all.iter().filter(|(id, _)| !delivered.contains(id)).cloned().collect()
    };
    tokio::spawn(async move {
        for (id, number) in due {
            send_one(&client, &id, NUMBERS[number]).await;
        }
    });
    let (mut acknowledged, mut delivered) = (0, 0);
    while acknowledged < enough && delivered < enough {
        let event = companion.wait("an ack", |event| matches!(event, Event::ServerAck(_) | Event::Receipt(_))).await;
        match &*event {
            Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
                acknowledged += 1;
                desk.acknowledged.lock().unwrap().insert(ack.id.clone());
            }
            Event::Receipt(receipt) => {
                delivered += receipt.message_ids.len();
                desk.delivered.lock().unwrap().extend(receipt.message_ids.iter().cloned());
            }
            _ => {}
        }
    }
}

async fn send_one(client: &Client, id: &str, number: &str) {
    use whatsapp_rust::prelude::{Jid, MessageBuilderExt as _, SendOptions, wa};
    let to = Jid::pn(phone(number).digits().to_owned());
    let options = SendOptions::default().with_message_id(id.to_owned());
    // A send may fail when everything dies around it; it is sent again.
    let _ = client.send_message_with_options(&to, wa::Message::text(id), options).await;
}

#[test]
fn what_was_acknowledged_is_on_the_screens_after_a_kill_and_nothing_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Arc::new(InMemoryBackend::new());
    let desk = Arc::new(Desk::default());
    let all: Vec<(String, usize)> = (0..90).map(|n| (format!("3EB0{n:016X}"), n % NUMBERS.len())).collect();
    let first = runtime();
    first.block_on(async {
        let sandbox = open(&folder).await;
        let companion = Companion::start(&sandbox, Arc::clone(&backend)).await;
        companion.link(&sandbox, ALICE).await;
        send(&companion, &desk, &all, 20).await;
    });
    first.shutdown_background();
    for enough in [10, 25] {
        let life = runtime();
        life.block_on(async {
            let sandbox = open(&folder).await;
            let companion = Companion::start(&sandbox, Arc::clone(&backend)).await;
            companion.connected().await;
            send(&companion, &desk, &all, enough).await;
        });
        life.shutdown_background();
    }
    runtime().block_on(async {
        let net = Net::at(folder).await;
        let mut shown = HashSet::new();
        for number in NUMBERS {
            for text in net.texts(number).await {
                assert!(shown.insert(text), "shown twice");
            }
        }
        let acknowledged = desk.acknowledged.lock().unwrap().clone();
        assert!(acknowledged.is_subset(&shown), "acknowledged, and lost");
        // And in the end everything arrives, once.
        let companion = Companion::start(&net.sandbox, backend).await;
        companion.connected().await;
        let due: Vec<_> = all.iter().filter(|(id, _)| !desk.delivered.lock().unwrap().contains(id)).cloned().collect();
        for (id, number) in &due {
            send_one(&companion.client, id, NUMBERS[*number]).await;
        }
        while !due.iter().all(|(id, _)| desk.delivered.lock().unwrap().contains(id)) {
            let ids = companion.receipt().await.message_ids;
            desk.delivered.lock().unwrap().extend(ids);
        }
        for (which, number) in NUMBERS.iter().enumerate() {
            let mut texts = net.texts(number).await;
            texts.sort_unstable();
            let want: Vec<_> = all.iter().filter(|(_, number)| *number == which).map(|(id, _)| id.clone()).collect();
            assert_eq!(texts, want);
        }
    });
}
