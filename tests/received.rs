//! Media that come in: kept before the network is told so, shown as their senders described them, and downloaded through the session
//! that received them, to the byte or not at all.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};
use crate::ground::process::Process;
use crate::ground::{Ground, Place, on_both_databases};

on_both_databases![media_that_come_in_are_shown_and_downloaded, a_kill_between_receipt_and_download_loses_nothing];

/// The session's account, and whoever writes to it.
const OWN: &str = "+237600000001";
const ADA: &str = "+237611111111";

fn long(length: u32) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

/// Ada sends a medium to the session's account; the line on her screen.
async fn posts(caller: &Caller, bytes: &[u8], more: Value) -> Value {
    let mut body = json!({ "to": OWN, "mediaBase64": BASE64_STANDARD.encode(bytes) });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.post("/sandbox/phones", json!({ "phone": ADA })).await.expect(201);
    caller.post(&format!("/sandbox/phones/{ADA}/messages"), body).await.expect(201)
}

/// The message that a session received as this line of Ada's.
async fn received(caller: &Caller, sent: &Value) -> Value {
    let mut found = Value::Null;
    until("received", async || {
        let page = caller.get("/messages?direction=inbound").await.expect(200);
        let same = |message: &&Value| message["whatsappMessageId"] == sent["whatsappMessageId"];
        found = page["messages"].as_array().unwrap().iter().find(same).cloned().unwrap_or_default();
        !found.is_null()
    })
    .await;
    found
}

fn media_of(message: &Value) -> String {
    format!("/messages/{}/media", message["id"].as_str().unwrap())
}

/// The headers and the bytes of what is downloaded.
async fn download(caller: &Caller, message: &Value) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let answer = caller.request(Method::GET, &media_of(message)).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
    (headers, bytes.to_vec())
}

async fn expire(caller: &Caller, sent: &Value) {
    let path = format!("/sandbox/phones/{ADA}/messages/{}/media/expire", sent["id"].as_str().unwrap());
    caller.post(&path, json!({})).await.expect(204);
}

/// Waits until the account's own phone has its copy of what came last.
async fn phone_has_it(caller: &Caller) {
    until("the phone has it", async || {
        let screen = caller.get(&format!("/sandbox/phones/{OWN}/messages")).await.expect(200);
        screen["messages"].as_array().unwrap().last().is_some_and(|line| line["sha256"].is_string())
    })
    .await;
}

async fn media_that_come_in_are_shown_and_downloaded(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    let wave: Vec<u8> = (0..64).collect();
    let (picture, film, note) = (long(150_000), long(180_001), b"OggS".repeat(2_000));
    for (bytes, sent, shown, kind, name) in [
        (
            &picture,
            json!({ "mediaType": "image", "mime": "image/png", "caption": "look", "width": 640, "height": 480 }),
            json!({
                "type": "image", "mediaUrl": null, "caption": "look", "mimeType": "image/png", "size": 150_000, "width": 640,
                "height": 480,
            }),
            "image/png",
            "image-ID.png",
        ),
        (
            &film,
            json!({ "mediaType": "video", "durationSeconds": 12, "gif": true }),
            json!({
                "type": "video", "mediaUrl": null, "caption": null, "mimeType": "video/mp4", "size": 180_001, "width": null,
                "height": null, "durationSeconds": 12.0, "gif": true,
            }),
            "video/mp4",
            "video-ID.mp4",
        ),
        (
            &note,
            json!({ "mediaType": "audio", "ptt": true, "durationSeconds": 3, "waveformBase64": BASE64_STANDARD.encode(&wave) }),
            json!({
                "type": "audio", "audioUrl": null, "ptt": true, "mimeType": "audio/ogg; codecs=opus", "size": 8_000,
                "durationSeconds": 3.0, "waveform": wave,
            }),
            "audio/ogg; codecs=opus",
            "voice-ID.ogg",
        ),
        (
            &note,
            // What a sender says is bounded: a type of another kind was not said.
            json!({ "mediaType": "audio", "mime": "text/html" }),
            json!({ "type": "audio", "ptt": false, "mimeType": null, "size": 8_000, "durationSeconds": null }),
            "application/octet-stream",
            "audio-ID.bin",
        ),
    ] {
        let message = received(&app.caller, &posts(&app.caller, bytes, sent).await).await;
        for (field, want) in shown.as_object().unwrap() {
            assert_eq!(&message[field], want, "{field} of {message}");
        }
        assert_eq!((&message["status"], &message["fromPhone"]), (&json!("delivered"), &json!(ADA)));
        let id = message["id"].as_str().unwrap();
        assert_eq!(message["downloadUrl"], json!(format!("/api/v1/messages/{id}/media")));
        assert_eq!(app.caller.get(&format!("/messages/{id}")).await.expect(200), message);

        let before = app.caller.request(Method::HEAD, &media_of(&message)).send().await.unwrap();
        assert_eq!(before.status(), 200);
        let (headers, got) = download(&app.caller, &message).await;
        for name in ["content-type", "content-length", "content-disposition", "content-security-policy"] {
            assert_eq!(before.headers().get(name), headers.get(name), "{name} of HEAD and GET");
        }
        assert!(got == *bytes, "{name} is not what was sent");
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("content-length")), (kind.to_owned(), bytes.len().to_string()));
        let name = name.replace("ID", id);
        assert_eq!(header("content-disposition"), format!("attachment; filename=\"{name}\""));
        assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff".into(), "no-store".into()));
        assert!(header("content-security-policy").contains("sandbox"));
        // As every answer of a call is, this one is documented.
        assert_eq!(app.caller.get(&media_of(&message)).await.status, 200);
    }
    nobody_else_has_them(&app, &session).await;
    app.stop().await;
}

async fn nobody_else_has_them(app: &App, session: &str) {
    let page = app.caller.get("/messages?type=image&direction=inbound").await.expect(200);
    let image = &page["messages"][0];
    let other = app.tenant("other@example.com", "pro").await;
    let unknown = other.get("/messages/0198f000-0000-7000-8000-000000000000/media").await;
    let foreign = other.get(&media_of(image)).await;
    assert_eq!(foreign.text, unknown.text, "the same to the byte");
    foreign.problem(404, "not_found");
    app.caller.with_key(None).get(&media_of(image)).await.problem(401, "invalid_api_key");

    let sent = app.caller.text(ADA, "hello").await;
    app.caller.get(&format!("/messages/{sent}/media")).await.problem(404, "not_found");
    app.caller.delete(&format!("/sessions/{session}")).await.expect(204);
    app.caller.get(&media_of(image)).await.problem(409, "session_not_connected");
}

async fn a_kill_between_receipt_and_download_loses_nothing(on: Ground) {
    let place = Place::new(on);
    let server = Process::start_on(&place);
    let key = server.key("you@example.com");
    let session = server.caller(&key).link("one", OWN).await;
    let sent = posts(&server.caller(&key), &long(70_000), json!({ "mediaType": "image", "caption": "look" })).await;
    let message = received(&server.caller(&key), &sent).await;
    server.kill();
    let server = Process::start_on(&place);
    let caller = server.caller(&key);
    caller.stream(&session, None).await.until("connected").await;
    assert_eq!(caller.get(&format!("/messages/{}", message["id"].as_str().unwrap())).await.expect(200), message);
    assert!(download(&caller, &message).await.1 == long(70_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_media_servers_have_no_longer_the_account_s_phone_puts_up_again() {
    let app = App::start().await;
    app.caller.link("one", OWN).await;
    let sent = posts(&app.caller, &long(40_000), json!({ "mediaType": "video" })).await;
    let message = received(&app.caller, &sent).await;
    phone_has_it(&app.caller).await;
    expire(&app.caller, &sent).await;
    assert!(download(&app.caller, &message).await.1 == long(40_000));
    // Where it lies now was kept: nobody is asked again.
    app.caller.post(&format!("/sandbox/phones/{OWN}/offline"), json!({})).await.expect(204);
    assert!(download(&app.caller, &message).await.1 == long(40_000));
    // And when that is over too, with nobody there to ask, the caller is told.
    expire(&app.caller, &sent).await;
    let problem = app.caller.get(&media_of(&message)).await.problem(410, "media_expired");
    assert!(problem["detail"].as_str().unwrap().contains("try again when it is online"), "{problem}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_any_longer_is_told_of_as_expired() {
    let app = App::start().await;
    app.caller.link("one", OWN).await;
    // The session receives it, its phone does not, and comes for it too late.
    app.caller.post(&format!("/sandbox/phones/{OWN}/offline"), json!({})).await.expect(204);
    let sent = posts(&app.caller, &long(1_000), json!({ "mediaType": "audio" })).await;
    let message = received(&app.caller, &sent).await;
    expire(&app.caller, &sent).await;
    app.caller.post(&format!("/sandbox/phones/{OWN}/online"), json!({})).await.expect(204);
    let problem = app.caller.get(&media_of(&message)).await.problem(410, "media_expired");
    assert!(problem["detail"].as_str().unwrap().contains("does not have it either"), "{problem}");
    // Whoever asks for its head only is told what is known, and nobody looks for it.
    let head = |caller: &Caller| caller.request(Method::HEAD, &media_of(&message)).send();
    let known = head(&app.caller).await.unwrap();
    assert_eq!((known.status().as_u16(), known.headers()["content-length"].to_str().unwrap()), (200, "1000"));
    assert!(known.bytes().await.unwrap().is_empty());
    assert_eq!(head(&app.caller.with_key(None)).await.unwrap().status(), 401);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_is_refused_before_its_first_byte() {
    let app = App::start().await;
    app.caller.link("one", OWN).await;
    let message = received(&app.caller, &posts(&app.caller, &long(9_000), json!({ "mediaType": "image" })).await).await;
    assert!(download(&app.caller, &message).await.1 == long(9_000));
    let servers = app.folder().join("sandbox-media/servers");
    let file = std::fs::read_dir(servers).unwrap().next().unwrap().unwrap().path();
    flip(&file, 5_000);
    app.caller.get(&media_of(&message)).await.problem(502, "media_corrupt");
    flip(&file, 5_000);
    assert!(download(&app.caller, &message).await.1 == long(9_000));
    app.stop().await;
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}
