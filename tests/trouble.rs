//! A database in trouble under a running server: callers are told to come back, nothing accepted is lost, and it gets over it by itself.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Method;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wamux::clock::instant;
use wamux::config::Config;
use wamux::server::Server;

use crate::ground::app::{Answer, App, Caller, tenant, until};
use crate::ground::postgres::Postgres;
use crate::ground::process::{Process, clean};
use crate::ground::tunnel::Tunnel;
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";
/// Callers hear of trouble within this time, whatever it is.
const AT_LONGEST: Duration = Duration::from_secs(25);

/// Sends until a send is refused, which says when to come back; the texts that were accepted.
fn sending(caller: &Caller, session: &str) -> JoinHandle<Vec<String>> {
    let (caller, session) = (caller.clone(), session.to_owned());
    tokio::spawn(async move {
        let mut accepted = Vec::new();
        loop {
            let (text, began) = (format!("text {}", accepted.len()), instant());
            let body = json!({ "to": PHONE, "message": text, "sessionId": session });
            let answer = caller.post("/messages", body).await;
            if answer.status == 202 {
                accepted.push(text);
                continue;
            }
            is_told_to_come_back(answer);
            assert!(began.elapsed() < AT_LONGEST, "{:?}", began.elapsed());
            return accepted;
        }
    })
}

fn is_told_to_come_back(answer: Answer) {
    assert!(answer.header("retry-after").is_some(), "{}", answer.text);
    answer.problem(503, "not_ready");
}

async fn is_not_ready(caller: &Caller, why: &str) {
    let unready = caller.get("/health/ready").await;
    assert!(unready.header("retry-after").is_some());
    let problem = unready.problem(503, "not_ready");
    assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    caller.get("/health/live").await.expect(200);
}

/// Everything that was promised arrives, once and in order, and what comes afterwards as well.
pub async fn gets_over_it(caller: &Caller, accepted: &[String], received: u64) {
    until("ready again", async || caller.get("/health/ready").await.status == 200).await;
    // One that was answered 503 may stand all the same, so each is another.
    let tries = AtomicU32::new(0);
    until("accepted again", async || {
        let text = format!("after, attempt {}", tries.fetch_add(1, Ordering::Relaxed));
        caller.post("/messages", json!({ "to": PHONE, "message": text })).await.status == 202
    })
    .await;
    until("all are delivered", async || {
        let outbound = caller.count("direction=outbound").await;
        caller.count("direction=outbound&status=delivered").await == outbound
    })
    .await;
    caller.until_count("direction=inbound", received).await;
    let shown = caller.screen(PHONE).await;
    let mut once = shown.clone();
    once.dedup();
    assert_eq!(once, shown, "shown twice");
    // The answer to a commit may have been lost; then the message is there all the same.
    let promised: Vec<_> = shown.into_iter().filter(|text| accepted.contains(text)).collect();
    assert_eq!(promised, accepted, "missing or out of order");
}

async fn a_host_vanishes(comes_back: fn(&Tunnel)) {
    let (_postgres, tunnel, _folder, server, caller) = beyond_a_tunnel().await;
    let session = caller.link("one", OWN).await;
    caller.text(PHONE, "before").await;
    caller.until_count("status=delivered", 1).await;

    let sending = sending(&caller, &session);
    caller.until_count("direction=outbound", 20).await;
    tunnel.stop_up();
    let accepted = sending.await.unwrap();
    assert!(accepted.len() >= 19, "{}", accepted.len());
    let began = instant();
    is_told_to_come_back(caller.get("/messages").await);
    assert!(began.elapsed() < AT_LONGEST, "{:?}", began.elapsed());
    is_not_ready(&caller, "the database does not answer").await;
    // The network goes on meanwhile: what it brings cannot be kept now, and must come again.
    let said = "meanwhile".to_owned().try_into().unwrap();
    server.sandbox().unwrap().write(&PHONE.parse().unwrap(), &OWN.parse().unwrap(), &said).await.unwrap();

    comes_back(&tunnel);
    gets_over_it(&caller, &accepted, 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_host_that_vanishes_without_a_word_and_comes_back_loses_nothing() {
    a_host_vanishes(Tunnel::open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_host_that_vanishes_without_a_word_and_knows_nothing_afterwards_loses_nothing() {
    a_host_vanishes(Tunnel::reset).await;
}

/// A session whose making is committed, and nobody hears of it. Its id, when the database is there again.
async fn made_unheard(caller: &Caller, postgres: &Postgres, tunnel: &Tunnel, once: Option<&str>) -> String {
    let mut straight = ConnectOptions::new(postgres.url());
    straight.max_connections(1);
    let straight = Database::connect(straight).await.unwrap();
    let hold = "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$; \
        CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON session DEFERRABLE INITIALLY DEFERRED \
          FOR EACH ROW EXECUTE FUNCTION hold(); \
        SELECT pg_advisory_lock(7)";
    straight.execute_unprepared(hold).await.unwrap();
    let found = async |sql: &str| {
        let row = straight.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
        row.map(|row| row.try_get_by_index::<String>(0).unwrap())
    };
    let mut request = caller.request(Method::POST, "/sessions").json(&json!({ "session_key": "one" }));
    if let Some(once) = once {
        request = request.header("Idempotency-Key", once);
    }
    let making = tokio::spawn({
        let caller = caller.clone();
        async move { caller.send(request).await }
    });
    let waits = "SELECT 'it waits' FROM pg_locks JOIN pg_database ON pg_database.oid = database \
        WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()";
    until("about to be committed", async || found(waits).await.is_some()).await;
    tunnel.stop_up();
    straight.execute_unprepared("SELECT pg_advisory_unlock(7)").await.unwrap();
    let made = "SELECT id::text FROM session";
    until("committed", async || found(made).await.is_some()).await;
    is_told_to_come_back(making.await.unwrap());
    tunnel.reset();
    let id = found(made).await.unwrap();
    straight.close().await.unwrap();
    id
}

async fn beyond_a_tunnel() -> (Postgres, Tunnel, TempDir, Server, Caller) {
    let postgres = Postgres::start();
    let tunnel = Tunnel::to(postgres.socket()).await;
    let folder = tempfile::tempdir().unwrap();
    let plain = Config::in_folder(folder.path().to_owned());
    let config = Config { database: postgres.url_at(tunnel.addr).parse().unwrap(), ..plain };
    let server = Server::start(config.clone()).await.unwrap();
    let caller = Caller::new(format!("http://{}", server.addr), Some(tenant(&config, "you@example.com", "pro").await));
    (postgres, tunnel, folder, server, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_whose_making_nobody_heard_is_run_all_the_same() {
    let (postgres, tunnel, _folder, server, caller) = beyond_a_tunnel().await;
    let id = made_unheard(&caller, &postgres, &tunnel, None).await;
    until("it runs", async || caller.get(&format!("/sessions/{id}/qr")).await.status == 200).await;
    caller.scan(&id, OWN).await;
    caller.delete(&format!("/sessions/{id}")).await.expect(204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_repeats_the_making_of_a_session_finds_it_running() {
    let (postgres, tunnel, _folder, server, caller) = beyond_a_tunnel().await;
    let id = made_unheard(&caller, &postgres, &tunnel, Some("once")).await;
    let again = async || {
        let request = caller.request(Method::POST, "/sessions").header("Idempotency-Key", "once");
        caller.send(request.json(&json!({ "session_key": "one" }))).await
    };
    let answer = loop {
        match again().await {
            answer if answer.status == 503 => is_told_to_come_back(answer),
            answer => break answer,
        }
    };
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(answer.expect(201)["id"], id.as_str());
    caller.delete(&format!("/sessions/{id}")).await.expect(204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_file_that_another_program_holds_is_waited_for() {
    let app = App::start().await;
    let session = app.caller.link("one", OWN).await;
    let other = format!("sqlite://{}", app.folder().join("wamux.db").display());
    let mut other = ConnectOptions::new(other);
    other.max_connections(1);
    let other = Database::connect(other).await.unwrap();

    let sending = sending(&app.caller, &session);
    app.caller.until_count("direction=outbound", 20).await;
    let began = instant();
    while other.execute_unprepared("BEGIN IMMEDIATE").await.is_err() {
        assert!(began.elapsed() < AT_LONGEST, "the lock was never free");
    }
    let accepted = sending.await.unwrap();
    is_not_ready(&app.caller, "the database is held by another program").await;
    // What is there can be read.
    assert!(app.caller.count("direction=outbound").await >= 20);
    let said = "meanwhile".to_owned().try_into().unwrap();
    app.sandbox().write(&PHONE.parse().unwrap(), &OWN.parse().unwrap(), &said).await.unwrap();
    other.execute_unprepared("ROLLBACK").await.unwrap();
    gets_over_it(&app.caller, &accepted, 1).await;
    other.close().await.unwrap();
    app.stop().await;
}

/// The operating system refuses to let its files grow, as a full disk does. Nothing else in the process is written to.
fn let_files_grow(server: &Process, limit: &str) {
    let pid = server.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={limit}:")]).status().unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_more_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let place = Place::new(Ground::Sqlite).beside(&network.network());
    // A process that may not write further is killed for trying, unless it said that it wants to hear of it.
    let mut command = clean(Command::new("sh"), place.folder());
    command.env("WAMUX_SANDBOX_URL", network.network());
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_wamux")]);
    let server = Process::spawn(command, "serve", place.folder(), None);
    let key = server.key("you@example.com");
    server.set_plan("you@example.com", "pro");
    let caller = server.caller(&key);
    let session = caller.link("one", OWN).await;

    let sending = sending(&caller, &session);
    caller.until_count("direction=outbound", 20).await;
    let_files_grow(&server, "1");
    let accepted = sending.await.unwrap();
    assert!(accepted.len() >= 19, "{}", accepted.len());
    is_not_ready(&caller, "its disk").await;
    assert!(caller.count("direction=outbound").await >= 19);
    let write = format!("{}/sandbox/phones/{PHONE}/messages", network.base);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let written = client.post(write).json(&json!({ "to": OWN, "message": "meanwhile" })).send().await.unwrap();
    assert_eq!(written.status().as_u16(), 201);
    // Again and again, nothing is half done.
    for _ in 0..3 {
        is_told_to_come_back(caller.post("/sessions", json!({ "session_key": "two" })).await);
    }
    let_files_grow(&server, "unlimited");
    gets_over_it(&caller, &accepted, 1).await;
    let sessions = caller.get("/sessions").await.expect(200);
    assert_eq!((&sessions["total"], &sessions["sessions"][0]["status"]), (&json!(1), &json!("connected")));
    let (status, _) = server.terminate();
    assert!(status.success(), "{status}");
}
