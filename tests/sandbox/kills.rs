//! The network and a server as processes of their own: either is killed, and neither loses what it had promised.

use serde_json::json;

use crate::ground::app::until;
use crate::ground::process::Process;
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_cannot_write_its_file_ends_with_an_error() {
    const FULL: &str =
        "CREATE TRIGGER full BEFORE INSERT ON account BEGIN SELECT RAISE(ABORT, 'as if the disk were full'); END";
    let folder = tempfile::tempdir().unwrap();
    let mut network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let file = format!("sqlite://{}", folder.path().join("sandbox.db").display());
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect(&file).await.unwrap();
    sqlx::raw_sql(FULL).execute(&mut other).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let made = client.post(format!("{}/sandbox/phones", network.base)).json(&json!({ "phone": OWN })).send().await;
    assert!(made.is_ok_and(|made| made.status().is_server_error()));
    let mut status = None;
    until("ended", async || {
        status = network.ended();
        status.is_some()
    })
    .await;
    assert_eq!(status.unwrap().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_its_network_outlive_kills_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    // An address of this machine that no other socket takes a port of, as it is to be had again.
    let network = Process::sandbox(folder.path(), "127.9.0.2:0");
    let place = Place::new(Ground::Sqlite).beside(&network.network());
    let server = Process::start_on(&place);
    let key = server.key("you@example.com");
    let caller = server.caller(&key);
    let id = caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201)["id"].clone();
    let id = id.as_str().unwrap();
    let mut events = caller.stream(id, None).await;
    events.until("qr").await;
    caller.post("/sandbox/phones", json!({ "phone": OWN, "name": "Ada" })).await.expect(201);
    caller.post(&format!("/sandbox/phones/{OWN}/scan"), json!({ "sessionId": id })).await.expect(204);
    events.until("connected").await;
    caller.text(PHONE, "before").await;
    caller.until_count("status=delivered&direction=outbound", 1).await;
    let back = json!({ "to": OWN, "message": "hi back" });
    caller.post(&format!("/sandbox/phones/{PHONE}/messages"), back).await.expect(201);
    caller.until_count("direction=inbound", 1).await;

    // The network dies: the server says so, takes what it can send later, and comes back to the network that comes back.
    let at = network.address().to_owned();
    network.kill();
    let lost = events.until("error").await;
    assert_eq!((lost["code"].as_str(), lost["final"].as_bool()), (Some("connection_lost"), Some(false)), "{lost}");
    caller.get(&format!("/sandbox/phones/{PHONE}/messages")).await.problem(503, "sandbox_unreachable");
    let named = json!({ "to": PHONE, "message": "while it was away", "sessionId": id });
    caller.post("/messages", named).await.expect(202);
    let network = Process::sandbox(folder.path(), &at);
    events.until("connected").await;
    caller.until_count("status=delivered&direction=outbound", 2).await;

    // The server dies: what is written to it meanwhile waits in the network.
    server.kill();
    let write = format!("{}/sandbox/phones/{PHONE}/messages", network.base);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let written = client.post(write).json(&json!({ "to": OWN, "message": "are you there?" })).send().await.unwrap();
    assert_eq!(written.status().as_u16(), 201);
    let server = Process::start_on(&place);
    let caller = server.caller(&key);
    // The row may still say so from before; the stream tells what is.
    caller.stream(id, None).await.until("connected").await;
    caller.until_count("direction=inbound", 2).await;
    caller.text(PHONE, "after").await;
    caller.until_count("status=delivered&direction=outbound", 3).await;
    let theirs: Vec<String> = caller.screen(PHONE).await;
    assert_eq!(theirs, ["before", "hi back", "while it was away", "are you there?", "after"]);

    let (status, took) = network.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
    let (status, took) = server.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
}
