//! `/sessions`: created, listed, watched, deleted, and nobody else's business.

use serde_json::{Value, json};

use crate::ground::app::App;
use crate::ground::{Ground, on_both_databases};

on_both_databases![
    a_new_session_shows_qr_codes_until_one_is_scanned,
    a_stream_resumes_after_the_last_event_without_loss,
    sessions_are_listed_newest_first,
    a_taken_key_is_a_conflict_and_a_full_plan_a_limit,
    what_is_no_session_is_refused_field_by_field,
    another_tenants_session_is_answered_like_one_that_never_existed,
];

async fn a_new_session_shows_qr_codes_until_one_is_scanned(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.post("/sessions", json!({ "session_key": "my-session" })).await.expect(201);
    let id = session["id"].as_str().unwrap();
    assert_eq!(session["status"], "initializing");
    assert_eq!(session["sessionKey"], "my-session");
    assert_eq!(session["streamUrl"], format!("/api/v1/sessions/{id}/stream"));
    for absent in ["phoneNumber", "connectedAt"] {
        assert_eq!(session[absent], Value::Null);
    }
    let mut events = app.caller.stream(id, None).await;
    assert_eq!(events.status, 200);
    let qr = events.until("qr").await;
    assert_eq!(qr["sessionId"], id);
    assert!(qr["qrImage"].as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
    assert_eq!(qr["qr"].as_str().unwrap().split(',').count(), 5);
    let again = app.caller.stream(id, None).await.until("qr").await;
    assert_eq!(again, qr, "who comes later sees the code that is valid now");
    let now = app.caller.get(&format!("/sessions/{id}")).await.expect(200);
    assert_eq!(now["status"], "qr_ready");
    app.caller.get("/sandbox/phones/+237600000001/messages").await.problem(404, "phone_not_found");
    app.caller.post("/sandbox/phones", json!({ "phone": "+237600000001" })).await.expect(201);
    assert_eq!(app.caller.post("/sandbox/phones/%2B237600000001/scan", json!({ "sessionId": id })).await.status, 204);
    let connected = events.until("connected").await;
    assert_eq!(connected["phoneNumber"], "+237600000001");
    let now = app.caller.get(&format!("/sessions/{id}")).await.expect(200);
    assert_eq!((now["status"].as_str(), now["phoneNumber"].as_str()), (Some("connected"), Some("+237600000001")));
    app.caller
        .post("/sandbox/phones/+237600000001/scan", json!({ "sessionId": id }))
        .await
        .problem(409, "session_not_pairing");
    app.stop().await;
}

async fn a_stream_resumes_after_the_last_event_without_loss(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", "+237600000001").await;
    let mut events = app.caller.stream(&id, None).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.name, "connected");
    let mut again = app.caller.stream(&id, Some(&first.id)).await;
    assert_eq!(again.next().await.unwrap().id, first.id, "who missed nothing is told how things stand");
    drop((events, again));
    app.sandbox().drop_connection(&"+237600000001".parse().unwrap());
    let mut live = app.caller.stream(&id, Some(&first.id)).await;
    live.until("error").await;
    live.until("connected").await;
    let mut resumed = app.caller.stream(&id, Some(&first.id)).await;
    let names = [resumed.next().await.unwrap().name, resumed.next().await.unwrap().name];
    assert_eq!(names, ["error", "connected"]);
    app.stop().await;
}

async fn sessions_are_listed_newest_first(on: Ground) {
    let app = App::start_on(on).await;
    for key in ["one", "two", "three"] {
        app.caller.post("/sessions", json!({ "sessionKey": key })).await.expect(201);
    }
    let list = app.caller.get("/sessions").await.expect(200);
    let keys: Vec<_> = list["sessions"].as_array().unwrap().iter().map(|s| s["sessionKey"].clone()).collect();
    assert_eq!((keys, list["total"].as_u64()), (vec![json!("three"), json!("two"), json!("one")], Some(3)));
    app.stop().await;
}

async fn a_taken_key_is_a_conflict_and_a_full_plan_a_limit(on: Ground) {
    let app = App::free_on(on).await;
    for n in 0..10 {
        app.caller.post("/sessions", json!({ "session_key": format!("s{n}") })).await.expect(201);
    }
    let full = app.caller.post("/sessions", json!({ "session_key": "s10" })).await;
    assert!(full.header("retry-after").is_some());
    full.problem(429, "session_limit_reached");
    let id = app.caller.get("/sessions").await.expect(200)["sessions"][0]["id"].as_str().unwrap().to_owned();
    app.caller.delete(&format!("/sessions/{id}")).await.expect(204);
    app.caller.post("/sessions", json!({ "session_key": "s0" })).await.problem(409, "session_key_taken");
    app.caller.post("/sessions", json!({ "session_key": "s9" })).await.expect(201);
    app.stop().await;
}

async fn what_is_no_session_is_refused_field_by_field(on: Ground) {
    let app = App::start_on(on).await;
    for (body, field) in [
        (json!({}), "session_key"),
        (json!({ "session_key": "" }), "session_key"),
        (json!({ "session_key": "x".repeat(101) }), "session_key"),
        (json!({ "session_key": 7 }), "session_key"),
        (json!({ "session_key": "a", "colour": "green" }), "colour"),
    ] {
        let problem = app.caller.post("/sessions", body.clone()).await.problem(422, "validation_failed");
        let fields: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
        assert!(fields.iter().any(|f| f.eq_ignore_ascii_case(field) || *f == "sessionKey"), "{body} {problem}");
    }
    app.stop().await;
}

async fn another_tenants_session_is_answered_like_one_that_never_existed(on: Ground) {
    let app = App::start_on(on).await;
    let other = app.tenant("other@example.com", "free").await;
    let session = app.caller.post("/sessions", json!({ "session_key": "mine" })).await.expect(201);
    let id = session["id"].as_str().unwrap();
    let never = "0198f000-0000-7000-8000-000000000000";
    let phones = json!({ "phone": "+237600000001" });
    other.post("/sandbox/phones", phones).await.expect(201);
    for (method, path) in [
        ("GET", "/sessions/{}"),
        ("DELETE", "/sessions/{}"),
        ("GET", "/sessions/{}/stream"),
        ("PATCH", "/sessions/{}"),
        ("POST", "/sessions/{}/restart"),
        ("POST", "/sessions/{}/logout"),
    ] {
        let ask = async |id: &str| {
            let request = other.request(method.parse().unwrap(), &path.replace("{}", id));
            let request = if method == "PATCH" { request.json(&json!({ "colour": "green" })) } else { request };
            let answer = other.send(request.header("X-Request-Id", "same")).await;
            (answer.status, answer.text)
        };
        assert_eq!(ask(id).await, ask(never).await, "{method} {path}");
        assert_eq!(ask(id).await.0, 404, "{method} {path}");
    }
    let scan = async |id: &str| {
        let request = other.request(reqwest::Method::POST, "/sandbox/phones/+237600000001/scan");
        let answer = other.send(request.header("X-Request-Id", "same").json(&json!({ "sessionId": id }))).await;
        (answer.status, answer.text)
    };
    assert_eq!(scan(id).await, scan(never).await);
    let send = async |id: &str| {
        let body = json!({ "to": "+237611111111", "message": "x", "sessionId": id });
        let request = other.request(reqwest::Method::POST, "/messages").header("X-Request-Id", "same").json(&body);
        let answer = other.send(request).await;
        (answer.status, answer.text)
    };
    assert_eq!(send(id).await, send(never).await);
    app.stop().await;
}
