//! Two servers on one database: the day's count stays exact, and neither takes a session from the other again and again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use wamux::actors::{Settings, System};
use wamux::clock::Clock;
use wamux::config::Config;
use wamux::domain::access::{Access, ApiKey, Mode};
use wamux::domain::content::Content;
use wamux::domain::egress::Egress;
use wamux::domain::event::StreamEvent;
use wamux::domain::expiry::Expiry;
use wamux::domain::id::SessionId;
use wamux::domain::idempotency::Once;
use wamux::domain::message::{Filter, Send, Status, Via};
use wamux::domain::request::Cause;
use wamux::domain::retention::Retention;
use wamux::domain::session::{Changes, Lease, SessionKey, Setting};
use wamux::sandbox::{self, Sandbox};
use wamux::server::Server;
use wamux::store::Store;
use wamux::store::answers::Made;
use wamux::store::seal::KeyFile;
use wamux::store::sessions::Changed;
use wamux::whatsapp::Wire;

use crate::ground::app::{Caller, tenant, until};
use crate::ground::{Ground, Place, on_both_databases};

const PHONE: &str = "+237611111111";
const EMAIL: &str = "you@example.com";

on_both_databases![
    of_two_servers_with_one_session_the_later_has_it_and_the_other_stays_down,
    what_a_server_is_asked_for_is_done_though_it_was_overtaken_and_has_not_noticed
];

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_accept_a_days_messages_to_the_message() {
    let place = Place::new(Ground::Postgres);
    let master = KeyFile::in_folder(place.folder()).load_or_make().unwrap().key();
    let other = tempfile::tempdir().unwrap();
    let there = Config { data_dir: other.path().to_owned(), master: Some(master), ..place.config() };
    let servers = [Server::start(place.config()).await.unwrap(), Server::start(there.clone()).await.unwrap()];
    let mut callers = Vec::new();
    for server in &servers {
        for _ in 0..2 {
            let key = tenant(&there, EMAIL, "free").await;
            let caller = Caller::new(format!("http://{}", server.addr), Some(key));
            // The tenant is known here before it has any session: what is made on one server is run by that one.
            caller.get("/sessions").await.expect(200);
            callers.push(caller);
        }
    }
    callers[0].link("here", "+237600000001").await;
    callers[2].link("there", "+237600000002").await;
    let sends = (0..140).map(|n| {
        let caller = callers[n % 4].clone();
        async move { caller.post("/messages", json!({ "to": PHONE, "message": format!("m{n}") })).await }
    });
    let answers = futures_util::future::join_all(sends).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(accepted, 100);
    for answer in answers.into_iter().filter(|answer| answer.status != 202) {
        answer.problem(429, "daily_limit_reached");
    }
    callers[0].until_count("status=delivered", 100).await;
    for server in servers {
        server.stop().await;
    }
}

/// One of several servers on a database and on the network of `sandbox`.
async fn system(place: &Place, sandbox: &Sandbox) -> (System, Store) {
    let master = KeyFile::in_folder(place.folder()).load_or_make().unwrap().key();
    let store = Store::open(&place.config().database, master, Clock::default()).await.unwrap();
    let network = sandbox.clone();
    let wire = Wire::sandbox(Arc::new(move || network.dial()));
    let media = place.folder().join("media");
    (
        System::start(Settings {
            store: store.clone(),
            wire,
            mode: Mode::Test,
            media,
            egress: Egress::default(),
            expiry: Expiry::default(),
            retention: Retention::default(),
            mail: None,
        })
        .await
        .unwrap(),
        store,
    )
}

/// What a session's stream tells, up to the event that is looked for.
async fn until_told(
    system: &System,
    access: &Access,
    id: SessionId,
    is_it: impl Fn(&StreamEvent) -> bool,
) -> StreamEvent {
    let looking = async {
        loop {
            // A stream may end with its actor; whoever watches comes again.
            let Ok(mut events) = system.watch_session(access, None, id, None).await else { continue };
            while let Some((_, event)) = events.next().await {
                if is_it(&event) {
                    return event;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), looking).await.expect("it was not told")
}

/// A new session of this key, linked to a phone of its own.
async fn linked(system: &System, access: &Access, sandbox: &Sandbox, key: &str, own: &str) -> SessionId {
    let own = own.parse().unwrap();
    sandbox.create_phone(&own, None).await.unwrap();
    let new = SessionKey::try_from(key.to_owned()).unwrap().into();
    let made: serde_json::Value =
        serde_json::from_slice(&system.create_session(access, new, None).await.unwrap().body).unwrap();
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let code = until_told(system, access, id, |event| matches!(event, StreamEvent::Qr { .. })).await;
    let StreamEvent::Qr { qr, .. } = code else { unreachable!() };
    sandbox.scan(&own, qr.reveal()).await.unwrap();
    until_told(system, access, id, is_connected).await;
    id
}

const fn is_connected(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Connected { .. })
}

fn is_elsewhere(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Error { code, .. } if code == "session_elsewhere")
}

fn another_proxy() -> Changes {
    Changes { proxy: Setting::Set("http://proxy.example.com:1080".parse().unwrap()), ..Changes::default() }
}

fn from(id: SessionId, text: &str) -> Send {
    Send { to: PHONE.parse().unwrap(), content: Content::Text(text.to_owned().try_into().unwrap()), via: Via::Id(id) }
}

async fn until_delivered(system: &System, access: &Access, count: u64) {
    let delivered = Filter { status: Some(Status::Delivered), limit: 10, ..Filter::default() };
    until("delivered", async || system.messages(access, delivered.clone()).await.unwrap().total == count).await;
}

async fn of_two_servers_with_one_session_the_later_has_it_and_the_other_stays_down(on: Ground) {
    let place = Place::new(on);
    let key: ApiKey = tenant(&place.config(), EMAIL, "pro").await.parse().unwrap();
    let settings = sandbox::Settings { file: place.folder().join("sandbox.db") };
    let sandbox = Sandbox::open(settings, Clock::default()).await.unwrap();
    let (first, first_store) = system(&place, &sandbox).await;
    let access = first.enter(&key).await.unwrap();
    let id = linked(&first, &access, &sandbox, "one", "+237600000001").await;

    let (second, second_store) = system(&place, &sandbox).await;
    until_told(&second, &access, id, is_connected).await;
    until_told(&first, &access, id, is_elsewhere).await;

    let refused = first.accept(&access, Cause::default(), from(id, "from the first"), None).await.answer.unwrap_err();
    assert_eq!(refused.code.as_str(), "session_not_connected");
    second.accept(&access, Cause::default(), from(id, "from the second"), None).await.answer.unwrap();
    until_delivered(&second, &access, 1).await;
    let screen = sandbox.screen(&PHONE.parse().unwrap()).await.unwrap();
    assert_eq!(screen.len(), 1);
    // The pairing's epoch was 1 and the second server's is 2: nobody took it back.
    assert!(second_store.is_newest(Lease { tenant: access.tenant, session: id, epoch: 2 }).await.unwrap());

    // Who is asked for it takes it back.
    first.change_session(&access, id, another_proxy()).await.unwrap();
    until_told(&second, &access, id, is_elsewhere).await;
    until_told(&first, &access, id, is_connected).await;
    second.delete_session(&access, id).await.unwrap();
    until("wiped", async || second_store.kept_sessions(access.tenant).await.unwrap().is_empty()).await;
    for (system, store) in [(first, first_store), (second, second_store)] {
        system.stop().await;
        store.close().await;
    }
    sandbox.close().await;
}

async fn what_a_server_is_asked_for_is_done_though_it_was_overtaken_and_has_not_noticed(on: Ground) {
    let place = Place::new(on);
    let key: ApiKey = tenant(&place.config(), EMAIL, "pro").await.parse().unwrap();
    let settings = sandbox::Settings { file: place.folder().join("sandbox.db") };
    let sandbox = Sandbox::open(settings, Clock::default()).await.unwrap();
    let (system, store) = system(&place, &sandbox).await;
    let access = system.enter(&key).await.unwrap();
    let rerouted = linked(&system, &access, &sandbox, "rerouted", "+237600000001").await;
    let unlinked = linked(&system, &access, &sandbox, "unlinked", "+237600000002").await;
    let deleted = linked(&system, &access, &sandbox, "deleted", "+237600000003").await;
    // Another server takes them and does not reach the network: nothing tells this one.
    for id in [rerouted, unlinked, deleted] {
        let (lease, _) = store.lease(access.tenant, id).await.unwrap().unwrap();
        assert_eq!(lease.epoch, 2);
    }

    system.change_session(&access, rerouted, another_proxy()).await.unwrap();
    system.accept(&access, Cause::default(), from(rerouted, "on the new way"), None).await.answer.unwrap();
    until_delivered(&system, &access, 1).await;
    assert!(store.is_newest(Lease { tenant: access.tenant, session: rerouted, epoch: 3 }).await.unwrap());

    let answer = system.log_out_session(&access, unlinked).await.unwrap();
    assert_eq!((answer.error_code.as_deref(), answer.phone_number), (Some("logged_out"), None));

    system.delete_session(&access, deleted).await.unwrap();
    until("wiped", async || store.kept_sessions(access.tenant).await.unwrap().len() == 2).await;
    system.stop().await;
    store.close().await;
    sandbox.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_make_a_thing_once_and_sessions_to_the_plans_last() {
    let place = Place::new(Ground::Postgres);
    let master = KeyFile::in_folder(place.folder()).load_or_make().unwrap().key();
    let open = async || Store::open(&place.config().database, master.clone(), Clock::default()).await.unwrap();
    let (first, second) = (open().await, open().await);
    let tenant = first.tenant_of(&EMAIL.parse().unwrap()).await.unwrap();
    let key = |n: usize| SessionKey::try_from(format!("session {n}")).unwrap();
    for round in 0..5 {
        let once = || Some(Once::new(format!("round{round}").parse().unwrap(), "/sessions", b""));
        let asked = (0..16).map(|n| [&first, &second][n % 2].create_session(tenant, key(round), once()));
        let made = futures_util::future::join_all(asked).await.into_iter().map(|made| made.unwrap());
        let (now, before): (Vec<_>, Vec<_>) = made.partition(|made| matches!(made, Made::Now(..)));
        let first = now.into_iter().next().unwrap().answer().unwrap();
        assert_eq!(before.len(), 15);
        assert!(before.into_iter().all(|made| made.answer().unwrap().body == first.body));
    }
    let asked = (5..25).map(|n| [&first, &second][n % 2].create_session(tenant, key(n), None));
    let made = futures_util::future::join_all(asked).await;
    assert_eq!(made.into_iter().filter(|made| matches!(made, Ok(Made::Now(..)))).count(), 5);
    assert_eq!(first.sessions(tenant).await.unwrap().len(), 10);
    first.close().await;
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_that_give_a_key_to_two_sessions_at_once_one_is_told_that_it_is_taken() {
    let place = Place::new(Ground::Postgres);
    let master = KeyFile::in_folder(place.folder()).load_or_make().unwrap().key();
    let open = async || Store::open(&place.config().database, master.clone(), Clock::default()).await.unwrap();
    let (first, second) = (open().await, open().await);
    let tenant = first.tenant_of(&EMAIL.parse().unwrap()).await.unwrap();
    let key = |name: String| SessionKey::try_from(name).unwrap();
    let one = first.create_session(tenant, key("one".to_owned()), None).await.unwrap().now().unwrap().id;
    let two = first.create_session(tenant, key("two".to_owned()), None).await.unwrap().now().unwrap().id;
    for round in 0..30 {
        let rename = || Changes { key: Some(key(format!("round {round}"))), ..Changes::default() };
        let (here, there) =
            tokio::join!(first.change_session(tenant, one, rename()), second.change_session(tenant, two, rename()));
        let both = [here.unwrap(), there.unwrap()];
        assert_eq!(both.iter().filter(|changed| matches!(changed, Changed::Done(..))).count(), 1, "{both:?}");
        assert_eq!(both.iter().filter(|changed| matches!(changed, Changed::KeyTaken)).count(), 1, "{both:?}");
    }
    first.close().await;
    second.close().await;
}
