//! What a crowd costs the simulated network: memory for a phone and for a connected companion, and the time of one
//! message with the crowd there against the time without it. The network runs alone, so its memory is its own; the
//! companions are real clients, in a server beside it.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use wamux::clock::instant;

use super::ground::app::Caller;
use super::ground::process::Process;
use super::ground::{Ground, Place};
use super::{resident, unlimited};

const PHONES: usize = 10_000;
const COMPANIONS: usize = 1_000;
const MESSAGES: usize = 200;
const FRIEND: &str = "+237610000001";

/// `companions`, if another number than a thousand is wanted.
pub async fn crowd(companions: Option<usize>) {
    let companions = companions.unwrap_or(COMPANIONS);
    let folder = super::folder();
    let network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let place = Place::new(Ground::Sqlite).beside(&network.network());
    let server = Process::start_on(&place);
    let caller = server.caller(&unlimited(&server, place.folder()).await);
    let session = caller.link("first", "+237600000000").await;
    message(&caller, &session, "first contact").await;
    let alone = latency(&caller, &session).await;
    println!("crowd: median {alone:.1?} from POST to delivery without a crowd");

    let empty = resident(&network);
    let phones = stream::iter(0..PHONES).map(|n| {
        let caller = caller.clone();
        async move { caller.post("/sandbox/phones", json!({ "phone": format!("+2376200{n:05}") })).await.expect(201) }
    });
    phones.buffer_unordered(64).for_each(|_| async {}).await;
    let with_phones = resident(&network);
    each("phone", empty, with_phones, PHONES);

    let links = stream::iter(0..companions).map(|n| {
        let caller = caller.clone();
        // The phones of the crowd: an account has its phone and one companion.
        async move { caller.link(&format!("s{n}"), &format!("+2376200{n:05}")).await }
    });
    let began = instant();
    links.buffer_unordered(16).for_each(|_| async {}).await;
    println!("crowd: {companions} companions linked and connected in {:.1?}", began.elapsed());
    each("connected companion", with_phones, resident(&network), companions);

    let crowded = latency(&caller, &session).await;
    println!("crowd: median {crowded:.1?} from POST to delivery among {PHONES} phones and {companions} companions");
    println!("crowd: ratio {:.2}", crowded.as_secs_f64() / alone.as_secs_f64());
}

fn each(what: &str, before: u64, now: u64, count: usize) {
    let each = now.saturating_sub(before) as f64 / count as f64;
    println!("crowd: {before} kB, then {now} kB with {count} more: {each:.1} kB for each {what}");
}

/// The median time of one message after the other, from the POST to the phone's confirmation that it shows it.
async fn latency(caller: &Caller, session: &str) -> Duration {
    let mut times = Vec::with_capacity(MESSAGES);
    for n in 0..MESSAGES {
        let began = instant();
        message(caller, session, &format!("text {n}")).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[MESSAGES / 2]
}

/// One message; back when the phone has confirmed that it shows it.
async fn message(caller: &Caller, session: &str, text: &str) {
    let body = json!({ "to": FRIEND, "message": text, "sessionId": session });
    let id = caller.post("/messages", body).await.expect(202)["id"].as_str().unwrap().to_owned();
    let path = format!("/messages/{id}");
    let began = instant();
    while caller.get(&path).await.expect(200)["status"] != "delivered" {
        assert!(began.elapsed() < Duration::from_secs(40), "not delivered");
        tokio::task::yield_now().await;
    }
}
