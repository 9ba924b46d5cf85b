//! `/messages`: accepted once, limited, found again.

use serde_json::json;

use crate::ground::app::App;
use crate::ground::{Ground, on_both_databases};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

on_both_databases![
    an_accepted_text_is_answered_as_published,
    without_a_connected_session_nothing_is_accepted,
    the_same_request_with_an_idempotency_key_is_done_once,
    an_answer_given_before_holds_when_the_session_is_gone,
    everything_wrong_with_a_send_is_said_at_once,
    messages_are_filtered_and_paged,
];

async fn an_accepted_text_is_answered_as_published(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", OWN).await;
    let answer = app.caller.post("/messages", json!({ "to": "+237 611-111.111", "message": "Hello" })).await;
    for header in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "x-request-id"] {
        assert!(answer.header(header).is_some(), "{header}");
    }
    assert_eq!(answer.header("ratelimit-remaining"), Some("9999"));
    let accepted = answer.expect(202);
    let want = json!({ "id": accepted["id"], "toPhone": PHONE, "type": "text", "status": "pending" });
    assert_eq!(accepted, want);
    let message = app.caller.get(&format!("/messages/{}", accepted["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((message["message"].as_str(), message["direction"].as_str()), (Some("Hello"), Some("outbound")));
    app.stop().await;
}

async fn without_a_connected_session_nothing_is_accepted(on: Ground) {
    let app = App::start_on(on).await;
    let body = json!({ "to": PHONE, "message": "x" });
    app.caller.post("/messages", body.clone()).await.problem(409, "session_not_connected");
    let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
    let named = json!({ "to": PHONE, "message": "x", "sessionId": session["id"] });
    app.caller.post("/messages", named).await.problem(409, "session_not_connected");
    let by_key = json!({ "to": PHONE, "message": "x", "session_key": "one" });
    app.caller.post("/messages", by_key).await.problem(409, "session_not_connected");
    let unknown = json!({ "to": PHONE, "message": "x", "sessionKey": "nobody" });
    app.caller.post("/messages", unknown).await.problem(404, "not_found");
    assert_eq!(app.caller.count("").await, 0);
    app.stop().await;
}

async fn the_same_request_with_an_idempotency_key_is_done_once(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", OWN).await;
    let send = async |key: &str, text: &str| {
        let body = json!({ "to": PHONE, "message": text });
        let request = app.caller.request(reqwest::Method::POST, "/messages").header("Idempotency-Key", key).json(&body);
        app.caller.send(request).await
    };
    let first = send("key-1", "once").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, None));
    let again = send("key-1", "once").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(again.text, first.text);
    send("key-1", "other").await.problem(422, "idempotency_key_reused");
    send("not visible\t", "x").await.problem(422, "validation_failed");
    let both = futures_util::future::join(send("key-2", "race"), send("key-2", "race")).await;
    let statuses = [both.0.status, both.1.status];
    assert!(statuses.contains(&202) && statuses.iter().all(|s| [202, 409].contains(s)), "{statuses:?}");
    assert_eq!(app.caller.count("").await, 2);
    app.caller.until_count("status=delivered", 2).await;
    assert_eq!(app.caller.screen(PHONE).await, ["once", "race"]);
    app.stop().await;
}

async fn an_answer_given_before_holds_when_the_session_is_gone(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    let send = async || {
        let body = json!({ "to": PHONE, "message": "once", "sessionId": session });
        let request = app.caller.request(reqwest::Method::POST, "/messages").header("Idempotency-Key", "k").json(&body);
        app.caller.send(request).await
    };
    let first = send().await.expect(202);
    app.caller.delete(&format!("/sessions/{session}")).await.expect(204);
    assert_eq!(send().await.expect(202), first);
    app.stop().await;
}

async fn everything_wrong_with_a_send_is_said_at_once(on: Ground) {
    let app = App::start_on(on).await;
    let body = json!({ "to": "12345", "message": "", "sessionId": "x", "colour": 1 });
    let answer = app.caller.post("/messages", body).await;
    assert_eq!(answer.header("ratelimit-remaining"), Some("10000"));
    let problem = answer.problem(422, "validation_failed");
    let mut fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["colour", "message", "sessionId", "to"]);
    let long = json!({ "to": PHONE, "message": "é".repeat(4097) });
    app.caller.post("/messages", long).await.problem(422, "validation_failed");
    app.stop().await;
}

async fn messages_are_filtered_and_paged(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    for n in 0..7 {
        app.caller.text(if n % 2 == 0 { PHONE } else { "+237622222222" }, &format!("m{n}")).await;
    }
    app.caller.until_count("status=delivered", 7).await;
    assert_eq!(app.caller.count("to=%2B237611111111").await, 4);
    assert_eq!(app.caller.count(&format!("sessionId={session}&type=text&direction=outbound")).await, 7);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.caller.get(&format!("/messages?limit=3{cursor}")).await.expect(200);
        seen.extend(page["messages"].as_array().unwrap().iter().map(|m| m["message"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..7).rev().map(|n| format!("m{n}")).collect::<Vec<_>>());
    for bad in ["limit=0", "limit=101", "limit=x", "status=lost", "colour=1", "to=1", "sessionId=x", "offset=-1"] {
        app.caller.get(&format!("/messages?{bad}")).await.problem(422, "validation_failed");
    }
    app.stop().await;
}
