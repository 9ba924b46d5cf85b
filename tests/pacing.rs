//! A session's pace as its tenant sets it: what is held back is pending, and holds up no other session.

use std::time::Duration;

use serde_json::{Value, json};
use wamux::clock::instant;

use crate::ground::app::{App, Caller, until};
use crate::ground::{Ground, Place, on_both_databases};

const OWN: &str = "+237600000001";
const SECOND: &str = "+237600000002";
const FRIEND: &str = "+237611111111";
const OTHER: &str = "+237622222222";

on_both_databases![
    a_session_keeps_to_its_pace_and_holds_up_no_other,
    what_is_sent_again_after_a_start_keeps_its_place,
    what_is_sent_again_after_a_start_holds_up_no_other_chat,
];

async fn send(caller: &Caller, session: &str, to: &str, text: &str) -> String {
    let body = json!({ "to": to, "message": text, "sessionId": session });
    caller.post("/messages", body).await.expect(202)["id"].as_str().unwrap().to_owned()
}

async fn a_session_keeps_to_its_pace_and_holds_up_no_other(on: Ground) {
    let app = App::start_on(on).await;
    let body = json!({ "session_key": "one", "message_jitter": 0 });
    let made = app.caller.post("/sessions", body).await.expect(201);
    let pace =
        |session: &Value| ["messagesPerMinute", "messageJitter", "simulateTyping"].map(|name| session[name].clone());
    assert_eq!(pace(&made), [Value::Null, json!(0), Value::Null]);
    app.caller.delete(&format!("/sessions/{}", made["id"].as_str().unwrap())).await.expect(204);

    let (one, two) = (app.caller.link("paced", OWN).await, app.caller.link("two", SECOND).await);
    let path = format!("/sessions/{one}");
    send(&app.caller, &one, FRIEND, "first").await;
    until("it goes at once on the sandbox", async || app.caller.screen(FRIEND).await == ["first"]).await;
    let slow = app.caller.patch(&path, json!({ "messagesPerMinute": 1, "messageJitter": 0 })).await.expect(200);
    assert_eq!(pace(&slow), [json!(1), json!(0), Value::Null]);
    for (body, field) in [
        (json!({ "messagesPerMinute": 601 }), "messagesPerMinute"),
        (json!({ "message_jitter": "much" }), "message_jitter"),
        (json!({ "simulateTyping": 1 }), "simulateTyping"),
    ] {
        let problem = app.caller.patch(&path, body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let held = send(&app.caller, &one, FRIEND, "second").await;
    send(&app.caller, &one, FRIEND, "third").await;
    for n in 0..20 {
        send(&app.caller, &two, OTHER, &format!("text {n}")).await;
    }
    until("the other session sends", async || app.caller.screen(OTHER).await.len() == 20).await;
    assert_eq!(app.caller.get(&format!("/messages/{held}")).await.expect(200)["status"], "pending");
    assert_eq!(app.caller.screen(FRIEND).await, ["first"]);
    app.caller.patch(&path, json!({ "messagesPerMinute": 0 })).await.expect(200);
    until("what was held back goes", async || app.caller.screen(FRIEND).await == ["first", "second", "third"]).await;
    app.stop().await;
}

/// Texts that the friend's phone shows, and of which nobody heard.
async fn sent_without_receipts(caller: &Caller, session: &str, count: u64) -> Vec<String> {
    caller.post("/sandbox/faults", json!({ "fault": "lose_receipts" })).await.expect(201);
    let texts: Vec<String> = (0..count).map(|n| format!("old {n}")).collect();
    for text in &texts {
        send(caller, session, FRIEND, text).await;
    }
    caller.until_count("status=sent", count).await;
    until("all are shown", async || caller.screen(FRIEND).await == texts).await;
    caller.delete("/sandbox/faults").await.expect(204);
    texts
}

async fn what_is_sent_again_after_a_start_keeps_its_place(on: Ground) {
    let app = App::start_on(on).await;
    let one = app.caller.link("one", OWN).await;
    let old = sent_without_receipts(&app.caller, &one, 20).await;
    let app = app.restart().await;
    send(&app.caller, &one, FRIEND, "new").await;
    app.caller.until_count("status=delivered", 21).await;
    assert_eq!(app.caller.screen(FRIEND).await, [old, vec!["new".to_owned()]].concat());
    app.stop().await;
}

async fn what_is_sent_again_after_a_start_holds_up_no_other_chat(on: Ground) {
    let app = App::start_on(on).await;
    let one = app.caller.link("one", OWN).await;
    let old = sent_without_receipts(&app.caller, &one, 4).await;
    let path = format!("/sessions/{one}");
    app.caller.patch(&path, json!({ "messagesPerMinute": 6, "messageJitter": 0 })).await.expect(200);
    let new = send(&app.caller, &one, OTHER, "new").await;
    // The next life's first turn is the new message's.
    let app = app.restart().await;
    until("the new one has come", async || app.caller.screen(OTHER).await == ["new"]).await;
    let status = async |id: &str| app.caller.get(&format!("/messages/{id}")).await.expect(200)["status"].clone();
    until("its receipt has come", async || status(&new).await == "delivered").await;
    assert_eq!(app.caller.count("status=sent").await, 4, "the others wait for their turns");
    app.caller.patch(&path, json!({ "messagesPerMinute": 0 })).await.expect(200);
    app.caller.until_count("status=delivered", 5).await;
    assert_eq!(app.caller.screen(FRIEND).await, old);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_typed_before_it_comes() {
    let app = App::start_at(Place::new(Ground::Sqlite)).await;
    let one = app.caller.link("one", OWN).await;
    app.caller.patch(&format!("/sessions/{one}"), json!({ "simulateTyping": true })).await.expect(200);
    let before = instant();
    // A third of a second a letter.
    send(&app.caller, &one, FRIEND, "Hello").await;
    until("it is shown", async || app.caller.screen(FRIEND).await == ["Hello"]).await;
    assert!(before.elapsed() >= Duration::from_millis(1650), "{:?}", before.elapsed());
    app.stop().await;
}
