//! Messages that nobody took in time: they fail with a sentence, and no phone shows them afterwards.

use chrono::TimeDelta;
use serde_json::json;

use crate::ground::app::{App, until};
use crate::ground::process::wamux;
use crate::ground::{Ground, on_both_databases};

on_both_databases![what_waited_too_long_for_its_session_expires_and_is_never_sent];

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

async fn what_waited_too_long_for_its_session_expires_and_is_never_sent(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    let mut events = app.caller.stream(&session, None).await;
    app.caller.post("/sandbox/faults", json!({ "fault": "refuse_connections" })).await.expect(201);
    app.caller.post("/sandbox/faults", json!({ "fault": "drop_connection" })).await.expect(201);
    events.until("error").await;
    let send = |text: &str| json!({ "to": PHONE, "message": text, "sessionId": session });
    let old = app.caller.post("/messages", send("old")).await.expect(202);
    let clock = app.server().store().clock().clone();
    clock.shift(TimeDelta::hours(24));
    app.caller.post("/messages", send("young")).await.expect(202);
    let id = old["id"].as_str().unwrap();
    let show = async || app.caller.get(&format!("/messages/{id}")).await.expect(200);
    // No fault lasts for a day, so the session comes back by itself. Whoever comes first fails the old one: its outbox, or the janitor.
    clock.shift(TimeDelta::minutes(6));
    until("expired", async || show().await["status"] == "failed").await;
    let expired = show().await;
    assert_eq!(expired["errorCode"], "expired", "{expired}");
    assert!(expired["errorMessage"].as_str().unwrap().contains("within 24 hours"), "{expired}");
    app.caller.delete("/sandbox/faults").await.expect(204);
    app.caller.until_count("status=delivered", 1).await;
    assert_eq!(app.caller.screen(PHONE).await, ["young"]);
    app.stop().await;
}

#[test]
fn a_limit_that_never_ends_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in ["never", "0s", "31days"] {
        let done = wamux(folder.path()).args(["migrate", "--message-expiry", wrong]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains("--message-expiry") && said.contains("1 minute to 30 days"), "{said}");
    }
    let empty = wamux(folder.path())
        .envs([("WAMUX_MESSAGE_EXPIRY", ""), ("WAMUX_KEEP_MESSAGES", "")])
        .arg("migrate")
        .output()
        .unwrap();
    assert!(empty.status.success(), "{}", String::from_utf8_lossy(&empty.stderr));
}
