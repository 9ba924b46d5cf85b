//! What phones show of media, through a server whose network is elsewhere, and in pages.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use wamux::domain::elsewhere::Fingerprint;

use super::Network;
use crate::ground::app::{App, Caller};
use crate::ground::{Ground, Place};

const ADA: &str = "+237600000001";
const BEA: &str = "+237611111111";

async fn posts(caller: &Caller, bytes: &[u8], more: Value) -> Value {
    let mut body = json!({ "to": BEA, "mediaBase64": BASE64_STANDARD.encode(bytes) });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.post(&format!("/sandbox/phones/{ADA}/messages"), body).await.expect(201)
}

async fn shown(caller: &Caller, query: &str) -> Value {
    caller.get(&format!("/sandbox/phones/{BEA}/messages{query}")).await.expect(200)
}

async fn a_phone_shows_and_hands_out_its_media(caller: &Caller) {
    caller.post("/sandbox/phones", json!({ "phone": ADA })).await.expect(201);
    let bytes: Vec<u8> = (0..150_000_u32).map(|n| (n % 251) as u8).collect();
    posts(caller, &bytes, json!({ "mediaType": "image", "caption": "look", "mime": "image/png" })).await;
    posts(caller, &bytes, json!({ "mediaType": "audio", "ptt": true })).await;
    posts(caller, b"<script>", json!({ "mediaType": "document", "mime": "text/html\u{e9}", "fileName": "x.html" }))
        .await;
    let screen = shown(caller, "").await;
    let [image, voice, page] = screen["messages"].as_array().unwrap().as_slice() else { panic!("{screen}") };
    let hash = Fingerprint(digest(&SHA256, &bytes).as_ref().try_into().unwrap()).to_string();
    assert_eq!(
        (&image["type"], &image["caption"], &image["mime"]),
        (&json!("image"), &json!("look"), &json!("image/png"))
    );
    assert_eq!((&image["sha256"], &image["size"]), (&json!(hash), &json!(150_000)));
    assert_eq!((&voice["type"], &voice["voice"], &voice["caption"]), (&json!("audio"), &json!(true), &Value::Null));
    let media = |line: &Value| format!("/sandbox/phones/{BEA}/messages/{}/media", line["id"].as_str().unwrap());
    for (line, mime, want) in [
        (image, "image/png", bytes.as_slice()),
        (voice, "audio/ogg; codecs=opus", &bytes),
        (page, "application/octet-stream", b"<script>"),
    ] {
        let answer = caller.request(Method::GET, &media(line)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type").as_str(), header("content-length")), (mime, want.len().to_string()));
        assert_eq!(
            (header("x-content-type-options").as_str(), header("cache-control").as_str()),
            ("nosniff", "no-store")
        );
        assert!(header("content-security-policy").contains("sandbox"));
        assert_eq!(answer.bytes().await.unwrap(), want);
    }
    let head = caller.request(Method::HEAD, &media(image)).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "150000"));
    caller.post(&format!("{}/expire", media(image)), json!({})).await.expect(204);
    caller
        .get(&format!("/sandbox/phones/{BEA}/messages/0199a7b0-0000-7000-8000-000000000000/media"))
        .await
        .problem(404, "not_found");

    let first = shown(caller, "?limit=2").await;
    assert_eq!((first["messages"].as_array().unwrap().len(), &first["nextAfter"]), (2, &voice["id"]));
    let rest = shown(caller, &format!("?limit=2&after={}", first["nextAfter"].as_str().unwrap())).await;
    assert_eq!((&rest["messages"][0]["id"], rest.get("nextAfter")), (&page["id"], None));
    let nothing = format!("/sandbox/phones/{BEA}/messages?after=0199a7b0-0000-7000-8000-000000000000");
    caller.get(&nothing).await.problem(404, "not_found");
    for query in ["?after=x", "?limit=0", "?limit=10001", "?before=x"] {
        caller.get(&format!("/sandbox/phones/{BEA}/messages{query}")).await.problem(422, "validation_failed");
    }
    let wrong = json!({ "to": BEA, "mediaBase64": "!", "mediaType": "song" });
    caller.post(&format!("/sandbox/phones/{ADA}/messages"), wrong).await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_in_this_process_shows_and_hands_out_its_media() {
    let app = App::start().await;
    a_phone_shows_and_hands_out_its_media(&app.caller).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_elsewhere_shows_and_hands_out_its_media() {
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    a_phone_shows_and_hands_out_its_media(&app.caller).await;
    app.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_servers_answer_clients_on_the_network_s_port_and_no_page() {
    let network = Network::start("127.0.0.1:0").await;
    let client = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().unwrap();
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}/mms/image/x?auth=y", network.at());
        let status =
            async |origin: &str| client.post(&url).header("origin", origin).send().await.unwrap().status().as_u16();
        assert_eq!(status("https://web.whatsapp.com").await, 403, "a token of nobody");
        assert_eq!(client.post(&url).send().await.unwrap().headers()["content-type"], "application/json");
        assert_eq!(status("https://evil.example").await, 403);
        let page = client.post(&url).header("origin", "https://evil.example").send().await.unwrap();
        assert_eq!(page.headers()["content-type"], "application/problem+json");
        let lost = client.get(format!("{scheme}://{}/v/t62.7118-24/x.enc", network.at())).send().await.unwrap();
        assert_eq!(lost.status(), 403);
    }
    network.stop().await;
}
