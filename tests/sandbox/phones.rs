//! Phones that are offline for a while, and phones that read at once what they show.

use serde_json::{Value, json};

use super::Network;
use crate::ground::app::{App, Caller, until};
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

async fn ask(caller: &Caller, phone: &str, what: &str, status: u16) {
    let answer = caller.send(caller.request(reqwest::Method::POST, &format!("/sandbox/phones/{phone}/{what}"))).await;
    answer.expect(status);
}

async fn phone(caller: &Caller, body: Value) -> Value {
    caller.post("/sandbox/phones", body).await.expect(201)
}

/// Texts and statuses on a phone's screen.
async fn screen(caller: &Caller, phone: &str) -> Vec<(String, String)> {
    let shown = caller.get(&format!("/sandbox/phones/{phone}/messages")).await.expect(200);
    let word = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
    shown["messages"].as_array().unwrap().iter().map(|m| (word(m, "text"), word(m, "status"))).collect()
}

/// A session that has texted a phone, which went offline and was texted again.
async fn texted_while_offline(caller: &Caller) -> String {
    let session = caller.link("one", OWN).await;
    caller.text(PHONE, "zero").await;
    caller.until_count("status=delivered", 1).await;
    for _ in 0..2 {
        ask(caller, PHONE, "offline", 204).await;
    }
    for text in ["one", "two", "three"] {
        caller.text(PHONE, text).await;
    }
    caller.until_count("status=sent", 3).await;
    assert_eq!(phone(caller, json!({ "phone": PHONE })).await["online"], false);
    session
}

/// What waited is there as soon as the phone is back, and the phone is a phone again.
async fn comes_back(caller: &Caller, session: &str) {
    assert_eq!(caller.screen(PHONE).await, ["zero"]);
    assert_eq!(caller.count("status=sent").await, 3);
    ask(caller, PHONE, "online", 204).await;
    assert_eq!(caller.screen(PHONE).await, ["zero", "one", "two", "three"]);
    caller.until_count("status=delivered", 4).await;
    ask(caller, PHONE, "online", 204).await;
    caller.text(PHONE, "four").await;
    caller.until_count("status=delivered", 5).await;
    assert_eq!(caller.screen(PHONE).await, ["zero", "one", "two", "three", "four"]);
    let back = json!({ "to": OWN, "message": "here I am" });
    caller.post(&format!("/sandbox/phones/{PHONE}/messages"), back).await.expect(201);
    caller.until_count(&format!("direction=inbound&sessionId={session}"), 1).await;
}

/// Waits until a session is connected: its row may still say so from before.
async fn until_connected(caller: &Caller, session: &str) {
    caller.stream(session, None).await.until("connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_offline_phone_is_sent_waits_across_a_restart_and_comes_once_and_in_order() {
    let app = App::start().await;
    let session = texted_while_offline(&app.caller).await;
    let app = app.restart().await;
    until_connected(&app.caller, &session).await;
    comes_back(&app.caller, &session).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_a_network_elsewhere_that_was_restarted() {
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    let session = texted_while_offline(&app.caller).await;
    let at = network.at();
    let network = Network::start_in(network.stop().await, &at).await;
    until("back", async || app.caller.get(&format!("/sandbox/phones/{PHONE}/messages")).await.status == 200).await;
    until_connected(&app.caller, &session).await;
    comes_back(&app.caller, &session).await;
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_with_a_phone_that_is_offline() {
    let app = App::start().await;
    let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201)["id"].clone();
    app.caller.stream(session.as_str().unwrap(), None).await.until("qr").await;
    ask(&app.caller, PHONE, "offline", 404).await;
    ask(&app.caller, PHONE, "online", 404).await;
    phone(&app.caller, json!({ "phone": PHONE })).await;
    phone(&app.caller, json!({ "phone": OWN })).await;
    ask(&app.caller, PHONE, "offline", 204).await;
    for (what, body) in [
        ("messages", json!({ "to": OWN, "message": "hello" })),
        ("read", json!({ "chat": OWN })),
        ("scan", json!({ "sessionId": session })),
        ("scan", json!({ "code": "ABCD-1234" })),
    ] {
        let answer = app.caller.post(&format!("/sandbox/phones/{PHONE}/{what}"), body).await;
        let detail = answer.problem(409, "phone_offline")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("/online"), "{detail}");
    }
    ask(&app.caller, PHONE, "online", 204).await;
    app.caller.post(&format!("/sandbox/phones/{PHONE}/scan"), json!({ "sessionId": session })).await.expect(204);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_while_its_own_phone_is_offline_and_the_phone_learns_of_it() {
    let app = App::start().await;
    app.caller.link("one", OWN).await;
    ask(&app.caller, OWN, "offline", 204).await;
    app.caller.text(PHONE, "without you").await;
    app.caller.until_count("status=delivered", 1).await;
    app.caller.post(&format!("/sandbox/phones/{PHONE}/read"), json!({ "chat": OWN })).await.expect(204);
    app.caller.until_count("status=read", 1).await;
    let answer = json!({ "to": OWN, "message": "I see" });
    app.caller.post(&format!("/sandbox/phones/{PHONE}/messages"), answer).await.expect(201);
    app.caller.until_count("direction=inbound", 1).await;
    assert_eq!(screen(&app.caller, OWN).await, []);
    ask(&app.caller, OWN, "online", 204).await;
    let shown = screen(&app.caller, OWN).await;
    let line = |text: &str, status: &str| (text.to_owned(), status.to_owned());
    assert_eq!(shown, [line("without you", "read"), line("I see", "delivered")]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_are_asked_to_read_at_once_what_they_show() {
    let app = App::start().await;
    let session = app.caller.link("one", OWN).await;
    assert_eq!(phone(&app.caller, json!({ "phone": PHONE })).await["autoRead"], false);
    app.caller.text(PHONE, "unread").await;
    app.caller.until_count("status=delivered", 1).await;
    assert_eq!(phone(&app.caller, json!({ "phone": PHONE, "autoRead": true })).await["autoRead"], true);
    app.caller.text(PHONE, "read").await;
    app.caller.until_count("status=read", 1).await;
    let app = app.restart().await;
    until_connected(&app.caller, &session).await;
    assert_eq!(phone(&app.caller, json!({ "phone": PHONE, "name": "Ada" })).await["autoRead"], true);
    // Offline it reads nothing; back, it reads what it is shown.
    ask(&app.caller, PHONE, "offline", 204).await;
    app.caller.text(PHONE, "later").await;
    app.caller.until_count("status=sent", 1).await;
    ask(&app.caller, PHONE, "online", 204).await;
    app.caller.until_count("status=read", 2).await;
    phone(&app.caller, json!({ "phone": PHONE, "auto_read": false })).await;
    app.caller.text(PHONE, "unread again").await;
    app.caller.until_count("status=delivered", 2).await;
    let statuses = ["delivered", "read", "read", "delivered"];
    let shown: Vec<_> = screen(&app.caller, PHONE).await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(shown, statuses);
    let wrong = app.caller.post("/sandbox/phones", json!({ "phone": PHONE, "autoRead": "yes" })).await;
    assert_eq!(wrong.problem(422, "validation_failed")["errors"][0]["field"], "autoRead");
    app.stop().await;
}

/// What can be read of a phone: how it is, and the latest of what it shows.
async fn is_looked_at(caller: &Caller) {
    let path = format!("/sandbox/phones/{OWN}");
    caller.get(&path).await.problem(404, "phone_not_found");
    phone(caller, json!({ "phone": OWN, "name": "Ada" })).await;
    caller.link("one", OWN).await;
    let shown = json!({ "phone": OWN, "name": "Ada", "autoRead": false, "online": true, "linkedDevices": 1 });
    assert_eq!(caller.get(&path).await.expect(200), shown);
    for text in ["one", "two", "three"] {
        let body = json!({ "to": PHONE, "message": text });
        caller.post(&format!("{path}/messages"), body).await.expect(201);
    }
    for (query, want) in
        [("latest=2", &["two", "three"][..]), ("latest=3&limit=1", &["one"]), ("limit=2", &["one", "two"])]
    {
        let page = caller.get(&format!("{path}/messages?{query}")).await.expect(200);
        let texts: Vec<_> = page["messages"].as_array().unwrap().iter().map(|line| line["text"].clone()).collect();
        assert_eq!(texts, want, "{query}");
        assert_eq!(page["nextAfter"].is_string(), query.contains("limit"), "{query}");
    }
    let wrong = caller.get(&format!("{path}/messages?latest=0")).await.problem(422, "validation_failed");
    assert_eq!(wrong["errors"][0]["field"], "latest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_looked_at_here_and_elsewhere() {
    let app = App::start().await;
    is_looked_at(&app.caller).await;
    app.stop().await;
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    is_looked_at(&app.caller).await;
    app.stop().await;
    network.stop().await;
}
