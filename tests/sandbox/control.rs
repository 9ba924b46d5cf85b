//! The network's own API: without keys, so for programs of this machine, and bounded like everything else.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Network;
use crate::ground::app::{Answer, App};
use crate::ground::{Ground, Place};

const PHONE: &str = "+237612345678";

/// Says something, and reads the answer to its end, which the network has to make.
async fn say(network: &Network, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(network.at()).await.unwrap();
    stream.write_all(words).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A reset ends it as well.
    let _ = tokio::time::timeout(Duration::from_secs(20), read).await.expect("the network hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(network: &Network, path: &str, headers: &str) -> String {
    say(network, format!("GET {path} HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n").as_bytes()).await
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, text: answer.text().await.unwrap() }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_are_used_without_a_key_from_this_machine_plain_and_over_tls() {
    let network = Network::start("127.0.0.1:0").await;
    for scheme in ["http", "https"] {
        let root = format!("{scheme}://{}/sandbox/phones", network.at());
        let made = send(client().post(&root).json(&json!({ "phone": PHONE, "name": "Ada" }))).await;
        assert_eq!(made.header("location"), Some("/sandbox/phones/+237612345678/messages"));
        assert_eq!(
            made.expect(201),
            json!({ "phone": PHONE, "name": "Ada", "autoRead": false, "online": true, "linkedDevices": 0 })
        );
        let body = json!({ "to": "+237622222222", "message": scheme });
        let written = send(client().post(format!("{root}/{PHONE}/messages")).json(&body)).await.expect(201);
        assert_eq!(written["text"], scheme);
        let screen = send(client().get(format!("{root}/+237622222222/messages"))).await.expect(200);
        assert_eq!(screen["messages"].as_array().unwrap().last().unwrap()["text"], scheme);
        let read = send(client().post(format!("{root}/+237622222222/read")).json(&json!({ "chat": PHONE }))).await;
        assert_eq!(read.status, 204);
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_it_answers_no_proxy_and_no_page_of_elsewhere() {
    let network = Network::start("127.0.0.1:0").await;
    let path = "/sandbox/phones/+237612345678/messages";
    for (headers, answered) in [
        ("host: localhost:9080", true),
        ("host: 127.0.0.1", true),
        ("host: [::1]:9080", true),
        ("host: localhost\r\norigin: http://localhost:3000", true),
        ("host: 10.0.0.7:9080", false),
        ("host: evil.example", false),
        ("host: localhost\r\norigin: https://evil.example", false),
        ("host: localhost\r\nx-forwarded-for: 10.0.0.7", false),
        ("host: localhost\r\nvia: 1.1 proxy", false),
    ] {
        let answer = get(&network, path, headers).await;
        let code = if answered { "phone_not_found" } else { "operator_only" };
        assert!(answer.contains(code), "{headers}: {answer}");
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_listen_elsewhere_it_answers_whoever_calls_it_by_a_name_of_its_own() {
    let network = Network::start("0.0.0.0:0").await;
    let path = "/sandbox/phones/+237612345678/messages";
    for (headers, answered) in [
        ("host: 10.0.0.7:9080", true),
        ("host: sandbox:9080", true),
        ("host: evil.example", false),
        ("host: 10.0.0.7:9080\r\norigin: https://evil.example", false),
        ("host: 10.0.0.7:9080\r\nforwarded: for=10.0.0.9", false),
    ] {
        let answer = get(&network, path, headers).await;
        assert_eq!(answer.contains("phone_not_found"), answered, "{headers}: {answer}");
    }
    network.stop().await;
}

/// Calls that are refused, each with the status and the code that tell why.
fn mistakes() -> Vec<(&'static str, String, String, u16, &'static str)> {
    let json = "application/json";
    [
        ("/phones", json, "{".to_owned(), 400, "malformed_json"),
        ("/phones", "text/plain", "{}".to_owned(), 415, "unsupported_media_type"),
        ("/phones", json, "[]".to_owned(), 422, "validation_failed"),
        ("/phones", json, r#"{"phone": "12", "nam": "x"}"#.to_owned(), 422, "validation_failed"),
        ("/phones", json, r#"{"phone": "+15550000001"}"#.to_owned(), 422, "validation_failed"),
        ("/phones", json, format!(r#"{{"phone": "{}"}}"#, "x".repeat(300_000)), 413, "body_too_large"),
        ("/phones/+237612345678/scan", json, "{}".to_owned(), 422, "validation_failed"),
        ("/phones/+237612345678/scan", json, r#"{"qr": "nonsense"}"#.to_owned(), 422, "validation_failed"),
        ("/phones/+237688888888/read", json, r#"{"chat": "+237622222222"}"#.to_owned(), 404, "phone_not_found"),
        ("/phones/nobody/read", json, r#"{"chat": "+237622222222"}"#.to_owned(), 404, "phone_not_found"),
        (
            "/phones/+237612345678/messages",
            json,
            r#"{"to": "+15550000001", "message": "x"}"#.to_owned(),
            422,
            "validation_failed",
        ),
    ]
    .map(|(path, kind, body, status, code)| (path, kind.to_owned(), body, status, code))
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_told_in_the_same_words_alone_in_a_server_and_through_one() {
    let network = Network::start("127.0.0.1:0").await;
    let inside = App::start().await;
    let outside = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    let made = client().post(format!("http://{}/sandbox/phones", network.at())).json(&json!({ "phone": PHONE }));
    send(made).await.expect(201);
    inside.caller.post("/sandbox/phones", json!({ "phone": PHONE })).await.expect(201);
    for (path, kind, body, status, code) in mistakes() {
        let asked = |request: reqwest::RequestBuilder| request.header("content-type", &kind).body(body.clone());
        let post = reqwest::Method::POST;
        let alone = client().post(format!("http://{}/sandbox{path}", network.at()));
        let mut told: Vec<Value> = Vec::new();
        for request in [
            alone,
            inside.caller.request(post.clone(), &format!("/sandbox{path}")),
            outside.caller.request(post, &format!("/sandbox{path}")),
        ] {
            told.push(send(asked(request)).await.problem(status, code));
        }
        assert!(told[0] == told[1] && told[1] == told[2], "{told:?}");
    }
    let nobody = "/sandbox/phones/+237699999999/messages";
    let told = [inside.caller.get(nobody).await, outside.caller.get(nobody).await];
    assert_eq!(told[0].text, told[1].text);
    for answer in told {
        answer.problem(404, "phone_not_found");
    }
    inside.stop().await;
    outside.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lets_nobody_through_to_a_network_elsewhere_without_a_key() {
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    let nobody = app.caller.with_key(None);
    nobody.post("/sandbox/phones", json!({ "phone": PHONE })).await.problem(401, "invalid_api_key");
    let made = app.caller.post("/sandbox/phones", json!({ "phone": PHONE })).await;
    assert_eq!(made.header("location"), Some("/api/v1/sandbox/phones/+237612345678/messages"));
    made.expect(201);
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_switches_to_websocket_on_its_paths_and_hangs_up_on_nonsense() {
    let network = Network::start("127.0.0.1:0").await;
    let upgrade = "host: x\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nconnection: upgrade";
    for path in ["/ws/chat", "/ws/chat?ED=CAUIAQ", "/ws/chat/2"] {
        // Then a header that is not of this protocol, for which the network hangs up.
        let request = format!("GET {path} HTTP/1.1\r\n{upgrade}\r\n\r\n");
        let answer = say(&network, &[request.as_bytes(), &[0x82, 0x84, 0, 0, 0, 0], b"nope"].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{path}: {answer}");
        // The answer to the key of RFC 6455, section 1.3.
        assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    }
    for (path, headers) in [
        ("/ws/chat", "host: x"),
        ("/ws/chat", &*upgrade.replace("13", "8").replace("upgrade: websocket\r\n", "")),
        ("/ws", upgrade),
        ("/", "host: x"),
    ] {
        let answer = get(&network, path, headers).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("not_found"), "{path}: {answer}");
    }
    let page = format!("{upgrade}\r\norigin: https://evil.example");
    let answer = get(&network, "/ws/chat", &page).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("operator_only"), "{answer}");
    assert!(!say(&network, b"\x16\x03\x01\x00\x05nope!").await.contains("HTTP"), "TLS that is none");
    say(&network, b"nonsense\r\n\r\n").await;
    network.stop().await;
}
