//! Servers whose sessions live on a simulated network elsewhere: plain, over TLS, in a neighbour, and away.

use serde_json::json;
use wamux::config::Config;
use wamux::server::{SandboxServer, Server};

use super::Network;
use crate::ground::app::{App, Caller, tenant};
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

fn beside(url: &str) -> Place {
    Place::new(Ground::Sqlite).beside(url)
}

/// The fingerprint of the certificate that a network shows.
async fn fingerprint(network: &Network) -> String {
    network.server.sandbox().tls().await.unwrap().fingerprint.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_linked_by_its_id_and_texts_go_both_ways_plain_and_over_tls() {
    let network = Network::start("127.0.0.1:0").await;
    let pin = fingerprint(&network).await;
    let secure = network.url().replace("ws://", "wss://");
    for (n, url) in [network.url(), secure.clone(), format!("{secure}#sha256={pin}")].into_iter().enumerate() {
        let (own, phone) = (format!("+23760000000{n}"), format!("+23761111111{n}"));
        let app = App::start_at(beside(&url)).await;
        let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
        let id = session["id"].as_str().unwrap();
        let mut events = app.caller.stream(id, None).await;
        events.until("qr").await;
        let scan = app.caller.post(&format!("/sandbox/phones/{own}/scan"), json!({ "sessionId": id })).await;
        assert_eq!(scan.status, 204, "{}", scan.text);
        events.until("connected").await;
        app.caller.text(&phone, "hello").await;
        app.caller.until_count("status=delivered&direction=outbound", 1).await;
        assert_eq!(app.caller.screen(&phone).await, ["hello"]);
        let back = json!({ "to": own, "message": "hi back" });
        app.caller.post(&format!("/sandbox/phones/{phone}/messages"), back).await.expect(201);
        app.caller.until_count("direction=inbound", 1).await;
        app.stop().await;
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_tenant_is_not_scanned_through_the_server() {
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(beside(&network.url())).await;
    let other = app.tenant("other@example.com", "pro").await;
    let id = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201)["id"].clone();
    app.caller.stream(id.as_str().unwrap(), None).await.until("qr").await;
    let scan = |session: serde_json::Value| {
        let other = other.clone();
        async move { other.post(&format!("/sandbox/phones/{OWN}/scan"), json!({ "sessionId": session })).await }
    };
    let foreign = scan(id).await;
    let nobody = scan(json!("0199a7b0-0000-7000-8000-000000000000")).await;
    assert_eq!(foreign.text, nobody.text);
    foreign.problem(404, "not_found");
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_network_says_what_is_missing_and_goes_on_when_it_is_there() {
    // A port that was free a moment ago, and will be the network's: at an address of this machine that no other socket takes.
    let network = Network::start("127.9.0.1:0").await;
    let (at, url) = (network.at(), network.url());
    let folder = network.stop().await;
    let app = App::start_at(beside(&url)).await;
    let made = app.caller.post("/sandbox/phones", json!({ "phone": OWN })).await;
    assert!(made.header("retry-after").is_some());
    let away = made.problem(503, "sandbox_unreachable");
    let detail = away["detail"].as_str().unwrap();
    assert!(detail.contains(&at) && detail.to_lowercase().contains("refused"), "{detail}");
    let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
    let id = session["id"].as_str().unwrap();
    let mut events = app.caller.stream(id, None).await;
    let error = events.until("error").await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&url) && message.contains("refused"), "{error}");
    assert_eq!(error["final"], false, "{error}");
    let network = Network::start_in(folder, &at).await;
    events.until("qr").await;
    app.caller.post(&format!("/sandbox/phones/{OWN}/scan"), json!({ "sessionId": id })).await.expect(204);
    events.until("connected").await;
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_address_does_not_name_is_refused() {
    let network = Network::start("127.0.0.1:0").await;
    let url = format!("wss://{}/ws/chat#sha256={}", network.at(), "00".repeat(32));
    let app = App::start_at(beside(&url)).await;
    let made = app.caller.post("/sandbox/phones", json!({ "phone": OWN })).await;
    let refused = made.problem(503, "sandbox_unreachable");
    assert!(refused["detail"].as_str().unwrap().contains("certificate"), "{refused}");
    let id = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201)["id"].clone();
    let error = app.caller.stream(id.as_str().unwrap(), None).await.until("error").await;
    assert!(error["message"].as_str().unwrap().contains("certificate"), "{error}");
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_kept() {
    let network = Network::start("127.0.0.1:0").await;
    let first = fingerprint(&network).await;
    let network = Network::start_in(network.stop().await, "127.0.0.1:0").await;
    assert_eq!(fingerprint(&network).await, first);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_opens_its_own_network_to_another_server() {
    let place = Place::new(Ground::Sqlite);
    let config = Config { sandbox_listen: Some("127.0.0.1:0".parse().unwrap()), ..place.config() };
    let first = Server::start(config.clone()).await.unwrap();
    let key = tenant(&config, "you@example.com", "pro").await;
    let caller = Caller::new(format!("http://{}", first.addr), Some(key));
    let second = App::start_at(beside(&format!("ws://{}/ws/chat", first.sandbox_addr().unwrap()))).await;
    assert!(second.server().sandbox().is_none());
    caller.link("one", OWN).await;
    second.caller.link("two", PHONE).await;
    second.caller.text(OWN, "from one server to the other").await;
    caller.until_count("direction=inbound", 1).await;
    second.caller.until_count("status=delivered", 1).await;
    assert_eq!(second.caller.screen(OWN).await, ["from one server to the other"]);
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_network_alone_is_said_in_a_sentence() {
    let network = Network::start("127.0.0.1:0").await;
    let plain = Config::in_folder(network.folder.path().to_owned());
    let refused = |config: Config| async move { SandboxServer::start(&config).await.err().unwrap().to_string() };
    let again = refused(plain.clone()).await;
    assert!(again.contains("another wamux runs its simulated network"), "{again}");
    let other = tempfile::tempdir().unwrap();
    let other = Config::in_folder(other.path().to_owned());
    let taken = refused(Config { sandbox_listen: Some(network.server.addr), ..other.clone() }).await;
    assert!(taken.contains("taken") && taken.contains("WAMUX_SANDBOX_LISTEN"), "{taken}");
    let elsewhere = refused(Config { sandbox_url: Some(network.url().parse().unwrap()), ..other }).await;
    assert!(elsewhere.contains("wamux serve"), "{elsewhere}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_reach_a_network_elsewhere_and_only_the_sessions_of_who_asks() {
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(beside(&network.url())).await;
    let other = app.tenant("other@example.com", "pro").await;
    let (mine, theirs) = (app.caller.link("mine", OWN).await, other.link("theirs", OWN).await);
    let mut events = app.caller.stream(&mine, None).await;
    let ban = app.caller.post("/sandbox/faults", json!({ "fault": "ban", "seconds": 3600 })).await.expect(201);
    while events.until("error").await["code"] != "banned" {}
    assert_eq!(other.get(&format!("/sessions/{theirs}")).await.expect(200)["status"], "connected");
    let path = format!("/sandbox/faults/{}", ban["id"].as_str().unwrap());
    other.delete(&path).await.problem(404, "not_found");
    assert_eq!(other.get("/sandbox/faults").await.expect(200)["faults"], json!([]));
    assert_eq!(app.caller.get("/sandbox/faults").await.expect(200)["faults"][0]["id"], ban["id"]);
    app.caller.delete(&path).await.expect(204);
    // The network's own API aims by number, and heals whoever's.
    let own = |body: serde_json::Value| {
        let url = format!("http://{}/sandbox/faults", network.at());
        async move { reqwest::Client::new().post(url).json(&body).send().await.unwrap().status().as_u16() }
    };
    let mut events = other.stream(&theirs, None).await;
    events.until("connected").await;
    assert_eq!(own(json!({ "fault": "drop_connection", "phone": OWN, "device": 2 })).await, 201);
    events.until("error").await;
    assert_eq!(own(json!({ "fault": "drop_connection", "phone": "+237699999999" })).await, 404);
    assert_eq!(own(json!({ "fault": "drop_connection", "sessionId": mine })).await, 422);
    app.stop().await;
    network.stop().await;
}
