//! Streams, their tickets, and QR codes as pictures: what a page that links an account stands on.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use wamux::domain::access::{ApiKey, Email};
use wamux::domain::quota::STREAMS_MAX;

use crate::ground::app::{App, Caller, until};
use crate::ground::stream::Events;

const OWN: &str = "+237600000001";

/// Opens what a ticket's `streamUrl` points at, without a key.
async fn follow(caller: &Caller, url: &str, after: Option<&str>) -> Events {
    let mut request = caller.with_key(None).request(Method::GET, url.strip_prefix("/api/v1").unwrap());
    if let Some(id) = after {
        request = request.header("Last-Event-ID", id);
    }
    Events::new(request.send().await.unwrap())
}

async fn session(caller: &Caller, key: &str) -> String {
    let made = caller.post("/sessions", json!({ "session_key": key })).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn ticket(caller: &Caller, session: &str) -> Value {
    caller.post("/stream-tickets", json!({ "sessionId": session })).await.expect(201)
}

async fn new_key(caller: &Caller, body: Value) -> (String, Caller, ApiKey) {
    let made = caller.post("/keys", body).await.expect(201);
    let text = made["apiKey"].as_str().unwrap();
    (made["id"].as_str().unwrap().to_owned(), caller.with_key(Some(text)), text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_comes_as_a_picture_a_drawing_or_text() {
    let app = App::start().await;
    let id = session(&app.caller, "one").await;
    let qr = app.caller.stream(&id, None).await.until("qr").await;
    let ask = async |accept: &str| {
        let request = app.caller.request(Method::GET, &format!("/sessions/{id}/qr")).header("Accept", accept);
        let answer = request.send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), kind, answer.bytes().await.unwrap())
    };
    for accept in ["*/*", "image/*", "image/png, image/svg+xml;q=0.9", "text/plain;q=0.1, image/png"] {
        let (status, kind, png) = ask(accept).await;
        assert_eq!((status, kind.as_str()), (200, "image/png"), "{accept}");
        let shown = qr["qrImage"].as_str().unwrap();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &png);
        assert_eq!(shown, format!("data:image/png;base64,{encoded}"), "the stream's own picture");
    }
    let (status, kind, svg) = ask("image/svg+xml").await;
    assert_eq!((status, kind.as_str()), (200, "image/svg+xml"));
    assert!(svg.starts_with(b"<svg ") && svg.ends_with(b"</svg>"));
    let (status, kind, text) = ask("text/plain").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; charset=utf-8"));
    assert_eq!(text, qr["qr"].as_str().unwrap());
    let (status, kind, problem) = ask("application/json").await;
    assert_eq!((status, kind.as_str()), (406, "application/problem+json"));
    let problem: Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!(problem["code"], "not_acceptable");
    let plain = app.caller.request(Method::GET, &format!("/sessions/{id}/qr")).send().await.unwrap();
    assert_eq!(plain.headers()["content-type"], "image/png");
    let expires = chrono::DateTime::parse_from_rfc2822(plain.headers()["expires"].to_str().unwrap()).unwrap();
    let said = chrono::DateTime::parse_from_rfc3339(qr["expiresAt"].as_str().unwrap()).unwrap();
    assert!((said - expires).abs() < TimeDelta::seconds(1), "{said} {expires}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_shows_no_code_has_no_picture() {
    let app = App::start().await;
    let id = session(&app.caller, "one").await;
    app.caller.stream(&id, None).await.until("qr").await;
    app.server().store().clock().shift(TimeDelta::minutes(3));
    app.caller.get(&format!("/sessions/{id}/qr")).await.problem(409, "session_not_pairing");
    let linked = app.caller.link("two", OWN).await;
    app.caller.get(&format!("/sessions/{linked}/qr")).await.problem(409, "session_not_pairing");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_has_expired_is_never_shown_again() {
    let app = App::start().await;
    let id = session(&app.caller, "one").await;
    let mut first = app.caller.stream(&id, None).await;
    let seen = first.next().await.unwrap();
    assert_eq!(seen.name, "qr");
    app.server().store().clock().shift(TimeDelta::minutes(3));
    // Whoever comes now, resuming or afresh, is told nothing until there is something new: here, the end.
    let mut fresh = app.caller.stream(&id, None).await;
    let mut resumed = app.caller.stream(&id, Some(&seen.id)).await;
    app.caller.delete(&format!("/sessions/{id}")).await.expect(204);
    assert!(fresh.next().await.is_none() && resumed.next().await.is_none() && first.next().await.is_none());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_lost_resumes_without_loss_or_repeat() {
    let app = App::start().await;
    let id = app.caller.link("one", OWN).await;
    let drop_connection = || app.sandbox().drop_connection(&OWN.parse().unwrap());
    let mut whole = app.caller.stream(&id, None).await;
    let mut lost = app.caller.stream(&id, None).await;
    let (first, last_seen) = (whole.next().await.unwrap(), lost.next().await.unwrap());
    assert_eq!((first.name.as_str(), &first.id), ("connected", &last_seen.id));
    drop(lost);
    let mut told = Vec::new();
    for _ in 0..2 {
        drop_connection();
        for name in ["error", "connected"] {
            let event = whole.next().await.unwrap();
            assert_eq!(event.name, name);
            told.push((event.id, event.name));
        }
    }
    let mut resumed = app.caller.stream(&id, Some(&last_seen.id)).await;
    for (id, name) in &told {
        let event = resumed.next().await.unwrap();
        assert_eq!((&event.id, &event.name), (id, name));
    }
    // What happens from now on follows without a seam.
    drop_connection();
    let (here, there) = (whole.next().await.unwrap(), resumed.next().await.unwrap());
    assert_eq!((here.id, here.name), (there.id, there.name));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_its_stream_and_opens_it_again_after_a_disconnect() {
    let app = App::start().await;
    let clock = app.server().store().clock().clone();
    let id = app.caller.link("one", OWN).await;
    let made = ticket(&app.caller, &id).await;
    let url = made["streamUrl"].as_str().unwrap();
    assert_eq!(url, format!("/api/v1/sessions/{id}/stream?ticket={}", made["ticket"].as_str().unwrap()));
    let left =
        chrono::DateTime::parse_from_rfc3339(made["expiresAt"].as_str().unwrap()).unwrap() - clock.now().fixed_offset();
    assert!(left <= TimeDelta::seconds(60) && left > TimeDelta::seconds(30), "{left}");
    let mut events = follow(&app.caller, url, None).await;
    let seen = events.next().await.unwrap();
    assert_eq!(seen.name, "connected");
    // However long it was open, as EventSource opens it again by itself.
    clock.shift(TimeDelta::hours(2));
    drop(events);
    let mut again = follow(&app.caller, url, Some(&seen.id)).await;
    assert_eq!((again.status, again.next().await.unwrap().id), (200, seen.id));
    drop(again);
    // Each round is more than a minute later; the server sees the last disconnect between two of them.
    until("the ticket has expired", async || {
        clock.shift(TimeDelta::seconds(61));
        follow(&app.caller, url, None).await.status == 401
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_does_not_open_a_stream_says_so_to_the_byte_whatever_the_reason() {
    let app = App::start().await;
    let other = app.tenant("other@example.com", "free").await;
    let (mine, also_mine) = (session(&app.caller, "one").await, session(&app.caller, "two").await);
    let theirs = session(&other, "one").await;
    let (key, short, _) = new_key(&app.caller, json!({ "name": "revoked" })).await;
    let text = |made: &Value| made["ticket"].as_str().unwrap().to_owned();
    let revoked = text(&ticket(&short, &mine).await);
    app.caller.delete(&format!("/keys/{key}")).await.expect(204);
    let expired = text(&ticket(&app.caller, &mine).await);
    app.server().store().clock().shift(TimeDelta::seconds(61));
    let for_the_other = text(&ticket(&app.caller, &also_mine).await);
    let foreign = text(&ticket(&other, &theirs).await);
    let never = format!("st_{}", "A".repeat(43));
    let good = text(&ticket(&app.caller, &mine).await);
    let anyone = app.caller.with_key(None);
    let ask = async |session: &str, query: &str| {
        let request = anyone.request(Method::GET, &format!("/sessions/{session}/stream?{query}"));
        let answer = anyone.send(request.header("X-Request-Id", "same")).await;
        let mut headers = answer.headers;
        headers.remove("date");
        (answer.status, headers, answer.text)
    };
    let refused = ask(&mine, &format!("ticket={never}")).await;
    assert_eq!(refused.0, 401);
    assert!(refused.2.contains("invalid_stream_ticket"), "{}", refused.2);
    for (session, query) in [
        (&*mine, format!("ticket={expired}")),
        (&mine, format!("ticket={revoked}")),
        (&mine, format!("ticket={for_the_other}")),
        (&mine, format!("ticket={foreign}")),
        (&mine, format!("ticket={good}&ticket={good}")),
        (&mine, "ticket=".into()),
        (&mine, "ticket=nonsense".into()),
        (&mine, "ticket=%ff%00".into()),
        (&mine, format!("ticket={}", "x".repeat(9000))),
        (&theirs, format!("ticket={good}")),
        ("nonsense", format!("ticket={good}")),
        ("0198f000-0000-7000-8000-000000000000", format!("ticket={good}")),
    ] {
        assert_eq!(ask(session, &query).await, refused, "{session} {query}");
    }
    assert_eq!(follow(&app.caller, &format!("/api/v1/sessions/{mine}/stream?ticket={good}"), None).await.status, 200);
    for asked in [&*theirs, "0198f000-0000-7000-8000-000000000000"] {
        app.caller.post("/stream-tickets", json!({ "sessionId": asked })).await.problem(404, "not_found");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_ends_its_streams_and_its_tickets_and_no_others() {
    let app = App::start().await;
    let id = app.caller.link("one", OWN).await;
    let (key, user, _) = new_key(&app.caller, json!({ "name": "page" })).await;
    let made = ticket(&user, &id).await;
    let url = made["streamUrl"].as_str().unwrap();
    let (mut by_key, mut by_ticket) = (user.stream(&id, None).await, follow(&user, url, None).await);
    let mut other = app.caller.stream(&id, None).await;
    for events in [&mut by_key, &mut by_ticket, &mut other] {
        assert_eq!(events.next().await.unwrap().name, "connected");
    }
    app.caller.delete(&format!("/keys/{key}")).await.expect(204);
    assert!(by_key.next().await.is_none() && by_ticket.next().await.is_none());
    assert_eq!(follow(&user, url, None).await.status, 401);
    app.sandbox().drop_connection(&OWN.parse().unwrap());
    assert_eq!(other.next().await.unwrap().name, "error");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expires_or_is_revoked_elsewhere_ends_its_streams() {
    let app = App::start().await;
    let id = session(&app.caller, "one").await;
    let (_, short, _) = new_key(&app.caller, json!({ "name": "short", "expiresInDays": 1 })).await;
    let (gone, elsewhere, _) = new_key(&app.caller, json!({ "name": "elsewhere" })).await;
    let (mut expires, mut revoked) = (short.stream(&id, None).await, elsewhere.stream(&id, None).await);
    let made = ticket(&short, &id).await;
    // As another machine on the same database would.
    let email: Email = "you@example.com".parse().unwrap();
    let store = app.server().store();
    let tenant = store.tenant_of(&email).await.unwrap();
    store.delete_key(tenant, gone.parse().unwrap()).await.unwrap().unwrap();
    revoked.end().await;
    store.clock().shift(TimeDelta::hours(25));
    expires.end().await;
    assert_eq!(follow(&app.caller, made["streamUrl"].as_str().unwrap(), None).await.status, 401);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_so_many_streams_open_and_another_does_not_notice() {
    let app = App::start().await;
    let other = app.tenant("other@example.com", "free").await;
    let (id, theirs) = (session(&app.caller, "one").await, session(&other, "one").await);
    let (_, user, key) = new_key(&app.caller, json!({ "name": "page" })).await;
    // Without a socket each: the limit is not HTTP's.
    let system = app.server().system();
    let access = system.enter(&key).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..STREAMS_MAX {
        open.push(system.watch_session(&access, None, id.parse().unwrap(), None).await.unwrap());
    }
    let full = user.get(&format!("/sessions/{id}/stream")).await;
    assert!(full.header("retry-after").is_some());
    full.problem(429, "stream_limit_reached");
    assert_eq!(other.stream(&theirs, None).await.status, 200);
    open.pop();
    assert_eq!(user.stream(&id, None).await.status, 200);
    app.stop().await;
}
