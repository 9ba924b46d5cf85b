//! Crashes: the process is killed while messages flow; what was accepted reaches the phones, once and in order.

use serde_json::json;

use crate::ground::app::{Caller, until};
use crate::ground::process::{Process, wamux};
use crate::ground::{Ground, Place, on_both_databases};
use crate::soak::{self, Size, Trouble};

const OWN: &str = "+237600000001";

/// A short run of `make soak`: it is kills that count.
const KILLS: Size = Size {
    tenants: 2,
    sessions: 6,
    phones: 3,
    chats: 2,
    texts: 10,
    written: 4,
    kills: 5,
    others: &[Trouble::KillTwice, Trouble::Deploy, Trouble::KillNetwork],
};

/// The same where nobody dies, and nobody hears the other.
const CUTS: Size = Size {
    kills: 1,
    others: &[
        Trouble::CutOff(2),
        Trouble::Drop,
        Trouble::Silence(1),
        Trouble::FreezeNetwork(2),
        Trouble::FreezeServer(2),
    ],
    ..KILLS
};

on_both_databases![
    five_kills_while_sending_lose_nothing_and_repeat_nothing,
    a_termination_ends_streams_and_exits_well,
    kills_at_any_moment_lose_nothing_and_repeat_nothing,
    cuts_at_any_moment_lose_nothing_and_repeat_nothing,
];

/// Sends until the server is killed under it; the texts that were accepted.
async fn send_until_killed(caller: &Caller, phones: &[String], first: usize) -> Vec<(usize, String)> {
    let mut accepted = Vec::new();
    for n in first.. {
        let phone = n % phones.len();
        let text = format!("text {n}");
        let request = caller.request(reqwest::Method::POST, "/messages");
        match request.json(&json!({ "to": phones[phone], "message": text })).send().await {
            Ok(answer) if answer.status().as_u16() == 202 => accepted.push((phone, text)),
            // Not connected yet, or dead: nothing was promised.
            Ok(_) => tokio::task::yield_now().await,
            Err(_) => break,
        }
    }
    accepted
}

async fn five_kills_while_sending_lose_nothing_and_repeat_nothing(on: Ground) {
    let place = Place::new(on);
    let phones: Vec<String> = (0..4).map(|n| format!("+23761000000{n}")).collect();
    let server = Process::start_on(&place);
    let key = server.key("you@example.com");
    server.set_plan("you@example.com", "pro");
    let session = server.caller(&key).link("one", OWN).await;
    let mut accepted: Vec<(usize, String)> = Vec::new();
    let mut server = Some(server);
    for round in 0..5 {
        let running = server.take().unwrap_or_else(|| Process::start_on(&place));
        let caller = running.caller(&key);
        caller.stream(&session, None).await.until("connected").await;
        // Killed at another moment each round: after so many acceptances, whatever else is under way.
        let sending = tokio::spawn({
            let (caller, phones) = (caller.clone(), phones.clone());
            async move { send_until_killed(&caller, &phones, round * 1000).await }
        });
        let wanted = accepted.len() as u64 + 15 + 7 * round as u64;
        until("messages flow", async || caller.count("direction=outbound").await >= wanted).await;
        running.kill();
        accepted.extend(sending.await.unwrap());
    }
    let server = Process::start_on(&place);
    let caller = server.caller(&key);
    let all = accepted.len() as u64;
    assert!(all >= 100, "only {all} were accepted");
    until("all are delivered", async || {
        let total = caller.count("direction=outbound").await;
        total >= all && caller.count("status=delivered").await == total
    })
    .await;
    for (n, phone) in phones.iter().enumerate() {
        let screen = caller.screen(phone).await;
        let mut once = screen.clone();
        once.dedup();
        assert_eq!(once.len(), screen.len(), "shown twice");
        let want: Vec<_> = accepted.iter().filter(|(p, _)| *p == n).map(|(_, text)| text.clone()).collect();
        // An answer may have been lost with the process; then the message is there all the same.
        let promised: Vec<_> = screen.into_iter().filter(|text| want.contains(text)).collect();
        assert_eq!(promised, want, "missing or out of order on {phone}");
    }
    let (status, took) = server.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
}

async fn kills_at_any_moment_lose_nothing_and_repeat_nothing(on: Ground) {
    soak::run(on, KILLS, soak::seed()).await;
}

async fn cuts_at_any_moment_lose_nothing_and_repeat_nothing(on: Ground) {
    soak::run(on, CUTS, soak::seed()).await;
}

async fn a_termination_ends_streams_and_exits_well(on: Ground) {
    let place = Place::new(on);
    let server = Process::start_on(&place);
    let caller = server.caller(&server.key("you@example.com"));
    let session = caller.link("one", OWN).await;
    let mut events = caller.stream(&session, None).await;
    events.until("connected").await;
    let stopping = tokio::task::spawn_blocking(move || server.terminate());
    events.end().await;
    let (status, took) = stopping.await.unwrap();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
}

#[test]
fn a_wrong_command_line_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    for (args, says, code) in [
        (&["tenants", "set-plan", "--email", "nobody@example.com", "--plan", "pro"][..], "no tenant", 1),
        (&["keys", "create", "--email", "nobody"][..], "e-mail", 2),
        (&["serve", "--listen", "here"][..], "127.0.0.1:8080", 2),
        (&["serve", "--network", "whatsapp"][..], "sandbox", 2),
        (&["serve", "--master-key", "short"][..], "32 bytes", 2),
    ] {
        let done = wamux(folder.path()).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}
