//! The store, the same scenarios on SQLite and on PostgreSQL: migrations, accepting, marks, keys, sessions, sealing.

mod media;
mod received;
mod retention;
mod searching;
mod sending;

use std::collections::HashMap;
use std::path::Path;

use chrono::TimeDelta;
use tokio::sync::oneshot;
use wamux::clock::Clock;
use wamux::domain::access::{ApiKey, Email, KeyView, Mode, ShownKey};
use wamux::domain::content::Content;
use wamux::domain::error::Code;
use wamux::domain::event::StreamEvent;
use wamux::domain::id::{KeyId, MessageId, SessionId, TenantId};
use wamux::domain::idempotency::Once;
use wamux::domain::message::{Filter, Status};
use wamux::domain::session::life::Fault;
use wamux::domain::session::{Lease, Session, SessionKey};
use wamux::store::accept::{AcceptJob, Outcome, Sender};
use wamux::store::answers::Made;
use wamux::store::keys::Uses;
use wamux::store::seal::KeyFile;
use wamux::store::sessions::Record;
use wamux::store::{DatabaseUrl, Store, StoreError};

use crate::ground::postgres::Postgres;

async fn open(url: &DatabaseUrl, folder: &Path) -> Store {
    let master = KeyFile::in_folder(folder).load_or_make().unwrap().key();
    Store::open(url, master, Clock::default()).await.unwrap()
}

async fn tenant(store: &Store, email: &str) -> TenantId {
    store.tenant_of(&email.parse::<Email>().unwrap()).await.unwrap()
}

async fn made(store: &Store, tenant: TenantId, key: &str) -> Made<Session> {
    store.create_session(tenant, SessionKey::try_from(key.to_owned()).unwrap(), None).await.unwrap()
}

async fn lease(store: &Store, tenant: TenantId, key: &str) -> Lease {
    let session = made(store, tenant, key).await.now().unwrap();
    store.lease(tenant, session.id).await.unwrap().unwrap().0
}

/// Accepts a text to a number and waits for the commit.
async fn accept(store: &Store, lease: Lease, wire_id: &str, once: Option<Once>) -> Outcome {
    accepting(store, lease, wire_id, once).await.unwrap().unwrap()
}

fn accepting(
    store: &Store,
    lease: Lease,
    wire_id: &str,
    once: Option<Once>,
) -> oneshot::Receiver<Result<Outcome, StoreError>> {
    accepting_from(store, lease, Sender { session: lease.session, phone: None }, wire_id, once)
}

fn accepting_from(
    store: &Store,
    lease: Lease,
    sender: Sender,
    wire_id: &str,
    once: Option<Once>,
) -> oneshot::Receiver<Result<Outcome, StoreError>> {
    let (told, outcome) = oneshot::channel();
    store.accept(AcceptJob {
        tenant: lease.tenant,
        session: Ok(sender),
        id: MessageId(store.clock().id()),
        wire_id: wire_id.to_owned(),
        to: "+237612345678".parse().unwrap(),
        content: Content::Text("hello".to_owned().try_into().unwrap()),
        cause: wamux::domain::request::Cause::default(),
        at: store.clock().now(),
        once,
        answer: format!("answer to {wire_id}").into_bytes(),
        done: Box::new(move |outcome| told.send(outcome).unwrap()),
    });
    outcome
}

fn once(key: &str, body: &str) -> Once {
    Once::new(key.parse().unwrap(), "/messages", body.as_bytes())
}

fn filter() -> Filter {
    Filter { limit: 100, ..Filter::default() }
}

/// Every scenario, one after the other, each with tenants of its own.
async fn all(store: &Store) {
    a_send_is_kept_with_its_count_and_goes_out_in_order(store).await;
    the_day_has_exactly_its_messages_however_many_ask_at_once(store).await;
    an_idempotency_key_gives_the_first_answer_again(store).await;
    a_key_lets_in_until_it_is_deleted(store).await;
    a_session_key_is_unique_among_the_living_of_a_tenant(store).await;
    only_the_newest_lease_records(store).await;
    a_deleted_session_keeps_its_history_and_fails_what_is_unsent(store).await;
    pages_follow_each_other_without_gap_or_repeat(store).await;
    one_tenant_sees_nothing_of_another(store).await;
    media::all(store).await;
    sending::all(store).await;
    retention::all(store).await;
    received::all(store).await;
    searching::all(store).await;
}

#[tokio::test]
async fn the_store_keeps_its_promises_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&DatabaseUrl::sqlite(&folder.path().join("wamux.db")), folder.path()).await;
    all(&store).await;
    store.close().await;
}

#[tokio::test]
async fn the_store_keeps_its_promises_on_postgresql() {
    // Nothing depends on the collation, the time zone or the durability that a database happens to have.
    let postgres = Postgres::start_with("LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LOCALE 'C' TEMPLATE template0");
    for setting in ["timezone TO 'Asia/Kathmandu'", "datestyle TO 'German'", "synchronous_commit TO off"] {
        postgres.psql(&format!("ALTER DATABASE {{}} SET {setting}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let store = open(&postgres.url().parse().unwrap(), folder.path()).await;
    all(&store).await;
    postgresql_writes_to_the_disk_and_reads_without_writing(&store).await;
    // A second start finds the database up to date, and the same master key opens it.
    store.close().await;
    open(&postgres.url().parse().unwrap(), folder.path()).await.close().await;
}

#[tokio::test]
async fn two_processes_may_make_the_database_at_the_same_moment() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(&folder.path().join("wamux.db"));
    let stores = tokio::join!(open(&url, folder.path()), open(&url, folder.path()));
    assert_eq!(tenant(&stores.0, "a@example.com").await, tenant(&stores.1, "a@example.com").await);
}

#[tokio::test]
async fn another_master_key_is_refused_at_the_start() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = DatabaseUrl::sqlite(&folder.path().join("wamux.db"));
    open(&url, folder.path()).await.close().await;
    let master = KeyFile::in_folder(other.path()).load_or_make().unwrap().key();
    assert!(matches!(Store::open(&url, master, Clock::default()).await, Err(StoreError::WrongMasterKey)));
}

#[tokio::test]
async fn a_commit_is_in_write_ahead_mode_and_on_the_disk() {
    use sea_orm::ConnectionTrait;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&DatabaseUrl::sqlite(&folder.path().join("wamux.db")), folder.path()).await;
    let mode = store
        .reader()
        .query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, "PRAGMA journal_mode"));
    assert_eq!(mode.await.unwrap().unwrap().try_get_by_index::<String>(0).unwrap(), "wal");
    let full = store
        .write(|batch| {
            Box::pin(async move {
                let pragma = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, "PRAGMA synchronous");
                batch.query_one_raw(pragma).await?.unwrap().try_get_by_index::<i32>(0)
            })
        })
        .await;
    assert_eq!(full.unwrap(), 2, "FULL");
}

async fn postgresql_writes_to_the_disk_and_reads_without_writing(store: &Store) {
    use sea_orm::ConnectionTrait;
    let durable = store.write(|batch| {
        Box::pin(async move {
            let asked = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, "SHOW synchronous_commit");
            batch.query_one_raw(asked).await?.unwrap().try_get_by_index::<String>(0)
        })
    });
    assert_eq!(durable.await.unwrap(), "on");
    let refused = store.reader().execute_unprepared("DELETE FROM message").await.unwrap_err().to_string();
    assert!(refused.contains("read-only"), "{refused}");
}

async fn a_send_is_kept_with_its_count_and_goes_out_in_order(store: &Store) {
    let lease = lease(store, tenant(store, "order@example.com").await, "one").await;
    for n in 0..5 {
        let outcome = accept(store, lease, &format!("ORDER{n}"), None).await;
        assert!(
            matches!(outcome, Outcome::Accepted(usage) if usage.used == n + 1 && usage.limit == 100),
            "{outcome:?}"
        );
    }
    let due = store.due(lease, 0, 3).await.unwrap();
    assert_eq!(due.iter().map(|d| d.wire_id.as_str()).collect::<Vec<_>>(), ["ORDER0", "ORDER1", "ORDER2"]);
    let rest = store.due(lease, due[2].seq, 3).await.unwrap();
    assert_eq!(rest.iter().map(|d| d.wire_id.as_str()).collect::<Vec<_>>(), ["ORDER3", "ORDER4"]);
}

async fn the_day_has_exactly_its_messages_however_many_ask_at_once(store: &Store) {
    let lease = lease(store, tenant(store, "limit@example.com").await, "one").await;
    let asked: Vec<_> = (0..150).map(|n| accepting(store, lease, &format!("LIMIT{n}"), None)).collect();
    let mut accepted = 0;
    for outcome in asked {
        match outcome.await.unwrap().unwrap() {
            Outcome::Accepted(_) => accepted += 1,
            Outcome::DailyLimit(usage) => assert_eq!((usage.used, usage.limit), (100, 100)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted, 100);
    let email = "limit@example.com".parse().unwrap();
    assert!(store.set_plan(&email, "pro").await.unwrap());
    assert!(matches!(accept(store, lease, "LIMIT-PRO", None).await, Outcome::Accepted(usage) if usage.limit == 10_000));
    assert!(!store.set_plan(&"nobody@example.com".parse().unwrap(), "pro").await.unwrap());
}

async fn an_idempotency_key_gives_the_first_answer_again(store: &Store) {
    let lease = lease(store, tenant(store, "once@example.com").await, "one").await;
    assert!(matches!(accept(store, lease, "ONCE1", Some(once("key", "a"))).await, Outcome::Accepted(_)));
    let again = accept(store, lease, "ONCE2", Some(once("key", "a"))).await;
    assert!(matches!(again, Outcome::Replayed(body, usage) if body == b"answer to ONCE1" && usage.used == 1));
    assert_eq!(accept(store, lease, "ONCE3", Some(once("key", "b"))).await, Outcome::KeyReused);
    assert_eq!(store.messages(lease.tenant, &filter()).await.unwrap().total, 1);
    // In one batch or in several, and even if nobody saw that the first was under way.
    let asked: Vec<_> =
        (0..20).map(|n| accepting(store, lease, &format!("BATCH{n}"), Some(once("batch", "a")))).collect();
    let mut accepted = 0;
    for outcome in asked {
        match outcome.await.unwrap().unwrap() {
            Outcome::Accepted(_) => accepted += 1,
            Outcome::Replayed(body, _) => assert_eq!(body, b"answer to BATCH0"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted, store.messages(lease.tenant, &filter()).await.unwrap().total), (1, 2));
    store.forget_answers().await.unwrap();
    assert!(
        matches!(accept(store, lease, "ONCE4", Some(once("key", "a"))).await, Outcome::Replayed(..)),
        "a day is not over"
    );
}

async fn a_key_lets_in_until_it_is_deleted(store: &Store) {
    let tenant = tenant(store, "keys@example.com").await;
    let new = |secret: u8| {
        let api_key = ApiKey::new(Mode::Test, [secret; 32]);
        let view = KeyView {
            id: KeyId(store.clock().id()),
            name: "n".into(),
            description: None,
            mode: Mode::Test,
            key_prefix: api_key.visible_prefix(),
            request_count: 0,
            last_used_at: None,
            expires_at: None,
            created_at: store.clock().now(),
        };
        ShownKey { view, api_key }
    };
    let (mut uses, at) = (Vec::new(), store.clock().now());
    for secret in 1..50 {
        let made = store.create_key(tenant, new(secret), None).await.unwrap().now().unwrap();
        uses.push(Uses { key: made.view.id, count: secret.into(), last: at + TimeDelta::seconds(secret.into()) });
    }
    // Counted twice, and each key by itself.
    for _ in 0..2 {
        store.count_uses(uses.clone()).await.unwrap();
    }
    let counted: HashMap<_, _> = uses.iter().map(|uses| (uses.key, (2 * uses.count, Some(uses.last)))).collect();
    let kept = store.keys(tenant).await.unwrap();
    let kept: HashMap<_, _> = kept.into_iter().map(|key| (key.id, (key.request_count, key.last_used_at))).collect();
    assert_eq!(kept, counted);
    let ShownKey { view, api_key: key } = store.create_key(tenant, new(90), None).await.unwrap().now().unwrap();
    let more = store.create_key(tenant, new(91), None).await.unwrap();
    assert_eq!(more.now().unwrap_err().code, Code::KeyLimitReached);
    let access = store.access(&key.hash(), Mode::Test).await.unwrap().unwrap();
    assert_eq!((access.tenant, access.plan.name.as_str()), (tenant, "free"));
    assert!(store.access(&key.hash(), Mode::Live).await.unwrap().is_none());
    assert_eq!(store.delete_key(tenant, view.id).await.unwrap(), Some(key.hash()));
    assert_eq!(store.delete_key(tenant, view.id).await.unwrap(), None);
    assert!(store.access(&key.hash(), Mode::Test).await.unwrap().is_none());
}

async fn a_session_key_is_unique_among_the_living_of_a_tenant(store: &Store) {
    let (one, two) = (tenant(store, "skey1@example.com").await, tenant(store, "skey2@example.com").await);
    let first = made(store, one, "same").await.now().unwrap();
    assert_eq!(made(store, one, "same").await.now().unwrap_err().code, Code::SessionKeyTaken);
    assert!(made(store, two, "same").await.now().is_ok());
    assert!(store.bury_session(one, first.id).await.unwrap());
    assert!(made(store, one, "same").await.now().is_ok());
}

async fn only_the_newest_lease_records(store: &Store) {
    let tenant = tenant(store, "lease@example.com").await;
    let old = lease(store, tenant, "one").await;
    let (new, _) = store.lease(tenant, old.session).await.unwrap().unwrap();
    accept(store, old, "LEASE", None).await;
    let record = || Record {
        status: wamux::domain::session::Status::Failed,
        phone: None,
        fault: Some(Fault::new("banned", "…")),
        event: Some(StreamEvent::Error {
            session_id: old.session,
            code: "banned".into(),
            message: "…".into(),
            last: true,
        }),
        attempts: 0,
        at: store.clock().now(),
    };
    assert_eq!(store.record(old, record()).await.unwrap(), None);
    let linked = Record { phone: Some("+237600000001".parse().unwrap()), event: None, ..record() };
    store.record(new, linked).await.unwrap().unwrap();
    assert_eq!(store.due(new, 0, 9).await.unwrap().len(), 1, "it is linked, so it may yet send it");
    assert_eq!(store.due(old, 0, 9).await.unwrap().len(), 1, "a refused write changes nothing");
    assert!(matches!(store.wiped(old).await, Err(StoreError::LeaseLost)));
    let received = received::text(store, "3EB0LATE", "1");
    assert!(matches!(store.receive(old, vec![received.clone()]).await, Err(StoreError::LeaseLost)));
    store.receive(new, vec![received]).await.unwrap();
    let position = store.record(new, record()).await.unwrap().unwrap();
    assert_eq!(store.stream_position(tenant, old.session).await.unwrap(), position);
    let events = store.stream_events(tenant, old.session, wamux::domain::event::Position(0)).await.unwrap();
    assert_eq!(events, [(position, record().event.unwrap())]);
    let unsent = store.messages(tenant, &filter()).await.unwrap().messages.remove(1);
    assert_eq!(unsent.error_code.as_deref(), Some("session_logged_out"), "an unlinked session cannot send it any more");
}

async fn a_deleted_session_keeps_its_history_and_fails_what_is_unsent(store: &Store) {
    let lease = lease(store, tenant(store, "bury@example.com").await, "one").await;
    accept(store, lease, "BURY", None).await;
    assert!(store.bury_session(lease.tenant, lease.session).await.unwrap());
    assert!(!store.bury_session(lease.tenant, lease.session).await.unwrap());
    assert!(store.session(lease.tenant, lease.session).await.unwrap().is_none());
    let message = store.messages(lease.tenant, &filter()).await.unwrap().messages.remove(0);
    assert_eq!((message.status, message.error_code.as_deref()), (Status::Failed, Some("session_deleted")));
    assert!(store.active_tenants().await.unwrap().contains(&lease.tenant), "the device is still to be unlinked");
    store.wiped(lease).await.unwrap();
    assert!(!store.active_tenants().await.unwrap().contains(&lease.tenant));
}

async fn pages_follow_each_other_without_gap_or_repeat(store: &Store) {
    let lease = lease(store, tenant(store, "pages@example.com").await, "one").await;
    for n in 0..7 {
        accept(store, lease, &format!("PAGE{n}"), None).await;
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.messages(lease.tenant, &Filter { limit: 3, before, ..Filter::default() }).await.unwrap();
        assert_eq!(page.total, 7);
        seen.extend(page.messages.iter().map(|m| m.whatsapp_message_id.clone()));
        before = page.next_cursor;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).rev().map(|n| format!("PAGE{n}")).collect::<Vec<_>>());
    let second = store.messages(lease.tenant, &Filter { limit: 3, offset: 3, ..Filter::default() }).await.unwrap();
    assert_eq!(second.messages[0].whatsapp_message_id, "PAGE3");
}

async fn one_tenant_sees_nothing_of_another(store: &Store) {
    let lease = lease(store, tenant(store, "mine@example.com").await, "one").await;
    let other = tenant(store, "other@example.com").await;
    accept(store, lease, "MINE", None).await;
    let message = store.messages(lease.tenant, &filter()).await.unwrap().messages.remove(0);
    assert!(store.message(other, message.id).await.unwrap().is_none());
    assert!(store.session(other, lease.session).await.unwrap().is_none());
    assert!(!store.bury_session(other, lease.session).await.unwrap());
    assert!(store.lease(other, lease.session).await.unwrap().is_none());
    assert_eq!(store.messages(other, &filter()).await.unwrap().total, 0);
    assert!(store.stream_events(other, lease.session, wamux::domain::event::Position(0)).await.unwrap().is_empty());
    let foreign = store.messages(other, &Filter { before: Some(message.id), ..filter() }).await.unwrap();
    assert_eq!(foreign.messages.len(), 0);
    let _: SessionId = lease.session;
}
