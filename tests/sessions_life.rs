//! What a tenant does to a session once it is there: restart it, log it out, rename it, send it through a proxy.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use wamux::domain::content::Content;
use wamux::domain::error::Code;
use wamux::domain::id::MessageId;
use wamux::domain::request::Cause;
use wamux::domain::session::Status;
use wamux::domain::session::life::Fault;
use wamux::store::accept::{AcceptJob, Outcome, Sender};
use wamux::store::sessions::Record;

use crate::ground::app::{App, Caller, until};
use crate::ground::{Ground, on_both_databases};

on_both_databases![
    a_restarted_session_connects_anew_and_sends,
    a_logged_out_session_is_gone_from_the_phone_and_can_be_linked_to_another,
    what_one_account_sent_never_leaves_from_another,
    a_session_that_is_not_connected_reaches_the_network_once_more_to_log_out,
    a_session_whose_codes_ran_out_shows_new_ones_after_a_restart,
    a_renamed_session_is_found_by_its_new_key_at_once,
    of_many_names_at_once_the_one_that_stands_is_the_one_that_works,
    a_proxy_is_sealed_and_shown_without_its_password,
    a_session_that_another_server_took_is_taken_back_by_a_restart,
    a_session_in_quarantine_is_brought_back_by_a_restart,
    a_row_that_cannot_be_read_keeps_no_other_session_from_running,
];

const ALICE: &str = "+237600000001";
const ANNA: &str = "+237600000002";
const BOB: &str = "+237611111111";

async fn linked(app: &App, phone: &str) -> usize {
    app.server().sandbox().unwrap().linked(&phone.parse().unwrap()).await.unwrap()
}

async fn show(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/sessions/{id}")).await.expect(200)
}

async fn arrives(caller: &Caller, text: &str) {
    until(text, async || caller.screen(BOB).await.iter().any(|shown| shown == text)).await;
}

async fn a_restarted_session_connects_anew_and_sends(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    let mut events = app.caller.stream(&id, None).await;
    events.until("connected").await;
    let restarted = app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    assert_eq!((&restarted["id"], &restarted["phoneNumber"]), (&json!(id), &json!(ALICE)));
    assert_ne!(restarted["status"], "failed");
    app.caller.post("/messages", json!({ "to": BOB, "message": "on its way", "sessionId": id })).await.expect(202);
    events.until("connected").await;
    arrives(&app.caller, "on its way").await;
    assert_eq!(linked(&app, ALICE).await, 1, "it is the same device");
    app.stop().await;
}

async fn a_logged_out_session_is_gone_from_the_phone_and_can_be_linked_to_another(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    let mut events = app.caller.stream(&id, None).await;
    events.until("connected").await;
    let out = app.caller.post(&format!("/sessions/{id}/logout"), Value::Null).await.expect(202);
    assert_eq!((&out["status"], &out["errorCode"]), (&json!("failed"), &json!("logged_out")));
    assert_eq!((&out["phoneNumber"], &out["sessionKey"]), (&Value::Null, &json!("one")));
    let error = events.until("error").await;
    assert_eq!((&error["code"], &error["final"]), (&json!("logged_out"), &json!(true)));
    until("unlinked on the phone", async || linked(&app, ALICE).await == 0).await;
    let send = json!({ "to": BOB, "message": "no", "sessionId": id });
    app.caller.post("/messages", send).await.problem(409, "session_not_connected");
    let again = app.caller.post(&format!("/sessions/{id}/logout"), Value::Null).await.expect(202);
    assert_eq!(again["errorCode"], "logged_out");

    // A restart of the server changes nothing about it; one of the session shows a new code, for any phone.
    let app = app.restart().await;
    assert_eq!(show(&app.caller, &id).await["errorCode"], "logged_out");
    let restarted = app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    assert_eq!(restarted["errorCode"], Value::Null);
    app.caller.scan(&id, ANNA).await;
    assert_eq!(show(&app.caller, &id).await["phoneNumber"], ANNA);
    app.caller.text(BOB, "from another phone").await;
    arrives(&app.caller, "from another phone").await;
    assert_eq!((linked(&app, ALICE).await, linked(&app, ANNA).await), (0, 1));
    app.stop().await;
}

async fn what_one_account_sent_never_leaves_from_another(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    let fault = json!({ "fault": "lose_receipts", "phone": BOB });
    app.caller.post("/sandbox/faults", fault).await.expect(201);
    app.caller.text(BOB, "from Alice").await;
    arrives(&app.caller, "from Alice").await;
    app.caller.until_count("status=sent", 1).await;
    app.caller.delete("/sandbox/faults").await.expect(204);
    app.caller.post(&format!("/sessions/{id}/logout"), Value::Null).await.expect(202);
    app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    app.caller.scan(&id, ANNA).await;

    // Another server that still knows the old account accepts nothing for it.
    let store = app.server().store();
    let accept = async |wire_id: &str, phone: &str| {
        let (told, committed) = tokio::sync::oneshot::channel();
        store.accept(AcceptJob {
            tenant: store.tenant_of(&"you@example.com".parse().unwrap()).await.unwrap(),
            session: Ok(Sender { session: id.parse().unwrap(), phone: Some(phone.parse().unwrap()) }),
            id: MessageId(store.clock().id()),
            wire_id: wire_id.to_owned(),
            to: BOB.parse().unwrap(),
            content: Content::Text("accepted for Alice".to_owned().try_into().unwrap()),
            cause: Cause::default(),
            at: store.clock().now(),
            once: None,
            answer: Vec::new(),
            done: Box::new(move |outcome| told.send(outcome).unwrap()),
        });
        committed.await.unwrap().unwrap()
    };
    let refused = accept("3EB0LATE", ALICE).await;
    assert!(matches!(&refused, Outcome::Refused(why) if why.code == Code::SessionNotConnected), "{refused:?}");
    // A new outbox sends again what was never receipted, and finds what an older version let through.
    assert!(matches!(accept("3EB0ALICE", ANNA).await, Outcome::Accepted(_)));
    let older = format!("UPDATE message SET from_phone = '{ALICE}' WHERE wire_id = '3EB0ALICE'");
    let older = store.write(move |batch| Box::pin(async move { batch.execute_unprepared(&older).await.map(drop) }));
    older.await.unwrap();
    let app = app.restart().await;
    app.caller.until_count("status=failed", 1).await;
    until("connected", async || show(&app.caller, &id).await["status"] == "connected").await;
    // It goes out after all that was due before it.
    app.caller.text(BOB, "from Anna").await;
    arrives(&app.caller, "from Anna").await;
    assert_eq!(app.caller.screen(BOB).await, ["from Alice", "from Anna"]);
    let failed = app.caller.get("/messages?status=failed").await.expect(200)["messages"][0].clone();
    assert_eq!((&failed["fromPhone"], &failed["errorCode"]), (&json!(ALICE), &json!("session_logged_out")));
    app.stop().await;
}

async fn a_session_that_is_not_connected_reaches_the_network_once_more_to_log_out(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    let mut events = app.caller.stream(&id, None).await;
    app.server().sandbox().unwrap().drop_connection(&ALICE.parse().unwrap());
    assert_eq!(events.until("error").await["code"], "connection_lost");
    app.caller.post(&format!("/sessions/{id}/logout"), Value::Null).await.expect(202);
    until("unlinked on the phone", async || linked(&app, ALICE).await == 0).await;
    // A restart while that goes on waits for its end, and is not mixed up with it.
    app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    app.caller.scan(&id, ALICE).await;
    assert_eq!(linked(&app, ALICE).await, 1);
    app.stop().await;
}

async fn a_session_whose_codes_ran_out_shows_new_ones_after_a_restart(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
    let id = session["id"].as_str().unwrap();
    let first = app.caller.stream(id, None).await.until("qr").await;
    // As if nobody had scanned for three minutes: another holder of the session says so, and this one starts from what it reads.
    let store = app.server().store();
    let tenant = store.tenant_of(&"you@example.com".parse().unwrap()).await.unwrap();
    let (lease, _) = store.lease(tenant, id.parse().unwrap()).await.unwrap().unwrap();
    let ran_out = Record {
        status: Status::Failed,
        phone: None,
        fault: Some(Fault::new("qr_codes_expired", "No phone scanned a QR code in time.")),
        attempts: 0,
        event: None,
        at: store.clock().now(),
    };
    store.record(lease, ran_out).await.unwrap().unwrap();
    let app = app.restart().await;
    assert_eq!(show(&app.caller, id).await["errorCode"], "qr_codes_expired");
    app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    let second = app.caller.stream(id, None).await.until("qr").await;
    assert_ne!(first["qr"], second["qr"]);
    app.caller.scan(id, ALICE).await;
    app.stop().await;
}

async fn a_renamed_session_is_found_by_its_new_key_at_once(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("old", ALICE).await;
    let path = format!("/sessions/{id}");
    app.caller.post("/sessions", json!({ "session_key": "taken" })).await.expect(201);
    app.caller.patch(&path, json!({ "session_key": "taken" })).await.problem(409, "session_key_taken");
    let unchanged = app.caller.patch(&path, json!({})).await.expect(200);
    assert_eq!((&unchanged["sessionKey"], &unchanged["status"]), (&json!("old"), &json!("connected")));
    let problem = app.caller.patch(&path, json!({ "colour": "green", "sessionKey": "" })).await;
    let problem = problem.problem(422, "validation_failed");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["sessionKey", "colour"]);
    let renamed = app.caller.patch(&path, json!({ "sessionKey": "new" })).await.expect(200);
    assert_eq!(renamed["sessionKey"], "new");
    let send = |key: &str| json!({ "to": BOB, "message": format!("by {key}"), "sessionKey": key });
    app.caller.post("/messages", send("new")).await.expect(202);
    app.caller.post("/messages", send("old")).await.problem(404, "not_found");
    arrives(&app.caller, "by new").await;
    assert_eq!(app.caller.patch(&path, json!({ "sessionKey": "new" })).await.status, 200, "its own key is not taken");
    app.caller.post("/sessions", json!({ "session_key": "old" })).await.expect(201);
    app.stop().await;
}

async fn of_many_names_at_once_the_one_that_stands_is_the_one_that_works(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    for round in 0..5 {
        let names = (0..20).map(|name| {
            let (caller, path) = (app.caller.clone(), format!("/sessions/{id}"));
            async move { caller.patch(&path, json!({ "sessionKey": format!("{round}-{name}") })).await.expect(200) }
        });
        futures_util::future::join_all(names).await;
        let key = show(&app.caller, &id).await["sessionKey"].clone();
        let send = json!({ "to": BOB, "message": format!("round {round}"), "sessionKey": key });
        app.caller.post("/messages", send).await.expect(202);
    }
    app.stop().await;
}

async fn a_proxy_is_sealed_and_shown_without_its_password(on: Ground) {
    let app = App::start_on(on).await;
    let body = json!({ "session_key": "one", "proxyUrl": "socks5://me:hunter2@proxy.example.com:1080" });
    let session = app.caller.post("/sessions", body).await.expect(201);
    let shown = json!("socks5://me:***@proxy.example.com:1080");
    assert_eq!(session["proxyUrl"], shown);
    let id = session["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{id}");
    assert_eq!(show(&app.caller, &id).await["proxyUrl"], shown);
    let wrong = app.caller.patch(&path, json!({ "proxyUrl": "ftp://me:hunter2@host" })).await;
    assert!(!wrong.text.contains("hunter2"), "{}", wrong.text);
    wrong.problem(422, "validation_failed");
    app.caller.scan(&id, ALICE).await;

    let mut events = app.caller.stream(&id, None).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.name, "connected");
    let changed = app.caller.patch(&path, json!({ "proxy_url": "http://proxy.example.com:3128" })).await.expect(200);
    assert_eq!(changed["proxyUrl"], "http://proxy.example.com:3128");
    let second = events.next().await.unwrap();
    assert_eq!(second.name, "connected", "it takes its new way at once");
    assert_ne!(first.id, second.id);
    app.caller.patch(&path, json!({ "proxyUrl": "http://proxy.example.com:3128" })).await.expect(200);
    let none = app.caller.patch(&path, json!({ "proxyUrl": null })).await.expect(200);
    assert_eq!(none["proxyUrl"], Value::Null);
    events.until("connected").await;
    app.stop().await;
}

/// What operators see of a session's actor.
async fn actor(app: &App, id: &str) -> Value {
    fn find(actor: &Value, id: &str) -> Option<Value> {
        let children = actor["children"].as_array().unwrap();
        if actor["name"] == id { Some(actor.clone()) } else { children.iter().find_map(|child| find(child, id)) }
    }
    find(&app.caller.get("/health/actors").await.expect(200), id).unwrap_or_default()
}

/// Another server takes the session's lease; this one notices when it has something to write down.
async fn taken(app: &App, id: &str) {
    let store = app.server().store();
    let tenant = store.tenant_of(&"you@example.com".parse().unwrap()).await.unwrap();
    store.lease(tenant, id.parse().unwrap()).await.unwrap().unwrap();
    let mut events = app.caller.stream(id, None).await;
    app.server().sandbox().unwrap().drop_connection(&ALICE.parse().unwrap());
    while events.until("error").await["code"] != "session_elsewhere" {}
}

async fn a_session_that_another_server_took_is_taken_back_by_a_restart(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    taken(&app, &id).await;
    let send = json!({ "to": BOB, "message": "here again", "sessionId": id });
    app.caller.post("/messages", send.clone()).await.problem(409, "session_not_connected");
    app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    app.caller.stream(&id, None).await.until("connected").await;
    app.caller.post("/messages", send).await.expect(202);
    arrives(&app.caller, "here again").await;
    taken(&app, &id).await;
    app.caller.post(&format!("/sessions/{id}/logout"), Value::Null).await.expect(202);
    until("unlinked on the phone", async || linked(&app, ALICE).await == 0).await;
    app.stop().await;
}

/// Writes the session's number in its row; what is none is what no version of Wamux writes.
async fn number_in_the_row(app: &App, number: &str) {
    let sql = format!("UPDATE session SET phone = '{number}'");
    let write = app.server().store().write(move |batch| {
        Box::pin(async move { sea_orm::ConnectionTrait::execute_unprepared(batch, &sql).await.map(|_| ()) })
    });
    write.await.unwrap();
}

async fn a_row_that_cannot_be_read_keeps_no_other_session_from_running(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", ALICE).await;
    app.caller.link("two", ANNA).await;
    let store = app.server().store();
    let tenant = store.tenant_of(&"you@example.com".parse().unwrap()).await.unwrap();
    let keys = async || {
        let kept = store.kept_sessions(tenant).await.unwrap();
        kept.into_iter().map(|kept| kept.facts.key.as_str().to_owned()).collect::<Vec<_>>()
    };
    let set = async |what: &str| {
        let sql = format!("UPDATE session SET {what} WHERE session_key = 'one'");
        let write = store.write(move |batch| Box::pin(async move { batch.execute_unprepared(&sql).await.map(drop) }));
        write.await.unwrap();
    };
    set("status = 'perhaps'").await;
    assert_eq!(keys().await, ["one", "two"], "how it stood says nothing of how it will");
    set("phone = 'nobody'").await;
    assert_eq!(keys().await, ["two"]);
    app.caller.get("/sessions").await.expect(200);
    app.stop().await;
}

async fn a_session_in_quarantine_is_brought_back_by_a_restart(on: Ground) {
    let app = App::start_on(on).await;
    let id = app.caller.link("one", ALICE).await;
    taken(&app, &id).await;
    // Whoever reads the row fails, again and again.
    let right = show(&app.caller, &id).await["phoneNumber"].as_str().unwrap().trim_start_matches('+').to_owned();
    number_in_the_row(&app, "nobody").await;
    app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.problem(503, "overloaded");
    until("quarantine", async || actor(&app, &id).await["status"] == "quarantined").await;
    let mut events = app.caller.stream(&id, None).await;
    let error = events.until("error").await;
    assert_eq!((&error["code"], &error["final"]), (&json!("quarantined"), &json!(false)));
    assert!(error["message"].as_str().unwrap().contains("failed too often"), "{error}");
    number_in_the_row(&app, &right).await;
    app.caller.post(&format!("/sessions/{id}/restart"), Value::Null).await.expect(202);
    app.caller.stream(&id, None).await.until("connected").await;
    app.caller.text(BOB, "out of quarantine").await;
    arrives(&app.caller, "out of quarantine").await;
    assert_eq!(actor(&app, &id).await["status"], "running");
    app.stop().await;
}
