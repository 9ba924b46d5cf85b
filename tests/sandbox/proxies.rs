//! Sessions behind a proxy, over HTTP: from a wrong password to a message on a phone, and back to a proxy that is not there.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use wamux::clock::instant;
use wamux::domain::session::life::ASKED_GAP;

use super::Network;
use super::gate::{Gate, Kind, URL};
use crate::ground::app::{App, Caller, until};
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

async fn shown(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/sessions/{id}")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_pairs_and_sends_through_its_proxies_and_says_when_one_fails() {
    let network = Network::start("127.0.0.1:0").await;
    let (socks, http) =
        (Gate::open(network.server.addr, Kind::Socks5).await, Gate::open(network.server.addr, Kind::Connect).await);
    let app = App::start_at(Place::new(Ground::Sqlite).beside(URL).allowing("127.0.0.1")).await;
    let sandbox = network.server.sandbox();
    let (own, phone) = (OWN.parse().unwrap(), PHONE.parse().unwrap());
    sandbox.create_phone(&own, None).await.unwrap();

    let wrong = format!("socks5://me:hunter2@{}", socks.address);
    let session = app.caller.post("/sessions", json!({ "session_key": "one", "proxyUrl": wrong })).await.expect(201);
    let id = session["id"].as_str().unwrap();
    let mut events = app.caller.stream(id, None).await;
    let error = events.until("error").await;
    assert_eq!((&error["code"], &error["final"]), (&json!("proxy_failed"), &json!(false)));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("credentials not accepted") && !message.contains("hunter2"), "{message}");
    until("a second attempt", async || shown(&app.caller, id).await["reconnectAttempts"].as_u64() >= Some(2)).await;

    let change = async |proxy: Value| {
        app.caller.patch(&format!("/sessions/{id}"), json!({ "proxyUrl": proxy })).await.expect(200);
    };
    change(json!(format!("socks5://{}", socks.login()))).await;
    let qr = events.until("qr").await;
    sandbox.scan(&own, qr["qr"].as_str().unwrap()).await.unwrap();
    events.until("connected").await;
    app.caller.text(PHONE, "through socks").await;
    app.caller.until_count("status=delivered", 1).await;
    assert!(socks.passed() >= 2 && http.passed() == 0);

    change(json!(format!("http://{}", http.login()))).await;
    events.until("connected").await;
    app.caller.text(PHONE, "through connect").await;
    app.caller.until_count("status=delivered", 2).await;
    let screen = sandbox.screen(&phone).await.unwrap();
    assert_eq!(screen.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["through socks", "through connect"]);
    assert_eq!((http.passed(), shown(&app.caller, id).await["reconnectAttempts"].as_u64()), (1, Some(0)));

    // Without a proxy this network is not to be found, and that is another error.
    change(Value::Null).await;
    assert_eq!(events.until("error").await["code"], "network_unreachable");
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_proxy_does_not_reach_the_operators_own_network() {
    let network = Network::start("127.0.0.1:0").await;
    let gate = Gate::open(network.server.addr, Kind::Socks5).await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(URL)).await;
    let body = json!({ "session_key": "one", "proxyUrl": format!("socks5://{}", gate.login()) });
    let id = app.caller.post("/sessions", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let error = app.caller.stream(&id, None).await.until("error").await;
    assert_eq!(error["code"], "proxy_failed");
    assert!(error["message"].as_str().unwrap().contains("127.0.0.1 is not a public address"), "{error}");
    assert_eq!(gate.passed(), 0);
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_a_session_is_restarted_and_rerouted_few_attempts_come_of_it() {
    let network = Network::start("127.0.0.1:0").await;
    let (socks, http) =
        (Gate::open(network.server.addr, Kind::Socks5).await, Gate::open(network.server.addr, Kind::Connect).await);
    let app = App::start_at(Place::new(Ground::Sqlite).beside(URL).allowing("127.0.0.1")).await;
    let sandbox = network.server.sandbox();
    let own = OWN.parse().unwrap();
    sandbox.create_phone(&own, None).await.unwrap();
    let ways = [format!("http://{}", http.login()), format!("socks5://{}", socks.login())];
    let body = json!({ "session_key": "one", "proxyUrl": ways[1] });
    let id = app.caller.post("/sessions", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut events = app.caller.stream(&id, None).await;
    let qr = events.until("qr").await;
    sandbox.scan(&own, qr["qr"].as_str().unwrap()).await.unwrap();
    events.until("connected").await;
    let attempts =
        |began: std::time::Instant| 2 + usize::try_from(began.elapsed().as_secs() / ASKED_GAP.as_secs()).unwrap();

    let (began, before) = (instant(), socks.passed());
    let restart = format!("/sessions/{id}/restart");
    for answer in join_all((0..100).map(|_| app.caller.post(&restart, Value::Null))).await {
        answer.expect(202);
    }
    events.until("connected").await;
    app.caller.text(PHONE, "after a hundred restarts").await;
    app.caller.until_count("status=delivered", 1).await;
    let made = socks.passed() - before;
    assert!((1..=attempts(began)).contains(&made), "{made} attempts");

    // The way that was asked for last is the one that it takes, and no connection stays on an earlier one.
    let (began, before) = (instant(), (socks.passed(), http.passed()));
    for n in 0..60 {
        let body = json!({ "proxyUrl": ways[n % 2] });
        app.caller.patch(&format!("/sessions/{id}"), body).await.expect(200);
    }
    until("it goes the last way", async || {
        socks.passed() > before.0 && shown(&app.caller, &id).await["status"] == "connected"
    })
    .await;
    app.caller.text(PHONE, "after sixty ways").await;
    app.caller.until_count("status=delivered", 2).await;
    let made = socks.passed() + http.passed() - before.0 - before.1;
    assert!(made <= attempts(began), "{made} attempts");
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_that_never_answer_hold_up_no_other_tenants() {
    let network = Network::start("127.0.0.1:0").await;
    let (silent, good) =
        (Gate::open(network.server.addr, Kind::Silent).await, Gate::open(network.server.addr, Kind::Socks5).await);
    let app = App::start_at(Place::new(Ground::Sqlite).beside(URL).allowing("127.0.0.1")).await;
    // Far more than ever dial at once: one after the other they would take minutes to find out that nobody answers.
    let dead = (0..150).map(|n| {
        let body = json!({ "session_key": format!("dead {n}"), "proxyUrl": format!("socks5://{}", silent.login()) });
        app.caller.post("/sessions", body)
    });
    for answer in join_all(dead).await {
        answer.expect(201);
    }
    until("some wait for an answer", async || silent.knocks() >= 4).await;
    let other = app.tenant("other@example.com", "free").await;
    let body = json!({ "session_key": "good", "proxyUrl": format!("socks5://{}", good.login()) });
    let id = other.post("/sessions", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut events = other.stream(&id, None).await;
    tokio::time::timeout(Duration::from_secs(40), events.until("qr")).await.expect("it was held up");
    app.stop().await;
    network.stop().await;
}
