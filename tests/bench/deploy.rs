//! A deploy of many sessions: the server stops in order, another starts, and all come back. How fast they come to the network's door,
//! and when each has sent something again.

use std::time::{Duration, Instant};

use wamux::clock::instant;

use super::ground::fleet::{Fleet, Size};
use super::ground::gate::Gate;
use super::ground::process::Process;
use super::ground::{Ground, Place};
use super::{CONNECTIONS, folder};

/// Another number than 500, if it is wanted.
pub async fn deploy(sessions: Option<usize>) {
    let sessions = sessions.unwrap_or(500);
    let kept = folder();
    let network = Process::sandbox(kept.path(), "127.0.0.1:0");
    let gate = Gate::before(network.address()).await;
    let place = Place::new(Ground::Sqlite).kept_in(folder()).beside(&gate.url());
    let server = Process::start_on(&place);
    let phones = 50.min(sessions);
    let size = Size { tenants: 4, keys: 4, sessions, phones, chats: 1, texts: 1, lanes: CONNECTIONS };
    let mut fleet = Fleet::new(&server, size);
    fleet.link(sessions).await;
    gate.forget();
    let (status, took) = server.terminate();
    println!("deploy: {sessions} sessions stopped in {took:.1?}, {status}");

    let began = instant();
    let server = Process::start_on(&place);
    fleet.moved(&server);
    println!("deploy: it listens after {:.1?}", began.elapsed());
    // Accepted while a session is on its way, sent when it is there.
    fleet.send().await;
    fleet.until_all("delivered").await;
    println!("deploy: a text of every session is delivered after {:.1?}", began.elapsed());
    fleet.judge().await;
    let seen = gate.seen();
    let (first, last) = (seen.arrivals[0] - began, seen.arrivals[seen.arrivals.len() - 1] - began);
    println!(
        "deploy: {} connections from {first:.1?} to {last:.1?}, at most {} in a second and {} at once",
        seen.arrivals.len(),
        most_in_a_second(&seen.arrivals),
        seen.most_connected
    );
    assert_eq!(seen.arrivals.len(), sessions, "some came more than once");
}

fn most_in_a_second(arrivals: &[Instant]) -> usize {
    let within = |n: usize| {
        let from = arrivals[n];
        arrivals[n..].iter().take_while(|at| **at - from < Duration::from_secs(1)).count()
    };
    (0..arrivals.len()).map(within).max().unwrap_or_default()
}
