//! What operators see: alive, ready, and the tree of actors, which is the tree of folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::ground::app::App;

/// Every path of kinds from the root of an actor tree.
fn paths(actor: &Value, above: &str, found: &mut BTreeSet<String>) {
    let path = format!("{above}/{}", actor["kind"].as_str().unwrap());
    for child in actor["children"].as_array().unwrap() {
        paths(child, &path, found);
    }
    found.insert(path);
}

/// Every path that the folders under `src/actors` promise: a file or a folder is an actor if it implements one.
fn folders(folder: &Path, path: &str, found: &mut BTreeSet<String>) {
    found.insert(path.to_owned());
    for entry in fs::read_dir(folder).unwrap().flatten().map(|e| e.path()) {
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_actor = |file: &Path| fs::read_to_string(file).is_ok_and(|text| text.contains("impl Actor for"));
        if entry.is_dir() && is_actor(&entry.join("mod.rs")) {
            folders(&entry, &format!("{path}/{name}"), found);
        } else if name != "mod" && is_actor(&entry) {
            found.insert(format!("{path}/{name}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_actors_is_the_tree_of_folders() {
    let app = App::start().await;
    app.caller.link("one", "+237600000001").await;
    let tree = app.caller.with_key(None).get("/health/actors").await.expect(200);
    let (mut living, mut promised) = (BTreeSet::new(), BTreeSet::new());
    paths(&tree, "", &mut living);
    folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/actors"), "/root", &mut promised);
    assert_eq!(living, promised);
    for field in ["name", "kind", "status", "since", "restarts", "mailbox", "lastError", "children"] {
        assert!(tree.get(field).is_some(), "{field}");
    }
    assert_eq!(tree["status"], "running");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_when_it_lives_and_when_it_is_ready() {
    let app = App::start().await;
    let anyone = app.caller.with_key(None);
    anyone.get("/health/live").await.expect(200);
    anyone.get("/health/ready").await.expect(200);
    app.server().system().stop().await;
    anyone.get("/health/ready").await.expect(503);
    app.caller.get("/sessions").await.problem(503, "stopping");
    app.stop().await;
}

/// Every actor of a tree.
fn all(actor: &Value) -> Vec<&Value> {
    let below = actor["children"].as_array().unwrap().iter().flat_map(all);
    std::iter::once(actor).chain(below).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_answered_by_every_actor_and_only_whoever_asks_for_it_gets_one() {
    let app = App::start().await;
    app.caller.link("one", "+237600000001").await;
    let anyone = app.caller.with_key(None);
    let plain = anyone.get("/health/actors").await.expect(200);
    assert!(all(&plain).iter().all(|actor| actor.get("probe").is_none() && actor["uptimeSeconds"].is_u64()), "{plain}");
    let probed = anyone.get("/health/actors?probe=true").await.expect(200);
    assert_eq!(all(&probed).len(), all(&plain).len());
    for actor in all(&probed) {
        assert_eq!(actor["probe"]["answered"], true, "{actor}");
        assert!(actor["probe"]["micros"].is_u64(), "{actor}");
    }
    anyone.get("/health/actors?probe=perhaps").await.problem(422, "validation_failed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_forwards_does_not_see_the_actors() {
    let app = App::start().await;
    let request = app.caller.request(reqwest::Method::GET, "/health/actors").header("X-Forwarded-For", "203.0.113.9");
    app.caller.send(request).await.problem(403, "operator_only");
    app.stop().await;
}
