//! The real tree under trouble: whatever panics, hangs or cannot start, it comes back, and nobody else notices.

mod house;
mod isolation;
#[allow(unreachable_pub, dead_code, reason = "it belongs to the tests that stand outside")]
#[path = "../../../tests/ground/origin.rs"]
mod origin;
mod pool;
mod quarantine;

use std::sync::mpsc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;

use crate::actors::Health;
use crate::actors::system::health::ActorStatus;
use crate::actors::system::health::trouble::Trouble;
use crate::domain::access::ApiKey;
use crate::domain::content::{Content, Text};
use crate::domain::message::{Send, Via};
use crate::domain::request::Cause;
use crate::domain::session::SessionKey;
use house::{House, Tenant, until};

const FRIEND: &str = "+237611111111";

/// Every restart in this part of the tree.
fn restarts(actor: &Health) -> u32 {
    actor.restarts + actor.children.iter().map(restarts).sum::<u32>()
}

fn handled(actor: &Health) -> u64 {
    actor.handled + actor.children.iter().map(handled).sum::<u64>()
}

/// Sends until it is accepted: while something of its own restarts, a caller is told to come back.
async fn insist(tenant: &Tenant, text: &str) {
    until("it is accepted", async || match tenant.send(FRIEND, text).await {
        (202, _) => true,
        (status, problem) => {
            assert_eq!((status, problem["code"].as_str()), (503, Some("overloaded")), "{problem}");
            false
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_in_any_actor_of_a_tenant_is_mended_and_no_other_tenant_notices() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let (mut hers, mut his) = (Vec::new(), Vec::new());
    for kind in ["inbox", "outbox", "session", "tenant"] {
        let actor = house.actor(kind, &ada.session);
        actor.trouble(Trouble::Panic(1));
        // What comes and what goes reaches every one of her actors.
        ada.receives(FRIEND, &format!("to her {kind}")).await;
        hers.push(format!("from her {kind}"));
        insist(&ada, hers.last().unwrap()).await;
        his.push(format!("from him, {kind}"));
        assert_eq!(bob.send(FRIEND, his.last().unwrap()).await.0, 202);
        until(&format!("the {kind} comes back"), async || {
            let now = actor.read();
            now.restarts == 1 && now.status == ActorStatus::Running
        })
        .await;
        assert!(actor.read().last_error.unwrap().contains("as the test ordered"));
        ada.until_connected().await;
    }
    // What she got while her inbox was away was brought again.
    until("all of hers arrived", async || ada.count("direction=inbound").await == 4).await;
    bob.until_shown(FRIEND, &his).await;
    ada.until_shown(FRIEND, &hers).await;
    assert_eq!(restarts(&house.actor("tenant", &bob.session).read()), 0);
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_above_all_tenants_brings_them_all_back_and_loses_nothing() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    for (kind, text) in [("janitor", "one"), ("tenants", "two")] {
        let actor = house.actor(kind, kind);
        actor.trouble(Trouble::Panic(1));
        insist(&ada, text).await;
        // Someone new: the tenants' supervisor has to start an actor. The janitor has a clock of its own.
        let new = house.key(&format!("{kind}@example.com")).await;
        until("the newcomer gets in", async || new.get("/sessions").await.0 == 200).await;
        until(&format!("the {kind} comes back"), async || {
            let now = actor.read();
            now.restarts == 1 && now.status == ActorStatus::Running
        })
        .await;
    }
    insist(&ada, "three").await;
    ada.until_shown(FRIEND, &["one", "two", "three"].map(str::to_owned)).await;
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_panics_again_and_again_is_left_alone_and_all_others_go_on_and_then_it_comes_back() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let other = ada.link("other", "+237600000003").await;
    let tenant = house.actor("tenant", &ada.session);
    let session = house.actor("session", &ada.session);
    session.trouble(Trouble::Panic(6));
    let mut his = Vec::new();
    ada.send(FRIEND, "meanwhile").await;
    until("it is in quarantine", async || {
        his.push(format!("number {}", his.len()));
        assert_eq!(bob.send(FRIEND, his.last().unwrap()).await.0, 202);
        let (_, tree) = bob.get("/health/actors").await;
        tree.to_string().contains("\"quarantined\"")
    })
    .await;
    let left = session.read();
    assert_eq!((left.status, left.restarts), (ActorStatus::Quarantined, 6));
    // Her other session sends, and what is for the one in quarantine waits.
    assert_eq!(other.send(FRIEND, "through the other").await.0, 202);
    until("hers went through the other", async || other.count("status=delivered").await == 1).await;
    bob.until_shown(FRIEND, &his).await;
    assert_eq!(restarts(&house.actor("tenant", &bob.session).read()), 0);
    assert_eq!(tenant.read().restarts, 0);

    until("its quarantine is over", async || session.read().status == ActorStatus::Running).await;
    until("what waited went out", async || ada.count("status=delivered").await == 1).await;
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tenant_that_cannot_start_is_tried_again_and_the_others_go_on() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let actor = house.actor("tenant", &ada.session);
    // A date that the database's own client cannot read: what only we cannot read keeps no other session from running.
    let date = |date: &str| format!("UPDATE session SET created_at = {date} WHERE phone = '237600000001'");
    house.server.store().tamper(date("'not ' || created_at")).await;
    actor.trouble(Trouble::Panic(1));
    assert_eq!(ada.get("/sessions").await.0, 503);
    until("it has failed to start", async || {
        let now = actor.read();
        now.restarts >= 2 && now.last_error.is_some_and(|why| why.contains("created_at"))
    })
    .await;
    let (status, problem) = ada.get("/sessions").await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("overloaded")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().starts_with("What drives your sessions failed"), "{problem}");
    assert_eq!(bob.send(FRIEND, "still here").await.0, 202);
    bob.until_shown(FRIEND, &["still here".to_owned()]).await;

    house.server.store().tamper(date("substr(created_at, 5)")).await;
    ada.until_connected().await;
    assert_eq!(actor.read().status, ActorStatus::Running);
    assert_eq!(ada.send(FRIEND, "here again").await.0, 202);
    assert_eq!(restarts(&house.actor("tenant", &bob.session).read()), 0);
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tenant_whose_mailbox_is_full_is_told_to_come_back_and_no_other_notices() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let (actor, system) = (house.actor("tenant", &ada.session), house.server.system());
    let key: ApiKey = ada.key.parse().unwrap();
    let (gate, hang) = mpsc::channel();
    actor.trouble(Trouble::Hang(hang));
    // Callers who do not wait for their answers: the first makes it hang, the others fill its mailbox.
    let places = 1024;
    until("its mailbox is full", async || {
        for _ in 0..100 {
            let _ = system.enter(&key).now_or_never();
        }
        actor.read().mailbox == places
    })
    .await;
    let (status, head, problem) = ada.ask("GET", "/sessions", None).await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("overloaded")), "{problem}");
    assert!(head.contains_key("retry-after"));
    assert_eq!(bob.send(FRIEND, "no queue here").await.0, 202);
    bob.until_shown(FRIEND, &["no queue here".to_owned()]).await;
    let (_, tree) = bob.get("/health/actors").await;
    assert!(tree.to_string().contains("\"mailbox\":1024"), "the figures of an actor that hangs can be read");

    drop(gate);
    until("its mailbox is empty", async || actor.read().mailbox == 0).await;
    // More than her burst of calls waited there, and nobody waited for them: they count for nothing.
    let (status, _, answer) = ada.ask("GET", "/sessions", None).await;
    assert_eq!(status, 200, "{answer}");
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_timed_out_has_no_effect_afterwards() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let (actor, system) = (house.actor("tenant", &ada.session), house.server.system());
    let access = system.enter(&ada.key.parse().unwrap()).await.unwrap();
    let session = crate::domain::id::SessionId(ada.session.parse().unwrap());
    let (gate, hang) = mpsc::channel();
    actor.trouble(Trouble::Hang(hang));
    let before = actor.read().handled;
    let send = Send {
        to: FRIEND.parse().unwrap(),
        content: Content::Text(Text::try_from("too late".to_owned()).unwrap()),
        via: Via::Id(session),
    };
    let soon = Duration::from_millis(50);
    assert!(tokio::time::timeout(soon, system.accept(&access, Cause::default(), send, None)).await.is_err());
    assert!(tokio::time::timeout(soon, system.delete_session(&access, session)).await.is_err());
    let late = SessionKey::try_from("late".to_owned()).unwrap();
    assert!(tokio::time::timeout(soon, system.create_session(&access, late.into(), None)).await.is_err());
    drop(gate);
    until("it has read them all", async || actor.read().handled >= before + 3 && actor.read().mailbox == 0).await;
    assert_eq!(ada.send(FRIEND, "in time").await.0, 202);
    ada.until_shown(FRIEND, &["in time".to_owned()]).await;
    assert_eq!(ada.count("direction=outbound").await, 1);
    let (_, sessions) = ada.get("/sessions").await;
    assert_eq!(
        (&sessions["total"], &sessions["sessions"][0]["status"]),
        (&json!(1), &json!("connected")),
        "{sessions}"
    );
    house.server.stop().await;
}

/// No actor stopped after the one above it.
fn stopped_from_the_leaves(actor: &Health) {
    assert_eq!(actor.status, ActorStatus::Stopped, "{}", actor.name);
    for child in &actor.children {
        stopped_from_the_leaves(child);
        assert!(child.since <= actor.since, "{} stopped after {}", child.name, actor.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn actors_stop_from_the_leaves_and_handle_nothing_afterwards() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    assert_eq!(ada.send(FRIEND, "hello").await.0, 202);
    house.server.system().stop().await;
    let tree = house.server.system().health();
    stopped_from_the_leaves(&tree);
    assert_eq!(house.actor("inbox", &ada.session).read().status, ActorStatus::Stopped);
    let (status, problem) = ada.send(FRIEND, "too late").await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("stopping")), "{problem}");
    let own = ada.own.parse().unwrap();
    let text = Text::try_from("too late".to_owned()).unwrap();
    let (friend, network) = (FRIEND.parse().unwrap(), house.server.sandbox().unwrap());
    let _ = network.create_phone(&friend, None).await;
    network.write(&friend, &own, &text).await.unwrap();
    assert_eq!(handled(&house.server.system().health()), handled(&tree));
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_root_fails_callers_are_turned_away_the_server_says_so_and_the_next_one_goes_on() {
    let house = House::open().await;
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    house.actor("root", "root").trouble(Trouble::Panic(1));
    house.actor("janitor", "janitor").trouble(Trouble::Panic(1));
    let failed = tokio::time::timeout(Duration::from_secs(30), house.server.system().failed());
    assert!(failed.await.is_ok(), "nobody noticed");
    let (status, problem) = ada.send(FRIEND, "anyone there?").await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("stopping")), "{problem}");
    assert_eq!(ada.get("/health/ready").await.0, 503);
    let house = house.restart().await;
    let ada = ada.at(&house);
    ada.until_connected().await;
    assert_eq!(ada.send(FRIEND, "here again").await.0, 202);
    ada.until_shown(FRIEND, &["here again".to_owned()]).await;
    house.server.stop().await;
}
