//! What a plan allows, to the message: a day's sends, sessions, calls in a burst; and plans that change while the server runs.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use wamux::clock::instant;

use crate::ground::app::{Answer, App, Caller, until};
use crate::ground::process::Process;
use crate::ground::{Ground, Place, on_both_databases};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";
const EMAIL: &str = "you@example.com";
/// How many send at the same moment.
const SENDERS: usize = 64;

on_both_databases![
    sixty_four_senders_at_once_have_a_days_messages_and_not_one_more,
    a_day_that_a_kill_cuts_in_two_has_no_message_more_or_less,
    a_send_that_is_asked_for_again_counts_once,
    a_plan_has_its_sessions_however_many_are_asked_for_at_once,
    a_key_calls_as_often_as_its_burst_and_its_rate_allow,
    a_plan_that_is_changed_beside_the_server_counts_without_a_restart,
];

fn text(n: usize) -> serde_json::Value {
    json!({ "to": PHONE, "message": format!("m{n}") })
}

fn figure(answer: &Answer, name: &str) -> u64 {
    let figure = answer.header(name).unwrap_or_else(|| panic!("no {name}: {} {}", answer.status, answer.text));
    figure.parse().unwrap()
}

/// Checks what an answer to a send says of a day with so many messages; how many are left.
fn left_of(answer: &Answer, limit: u64) -> u64 {
    let now = chrono::Timelike::num_seconds_from_midnight(&wamux::clock::Clock::default().now().time());
    let (left, reset) = (figure(answer, "ratelimit-remaining"), figure(answer, "ratelimit-reset"));
    assert_eq!(figure(answer, "ratelimit-limit"), limit);
    let midnight = u64::from(86_400 - now);
    assert!((1..=86_400).contains(&reset) && (reset.abs_diff(midnight) < 60 || reset.abs_diff(midnight) > 86_300));
    left
}

/// Checks that the day is over, and says so as it should.
fn used_up(answer: Answer, limit: u64) {
    assert_eq!(left_of(&answer, limit), 0);
    assert_eq!(figure(&answer, "retry-after"), figure(&answer, "ratelimit-reset"));
    answer.problem(429, "daily_limit_reached");
}

async fn sixty_four_senders_at_once_have_a_days_messages_and_not_one_more(on: Ground) {
    let app = App::free_on(on).await;
    let session = app.caller.link("one", OWN).await;
    // Several keys, so that the burst limit of one is not what stops them.
    let callers = join_all((0..4).map(|_| app.tenant(EMAIL, "free"))).await;
    let sends = (0..SENDERS).map(|sender| {
        let caller = callers[sender % callers.len()].clone();
        async move { [caller.post("/messages", text(sender)).await, caller.post("/messages", text(sender)).await] }
    });
    let answers: Vec<Answer> = join_all(sends).await.into_iter().flatten().collect();
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!((accepted.len(), refused.len()), (100, 2 * SENDERS - 100));
    let mut left: Vec<_> = accepted.iter().map(|answer| left_of(answer, 100)).collect();
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<_>>());
    for answer in refused {
        used_up(answer, 100);
    }
    app.caller.until_count("status=delivered", 100).await;
    // Neither a start nor another day's end is needed for what is refused to stay so, and a new day begins at nothing.
    let app = app.restart().await;
    app.caller.stream(&session, None).await.until("connected").await;
    used_up(app.caller.post("/messages", text(0)).await, 100);
    app.server().store().clock().shift(chrono::TimeDelta::days(1));
    let tomorrow = app.caller.post("/messages", text(0)).await;
    assert_eq!((tomorrow.status, left_of(&tomorrow, 100)), (202, 99), "{}", tomorrow.text);
    app.stop().await;
}

/// Each sends until the day is over or the server is gone; how many sends were answered with 202.
async fn send_until_over(callers: &[Caller]) -> usize {
    let senders = (0..SENDERS).map(|sender| {
        let caller = &callers[sender % callers.len()];
        async move {
            let mut accepted = 0;
            loop {
                let Ok(answer) = caller.request(Method::POST, "/messages").json(&text(sender)).send().await else {
                    return accepted;
                };
                match answer.status().as_u16() {
                    202 => accepted += 1,
                    429 => return accepted,
                    // Not connected again yet.
                    409 => tokio::task::yield_now().await,
                    other => panic!("{other}: {}", answer.text().await.unwrap()),
                }
            }
        }
    });
    join_all(senders).await.into_iter().sum()
}

async fn a_day_that_a_kill_cuts_in_two_has_no_message_more_or_less(on: Ground) {
    let place = Place::new(on);
    let server = Process::start_on(&place);
    let keys: Vec<_> = (0..4).map(|_| server.key(EMAIL)).collect();
    let callers = |server: &Process| keys.iter().map(|key| server.caller(key)).collect::<Vec<_>>();
    let own = server.caller(&server.key(EMAIL));
    let session = own.link("one", OWN).await;
    let sending = tokio::spawn({
        let callers = callers(&server);
        async move { send_until_over(&callers).await }
    });
    until("messages flow", async || own.count("direction=outbound").await >= 20).await;
    server.kill();
    let before = sending.await.unwrap();

    let server = Process::start_on(&place);
    let own = own.at(&server.base);
    own.stream(&session, None).await.until("connected").await;
    let there = own.count("direction=outbound").await;
    // The answers of the last batch may have been lost; what was answered is there.
    assert!((before as u64..=100).contains(&there), "{before} {there}");
    let after = send_until_over(&callers(&server)).await;
    assert_eq!((there + after as u64, own.count("direction=outbound").await), (100, 100));
    used_up(own.post("/messages", text(0)).await, 100);
    server.set_plan(EMAIL, "pro");
    let more = own.post("/messages", text(0)).await;
    assert_eq!((more.status, left_of(&more, 10_000)), (202, 9_899), "{}", more.text);
    server.terminate();
}

async fn a_send_that_is_asked_for_again_counts_once(on: Ground) {
    let app = App::free_on(on).await;
    app.caller.link("one", OWN).await;
    let send = async |key: &str| {
        let request = app.caller.request(Method::POST, "/messages").header("Idempotency-Key", key);
        app.caller.send(request.json(&text(0))).await
    };
    let first = send("a").await;
    assert_eq!((first.status, left_of(&first, 100)), (202, 99));
    for answer in join_all((0..30).map(|_| send("a"))).await {
        assert_eq!((answer.status, left_of(&answer, 100), &answer.text), (202, 99, &first.text));
    }
    app.server()
        .store()
        .write(|batch| async move { batch.execute_unprepared("UPDATE usage SET used = 99").await.map(|_| ()) }.boxed())
        .await
        .unwrap();
    assert_eq!(left_of(&send("b").await, 100), 0);
    used_up(send("c").await, 100);
    let again = send("a").await;
    assert_eq!((again.status, left_of(&again, 100), again.text), (202, 0, first.text));
    app.stop().await;
}

async fn a_plan_has_its_sessions_however_many_are_asked_for_at_once(on: Ground) {
    let app = App::free_on(on).await;
    let asked = (0..32).map(|n| app.caller.post("/sessions", json!({ "session_key": format!("s{n}") })));
    let (made, refused): (Vec<_>, Vec<_>) = join_all(asked).await.into_iter().partition(|a| a.status == 201);
    assert_eq!((made.len(), refused.len()), (10, 22));
    for answer in refused {
        assert!(figure(&answer, "retry-after") > 0);
        answer.problem(429, "session_limit_reached");
    }
    app.stop().await;
}

/// Makes so many calls at once; how many were let through, and in how many begun seconds.
async fn burst(caller: &Caller, calls: usize, path: &str) -> (usize, usize) {
    let began = instant();
    let answers = join_all((0..calls).map(|_| caller.get(path))).await;
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let (passed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status != 429);
    for answer in refused {
        assert_eq!(figure(&answer, "retry-after"), 1);
        answer.problem(429, "rate_limited");
    }
    (passed.len(), seconds)
}

async fn a_key_calls_as_often_as_its_burst_and_its_rate_allow(on: Ground) {
    let app = App::free_on(on).await;
    let (passed, seconds) = burst(&app.caller, 180, "/keys").await;
    assert!((100..=100 + 20 * seconds).contains(&passed) && passed < 180, "{passed} in {seconds} s");
    // What is refused at the door says how the day stands if it was a send, and not what is wrong with it.
    let mut refused = Vec::new();
    until("a send comes too fast", async || {
        let sends = join_all((0..150).map(|_| app.caller.post("/messages", json!({ "colour": 1 })))).await;
        refused.extend(sends.into_iter().filter(|answer| answer.status == 429));
        !refused.is_empty()
    })
    .await;
    for answer in refused {
        assert_eq!((left_of(&answer, 100), figure(&answer, "retry-after")), (100, 1));
        answer.problem(429, "rate_limited");
    }
    // Neither another key of the tenant nor another tenant is held up by it.
    for other in [app.tenant(EMAIL, "free").await, app.tenant("other@example.com", "free").await] {
        other.get("/keys").await.expect(200);
    }
    app.stop().await;
}

/// What an operator does beside the server.
async fn sql(app: &App, sql: &'static str) {
    let done =
        app.server().store().write(move |batch| async move { batch.execute_unprepared(sql).await.map(|_| ()) }.boxed());
    done.await.unwrap();
}

async fn a_plan_that_is_changed_beside_the_server_counts_without_a_restart(on: Ground) {
    let app = App::free_on(on).await;
    app.caller.link("one", OWN).await;
    app.caller.post("/sessions", json!({ "session_key": "two" })).await.expect(201);
    let send = async || app.caller.post("/messages", text(0)).await;
    assert_eq!(left_of(&send().await, 100), 99);
    // A plan of the operator's own; a send and a session know of it at once, calls within seconds.
    sql(&app, "INSERT INTO plan (name, sessions, messages_per_day, calls_per_second, calls_burst) VALUES ('tiny', 3, 3, 1, 12)").await;
    app.tenant(EMAIL, "tiny").await;
    assert_eq!(left_of(&send().await, 3), 1);
    app.caller.post("/sessions", json!({ "session_key": "three" })).await.expect(201);
    app.caller.post("/sessions", json!({ "session_key": "four" })).await.problem(429, "session_limit_reached");
    assert_eq!(left_of(&send().await, 3), 0);
    used_up(send().await, 3);
    let no_send = app.caller.post("/messages", json!({})).await;
    assert_eq!((no_send.status, left_of(&no_send, 3)), (422, 0));
    let began = instant();
    until("the small burst", async || {
        let (passed, seconds) = burst(&app.caller, 40, "/keys").await;
        passed <= 12 + seconds
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(20));
    // The row itself is changed, and then the tenant moves on.
    sql(&app, "UPDATE plan SET messages_per_day = 4, sessions = NULL, calls_per_second = 200, calls_burst = 400 WHERE name = 'tiny'").await;
    until("the large burst", async || burst(&app.caller, 100, "/keys").await.0 == 100).await;
    assert_eq!(left_of(&send().await, 4), 0);
    app.caller.post("/sessions", json!({ "session_key": "four" })).await.expect(201);
    used_up(send().await, 4);
    app.tenant(EMAIL, "pro").await;
    assert_eq!(left_of(&send().await, 10_000), 9_995);
    app.stop().await;
}
