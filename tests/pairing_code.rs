//! Linking by a code that a person types into the app, in place of a QR code.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};
use crate::ground::{Ground, on_both_databases};

const OWN: &str = "+237600000001";
const OTHER: &str = "+237600000002";

on_both_databases![a_code_typed_into_the_phone_links_the_session_for_good];

/// A session that waits to be linked.
async fn waiting(caller: &Caller) -> String {
    let session = caller.post("/sessions", json!({ "session_key": "shop" })).await.expect(201);
    let id = session["id"].as_str().unwrap().to_owned();
    caller.stream(&id, None).await.until("qr").await;
    id
}

async fn ask(caller: &Caller, session: &str, phone: &str) -> Value {
    let answer = caller.post(&format!("/sessions/{session}/pairing-code"), json!({ "phone": phone })).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.expect(201)
}

async fn enter(caller: &Caller, phone: &str, code: &Value) -> crate::ground::app::Answer {
    caller.post(&format!("/sandbox/phones/{phone}/scan"), json!({ "code": code })).await
}

/// Another code than this one.
fn misread(code: &Value) -> Value {
    let code = code.as_str().unwrap();
    let last = if code.ends_with('1') { "2" } else { "1" };
    json!(format!("{}{last}", &code[..8]))
}

async fn a_code_typed_into_the_phone_links_the_session_for_good(on: Ground) {
    let app = App::start_on(on).await;
    let id = waiting(&app.caller).await;
    let mut events = app.caller.stream(&id, None).await;
    let given = ask(&app.caller, &id, "+237 600 000 001").await;
    let code = given["code"].as_str().unwrap();
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-', "ABCD-EFGH is what the app asks for, not {code}");
    assert_eq!(given["phone"], OWN);
    let left =
        given["expiresAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap() - app.server().store().clock().now();
    assert!(left > TimeDelta::minutes(2) && left <= TimeDelta::minutes(3), "{left}");
    let now = app.caller.get(&format!("/sessions/{id}")).await.expect(200);
    assert_eq!(now["status"], "qr_ready", "the QR codes go on");
    assert_eq!(enter(&app.caller, OWN, &json!(code.to_lowercase())).await.status, 204);
    assert_eq!(events.until("connected").await["phoneNumber"], OWN);
    app.caller.text(OTHER, "linked by a code").await;
    until("shown", async || app.caller.screen(OTHER).await == ["linked by a code"]).await;
    let app = app.restart().await;
    app.caller.stream(&id, None).await.until("connected").await;
    app.caller.text(OTHER, "and still so").await;
    until("shown", async || app.caller.screen(OTHER).await == ["linked by a code", "and still so"]).await;
    app.caller
        .post(&format!("/sessions/{id}/pairing-code"), json!({ "phone": OWN }))
        .await
        .problem(409, "session_not_pairing");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_links_nothing_and_the_right_one_still_does() {
    let app = App::start().await;
    let id = waiting(&app.caller).await;
    enter(&app.caller, OWN, &json!("ABCD-1234")).await.problem(409, "pairing_code_not_usable");
    let given = ask(&app.caller, &id, OWN).await;
    let wrong = enter(&app.caller, OWN, &misread(&given["code"])).await.problem(409, "pairing_code_not_usable");
    assert!(wrong["detail"].as_str().unwrap().contains("not the code"), "{wrong}");
    let now = app.caller.get(&format!("/sessions/{id}")).await.expect(200);
    assert_eq!(now["status"], "qr_ready");
    assert_eq!(ask(&app.caller, &id, OWN).await, given, "a mistake of typing costs no new code");
    assert_eq!(enter(&app.caller, OWN, &given["code"]).await.status, 204);
    app.caller.stream(&id, None).await.until("connected").await;
    enter(&app.caller, OWN, &given["code"]).await.problem(409, "pairing_code_not_usable");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_gets_the_same_code_and_another_number_another() {
    let app = App::start().await;
    let id = waiting(&app.caller).await;
    let (first, at_once) = tokio::join!(ask(&app.caller, &id, OWN), ask(&app.caller, &id, OWN));
    assert_eq!(first, at_once, "who asks while the network is being asked gets its answer too");
    assert_eq!(ask(&app.caller, &id, OWN).await, first);
    let other = ask(&app.caller, &id, OTHER).await;
    assert_ne!(other["code"], first["code"]);
    enter(&app.caller, OWN, &first["code"]).await.problem(409, "pairing_code_not_usable");
    assert_eq!(enter(&app.caller, OTHER, &other["code"]).await.status, 204);
    let connected = app.caller.stream(&id, None).await.until("connected").await;
    assert_eq!(connected["phoneNumber"], OTHER);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_links_as_ever_while_a_pairing_code_is_out() {
    let app = App::start().await;
    let id = waiting(&app.caller).await;
    let given = ask(&app.caller, &id, OTHER).await;
    let scan = app.caller.post(&format!("/sandbox/phones/{OWN}/scan"), json!({ "sessionId": id })).await;
    assert_eq!(scan.status, 204, "{}", scan.text);
    app.caller.stream(&id, None).await.until("connected").await;
    enter(&app.caller, OTHER, &given["code"]).await.problem(409, "pairing_code_not_usable");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_code_for_another_tenants_session_or_for_no_number() {
    let app = App::start().await;
    let other = app.tenant("other@example.com", "pro").await;
    let id = waiting(&app.caller).await;
    let path = |id: &str| format!("/sessions/{id}/pairing-code");
    let foreign = other.post(&path(&id), json!({ "phone": OWN })).await;
    let unknown = other.post(&path("0198f000-0000-7000-8000-000000000000"), json!({ "phone": OWN })).await;
    assert_eq!((foreign.status, &foreign.text), (404, &unknown.text));
    for phone in [json!("237600000001"), json!(7), Value::Null] {
        let problem = app.caller.post(&path(&id), json!({ "phone": phone })).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "phone", "{problem}");
    }
    app.caller.with_key(None).post(&path(&id), json!({ "phone": OWN })).await.problem(401, "invalid_api_key");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_asks_too_often_is_told_to_wait() {
    let app = App::start().await;
    let id = waiting(&app.caller).await;
    for n in 0..5 {
        ask(&app.caller, &id, &format!("+23760000001{n}")).await;
    }
    let answer = app.caller.post(&format!("/sessions/{id}/pairing-code"), json!({ "phone": OWN })).await;
    assert_eq!(answer.header("retry-after"), Some("60"));
    answer.problem(429, "rate_limited");
    let scan = app.caller.post(&format!("/sandbox/phones/{OWN}/scan"), json!({ "sessionId": id })).await;
    assert_eq!(scan.status, 204, "the QR code links all the same: {}", scan.text);
    app.stop().await;
}
