//! Sessions behind a proxy, over HTTP: from a wrong password to a message on a phone, and back to a proxy that is not there.

use serde_json::{Value, json};

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
