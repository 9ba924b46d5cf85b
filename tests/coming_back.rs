//! A deploy: the server stops in order and another one starts. Every session comes back by itself, paced, linked as before, and never
//! with two clients at once.

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::ground::app::{App, until};
use crate::ground::gate::Gate;
use crate::ground::process::Process;
use crate::ground::{Ground, Place};

const SESSIONS: usize = 40;
/// So many sessions may be on their way to the network at once (`actors/system/starting.rs`).
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn sessions_come_back_after_a_deploy_so_many_at_a_time_and_no_device_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let gate = Gate::before(network.address()).await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&gate.url())).await;
    let linked = stream::iter(0..SESSIONS).map(|n| {
        let caller = app.caller.clone();
        async move { caller.link(&format!("s{n}"), &format!("+2376000000{n:02}")).await }
    });
    let sessions: Vec<String> = linked.buffer_unordered(8).collect().await;
    until("only linked devices are there", async || gate.seen().connected == SESSIONS).await;

    // Nobody is let in: so many knock, and the others wait for their turn at home.
    gate.close();
    gate.forget();
    let app = app.restart().await;
    until("the first knock", async || gate.seen().waiting == AT_ONCE).await;
    until("the old ones are gone", async || gate.seen().connected == AT_ONCE).await;
    // One goes in, and one comes after it; and so on.
    for n in 1..=SESSIONS {
        gate.let_in(1);
        let come = (AT_ONCE + n).min(SESSIONS);
        until(&format!("{come} have come"), async || gate.seen().arrivals.len() == come).await;
    }
    for session in &sessions {
        app.caller.stream(session, None).await.until("connected").await;
    }
    let seen = gate.seen();
    assert_eq!((seen.arrivals.len(), seen.most_waiting), (SESSIONS, AT_ONCE));
    assert!(seen.most_connected <= SESSIONS, "{} devices had two clients", seen.most_connected - SESSIONS);
    let rows = app.caller.get("/sessions").await.expect(200);
    for session in rows["sessions"].as_array().unwrap() {
        assert_eq!((&session["status"], &session["errorCode"]), (&json!("connected"), &json!(null)), "{session}");
    }
    app.stop().await;
}
