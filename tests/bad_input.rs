//! Every bad input to every route: each is a clear problem document of the right code, and none is a 500.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ground::app::{Answer, App, Caller};
use crate::ground::surface::{Ids, NEVER, PHONE, fill, good_body, paths, routes};

/// What every refusal has, whatever it is about.
#[track_caller]
fn is_clear(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {}", answer.text);
    assert!(answer.header("x-request-id").is_some(), "{what}");
    let problem = answer.json();
    for name in ["type", "title", "detail", "code"] {
        assert!(problem[name].as_str().is_some_and(|text| text.len() > 3), "{what}: no {name} in {problem}");
    }
    assert_eq!(problem["status"], answer.status, "{what}");
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str, what: &str) -> Value {
    is_clear(answer, what);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{what}: {}", answer.text);
    answer.json()
}

fn strip(path: &str) -> &str {
    path.strip_prefix("/api/v1").unwrap_or(path)
}

/// One of everything, to fill paths with.
async fn one_of_everything(app: &App) -> Ids {
    let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
    let key = app.caller.post("/keys", json!({ "name": "one" })).await.expect(201);
    app.caller.post("/sandbox/phones", json!({ "phone": PHONE })).await.expect(201);
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    Ids { session: text(&session), key: text(&key), ..Ids::all(NEVER) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_enters_any_route_without_a_good_key() {
    let app = App::start().await;
    let ids = one_of_everything(&app).await;
    let secret = |made: &Value| made["apiKey"].as_str().unwrap().to_owned();
    let short = app.caller.post("/keys", json!({ "name": "short", "expiresInDays": 1 })).await.expect(201);
    let revoked = app.caller.post("/keys", json!({ "name": "revoked" })).await.expect(201);
    app.caller.with_key(Some(&secret(&revoked))).get("/sessions").await.expect(200);
    app.caller.delete(&format!("/keys/{}", revoked["id"].as_str().unwrap())).await.expect(204);
    app.server().store().clock().shift(TimeDelta::hours(25));
    let nobody = app.caller.with_key(None);
    let bearer = |key: &str| Some(format!("Bearer {key}"));
    let bad = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer  ".to_owned()),
        Some("Basic eW91OnlvdQ==".to_owned()),
        bearer("nonsense"),
        bearer("sk_test_tooshort"),
        bearer(&format!("sk_test_{}", "A".repeat(43))),
        bearer(&format!("sk_live_{}", "A".repeat(43))),
        bearer(&secret(&short).replace("sk_test_", "sk_live_")),
        bearer(&format!("{}A", secret(&short))),
        bearer(&"x".repeat(10_000)),
        bearer(&secret(&revoked)),
        bearer(&secret(&short)),
    ];
    for (method, template) in routes() {
        for header in &bad {
            let mut request = nobody.request(method.clone(), strip(&fill(&template, &ids)));
            if let Some(header) = header {
                request = request.header("Authorization", header);
            }
            let answer = nobody.send(request.json(&json!({ "x": 1 }))).await;
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            is_refused(&answer, 401, "invalid_api_key", &format!("{method} {template} with {header:?}"));
        }
    }
    let expired = app.caller.with_key(Some(&secret(&short))).get("/sessions").await;
    let expired = is_refused(&expired, 401, "invalid_api_key", "expired");
    assert!(expired["detail"].as_str().unwrap().contains("expired"), "{expired}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_path_does_not_know_is_told_which_it_knows() {
    let app = App::start().await;
    let ids = one_of_everything(&app).await;
    let anyone = app.caller.with_key(None);
    for (template, known) in paths() {
        let path = fill(&template, &ids);
        let mut allowed: Vec<&str> = known.iter().map(Method::as_str).collect();
        if known.contains(&Method::GET) {
            allowed.push("HEAD");
        }
        allowed.push("OPTIONS");
        let allowed = allowed.join(", ");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"] {
            if allowed.split(", ").any(|known| known == method) {
                continue;
            }
            let answer = anyone.send(anyone.request(method.parse().unwrap(), strip(&path))).await;
            assert_eq!(answer.header("allow"), Some(&*allowed), "{method} {template}");
            if method == "HEAD" {
                assert_eq!((answer.status, answer.text.as_str()), (405, ""), "{method} {template}");
            } else {
                is_refused(&answer, 405, "method_not_allowed", &format!("{method} {template}"));
            }
        }
        let options = anyone.send(anyone.request(Method::OPTIONS, strip(&path))).await;
        assert_eq!((options.status, options.header("allow")), (204, Some(&*allowed)), "OPTIONS {template}");
    }
    app.stop().await;
}

/// What is wrong with a whole body, whatever it should say, and what it is answered.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let deep = "[".repeat(100_000);
    let many: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("f{n}"), json!(n))).collect();
    vec![
        ("nothing", vec![], 400, "malformed_json"),
        ("half", b"{\"to\":".to_vec(), 400, "malformed_json"),
        ("two", b"{} {}".to_vec(), 400, "malformed_json"),
        ("single quotes", b"{'to': 'x'}".to_vec(), 400, "malformed_json"),
        ("a trailing comma", b"{\"to\": \"x\",}".to_vec(), 400, "malformed_json"),
        ("NaN", b"{\"to\": NaN}".to_vec(), 400, "malformed_json"),
        ("a number beyond all", b"{\"to\": 1e999}".to_vec(), 400, "malformed_json"),
        ("half a surrogate", b"{\"to\": \"\\ud800\"}".to_vec(), 400, "malformed_json"),
        ("a control character", b"{\"to\": \"\x01\"}".to_vec(), 400, "malformed_json"),
        ("no UTF-8", b"{\"to\": \"\xff\xfe\"}".to_vec(), 400, "malformed_json"),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec(), 400, "malformed_json"),
        ("a form", b"to=x&message=y".to_vec(), 400, "malformed_json"),
        ("nesting", format!("{{\"to\": {deep}").into_bytes(), 400, "malformed_json"),
        ("a list", b"[]".to_vec(), 422, "validation_failed"),
        ("a string", b"\"x\"".to_vec(), 422, "validation_failed"),
        ("null", b"null".to_vec(), 422, "validation_failed"),
        ("a number", b"7".to_vec(), 422, "validation_failed"),
        ("an unknown field", b"{\"nonsense\": 1}".to_vec(), 422, "validation_failed"),
        ("5000 unknown fields", serde_json::to_vec(&many).unwrap(), 422, "validation_failed"),
        ("1 MB", json!({ "to": "x".repeat(1024 * 1024) }).to_string().into_bytes(), 413, "body_too_large"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_good_is_told_why_on_every_route() {
    let app = App::start().await;
    let ids = one_of_everything(&app).await;
    for (method, template) in routes() {
        let Some(good) = good_body(&method, &template, &ids) else { continue };
        let path = fill(&template, &ids);
        let request = || app.caller.request(method.clone(), strip(&path));
        for (what, body, status, code) in bad_bodies() {
            let answer = app.caller.send(request().header("Content-Type", "application/json").body(body)).await;
            let problem = is_refused(&answer, status, code, &format!("{method} {template} with {what}"));
            if what == "an unknown field" {
                let errors = problem["errors"].as_array().unwrap();
                assert!(errors.iter().any(|error| error["field"] == "nonsense"), "{problem}");
            }
        }
        let kinds: [&[u8]; 4] = [b"", b"text/plain", b"application/x-www-form-urlencoded", b"\xe9"];
        for kind in std::iter::once(None).chain(kinds.map(Some)) {
            let mut request = request().body(good.to_string());
            if let Some(kind) = kind {
                request = request.header("Content-Type", kind);
            }
            let what = format!("{method} {template} as {kind:?}");
            is_refused(&app.caller.send(request).await, 415, "unsupported_media_type", &what);
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_or_length_is_named_on_every_route() {
    let app = App::start().await;
    let ids = one_of_everything(&app).await;
    let wrong = [
        json!(true),
        json!(1.5),
        json!(-1),
        json!(1e300),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({ "x": 1 }),
        json!(""),
        json!("x".repeat(100_000)),
        json!("a\u{0}b\u{1b}"),
    ];
    for (method, template) in routes() {
        let Some(good) = good_body(&method, &template, &ids) else { continue };
        let path = fill(&template, &ids);
        let ask =
            async |body: &Value| app.caller.send(app.caller.request(method.clone(), strip(&path)).json(body)).await;
        for (field, right) in good.as_object().unwrap() {
            for wrong in wrong.iter().filter(|wrong| !(wrong.is_boolean() && right.is_boolean())) {
                let mut body = good.clone();
                body[field] = wrong.clone();
                let shown: String = body.to_string().chars().take(200).collect();
                if field == "caption" && wrong.as_str() == Some("") {
                    continue; // Which is none.
                }
                if field == "message" && wrong.as_str().is_some_and(|text| text.contains('\0')) {
                    continue; // A text may say what it wants.
                }
                let problem =
                    is_refused(&ask(&body).await, 422, "validation_failed", &format!("{method} {template} {shown}"));
                let errors = problem["errors"].as_array().unwrap();
                assert!(errors.iter().any(|error| error["field"] == *field), "{method} {template} {shown}: {problem}");
                assert!(problem.to_string().len() < 2000, "{method} {template}: the answer repeats what was sent");
            }
            let mut twice = good.to_string();
            twice.insert_str(1, &format!("\"{field}\": {right}, "));
            let request = app.caller.request(method.clone(), strip(&path));
            let answer = app.caller.send(request.header("Content-Type", "application/json").body(twice.clone())).await;
            is_refused(&answer, 422, "validation_failed", &format!("{method} {template} {twice}"));
        }
        if method == Method::POST {
            is_refused(&ask(&json!({})).await, 422, "validation_failed", &format!("{method} {template} with {{}}"));
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_no_good_names_what_is_wrong_with_it() {
    let app = App::start().await;
    one_of_everything(&app).await;
    for (query, field) in [
        ("limit=0".to_owned(), "limit"),
        ("limit=101".into(), "limit"),
        ("limit=".into(), "limit"),
        ("limit=ten".into(), "limit"),
        ("limit=1.5".into(), "limit"),
        ("limit=-1".into(), "limit"),
        ("limit=%31%30%31".into(), "limit"),
        ("limit=99999999999999999999999999".into(), "limit"),
        ("offset=-1".into(), "offset"),
        ("offset=4294967296".into(), "offset"),
        ("limit=1&limit=2".into(), "limit"),
        ("sessionId=x&session_id=x".into(), "sessionId"),
        ("sessionId=%ff%fe".into(), "sessionId"),
        ("sessionId=%".into(), "sessionId"),
        ("sessionId=%zz".into(), "sessionId"),
        ("cursor=%00".into(), "cursor"),
        ("status=gone".into(), "status"),
        ("direction=up".into(), "direction"),
        ("type=".into(), "type"),
        ("to=12".into(), "to"),
        ("nonsense".into(), "nonsense"),
        ("%ff=1".into(), "\u{fffd}"),
        ("=1".into(), ""),
        (format!("to={}", "x".repeat(30_000)), "to"),
        ("f0=1&f1=1&".repeat(1500), "f0"),
    ] {
        let shown: String = query.chars().take(60).collect();
        let answer = app.caller.get(&format!("/messages?{query}")).await;
        let problem = is_refused(&answer, 422, "validation_failed", &shown);
        assert!(problem["errors"].as_array().unwrap().iter().any(|e| e["field"] == field), "{shown}: {problem}");
    }
    app.stop().await;
}

/// Writes these bytes and reads all that comes back; the connection is closed by whoever has enough of it.
async fn raw(caller: &Caller, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(caller.address()).await.unwrap();
    // A server that has heard enough may close while we write; its answer is there all the same.
    let _ = stream.write_all(bytes).await;
    let mut got = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut got));
    let _ = read.await.expect("the connection was not closed");
    let text = String::from_utf8(got).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pairs = lines.map(|line| line.split_once(": ").unwrap());
    let headers = pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Answer { status, headers, text: body.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_read_is_told_so_too() {
    let app = App::start().await;
    let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n").into_bytes();
    let long = |n: usize| format!("/api/v1/messages?to={}", "x".repeat(n));
    for (what, bytes, status, code) in [
        ("noise", b"\x00\xff\x16\x03\x01 hello\r\n\r\n".to_vec(), 400, "malformed_request"),
        ("no version", b"GET /\r\n\r\n".to_vec(), 400, "malformed_request"),
        ("HTTP/9", b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400, "malformed_request"),
        ("a space in the path", get("/a b", ""), 400, "malformed_request"),
        ("a method that is none", b"G{T / HTTP/1.1\r\n\r\n".to_vec(), 400, "malformed_request"),
        ("a header without a colon", get("/", "nonsense\r\n"), 400, "malformed_request"),
        ("a header with a NUL", get("/", "x: a\0b\r\n"), 400, "malformed_request"),
        ("a length that is none", get("/", "content-length: many\r\n"), 400, "malformed_request"),
        ("two lengths", get("/", "content-length: 1\r\ncontent-length: 2\r\n"), 400, "malformed_request"),
        ("a long address", get(&long(65_600), ""), 414, "uri_too_long"),
        ("a head of 1 MB", get("/", &format!("x: {}\r\n", "y".repeat(1024 * 1024))), 431, "headers_too_large"),
        ("101 headers", get("/", &"x: y\r\n".repeat(101)), 431, "headers_too_large"),
    ] {
        is_refused(&raw(&app.caller, &bytes).await, status, code, what);
    }
    // On a connection that has answered before, as well.
    let mut twice = get("/api/v1/sessions", "");
    twice.extend(b"GET /\r\n\r\n");
    let second = raw(&app.caller, &twice).await;
    assert!(second.text.contains("invalid_api_key") && second.text.contains("malformed_request"), "{}", second.text);
    app.stop().await;
}

fn request(method: &Method, path: &[u8], key: &str) -> Vec<u8> {
    let mut bytes = format!("{method} ").into_bytes();
    bytes.extend_from_slice(path);
    let head = format!(
        " HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    bytes.extend_from_slice(head.as_bytes());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_path_is_a_path_to_nothing() {
    let app = App::start().await;
    let long = "x".repeat(5000);
    let odd: [&[u8]; 16] = [
        b"",
        b"nonsense",
        b"%",
        b"%zz",
        b"%00",
        b"%ff%fe",
        b"%2F",
        b"%2e%2e",
        b"..",
        b"-1",
        b"{id}",
        b"0198f000-0000-7000-8000-00000000000",
        b"0198f000-0000-7000-8000-000000000000%00",
        "\u{e9}".as_bytes(),
        b"'%20OR%201=1--",
        long.as_bytes(),
    ];
    for (method, template) in routes().into_iter().filter(|(_, template)| template.contains('{')) {
        let (before, after) = (template.split('{').next().unwrap(), template.split('}').nth(1).unwrap());
        // A slash at the end is no segment: the path is the collection's then, and a good one.
        for segment in odd.into_iter().filter(|segment| !(segment.is_empty() && after.is_empty())) {
            let path = [before.as_bytes(), segment, after.as_bytes()].concat();
            let shown = String::from_utf8_lossy(&path).chars().take(100).collect::<String>();
            let answer = raw(&app.caller, &request(&method, &path, app.caller.key().unwrap())).await;
            is_clear(&answer, &format!("{method} {shown}"));
            // Where a path that is not there leads to one that is, its methods or its fields may be at fault first.
            assert!([404, 405, 422].contains(&answer.status), "{method} {shown}: {} {}", answer.status, answer.text);
        }
    }
    for path in ["/nothing", "/api", "/api/v1", "/api/v2/sessions", "//api/v1/sessions", "/API/V1/keys"] {
        let answer = raw(&app.caller, &request(&Method::GET, path.as_bytes(), app.caller.key().unwrap())).await;
        is_refused(&answer, 404, "not_found", path);
    }
    app.stop().await;
}
