//! Two builds: the one with the sandbox never reaches WhatsApp, and the live one has nothing of the sandbox in it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::json;
use wamux::clock::instant;

use crate::ground::app::until;
use crate::ground::live::{self, built, cargo, is_alone, run_alone};
use crate::ground::process::{Process, clean};

/// The crates of a build and their features, as cargo resolves them.
fn features(build: &[&str]) -> BTreeMap<String, Vec<String>> {
    let tree = cargo()
        .args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p}|{f}"])
        .args(build)
        .output()
        .unwrap();
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(tree.stdout).unwrap().lines() {
        let (package, features) = line.split_once('|').unwrap_or_else(|| panic!("not a package: {line}"));
        let name = package.split(' ').next().unwrap().to_owned();
        let features = features.trim_end_matches(" (*)").split(',').filter(|f| !f.is_empty()).map(str::to_owned);
        found.entry(name).or_default().extend(features);
    }
    for name in ["wamux", "whatsapp-rust", "wacore-noise", "whatsapp-rust-tokio-transport", "tokio-websockets"] {
        assert!(found.contains_key(name), "the tree was not read: no {name} in it");
    }
    found
}

/// The crates of a build with a feature that opens a door to somebody who is not WhatsApp.
fn dangers(build: &[&str]) -> Vec<String> {
    let dangerous = |features: &Vec<String>| features.iter().any(|feature| feature.contains("danger"));
    features(build).into_iter().filter(|(_, features)| dangerous(features)).map(|(name, _)| name).collect()
}

#[test]
fn the_switch_that_trusts_any_network_is_in_the_sandbox_build_and_not_in_the_live_one() {
    assert_eq!(dangers(&[]), ["wacore", "wacore-noise", "whatsapp-rust"]);
    assert_eq!(dangers(&["--no-default-features"]), [""; 0]);
}

#[test]
fn the_live_build_has_no_feature_of_the_sandbox() {
    let (with, without) = (features(&[]), features(&["--no-default-features"]));
    for (name, feature) in [("wamux", "sandbox"), ("tokio-websockets", "server")] {
        assert!(with[name].iter().any(|f| f == feature), "the sandbox build has no {name}/{feature}");
        assert!(!without[name].iter().any(|f| f == feature), "the live build has {name}/{feature}");
    }
}

#[test]
fn no_code_of_the_sandbox_is_in_the_live_program() {
    // Where a panic would have come from stands in a program as the path of its source.
    let has = |program: &[u8], text: &str| program.windows(text.len()).any(|part| part == text.as_bytes());
    for (program, sandbox) in [(env!("CARGO_BIN_EXE_wamux").into(), true), (built(), false)] {
        let bytes = fs::read(&program).unwrap();
        assert!(has(&bytes, "src/actors/"), "{} does not name its sources", program.display());
        assert_eq!(has(&bytes, "src/sandbox/"), sandbox, "{}", program.display());
    }
}

#[test]
fn the_live_build_refuses_what_was_meant_for_the_sandbox() {
    built();
    let folder = tempfile::tempdir().unwrap();
    for (name, value, says) in [
        ("WAMUX_NETWORK", "sandbox", "make run"),
        ("WAMUX_SANDBOX_URL", "ws://127.0.0.1:9080/ws/chat", "WAMUX_SANDBOX_URL is set"),
        ("WAMUX_SANDBOX_LISTEN", "127.0.0.1:0", "WAMUX_SANDBOX_LISTEN is set"),
    ] {
        // A command that ends by itself, should it not be refused.
        let done = live::wamux(folder.path()).arg("migrate").env(name, value).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(says) && said.contains("no sandbox in it"), "{name}: {said}");
    }
    for (args, says) in [
        (&["migrate", "--network", "sandbox"][..], "make run"),
        (&["migrate", "--sandbox-listen=127.0.0.1:0"][..], "--sandbox-listen is set"),
        (&["sandbox"][..], "no sandbox in it"),
    ] {
        let done = live::wamux(folder.path()).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(2) && said.contains(says), "{args:?}: {said}");
    }
    let done = live::wamux(folder.path()).arg("migrate").env("WAMUX_SANDBOX_URL", "").output().unwrap();
    assert!(done.status.success(), "an empty variable is none: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_live_build_says_that_it_cannot_reach_whatsapp_and_keeps_trying() {
    built();
    run_alone("builds::a_live_server_without_a_network");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a network of its own, by the test above"]
async fn a_live_server_without_a_network() {
    assert!(is_alone(), "this test must not reach WhatsApp: it runs only where no network is");
    let folder = tempfile::tempdir().unwrap();
    // A slim container has no certificates; then the ones that are compiled in must do.
    let mut program = live::wamux(folder.path());
    program.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
    let server = Process::spawn(program, "serve", folder.path(), None);
    let made = live::wamux(folder.path()).args(["keys", "create", "--email", "you@example.com"]).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(key.starts_with("sk_live_"), "{}", String::from_utf8_lossy(&made.stderr));
    let caller = server.caller(&key);

    for path in ["/sandbox/phones", "/sandbox/phones/+237600000001/scan", "/sandbox/faults"] {
        // Not by the caller's own ways, which hold every answer against the document of the build that has these routes.
        let asked = caller.request(reqwest::Method::POST, path).json(&json!({ "phone": "+237600000001" }));
        let problem: serde_json::Value = asked.send().await.unwrap().json().await.unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(404), &json!("not_found")), "{path}");
    }

    let began = instant();
    let session = caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
    let session = session["id"].as_str().unwrap().to_owned();
    let mut events = caller.stream(&session, None).await;
    // Waits of 1, 2 and 4 s, each of them less a random part that is half of it at most.
    for at_least in [0, 500, 1500, 3500] {
        let error = events.until("error").await;
        assert_eq!((error["code"].as_str(), error["final"].as_bool()), (Some(UNREACHABLE), Some(false)), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("web.whatsapp.com cannot be reached") && message.contains("trying again"), "{error}");
        assert!(began.elapsed().as_millis() >= at_least, "attempts came too fast");
    }
    let send = json!({ "to": "+237611111111", "message": "hello", "sessionId": session });
    caller.post("/messages", send).await.problem(409, "session_not_connected");
    let tree = caller.with_key(None).get("/health/actors").await.expect(200);
    let mut actors = vec![&tree];
    while let Some(actor) = actors.pop() {
        assert_eq!((&actor["status"], &actor["restarts"]), (&json!("running"), &json!(0)), "{actor}");
        actors.extend(actor["children"].as_array().unwrap());
    }

    caller.delete(&format!("/sessions/{session}")).await.expect(204);
    events.end().await;
    caller.get(&format!("/sessions/{session}")).await.problem(404, "not_found");

    let other = caller.post("/sessions", json!({ "session_key": "two" })).await.expect(201);
    let other = other["id"].as_str().unwrap().to_owned();
    caller.stream(&other, None).await.until("error").await;
    until("disconnected", async || caller.get(&format!("/sessions/{other}")).await.text.contains("disconnected")).await;
    let (status, took) = server.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
}

#[test]
fn a_server_may_open_as_many_files_as_the_machine_allows() {
    let folder = tempfile::tempdir().unwrap();
    // As a service manager would start it: a low limit that its process may raise up to another.
    let mut program = Command::new("sh");
    program.args(["-c", "ulimit -Sn 300 && ulimit -Hn 4000 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_wamux")]);
    let program = clean(program, folder.path());
    let server = Process::spawn(program, "serve", folder.path(), None);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("4000"), "{limits}");
}

/// How a network that is not there is named.
const UNREACHABLE: &str = "network_unreachable";
