//! The log: its lines keep the grammar that `telemetry` writes down, say nothing of people, and name the request that a message came
//! from until its last receipt.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::json;
use wamux::telemetry::FIELDS;

use crate::ground::app::{Caller, until};
use crate::ground::process::Process;
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const BOB: &str = "+237622222222";
const NOBODY: &str = "+15550000001";
const TEXTS: [&str; 3] = ["a secret for Bob", "anyone there?", "hi back, says Bob"];
const EMAIL: &str = "somebody@example.com";

async fn send(caller: &Caller, request: &str, to: &str, text: &str) -> String {
    let asked = caller.request(Method::POST, "/messages").header("X-Request-Id", request);
    let accepted = caller.send(asked.json(&json!({ "to": to, "message": text }))).await.expect(202);
    accepted["id"].as_str().unwrap().to_owned()
}

/// The lines that name a request.
fn of<'l>(log: &'l str, request: &str) -> Vec<&'l str> {
    let field = format!("request=\"{request}\"");
    log.lines().filter(|line| line.contains(&field)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_says_who_writes_or_what() {
    for level in ["info", "info,wamux=debug"] {
        let place = Place::new(Ground::Sqlite);
        let server = Process::start_with(&place, &[("WAMUX_LOG", level)]);
        let caller = server.caller(&server.key(EMAIL));
        server.set_plan(EMAIL, "pro");
        let session = caller.link("one", OWN).await;
        let sent = send(&caller, "to-bob", BOB, TEXTS[0]).await;
        send(&caller, "to-nobody", NOBODY, TEXTS[1]).await;
        caller.until_count("status=delivered&direction=outbound", 1).await;
        caller.until_count("status=failed", 1).await;
        let back = json!({ "to": OWN, "message": TEXTS[2] });
        caller.post(&format!("/sandbox/phones/{BOB}/messages"), back).await.expect(201);
        caller.until_count("direction=inbound", 1).await;
        // What goes wrong on the network, and is written about.
        let fault = json!({ "fault": "drop_connection", "sessionId": session });
        let mut events = caller.stream(&session, None).await;
        events.until("connected").await;
        caller.post("/sandbox/faults", fault).await.expect(201);
        events.until("error").await;
        events.until("connected").await;
        assert_eq!(caller.get(&format!("/messages/{sent}")).await.expect(200)["requestId"], "to-bob");
        assert!(caller.get("/messages?direction=inbound").await.expect(200)["messages"][0]["requestId"].is_null());
        let debug = level.contains("debug");
        until("the log says how it ended", async || !debug || of(&server.log(), "to-nobody").len() >= 4).await;
        let log = server.log();
        let numbers = [OWN, BOB, NOBODY].map(|phone| phone.trim_start_matches('+'));
        for secret in numbers.iter().chain(&TEXTS).chain(&[EMAIL]) {
            let said = log.lines().find(|line| line.contains(secret));
            assert!(said.is_none(), "{level}: {secret}: {said:?}");
        }
        assert!(log.contains("not connected; trying again"), "{log}");
        if debug {
            for said in ["accepted", "handed to the network", "acknowledged", "delivered"] {
                let line = of(&log, "to-bob").into_iter().find(|line| line.contains(said));
                let line = line.unwrap_or_else(|| panic!("{said}: {log}"));
                assert!(line.contains(&format!("message_id={sent}")) && line.contains(&session), "{line}");
            }
            let failed = of(&log, "to-nobody")
                .into_iter()
                .any(|line| line.contains("a message failed") && line.contains("code=\"recipient_not_on_whatsapp\""));
            assert!(failed, "{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_named_by_the_receipts_that_come_after_a_crash() {
    let place = Place::new(Ground::Sqlite);
    let debug = [("WAMUX_LOG", "info,wamux=debug")];
    let server = Process::start_with(&place, &debug);
    let key = server.key(EMAIL);
    let caller = server.caller(&key);
    caller.link("one", OWN).await;
    for fault in ["lose_acks", "lose_receipts"] {
        caller.post("/sandbox/faults", json!({ "fault": fault, "phone": BOB })).await.expect(201);
    }
    let sent = send(&caller, "before-the-crash", BOB, "hello").await;
    until("it is on the wire", async || of(&server.log(), "before-the-crash").len() >= 3).await;
    let before = server.log();
    assert!(!of(&before, "before-the-crash").iter().any(|line| line.contains("acknowledged")), "{before}");
    server.kill();
    let server = Process::start_with(&place, &debug);
    let caller = server.caller(&key);
    until("it is delivered", async || {
        let log = server.log();
        let said = |what: &str| of(&log, "before-the-crash").iter().any(|line| line.contains(what));
        said("delivered")
    })
    .await;
    let message = caller.get(&format!("/messages/{sent}")).await.expect(200);
    assert_eq!((&message["requestId"], &message["status"]), (&json!("before-the-crash"), &json!("delivered")));
    // Where the receipt of the first process's message waited already, it came before the message went again, and was one move.
    let one_move = message["sentAt"] == message["deliveredAt"];
    let log = server.log();
    for what in ["handed to the network", "acknowledged"] {
        let said = of(&log, "before-the-crash").iter().any(|line| line.contains(what));
        assert!(said || one_move, "{what}: {log}");
    }
}

/// What stands between the brackets of each call of one of these macros.
fn calls(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        for (at, name) in text.match_indices(&format!("tracing::{level}!(")) {
            let (mut depth, mut quoted, mut escaped) = (1, false, false);
            let inside = text[at + name.len()..].chars().take_while(|c| {
                match c {
                    '"' if !escaped => quoted = !quoted,
                    '(' | '{' | '[' if !quoted => depth += 1,
                    ')' | '}' | ']' if !quoted => depth -= 1,
                    _ => {}
                }
                escaped = *c == '\\' && !escaped;
                depth > 0
            });
            found.push(inside.collect());
        }
    }
    found
}

/// The name of a field as a call gives it: `%error`, `error = why`, `message_id = %id`.
fn field(given: &str) -> &str {
    given.split('=').next().unwrap().trim().trim_start_matches(['%', '?'])
}

fn wrong(call: &str) -> Option<&'static str> {
    let call = call.trim().trim_end_matches(',');
    let Some((fields, sentence)) = call.strip_suffix('"').and_then(|call| call.rsplit_once('"')) else {
        return Some("does not end with its sentence");
    };
    let begins = sentence.starts_with(char::is_lowercase) || sentence.starts_with("WhatsApp ");
    if sentence.contains(['{', '}']) || sentence.ends_with('.') || !begins {
        return Some("has a sentence with values in it, or that is written otherwise");
    }
    // Values may hold commas in brackets; the names before `=` cannot.
    let mut depth = 0;
    let split = fields.split(|c| {
        depth += match c {
            '(' | '[' => 1,
            ')' | ']' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    let names = split.map(str::trim).filter(|given| !given.is_empty() && !given.starts_with("parent:")).map(field);
    names.into_iter().any(|name| !FIELDS.contains(&name)).then_some("has a field that telemetry::FIELDS does not know")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

#[test]
fn every_line_keeps_the_grammar() {
    let (root, mut files) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), Vec::new());
    sources(&root, &mut files);
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // The simulated network writes for whoever tries it out, and greets them at length.
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap();
        if name.starts_with("sandbox") || name == "server/sandbox.rs" {
            continue;
        }
        for call in calls(text.split("#[cfg(test)]\nmod tests {").next().unwrap()) {
            if call.contains("listening on http://") || call.contains("wamux keys create --email") {
                continue;
            }
            seen += 1;
            assert_eq!(wrong(&call), None, "{name}: {call}");
        }
    }
    assert!(seen > 50, "only {seen} calls were found");
}

#[test]
fn the_grammar_is_one_that_can_be_broken() {
    for right in [r#"%session, error = why(a, b), "a thing failed""#, r#"parent: &span, status, ?took, "answered","#] {
        assert_eq!(wrong(right), None, "{right}");
    }
    for broken in
        [r#""{name} is set""#, r#"%error, "It failed""#, r#"%error, "it failed.""#, r#"colour, "it failed""#, "%error"]
    {
        assert!(wrong(broken).is_some(), "{broken}");
    }
    assert_eq!(calls(r#"x(); tracing::warn!(%a, "b (c) \" }"); y()"#), [r#"%a, "b (c) \" }""#]);
}
