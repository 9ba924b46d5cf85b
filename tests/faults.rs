//! /sandbox/faults: what goes wrong on the network is told by the session's stream and status, and passes when it is healed.

use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

async fn inject(caller: &Caller, body: Value) -> Value {
    caller.post("/sandbox/faults", body).await.expect(201)
}

async fn status(caller: &Caller, session: &str) -> (String, Value) {
    let session = caller.get(&format!("/sessions/{session}")).await.expect(200);
    (session["status"].as_str().unwrap().to_owned(), session["errorCode"].clone())
}

/// Injects a fault and waits for the error that the session's stream tells of it.
async fn ends_with(fault: &str, code: &str) -> (App, String) {
    let app = App::start().await;
    let session = app.caller.link("one", ALICE).await;
    let mut events = app.caller.stream(&session, None).await;
    inject(&app.caller, json!({ "fault": fault, "sessionId": session })).await;
    loop {
        let error = events.until("error").await;
        if error["final"] == true {
            assert_eq!(error["code"], code, "{error}");
            break;
        }
        assert_eq!(error["code"], "connection_lost", "{error}");
    }
    assert_eq!(status(&app.caller, &session).await, ("failed".to_owned(), json!(code)));
    let refused = app.caller.post("/messages", json!({ "to": BOB, "message": "x", "sessionId": session })).await;
    refused.problem(409, "session_not_connected");
    (app, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_connection_is_told_and_comes_back_and_the_message_arrives_once() {
    let app = App::start().await;
    let session = app.caller.link("one", ALICE).await;
    let mut events = app.caller.stream(&session, None).await;
    events.until("connected").await;
    let fault = inject(&app.caller, json!({ "fault": "drop_connection", "count": 2 })).await;
    assert_eq!((&fault["fault"], &fault["count"]), (&json!("drop_connection"), &json!(2)));
    // By its name: a session that is on its way back takes what is meant for it.
    let named = json!({ "to": BOB, "message": "through all of it", "sessionId": session });
    app.caller.post("/messages", named).await.expect(202);
    let error = events.until("error").await;
    assert_eq!((&error["code"], &error["final"]), (&json!("connection_lost"), &json!(false)));
    // The second time it breaks before the session knows that it was there again.
    events.until("connected").await;
    app.caller.until_count("status=delivered", 1).await;
    assert_eq!(app.caller.screen(BOB).await, ["through all of it"]);
    assert_eq!(app.caller.get("/sandbox/faults").await.expect(200)["faults"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_logged_out_says_so_for_good() {
    let (app, _) = ends_with("log_out", "logged_out").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_replaced_says_so_for_good() {
    let (app, _) = ends_with("replace", "replaced").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_session_is_tried_again_when_the_server_starts() {
    let (app, session) = ends_with("ban", "banned").await;
    // Faults do not outlive the network that they were injected into.
    let app = app.restart().await;
    until("connected", async || status(&app.caller, &session).await == ("connected".to_owned(), Value::Null)).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_client_is_tried_again_when_the_server_starts() {
    let (app, session) = ends_with("outdated_client", "client_outdated").await;
    let app = app.restart().await;
    until("connected", async || status(&app.caller, &session).await == ("connected".to_owned(), Value::Null)).await;
    app.stop().await;
}

/// As long as the client waits before it takes a connection for dead: half a minute to a whole one.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_noticed_and_replaced_when_the_silence_ends() {
    let app = App::start().await;
    let session = app.caller.link("one", ALICE).await;
    let mut events = app.caller.stream(&session, None).await;
    events.until("connected").await;
    inject(&app.caller, json!({ "fault": "silence" })).await;
    app.caller.text(BOB, "into the silence").await;
    assert_eq!(status(&app.caller, &session).await.0, "connected");
    let error = events.until("error").await;
    assert_eq!((&error["code"], &error["final"]), (&json!("connection_lost"), &json!(false)));
    assert_eq!(app.caller.count("status=pending").await, 1);
    app.caller.delete("/sandbox/faults").await.expect(204);
    events.until("connected").await;
    app.caller.until_count("status=delivered", 1).await;
    assert_eq!(app.caller.screen(BOB).await, ["into the silence"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_ack_and_receipts_were_lost_is_sent_again_and_shows_once() {
    let app = App::start().await;
    app.caller.link("one", ALICE).await;
    inject(&app.caller, json!({ "fault": "lose_acks", "phone": BOB })).await;
    inject(&app.caller, json!({ "fault": "lose_receipts", "phone": BOB })).await;
    app.caller.text(BOB, "once").await;
    until("shown", async || app.caller.screen(BOB).await == ["once"]).await;
    // The fault is about one party: this one's ack comes, and it comes after the lost one would have.
    app.caller.text("+237633333333", "meanwhile").await;
    app.caller.until_count("status=delivered&to=%2B237633333333", 1).await;
    assert_eq!(app.caller.count("status=pending").await, 1);
    app.caller.delete("/sandbox/faults").await.expect(204);
    inject(&app.caller, json!({ "fault": "drop_connection" })).await;
    app.caller.until_count("status=delivered", 2).await;
    assert_eq!(app.caller.screen(BOB).await, ["once"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_stand_for_trouble_leave_messages_as_they_should() {
    let app = App::start().await;
    app.caller.link("one", ALICE).await;
    let mut ids = Vec::new();
    for last in 1..=6 {
        ids.push(app.caller.text(&format!("+1555000000{last}"), "hello").await);
    }
    let message = async |n: usize| app.caller.get(&format!("/messages/{}", ids[n - 1])).await.expect(200);
    for (n, want) in [(1, "failed"), (3, "delivered"), (5, "failed"), (6, "delivered"), (2, "sent"), (4, "sent")] {
        until(&format!("{n} is {want}"), async || message(n).await["status"] == want).await;
    }
    assert_eq!(message(1).await["errorCode"], "recipient_not_on_whatsapp");
    let limited = message(5).await;
    assert_eq!(limited["errorCode"], "account_limited");
    assert!(limited["errorMessage"].as_str().unwrap().contains("463"), "{limited}");
    for number in ["+15550000003", "+15550000006"] {
        assert_eq!(app.caller.screen(number).await, ["hello"]);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_harms_and_heals_only_its_own_sessions() {
    let app = App::start().await;
    let other = app.tenant("other@example.com", "pro").await;
    // Both link the same phone: devices of one account, of two tenants.
    let mine = app.caller.link("mine", ALICE).await;
    let theirs = other.link("theirs", ALICE).await;
    for body in [json!({ "fault": "ban", "sessionId": theirs }), json!({ "fault": "ban", "sessionId": mine, "x": 1 })] {
        let wrong = app.caller.post("/sandbox/faults", body).await;
        assert!([404, 422].contains(&wrong.status), "{}", wrong.text);
    }
    let never = json!({ "fault": "ban", "sessionId": "0198f000-0000-7000-8000-000000000000" });
    app.caller.post("/sandbox/faults", never).await.problem(404, "not_found");
    let fault = inject(&app.caller, json!({ "fault": "log_out" })).await;
    until("logged out", async || status(&app.caller, &mine).await.0 == "failed").await;
    assert_eq!(status(&other, &theirs).await.0, "connected");
    app.caller.delete(&format!("/sandbox/faults/{}", fault["id"].as_str().unwrap())).await.problem(404, "not_found");
    app.caller.post("/sandbox/faults", json!({ "fault": "ban" })).await.problem(409, "session_not_connected");
    let ban = inject(&other, json!({ "fault": "lose_receipts", "seconds": 3600, "probability": 0.5 })).await;
    let id = ban["id"].as_str().unwrap();
    assert_eq!(app.caller.get("/sandbox/faults").await.expect(200)["faults"], json!([]));
    app.caller.delete(&format!("/sandbox/faults/{id}")).await.problem(404, "not_found");
    app.caller.delete("/sandbox/faults").await.expect(204);
    let listed = other.get("/sandbox/faults").await.expect(200);
    assert_eq!((&listed["faults"][0]["id"], &listed["faults"][0]["probability"]), (&json!(id), &json!(0.5)));
    other.delete(&format!("/sandbox/faults/{id}")).await.expect(204);
    assert_eq!(other.get("/sandbox/faults").await.expect(200)["faults"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_linked_cannot_be_harmed() {
    let app = App::start().await;
    let session = app.caller.post("/sessions", json!({ "session_key": "new" })).await.expect(201);
    let body = json!({ "fault": "silence", "sessionId": session["id"] });
    app.caller.post("/sandbox/faults", body).await.problem(409, "session_not_connected");
    let body = json!({ "fault": "silence", "sessionId": session["id"], "count": 2 });
    app.caller.post("/sandbox/faults", body).await.problem(422, "validation_failed");
    app.stop().await;
}
