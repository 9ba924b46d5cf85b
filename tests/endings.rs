//! Every fault of the simulated network as tenants order it, and every way that a connection can end: what the session's row and its
//! stream say of it, whether it is tried again, and what brings the session back.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};

const FIELDS: [(&str, &str); 4] =
    [("seconds", "3600"), ("count", "1000000"), ("probability", "0.25"), ("phone", "\"+237611111111\"")];

/// What may be said of each fault beside whose session it is.
const FAULTS: [(&str, &[&str]); 12] = [
    ("drop_connection", &["seconds", "count", "probability"]),
    ("refuse_connections", &["seconds", "count", "probability"]),
    ("lose_acks", &["seconds", "count", "probability", "phone"]),
    ("delay_acks", &["seconds", "count", "probability", "phone"]),
    ("repeat_stanzas", &["seconds", "count", "probability", "phone"]),
    ("reorder_stanzas", &["seconds", "count", "probability", "phone"]),
    ("lose_receipts", &["seconds", "count", "probability", "phone"]),
    ("log_out", &[]),
    ("replace", &[]),
    ("ban", &["seconds", "count"]),
    ("outdated_client", &["seconds", "count"]),
    ("silence", &["seconds"]),
];

/// How a connection ends, what its session says, and what happens when it is told to begin again. None: it comes back by itself.
const ENDINGS: [(&str, &str, Option<&str>); 6] = [
    ("drop_connection", "connection_lost", None),
    ("refuse_connections", "connection_lost", None),
    ("log_out", "logged_out", Some("qr")),
    ("replace", "replaced", Some("connected")),
    ("ban", "banned", Some("connected")),
    ("outdated_client", "client_outdated", Some("connected")),
];

fn body(fault: &str, session: &str, fields: &[&str]) -> Value {
    let mut body = json!({ "fault": fault, "sessionId": session });
    for (name, value) in FIELDS.iter().filter(|(name, _)| fields.contains(name)) {
        body[*name] = serde_json::from_str(value).unwrap();
    }
    body
}

async fn in_force(caller: &Caller) -> Vec<Value> {
    caller.get("/sandbox/faults").await.expect(200)["faults"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_takes_what_belongs_to_it_and_is_healed_alone_and_with_all_others() {
    let app = App::start().await;
    let caller = &app.caller;
    caller.post("/sandbox/phones", json!({ "phone": "+237611111111" })).await.expect(201);
    for (n, (fault, takes)) in FAULTS.iter().enumerate() {
        let session = caller.link(fault, &format!("+23760000000{n:02}")).await;
        for (field, _) in FIELDS.iter().filter(|(field, _)| !takes.contains(field)) {
            let refused = caller.post("/sandbox/faults", body(fault, &session, &[field])).await;
            let problem = refused.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], **field, "{fault}: {problem}");
        }
        let ordered = caller.post("/sandbox/faults", body(fault, &session, takes)).await.expect(201);
        for (field, value) in FIELDS.iter().filter(|(field, _)| takes.contains(field)) {
            let shown = if *field == "phone" { "peer" } else { field };
            assert_eq!(ordered[shown], serde_json::from_str::<Value>(value).unwrap(), "{fault}: {ordered}");
        }
        // What happens once, when it is ordered, is over then.
        let ids: Vec<Value> = in_force(caller).await.iter().map(|fault| fault["id"].clone()).collect();
        assert_eq!(ids, if takes.is_empty() { vec![] } else { vec![ordered["id"].clone()] }, "{fault}");
        let path = format!("/sandbox/faults/{}", ordered["id"].as_str().unwrap());
        if takes.is_empty() {
            caller.delete(&path).await.problem(404, "not_found");
        } else {
            // There are two of the kind: one is healed by its id, the other with all.
            caller.post("/sandbox/faults", body(fault, &session, takes)).await.expect(201);
            caller.delete(&path).await.expect(204);
            assert_eq!(in_force(caller).await.len(), 1, "{fault}");
            caller.delete("/sandbox/faults").await.expect(204);
        }
        assert!(in_force(caller).await.is_empty(), "{fault}");
        caller.delete(&format!("/sessions/{session}")).await.expect(204);
    }
    app.stop().await;
}

/// Lets a session's connection end in one way; back when its stream and its row have said so.
async fn end(caller: &Caller, fault: &str, code: &str, last: bool, number: usize) -> String {
    let session = caller.link(fault, &format!("+23760000000{number:02}")).await;
    let mut events = caller.stream(&session, None).await;
    events.until("connected").await;
    let ordered = json!({ "fault": fault, "sessionId": session });
    let held = caller.post("/sandbox/faults", ordered).await.expect(201);
    if fault == "refuse_connections" {
        let dropped = json!({ "fault": "drop_connection", "sessionId": session });
        caller.post("/sandbox/faults", dropped).await.expect(201);
    }
    // Some hear why only when they come back.
    let error = loop {
        let error = events.until("error").await;
        if error["final"] == last {
            break error;
        }
        assert_eq!(error["code"], "connection_lost", "{fault}: {error}");
    };
    assert_eq!((&error["code"], &error["sessionId"]), (&json!(code), &json!(session)), "{fault}: {error}");
    if fault == "refuse_connections" {
        // Each attempt is told.
        assert_eq!(events.until("error").await["final"], false, "{fault}");
    }
    let _ = caller.delete(&format!("/sandbox/faults/{}", held["id"].as_str().unwrap())).await;
    if !last {
        events.until("connected").await;
    }
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_that_a_connection_can_end_is_told_and_only_what_may_pass_by_itself_is_tried_again() {
    let app = App::start().await;
    let caller = &app.caller;
    let ended = ENDINGS.iter().enumerate().map(async |(n, (fault, code, again))| {
        let session = end(caller, fault, code, again.is_some(), n).await;
        (session, *fault, *code, *again)
    });
    let ended = join_all(ended).await;
    // All causes are gone, and the sessions that come back by themselves have done so: the others have not.
    assert!(in_force(caller).await.is_empty());
    for (session, fault, code, again) in &ended {
        let row = caller.get(&format!("/sessions/{session}")).await.expect(200);
        let says = if again.is_some() { ("failed", json!(code)) } else { ("connected", Value::Null) };
        assert_eq!((row["status"].as_str().unwrap(), row["errorCode"].clone()), says, "{fault}: {row}");
        let text = json!({ "to": "+237611111111", "message": *fault, "sessionId": session });
        let answer = caller.post("/messages", text).await;
        assert_eq!(answer.status, if again.is_some() { 409 } else { 202 }, "{fault}: {}", answer.text);
    }
    for (session, fault, _, again) in &ended {
        let Some(next) = again else { continue };
        let restarted = caller.post(&format!("/sessions/{session}/restart"), json!({})).await;
        assert!((200..300).contains(&restarted.status), "{fault}: {}", restarted.text);
        caller.stream(session, None).await.until(next).await;
    }
    until("what was accepted is delivered", async || caller.count("status=delivered").await == 2).await;
    app.stop().await;
}
