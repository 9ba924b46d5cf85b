//! A session that is left alone or hangs: its tenant is told so in every place, nobody waits for it, and a person brings it back.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::FRIEND;
use super::house::{House, until};
use crate::actors::system::health::ActorStatus;
use crate::actors::system::health::trouble::Trouble;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_is_left_alone_says_so_everywhere_and_a_restart_brings_it_back_at_once() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let session = house.actor("session", &ada.session);
    session.trouble(Trouble::Panic(6));
    ada.send(FRIEND, "meanwhile").await;
    until("it is in quarantine", async || session.read().status == ActorStatus::Quarantined).await;
    let back = session.read().back_at.unwrap();

    // Its stream says so and stays open; its row and its health say the same.
    let (mut stream, told) = ada.first_told().await;
    assert!(told.contains("event:error") && told.contains("\"code\":\"quarantined\""), "{told}");
    let (_, shown) = ada.get(&format!("/sessions/{}", ada.session)).await;
    assert_eq!((&shown["status"], &shown["errorCode"]), (&json!("disconnected"), &json!("quarantined")), "{shown}");
    assert!(shown["errorMessage"].as_str().unwrap().contains("restart it"), "{shown}");
    let (_, health) = ada.get(&format!("/sessions/{}/health", ada.session)).await;
    let actor = &health["actor"];
    assert_eq!((&actor["status"], &actor["answered"]), (&json!("quarantined"), &json!(false)), "{health}");
    assert_eq!((&actor["restarts"], &health["limits"]["quarantinedUntil"]), (&json!(6), &actor["backAt"]), "{health}");
    assert_eq!(health["connection"]["errorCode"], "quarantined", "{health}");
    assert_eq!(health["queue"]["pending"], 1, "{health}");

    let (status, answer) = ada.post(&format!("/sessions/{}/restart", ada.session), json!(null)).await;
    assert_eq!(status, 202, "{answer}");
    let now = session.read();
    assert_eq!(now.status, ActorStatus::Running);
    assert!(now.since < back, "it came back by itself: {} {back}", now.since);
    ada.until_connected().await;
    let ended = async { while stream.chunk().await.unwrap().is_some() {} };
    assert!(tokio::time::timeout(Duration::from_secs(30), ended).await.is_ok(), "the stream goes on without a session");
    until("what waited went out", async || ada.count("status=delivered").await == 1).await;
    let (_, shown) = ada.get(&format!("/sessions/{}", ada.session)).await;
    assert_eq!((&shown["status"], &shown["errorCode"]), (&json!("connected"), &json!(null)), "{shown}");
    house.server.stop().await;
}

/// Whether an actor of this tree, found by its kind and name, answered the probe.
fn answered(tree: &Value, kind: &str, name: &str) -> Option<bool> {
    if tree["kind"] == kind && tree["name"] == name {
        return tree["probe"]["answered"].as_bool();
    }
    tree["children"].as_array()?.iter().find_map(|child| answered(child, kind, name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_actor_that_hangs_is_told_apart_and_nobody_waits_for_it() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let session = house.actor("session", &ada.session);
    let (gate, hang) = mpsc::channel();
    session.trouble(Trouble::Hang(hang));
    let before = session.read().handled;
    assert_eq!(ada.send(FRIEND, "into the void").await.0, 202);
    until("it hangs", async || session.read().handled > before).await;

    let (_, tree) = bob.get("/health/actors?probe=true").await;
    assert_eq!(answered(&tree, "session", &ada.session), Some(false), "{tree}");
    assert_eq!(answered(&tree, "session", &bob.session), Some(true), "{tree}");
    assert_eq!((answered(&tree, "root", "root"), answered(&tree, "media", "pool")), (Some(true), Some(true)), "{tree}");
    let (status, health) = ada.get(&format!("/sessions/{}/health", ada.session)).await;
    let actor = &health["actor"];
    assert_eq!((status, &actor["answered"], &actor["status"]), (200, &json!(false), &json!("running")), "{health}");
    let parts = health["parts"].as_array().unwrap();
    assert!(parts.len() == 2 && parts.iter().all(|part| part["answered"] == true), "{health}");
    assert_eq!((&health["connection"]["status"], &health["queue"]["pending"]), (&json!("connected"), &json!(1)));

    drop(gate);
    until("it answers", async || {
        let (_, tree) = bob.get("/health/actors?probe=true").await;
        answered(&tree, "session", &ada.session) == Some(true)
    })
    .await;
    until("what waited went out", async || ada.count("status=delivered").await == 1).await;
    house.server.stop().await;
}
