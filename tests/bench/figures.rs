//! The figures that decide whether the foundation is right, each as a ratio to a floor measured in the same run:
//! accepted messages a second (against bare batched inserts), memory a session, time from POST to a phone's screen, what a video
//! of 64 MB costs, and how long each page takes.
//!
//! `make bench`, or `cargo bench --bench figures -- [accept|memory|screen|film|pages|apart [sessions [texts]]|crowd [companions]|deploy [sessions]|
//! isolation]`; the last four, which take minutes, only when they are named.

#![allow(unreachable_pub, reason = "a bench has no outside")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails should stop")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "figures for people"
)]

mod apart;
mod crowd;
mod deploy;
mod film;
#[path = "../ground/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod ground;
mod isolation;
mod pages;

use std::fs;
use std::time::Duration;

use ground::app::{Caller, until};
use ground::process::Process;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, TransactionTrait};
use serde_json::json;
use wamux::clock::instant;

const CONNECTIONS: usize = 64;
const EMAIL: &str = "bench@example.com";

#[tokio::main]
async fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|arg| arg == name);
    if wanted("accept") {
        accept().await;
    }
    if wanted("screen") {
        screen().await;
    }
    if wanted("memory") {
        memory().await;
    }
    if wanted("film") {
        film::film().await;
    }
    if wanted("pages") {
        pages::pages().await;
    }
    let named = |name: &str| only.iter().any(|arg| arg == name);
    let mut numbers = only.iter().filter_map(|arg| arg.parse().ok());
    if named("apart") {
        apart::apart(numbers.next(), numbers.next()).await;
    }
    if named("crowd") {
        crowd::crowd(numbers.next()).await;
    }
    if named("deploy") {
        deploy::deploy(numbers.next()).await;
    }
    if named("isolation") {
        isolation::isolation().await;
    }
}

fn folder() -> tempfile::TempDir {
    // On the disk of the sources, where an fsync is an fsync.
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
    tempfile::tempdir_in(target).unwrap()
}

/// A plan that no bench reaches the end of.
async fn unlimited(server: &Process, folder: &std::path::Path) -> String {
    let key = server.key(EMAIL);
    let db = Database::connect(format!("sqlite://{}/wamux.db", folder.display())).await.unwrap();
    let plan = "INSERT INTO plan VALUES ('bench', NULL, 1000000000, 1000000, 1000000)";
    db.execute_unprepared(plan).await.unwrap();
    db.close().await.unwrap();
    server.set_plan(EMAIL, "bench");
    key
}

/// 64 connections that send as fast as they are answered, for ten seconds, while the session delivers what it can; then the same
/// rows inserted in batches with nothing around.
async fn accept() {
    let folder = folder();
    let server = Process::start(folder.path());
    let key = unlimited(&server, folder.path()).await;
    let caller = server.caller(&key);
    let session = caller.link("one", "+237600000001").await;
    let delivering = rate(&server, &key, &session).await;
    let (all, waiting) = (caller.count("").await, caller.count("status=pending").await);
    println!(
        "accept: {delivering:.0} accepted a second over {CONNECTIONS} connections, {} a second sent on meanwhile",
        (all - waiting) / 10
    );
    drop(server);
    let floor = batched_inserts().await;
    println!("accept: floor, bare inserts of the same two rows in transactions of {CONNECTIONS}: {floor:.0} a second");
    println!("accept: ratio {:.2}", delivering / floor);
}

/// Accepted a second: each connection writes one request after the other and reads each answer, with as little work as possible,
/// since it shares the machine with the server.
async fn rate(server: &Process, key: &str, session: &str) -> f64 {
    let address = server.base.strip_prefix("http://").unwrap().to_owned();
    let began = instant();
    let senders = (0..CONNECTIONS).map(|c| {
        let body =
            json!({ "to": format!("+2376100000{:02}", c % 10), "message": "hello", "sessionId": session }).to_string();
        let head = "POST /api/v1/messages HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n";
        let length = body.len();
        let request = format!("{head}Authorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n{body}");
        tokio::spawn(post(address.clone(), request))
    });
    let accepted: usize = futures_util::future::join_all(senders).await.into_iter().map(Result::unwrap).sum();
    accepted as f64 / began.elapsed().as_secs_f64()
}

async fn post(address: String, request: String) -> usize {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.set_nodelay(true).unwrap();
    let (began, mut accepted, mut answer) = (instant(), 0, vec![0; 4096]);
    while began.elapsed() < Duration::from_secs(10) {
        connection.write_all(request.as_bytes()).await.unwrap();
        // An answer is far smaller than a packet.
        let length = connection.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("HTTP/1.1 202") && answer.ends_with('}'), "{answer}");
        accepted += 1;
    }
    accepted
}

/// Message and event rows in transactions of as many rows as there are connections: what the disk and SQLite allow.
async fn batched_inserts() -> f64 {
    let folder = folder();
    drop(Process::start(folder.path()));
    let url = format!("sqlite://{}/wamux.db", folder.path().display());
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|o| o.synchronous(sea_orm::sqlx::sqlite::SqliteSynchronous::Full));
    let db = Database::connect(options).await.unwrap();
    let (began, mut rows) = (instant(), 0usize);
    while began.elapsed() < Duration::from_secs(5) {
        let batch = db.begin().await.unwrap();
        let id = |n: usize| format!("randomblob(16),x'00',x'00',0,'3EB0{:016X}','237610000001'", rows + n);
        let messages: Vec<String> = (0..CONNECTIONS)
            .map(|n| {
                format!(
                    "({},'+237610000001',NULL,'text','hello',0,NULL,NULL,NULL,NULL,NULL,'2026-11-22T10:00:00Z')",
                    id(n)
                )
            })
            .collect();
        let columns = "id,tenant_id,session_id,direction,wire_id,peer,to_phone,from_phone,kind,text,status,error_code,error_message,\
                       sent_at,delivered_at,read_at,created_at";
        batch
            .execute_unprepared(&format!("INSERT INTO message ({columns}) VALUES {}", messages.join(",")))
            .await
            .unwrap();
        let event = "(x'00',x'00',randomblob(16),'message.accepted',NULL,'2026-11-22T10:00:00Z')";
        let events = vec![event; CONNECTIONS].join(",");
        let columns = "tenant_id,session_id,message_id,kind,payload,created_at";
        batch.execute_unprepared(&format!("INSERT INTO event ({columns}) VALUES {events}")).await.unwrap();
        batch.commit().await.unwrap();
        rows += CONNECTIONS;
    }
    rows as f64 / began.elapsed().as_secs_f64()
}

/// From the POST to the phone's screen, one message at a time, on a session that has written to the number before.
async fn screen() {
    let folder = folder();
    let server = Process::start(folder.path());
    let key = unlimited(&server, folder.path()).await;
    let caller = server.caller(&key);
    caller.link("one", "+237600000001").await;
    let phone = "+237610000001";
    caller.text(phone, "first contact").await;
    until("first contact", async || caller.screen(phone).await.len() == 1).await;
    let mut shown: Vec<(Duration, Duration)> = Vec::new();
    for n in 0..200 {
        let began = instant();
        caller.text(phone, &format!("text {n}")).await;
        let answered = began.elapsed();
        while caller.screen(phone).await.len() < n + 2 {
            tokio::task::yield_now().await;
        }
        shown.push((answered, began.elapsed()));
    }
    shown.sort_by_key(|(_, screen)| *screen);
    let at = |share: f64| shown[((shown.len() - 1) as f64 * share) as usize];
    for (name, share) in [("median", 0.5), ("p95", 0.95), ("max", 1.0)] {
        let (answered, screen) = at(share);
        println!("screen: {name} {screen:.1?} from POST to screen, of which {answered:.1?} to the 202");
    }
}

/// The process's resident memory with no session and with 1, 50 and 200, each linked by a phone of its own and having sent a text.
async fn memory() {
    let folder = folder();
    let server = Process::start(folder.path());
    let key = unlimited(&server, folder.path()).await;
    let caller = server.caller(&key);
    let empty = resident(&server);
    println!("memory: {empty} kB with no session");
    let (mut linked, mut before) = (0, empty);
    for target in [1usize, 50, 200] {
        while linked < target {
            link(&caller, linked).await;
            linked += 1;
        }
        let now = resident(&server);
        println!("memory: {now} kB with {target} connected sessions");
        if target > 1 {
            let each = (now.saturating_sub(before)) / (target as u64 - if target == 50 { 1 } else { 50 });
            println!("memory: {each} kB for each of the last ones, the simulated network's side included");
        }
        before = now;
    }
}

async fn link(caller: &Caller, n: usize) {
    let session = caller.link(&format!("s{n}"), &format!("+23760000{n:04}")).await;
    let body = json!({ "to": "+237610000001", "message": "hello", "sessionId": session });
    assert_eq!(caller.post("/messages", body).await.status, 202);
    until("delivered", async || caller.count(&format!("sessionId={session}&status=delivered")).await == 1).await;
}

fn resident(server: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
