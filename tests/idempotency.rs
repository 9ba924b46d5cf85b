//! `Idempotency-Key` on whatever creates: done once, answered the same to the byte, and free again when nothing was made.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::ground::app::{Answer, App, Caller, until};
use crate::ground::process::Process;
use crate::ground::{Ground, Place, on_both_databases};

on_both_databases![
    what_is_made_again_under_the_same_key_is_answered_as_at_first,
    of_thirty_two_at_once_one_makes_it_and_no_other_is_told_anything_else,
    a_key_stands_for_one_request_of_one_tenant_for_a_day,
    what_was_refused_leaves_its_key_free,
    a_kill_leaves_a_key_free_or_its_answer_kept,
];

/// The calls that create, with a body for the nth thing.
const CREATING: [&str; 2] = ["/sessions", "/keys"];

fn body(path: &str, n: usize) -> Value {
    match path {
        "/sessions" => json!({ "session_key": format!("session {n}") }),
        _ => json!({ "name": format!("key {n}") }),
    }
}

async fn once(caller: &Caller, path: &str, key: &str, body: &Value) -> Answer {
    let request = caller.request(reqwest::Method::POST, path).header("Idempotency-Key", key);
    caller.send(request.json(body)).await
}

/// What an answer says that must be the same each time.
fn said(answer: &Answer) -> (u16, String, Option<String>, String) {
    let header = |name| answer.header(name).map(str::to_owned);
    (answer.status, answer.text.clone(), header("location"), header("content-type").unwrap())
}

async fn total(caller: &Caller, path: &str) -> u64 {
    caller.get(path).await.expect(200)["total"].as_u64().unwrap()
}

async fn what_is_made_again_under_the_same_key_is_answered_as_at_first(on: Ground) {
    let app = App::start_on(on).await;
    for path in CREATING {
        let before = total(&app.caller, path).await;
        let first = once(&app.caller, path, path, &body(path, 1)).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{}", first.text);
        let made = format!("/api/v1{path}/{}", first.json()["id"].as_str().unwrap());
        assert_eq!(first.header("location"), Some(made.as_str()));
        for _ in 0..3 {
            let again = once(&app.caller, path, path, &body(path, 1)).await;
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
            assert_eq!(said(&again), said(&first));
        }
        once(&app.caller, path, path, &body(path, 2)).await.problem(422, "idempotency_key_reused");
        assert_eq!(total(&app.caller, path).await, before + 1);
    }
    // A key is the tenant's, whatever it was first used for.
    once(&app.caller, "/sessions", "/keys", &body("/keys", 1)).await.problem(422, "validation_failed");
    once(&app.caller, "/sessions", "/keys", &body("/sessions", 1)).await.problem(422, "idempotency_key_reused");
    let odd = once(&app.caller, "/keys", "not visible\t", &json!({ "name": 7 })).await;
    let problem = odd.problem(422, "validation_failed");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, [json!("Idempotency-Key"), json!("name")]);
    // The key that was shown twice is one that lets in.
    let shown = once(&app.caller, "/keys", "/keys", &body("/keys", 1)).await.expect(201);
    app.caller.with_key(shown["apiKey"].as_str()).get("/sessions").await.expect(200);
    // An answer holds when what it speaks of is gone, and after a restart.
    let first = once(&app.caller, "/sessions", "/sessions", &body("/sessions", 1)).await;
    app.caller.delete(&format!("/sessions/{}", first.json()["id"].as_str().unwrap())).await.expect(204);
    let app = app.restart().await;
    let again = once(&app.caller, "/sessions", "/sessions", &body("/sessions", 1)).await;
    assert_eq!((said(&again), total(&app.caller, "/sessions").await), (said(&first), 0));
    app.stop().await;
}

async fn of_thirty_two_at_once_one_makes_it_and_no_other_is_told_anything_else(on: Ground) {
    let app = App::start_on(on).await;
    for path in CREATING {
        let before = total(&app.caller, path).await;
        let body = body(path, 1);
        let answers = join_all((0..32).map(|_| once(&app.caller, path, path, &body))).await;
        let (made, waited): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status < 300);
        assert_eq!(made.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count(), 1);
        assert!(made.iter().all(|answer| said(answer) == said(&made[0])));
        for answer in waited {
            assert_eq!(answer.header("retry-after"), Some("1"));
            answer.problem(409, "idempotency_in_progress");
        }
        assert_eq!(total(&app.caller, path).await, before + 1);
    }
    app.stop().await;
}

async fn a_key_stands_for_one_request_of_one_tenant_for_a_day(on: Ground) {
    let app = App::start_on(on).await;
    let other = app.tenant("other@example.com", "pro").await;
    for path in CREATING {
        let first = once(&app.caller, path, path, &body(path, 1)).await;
        let theirs = once(&other, path, path, &body(path, 2)).await;
        assert_eq!((first.status, theirs.status, theirs.header("idempotency-replayed")), (201, 201, None));
        app.server().store().clock().shift(chrono::TimeDelta::hours(23));
        assert_eq!(said(&once(&app.caller, path, path, &body(path, 1)).await), said(&first));
        app.server().store().clock().shift(chrono::TimeDelta::hours(2));
        let next = once(&app.caller, path, path, &body(path, 3)).await;
        assert_eq!((next.status, next.header("idempotency-replayed")), (201, None), "{}", next.text);
        once(&app.caller, path, path, &body(path, 1)).await.problem(422, "idempotency_key_reused");
    }
    app.stop().await;
}

async fn what_was_refused_leaves_its_key_free(on: Ground) {
    let app = App::free_on(on).await;
    for n in 0..10 {
        app.caller.post("/sessions", body("/sessions", n)).await.expect(201);
    }
    once(&app.caller, "/sessions", "k", &body("/sessions", 10)).await.problem(429, "session_limit_reached");
    let newest = app.caller.get("/sessions").await.expect(200)["sessions"][0]["id"].as_str().unwrap().to_owned();
    app.caller.delete(&format!("/sessions/{newest}")).await.expect(204);
    once(&app.caller, "/sessions", "k", &body("/sessions", 3)).await.problem(409, "session_key_taken");
    once(&app.caller, "/sessions", "k", &json!({ "session_key": "" })).await.problem(422, "validation_failed");
    once(&app.caller, "/sessions", "k", &body("/sessions", 10)).await.expect(201);
    // With the answer kept, a full plan is no matter.
    once(&app.caller, "/sessions", "k", &body("/sessions", 10)).await.expect(201);
    once(&app.caller, "/sessions", "other", &body("/sessions", 11)).await.problem(429, "session_limit_reached");
    app.stop().await;
}

/// Asks for all of it at once; what came back before the server was gone.
async fn ask_all(caller: &Caller, things: &[(&'static str, usize)]) -> Vec<Option<(String, u16)>> {
    join_all(things.iter().map(|(path, n)| async move {
        let request = caller.request(reqwest::Method::POST, path).header("Idempotency-Key", format!("{path}{n}"));
        let answer = request.json(&body(path, *n)).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((answer.text().await.ok()?, status))
    }))
    .await
}

async fn a_kill_leaves_a_key_free_or_its_answer_kept(on: Ground) {
    let place = Place::new(on);
    let server = Process::start_on(&place);
    let key = server.key("you@example.com");
    server.set_plan("you@example.com", "pro");
    let things: Vec<_> = (0..24).map(|n| (CREATING[n % 2], n)).collect();
    let caller = server.caller(&key);
    let asking = tokio::spawn({
        let (caller, things) = (caller.clone(), things.clone());
        async move {
            let mut firsts = Vec::new();
            for few in things.chunks(4) {
                firsts.extend(ask_all(&caller, few).await);
            }
            firsts
        }
    });
    until("some are made", async || total(&caller, "/sessions").await >= 3).await;
    server.kill();
    let firsts = asking.await.unwrap();
    assert!(firsts.iter().any(Option::is_some), "none was answered before the kill");

    let server = Process::start_on(&place);
    let caller = server.caller(&key);
    let again = ask_all(&caller, &things).await;
    for (first, again) in firsts.iter().zip(&again) {
        let (text, status) = again.as_ref().unwrap();
        assert_eq!(*status, 201, "{text}");
        assert!(first.as_ref().is_none_or(|(before, _)| before == text), "{first:?} {text}");
    }
    assert_eq!((total(&caller, "/sessions").await, total(&caller, "/keys").await), (12, 13));
    server.terminate();
}
