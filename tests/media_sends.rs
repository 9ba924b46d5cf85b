//! `/messages/media` and `/messages/audio`: accepted from a URL or with a file, refused in whole sentences, and no file stays that
//! nobody needs. What becomes of the media is told elsewhere.

use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::ground::app::{Answer, App, Caller, until};
use crate::ground::{Ground, Place, on_both_databases};

on_both_databases![
    a_medium_from_a_url_is_accepted_as_published,
    a_file_in_a_form_is_accepted_in_place_of_a_url,
    the_same_form_under_an_idempotency_key_is_done_once,
];

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";
/// Which leads nowhere that this server may go.
const URL: &str = "http://127.0.0.1:9/a.jpg";
const MB: usize = 1024 * 1024;

/// A form of these parts; the one named `file` is a file.
fn form(boundary: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let file = if *name == "file" { "; filename=\"a.jpg\"\r\nContent-Type: image/jpeg" } else { "" };
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    body
}

fn upload(caller: &Caller, path: &str, boundary: &str, body: impl Into<Body>) -> RequestBuilder {
    let kind = format!("multipart/form-data; boundary={boundary}");
    caller.request(Method::POST, path).header("Content-Type", kind).body(body)
}

async fn send(caller: &Caller, path: &str, parts: &[(&str, &[u8])]) -> Answer {
    caller.send(upload(caller, path, "x", form("x", parts))).await
}

/// The files of the spool.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder.join("media")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_file()).count()
}

async fn shown(caller: &Caller, accepted: &Value) -> Value {
    caller.get(&format!("/messages/{}", accepted["id"].as_str().unwrap())).await.expect(200)
}

/// A server in a folder that a test can look into.
async fn app_in(folder: &Path) -> App {
    let place = Place::new(Ground::Sqlite).kept_in(tempfile::tempdir_in(folder).unwrap());
    let app = App::start_at(place).await;
    until("ready", async || app.caller.get("/health/ready").await.status == 200).await;
    app
}

fn only_folder(folder: &Path) -> std::path::PathBuf {
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

async fn a_medium_from_a_url_is_accepted_as_published(on: Ground) {
    let app = App::start_on(on).await;
    let session = app.caller.link("one", OWN).await;
    for (path, body, kind, sent) in [
        ("/messages/media", json!({ "mediaUrl": URL, "mediaType": "image", "caption": "a cat" }), "image", "mediaUrl"),
        ("/messages/media", json!({ "media_url": URL, "media_type": "video" }), "video", "mediaUrl"),
        ("/messages/audio", json!({ "audioUrl": URL, "ptt": true, "sessionId": session }), "audio", "audioUrl"),
        ("/messages/audio", json!({ "audio_url": URL, "session_key": "one" }), "audio", "audioUrl"),
    ] {
        let mut body = body;
        body["to"] = json!("+237 611-111.111");
        let answer = app.caller.post(path, body.clone()).await;
        assert!(answer.header("ratelimit-remaining").is_some());
        let accepted = answer.expect(202);
        let want = json!({ "id": accepted["id"], "toPhone": PHONE, "type": kind, "status": "pending" });
        assert_eq!(accepted, want);
        let message = shown(&app.caller, &accepted).await;
        assert_eq!((&message["type"], &message[sent]), (&json!(kind), &json!(URL)), "{message}");
        assert_eq!(message.get("message"), None, "{message}");
        if kind == "audio" {
            assert_eq!(message["ptt"], json!(body.get("ptt").is_some()));
        } else {
            assert_eq!(message["caption"], body.get("caption").cloned().unwrap_or_default());
        }
    }
    assert_eq!(app.caller.count("type=audio").await, 2);
    app.stop().await;
}

async fn a_file_in_a_form_is_accepted_in_place_of_a_url(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", OWN).await;
    let picture: [(&str, &[u8]); 4] = [
        ("file", b"no picture"),
        ("to", PHONE.as_bytes()),
        ("media_type", b"image"),
        ("caption", "ein Kätzchen".as_bytes()),
    ];
    let answer = send(&app.caller, "/messages/media", &picture).await;
    assert!(answer.header("ratelimit-remaining").is_some());
    let accepted = answer.expect(202);
    assert_eq!(accepted, json!({ "id": accepted["id"], "toPhone": PHONE, "type": "image", "status": "pending" }));
    let message = shown(&app.caller, &accepted).await;
    assert_eq!((&message["mediaUrl"], &message["caption"]), (&Value::Null, &json!("ein Kätzchen")));

    let note: [(&str, &[u8]); 3] = [("to", PHONE.as_bytes()), ("ptt", b"true"), ("file", b"no audio")];
    let accepted = send(&app.caller, "/messages/audio", &note).await.expect(202);
    let message = shown(&app.caller, &accepted).await;
    assert_eq!((&message["audioUrl"], &message["ptt"]), (&Value::Null, &json!(true)));
    // A form may give a URL as well, and pages send an empty file when none was chosen.
    let by_url: [(&str, &[u8]); 3] = [("to", PHONE.as_bytes()), ("file", b""), ("audioUrl", URL.as_bytes())];
    let accepted = send(&app.caller, "/messages/audio", &by_url).await.expect(202);
    let message = shown(&app.caller, &accepted).await;
    assert_eq!((&message["audioUrl"], &message["ptt"]), (&json!(URL), &json!(false)));
    app.stop().await;
}

async fn the_same_form_under_an_idempotency_key_is_done_once(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", OWN).await;
    let once = async |path: &str, boundary: &str, parts: &[(&str, &[u8])]| {
        let request = upload(&app.caller, path, boundary, form(boundary, parts)).header("Idempotency-Key", "k");
        app.caller.send(request).await
    };
    let to = ("to", PHONE.as_bytes());
    let first = once("/messages/audio", "x", &[to, ("file", b"one")]).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, None), "{}", first.text);
    let again = once("/messages/audio", "another", &[("file", b"one"), to]).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(again.text, first.text);
    once("/messages/audio", "x", &[to, ("file", b"two")]).await.problem(422, "idempotency_key_reused");
    once("/messages/audio", "x", &[to, ("file", b"one"), ("ptt", b"true")])
        .await
        .problem(422, "idempotency_key_reused");
    let other = [to, ("file", &b"one"[..]), ("mediaType", b"video")];
    once("/messages/media", "x", &other).await.problem(422, "idempotency_key_reused");
    assert_eq!(app.caller.count("").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_refused_leaves_no_file_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let app = app_in(folder.path()).await;
    let data = only_folder(folder.path());
    let to = ("to", PHONE.as_bytes());
    let image = ("mediaType", b"image".as_slice());
    let (url, large) = (("mediaUrl", URL.as_bytes()), vec![7; 16 * MB + 1]);
    let fields = |problem: &Value| -> Vec<String> {
        let mut fields: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect();
        fields.sort();
        fields
    };
    for (path, parts, named) in [
        ("/messages/media", vec![to, image, ("file", b"x"), url], &["file", "mediaUrl"][..]),
        ("/messages/media", vec![to, image], &["file", "mediaUrl"]),
        ("/messages/media", vec![to, image, ("file", b"")], &["file", "mediaUrl"]),
        ("/messages/media", vec![to, ("file", b"x"), ("colour", b"green")], &["colour", "mediaType"]),
        ("/messages/media", vec![to, to, image, ("file", b"x"), ("media_type", b"image")], &["mediaType", "to"]),
        ("/messages/audio", vec![("to", b"12"), ("file", b"x"), ("ptt", b"yes")], &["ptt", "to"]),
    ] {
        let answer = send(&app.caller, path, &parts).await;
        assert!(answer.header("ratelimit-remaining").is_some(), "every answer to a send has it");
        assert_eq!(fields(&answer.problem(422, "validation_failed")), named);
        assert_eq!(files(&data), 0);
    }
    // What a file may have depends on what it is said to be, which may be said after it.
    let before = send(&app.caller, "/messages/media", &[to, image, ("file", &large)]).await;
    assert_eq!(before.problem(413, "body_too_large")["detail"], "An image may have at most 16 MB.");
    let after = send(&app.caller, "/messages/media", &[("file", &large), to, image]).await;
    assert_eq!(after.problem(413, "body_too_large")["detail"], "An image may have at most 16 MB.");
    let audio = send(&app.caller, "/messages/audio", &[("file", &large), to]).await;
    assert_eq!(audio.problem(413, "body_too_large")["detail"], "The file may have at most 16 MB.");
    // Nobody may send it, or nobody can.
    let good = [to, image, ("file", &b"x"[..])];
    let stranger = app.caller.with_key(Some("sk_test_nobody"));
    send(&stranger, "/messages/media", &good).await.problem(401, "invalid_api_key");
    send(&app.caller, "/messages/media", &good).await.problem(409, "session_not_connected");
    let nowhere = [to, image, ("file", &b"x"[..]), ("sessionKey", b"none")];
    send(&app.caller, "/messages/media", &nowhere).await.problem(404, "not_found");
    let cut = form("x", &good);
    let cut = app.caller.send(upload(&app.caller, "/messages/media", "x", cut[..cut.len() - 9].to_vec())).await;
    cut.problem(400, "malformed_request");
    let json = app.caller.request(Method::POST, "/messages/media").header("Content-Type", "image/jpeg").body("x");
    let problem = app.caller.send(json).await.problem(415, "unsupported_media_type");
    assert!(problem["detail"].as_str().unwrap().contains("multipart/form-data"), "{problem}");
    assert_eq!((files(&data), app.caller.count("").await), (0, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_in_the_middle_of_a_file_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let app = app_in(folder.path()).await;
    let data = only_folder(folder.path());
    let half = form("x", &[("file", &[7; 4096])])[..2000].to_vec();
    let stuck = Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(half)]).chain(stream::pending()));
    let (caller, request) = (app.caller.clone(), upload(&app.caller, "/messages/media", "x", stuck));
    let asking = tokio::spawn(async move { caller.send(request).await });
    until("a file that arrives", async || files(&data) == 1).await;
    asking.abort();
    until("no file", async || files(&data) == 0).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_uploads_eight_files_at_a_time_and_no_other_notices() {
    let folder = tempfile::tempdir().unwrap();
    let app = app_in(folder.path()).await;
    let data = only_folder(folder.path());
    let stranger = app.tenant("stranger@example.com", "pro").await;
    let mut uploads = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let start = form("x", &[("file", &[7; 4096])])[..2000].to_vec();
        let stuck = Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(start)]).chain(stream::pending()));
        let (caller, request) = (app.caller.clone(), upload(&app.caller, "/messages/media", "x", stuck));
        uploads.spawn(async move { caller.send(request).await });
    }
    let nothing: [(&str, &[u8]); 1] = [("to", b"12")];
    until("eight uploads", async || files(&data) == 8).await;
    let refused = send(&app.caller, "/messages/audio", &nothing).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.problem(429, "upload_limit_reached");
    send(&stranger, "/messages/audio", &nothing).await.problem(422, "validation_failed");
    let by_url = json!({ "to": PHONE, "audioUrl": URL });
    app.caller.post("/messages/audio", by_url).await.problem(409, "session_not_connected");
    uploads.abort_all();
    until("a free place", async || send(&app.caller, "/messages/audio", &nothing).await.status == 422).await;
    tokio::time::timeout(Duration::from_secs(10), app.stop()).await.unwrap();
}
