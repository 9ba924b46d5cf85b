//! Journeys: what a user does from the first call to a message on a phone's screen, through HTTP, the wire and back.

use serde_json::json;

use crate::ground::app::{App, until};
use crate::ground::{Ground, on_both_databases};

const OWN: &str = "+237600000001";

on_both_databases![
    a_hundred_texts_to_ten_numbers_arrive_in_order_and_are_read,
    a_phone_writes_back_and_the_message_is_received_once,
    a_number_that_is_not_on_whatsapp_fails_and_holds_up_no_other,
    a_restart_of_everything_costs_no_pairing,
    a_dropped_connection_comes_back_and_what_was_accepted_meanwhile_goes_out,
    messages_that_arrive_while_the_server_is_down_are_drained_in_order,
    two_tenants_link_the_same_phone_and_each_gets_its_own_copy,
    a_deleted_session_is_unlinked_on_the_phone_and_its_keys_are_gone,
];

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("+2376100000{n:02}")).collect()
}

async fn a_hundred_texts_to_ten_numbers_arrive_in_order_and_are_read(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", OWN).await;
    let phones = numbers(10);
    for n in 0..100 {
        app.caller.text(&phones[n % 10], &format!("text {n}")).await;
    }
    app.caller.until_count("status=delivered", 100).await;
    for (p, phone) in phones.iter().enumerate() {
        let want: Vec<String> = (0..10).map(|n| format!("text {}", n * 10 + p)).collect();
        assert_eq!(app.caller.screen(phone).await, want);
        app.caller.post(&format!("/sandbox/phones/{phone}/read"), json!({ "chat": OWN })).await.expect(204);
    }
    app.caller.until_count("status=read", 100).await;
    let last = app.caller.get("/messages?limit=1").await.expect(200)["messages"][0].clone();
    for time in ["sentAt", "deliveredAt", "readAt", "createdAt"] {
        assert!(last[time].as_str().is_some_and(|t| t.ends_with('Z')), "{time}: {last}");
    }
    app.stop().await;
}

async fn a_phone_writes_back_and_the_message_is_received_once(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    let phone = "+237611111111";
    app.caller.text(phone, "hello").await;
    app.caller.until_count("status=delivered&direction=outbound", 1).await;
    app.caller
        .post(&format!("/sandbox/phones/{phone}/messages"), json!({ "to": OWN, "message": "hi back" }))
        .await
        .expect(201);
    app.caller.until_count("direction=inbound", 1).await;
    let got = app.caller.get("/messages?direction=inbound").await.expect(200)["messages"][0].clone();
    assert_eq!((got["message"].as_str(), got["fromPhone"].as_str()), (Some("hi back"), Some(phone)), "{got}");
    assert_eq!((got["toPhone"].as_str(), got["sessionId"].as_str()), (Some(OWN), Some(session.as_str())), "{got}");
    app.stop().await;
}

async fn a_number_that_is_not_on_whatsapp_fails_and_holds_up_no_other(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", OWN).await;
    let wrong = app.caller.text("+1 555 000 0001", "anyone there?").await;
    app.caller.text("+237611111111", "hello").await;
    app.caller.until_count("status=delivered", 1).await;
    app.caller.until_count("status=failed", 1).await;
    let failed = app.caller.get(&format!("/messages/{wrong}")).await.expect(200);
    assert_eq!(failed["errorCode"], "recipient_not_on_whatsapp", "{failed}");
    app.stop().await;
}

async fn a_restart_of_everything_costs_no_pairing(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    app.caller.text("+237611111111", "before").await;
    app.caller.until_count("status=delivered", 1).await;
    let app = app.restart().await;
    app.caller.stream(&session, None).await.until("connected").await;
    app.caller.text("+237611111111", "after").await;
    app.caller.until_count("status=delivered", 2).await;
    assert_eq!(app.caller.screen("+237611111111").await, ["before", "after"]);
    app.stop().await;
}

async fn a_dropped_connection_comes_back_and_what_was_accepted_meanwhile_goes_out(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    let mut events = app.caller.stream(&session, None).await;
    events.until("connected").await;
    app.sandbox().drop_connection(&OWN.parse().unwrap());
    let lost = events.until("error").await;
    assert_eq!((lost["code"].as_str(), lost["final"].as_bool()), (Some("connection_lost"), Some(false)), "{lost}");
    let named = json!({ "to": "+237611111111", "message": "while away", "sessionId": session });
    app.caller.post("/messages", named).await.expect(202);
    events.until("connected").await;
    app.caller.until_count("status=delivered", 1).await;
    assert_eq!(app.caller.screen("+237611111111").await, ["while away"]);
    app.stop().await;
}

async fn messages_that_arrive_while_the_server_is_down_are_drained_in_order(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    let phone = "+237611111111";
    app.caller.post("/sandbox/phones", json!({ "phone": phone, "name": "Ada" })).await.expect(201);
    // The phone writes through the sandbox itself, while no session is connected.
    app.sandbox().drop_connection(&OWN.parse().unwrap());
    for n in 0..5 {
        let body = json!({ "to": OWN, "message": format!("offline {n}") });
        app.caller.post(&format!("/sandbox/phones/{phone}/messages"), body).await.expect(201);
    }
    let app = app.restart().await;
    app.caller.stream(&session, None).await.until("connected").await;
    app.caller.until_count("direction=inbound", 5).await;
    let got = app.caller.get("/messages?direction=inbound").await.expect(200);
    let texts: Vec<_> = got["messages"].as_array().unwrap().iter().rev().map(|m| m["message"].clone()).collect();
    assert_eq!(texts, (0..5).map(|n| json!(format!("offline {n}"))).collect::<Vec<_>>());
    app.stop().await;
}

async fn two_tenants_link_the_same_phone_and_each_gets_its_own_copy(on: Ground) {
    let app = App::start_on(on).await;
    let other = app.tenant("other@example.com", "free").await;
    app.caller.link("one", OWN).await;
    other.link("one", OWN).await;
    app.caller.post("/sandbox/phones", json!({ "phone": "+237611111111" })).await.expect(201);
    let body = json!({ "to": OWN, "message": "to both" });
    app.caller.post("/sandbox/phones/+237611111111/messages", body).await.expect(201);
    app.caller.until_count("direction=inbound", 1).await;
    other.until_count("direction=inbound", 1).await;
    app.stop().await;
}

async fn a_deleted_session_is_unlinked_on_the_phone_and_its_keys_are_gone(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    app.caller.text("+237611111111", "kept").await;
    app.caller.until_count("status=delivered", 1).await;
    let mut events = app.caller.stream(&session, None).await;
    app.caller.delete(&format!("/sessions/{session}")).await.expect(204);
    events.end().await;
    app.caller.get(&format!("/sessions/{session}")).await.problem(404, "not_found");
    assert_eq!(app.caller.count("status=delivered").await, 1, "the history stays");
    let store = app.server().store().clone();
    until("nothing left to unlink", async || store.active_tenants().await.unwrap().is_empty()).await;
    let keys = wipe_check(&store).await;
    assert_eq!(keys, 0, "device keys are left");
    app.caller.link("one", OWN).await;
    app.stop().await;
}

async fn wipe_check(store: &wamux::store::Store) -> i64 {
    use sea_orm::ConnectionTrait;
    let count =
        sea_orm::Statement::from_string(store.reader().get_database_backend(), "SELECT count(*) FROM device_key");
    store.reader().query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}
