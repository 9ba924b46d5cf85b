//! Metrics: what is counted while messages go out and fail, whom it is for, and that no label says whose.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use wamux::domain::message::{Failure, Kind, Status};
use wamux::domain::session;

use crate::ground::app::{App, Caller, until};

const OWN: &str = "+237600000001";
const BOB: &str = "+237622222222";
const NOBODY: &str = "+15550000001";

/// A line without its value: the name, and the labels.
type Series = (String, BTreeMap<String, String>);

/// What was written, each line read as Prometheus reads it.
fn read(text: &str) -> BTreeMap<Series, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| one(line).unwrap_or_else(|| panic!("not a sample: {line}"))).collect()
}

fn one(line: &str) -> Option<(Series, String)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
    };
    assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{line}");
    let mut read = BTreeMap::new();
    // Values are words, numbers and templates: none has a quote or a comma in it.
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once("=\"")?;
        read.insert(name.to_owned(), value.strip_suffix('"')?.to_owned());
    }
    value.parse::<f64>().ok()?;
    Some(((name.to_owned(), read), value.to_owned()))
}

async fn scraped(caller: &Caller) -> BTreeMap<Series, String> {
    let answer = caller.with_key(None).get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    read(&answer.text)
}

fn value(metrics: &BTreeMap<Series, String>, name: &str, labels: &[(&str, &str)]) -> u64 {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    metrics.get(&(name.to_owned(), labels)).map_or(0, |value| value.parse().unwrap())
}

/// Every value that a label may have.
fn closed(label: &str) -> BTreeSet<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match label {
        "type" => words(&[Kind::Text, Kind::Image, Kind::Video, Kind::Audio].map(Kind::as_str)),
        "status" => {
            let mut all: BTreeSet<String> = words(&Status::ALL.map(Status::as_str));
            all.extend(session::Status::ALL.map(|status| status.as_str().to_owned()));
            all.extend(words(&["running", "restarting", "quarantined", "stopped"]));
            all.extend((100..600).map(|status: u16| status.to_string()));
            all
        }
        "code" => words(&Failure::ALL.map(Failure::as_str)),
        "method" => words(&["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "other"]),
        "route" => {
            let routes = wamux::http::surface().into_iter().map(|(_, path)| path);
            routes.chain(["other".to_owned()]).collect()
        }
        "kind" => {
            words(&["root", "janitor", "media", "pool", "worker", "tenants", "tenant", "session", "outbox", "inbox"])
        }
        "outcome" => {
            words(&["connected", "unreachable", "proxy_failed", "prepared", "tried_again", "failed", "dropped"])
        }
        "why" => words(&["lost", "broken", "ended_by_whatsapp"]),
        "step" => words(&["fetch", "convert", "upload"]),
        "version" => words(&[env!("CARGO_PKG_VERSION")]),
        "network" => words(&["sandbox", "whatsapp"]),
        other => panic!("say in tests/metrics.rs which values {other} has"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_messages_is_counted_and_no_label_says_whose_they_are() {
    let app = App::start().await;
    let session = app.caller.link("one", OWN).await;
    app.caller.text(BOB, "hello").await;
    app.caller.text(NOBODY, "anyone there?").await;
    app.caller.until_count("status=delivered", 1).await;
    app.caller.until_count("status=failed", 1).await;
    app.caller.get(&format!("/sessions/{session}")).await.expect(200);
    app.caller.get("/nothing/here").await.expect(404);
    app.caller.send(app.caller.request(Method::from_bytes(b"BREW").unwrap(), "/messages")).await.expect(405);
    let mut events = app.caller.stream(&session, None).await;
    events.until("connected").await;
    until("all of it is counted", async || {
        let metrics = scraped(&app.caller).await;
        let count = |name: &str, label: (&str, &str)| value(&metrics, name, &[label]) > 0;
        count("wamux_messages_accepted_total", ("type", "text"))
            && count("wamux_messages_marked_total", ("status", "delivered"))
            && count("wamux_messages_failed_total", ("code", "recipient_not_on_whatsapp"))
            && value(&metrics, "wamux_send_to_ack_seconds_count", &[]) > 0
    })
    .await;
    let metrics = scraped(&app.caller).await;
    let of_request = |method, route, status| {
        value(&metrics, "wamux_http_requests_total", &[("method", method), ("route", route), ("status", status)])
    };
    assert_eq!(value(&metrics, "wamux_messages_accepted_total", &[("type", "text")]), 2);
    assert_eq!(value(&metrics, "wamux_accept_to_sent_seconds_count", &[]), 1);
    assert_eq!(value(&metrics, "wamux_send_to_ack_seconds_count", &[]), 1);
    assert_eq!(of_request("POST", "/api/v1/messages", "202"), 2);
    assert_eq!(of_request("GET", "/api/v1/sessions/{id}", "200"), 1);
    assert_eq!(of_request("GET", "other", "404"), 1);
    assert_eq!(of_request("other", "/api/v1/messages", "405"), 1);
    assert_eq!(value(&metrics, "wamux_sessions", &[("status", "connected")]), 1);
    assert_eq!(value(&metrics, "wamux_connection_attempts_total", &[("outcome", "connected")]), 1);
    assert_eq!(value(&metrics, "wamux_streams_open", &[]), 1);
    assert_eq!(value(&metrics, "wamux_actors", &[("kind", "outbox"), ("status", "running")]), 1);
    assert_eq!(value(&metrics, "wamux_database_up", &[]), 1);
    assert!(value(&metrics, "wamux_writer_commit_seconds_count", &[]) > 2);
    for (name, labels) in metrics.keys() {
        for (label, value) in labels.iter().filter(|(label, _)| *label != "le") {
            assert!(closed(label).contains(value), "{name}: {label}={value}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_the_operator_and_come_in_the_form_that_is_asked_for() {
    let app = App::start().await;
    let ask = |header: &str, value: &str| app.caller.request(Method::GET, "/metrics").header(header, value);
    app.caller.send(ask("X-Forwarded-For", "203.0.113.9")).await.problem(403, "operator_only");
    // What Prometheus asks with.
    let wish = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let open = app.caller.send(ask("Accept", wish)).await;
    assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.text.ends_with("# EOF\n"), "{}", open.text);
    let plain = app.caller.send(ask("Accept", "text/html")).await;
    assert!(!plain.text.contains("# EOF") && plain.text.contains("# TYPE wamux_sessions gauge\n"), "{}", plain.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_in_one_process_count_each_for_itself() {
    let (one, other) = (App::start().await, App::start().await);
    one.caller.link("one", OWN).await;
    one.caller.text(BOB, "hello").await;
    one.caller.until_count("status=delivered", 1).await;
    let accepted =
        async |app: &App| value(&scraped(&app.caller).await, "wamux_messages_accepted_total", &[("type", "text")]);
    assert_eq!((accepted(&one).await, accepted(&other).await), (1, 0));
    one.stop().await;
    other.stop().await;
}
