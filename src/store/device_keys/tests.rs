//! The sealed key-value store by itself: what is on the disk, who may write, and what happens under load.

use std::path::Path;
use std::sync::Arc;

use super::{DeviceKeyError, DeviceKeys, Entry, Kind};
use crate::clock::Clock;
use crate::domain::access::Email;
use crate::domain::session::{Lease, SessionKey};
use crate::store::{DatabaseUrl, Store};

pub(crate) const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A store in a folder of its own, and a lease on a new session in it.
pub(crate) async fn store_with_session(folder: &Path) -> (Store, Lease) {
    let store = store_at(&DatabaseUrl::sqlite(&folder.join("wamux.db"))).await;
    let lease = new_lease(&store, "shop").await;
    (store, lease)
}

pub(crate) async fn store_at(url: &DatabaseUrl) -> Store {
    Store::open(url, MASTER.parse().unwrap(), Clock::default()).await.unwrap()
}

/// A lease on a new session of the one tenant here.
pub(crate) async fn new_lease(store: &Store, key: &str) -> Lease {
    let email: Email = "you@example.com".parse().unwrap();
    let tenant = store.tenant_of(&email).await.unwrap();
    // Whose sessions have no limit.
    assert!(store.set_plan(&email, "pro").await.unwrap());
    let key = SessionKey::try_from(key.to_owned()).unwrap();
    let session = store.create_session(tenant, key, None).await.unwrap().now().unwrap();
    store.lease(tenant, session.id).await.unwrap().unwrap().0
}

fn entry(name: &str, value: &[u8], mark: i64) -> Entry {
    Entry { name: name.to_owned(), value: value.to_vec(), mark }
}

#[tokio::test]
async fn no_value_can_be_read_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let keys = DeviceKeys::new(store.clone(), lease);
    let secret = b"a secret that is long enough to be found by chance never";
    keys.put(Kind::Identity, entry("name-on-the-disk", secret, 1)).await.unwrap();
    keys.put_many(Kind::PreKey, (0..700).map(|id| entry(&id.to_string(), secret, id)).collect()).await.unwrap();
    store.close().await;
    let files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let on_disk = |what: &[u8]| files.iter().any(|file| file.windows(what.len()).any(|window| window == what));
    assert!(on_disk(b"name-on-the-disk"), "the search looks where rows are");
    assert!(!on_disk(&secret[..16]));
}

#[tokio::test]
async fn a_row_moved_to_another_place_does_not_open() {
    use entity::device_key::{Column, Entity};
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let keys = DeviceKeys::new(store.clone(), lease);
    keys.put(Kind::Identity, entry("mallory", b"key", 0)).await.unwrap();
    let renamed = store.write(|txn| {
        let rename =
            Entity::update_many().col_expr(Column::Name, Expr::value("alice")).filter(Column::Name.eq("mallory"));
        Box::pin(async move { rename.exec(txn).await.map(|done| done.rows_affected) })
    });
    assert_eq!(renamed.await.unwrap(), 1);
    assert!(matches!(keys.get(Kind::Identity, "alice").await, Err(DeviceKeyError::Seal(_))));
}

#[tokio::test]
async fn an_older_lease_writes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let old = DeviceKeys::new(store.clone(), lease);
    old.put(Kind::Device, entry("device", b"first", 0)).await.unwrap();
    let (newer, _) = store.lease(lease.tenant, lease.session).await.unwrap().unwrap();
    let new = DeviceKeys::new(store, newer);
    assert!(matches!(old.put(Kind::Device, entry("device", b"late", 0)).await, Err(DeviceKeyError::LeaseLost)));
    assert!(matches!(old.wipe().await, Err(DeviceKeyError::LeaseLost)));
    assert_eq!(new.get(Kind::Device, "device").await.unwrap().unwrap().value, b"first");
    new.put(Kind::Device, entry("device", b"second", 0)).await.unwrap();
    assert_eq!(new.get(Kind::Device, "device").await.unwrap().unwrap().value, b"second");
}

#[tokio::test]
async fn a_wipe_destroys_one_session_and_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let other = new_lease(&store, "other").await;
    let (here, there) = (DeviceKeys::new(store.clone(), lease), DeviceKeys::new(store, other));
    for keys in [&here, &there] {
        keys.put(Kind::Device, entry("device", b"x", 0)).await.unwrap();
        keys.put(Kind::Identity, entry("someone", b"y", 0)).await.unwrap();
    }
    here.wipe().await.unwrap();
    assert!(here.list(Kind::Device).await.unwrap().is_empty() && here.list(Kind::Identity).await.unwrap().is_empty());
    assert_eq!(there.get(Kind::Identity, "someone").await.unwrap().unwrap().value, b"y");
}

#[tokio::test]
async fn of_many_takers_one_gets_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let keys = Arc::new(DeviceKeys::new(store, lease));
    keys.put(Kind::SentMessage, entry("m", b"payload", 5)).await.unwrap();
    let takers: Vec<_> = (0..16)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.take(Kind::SentMessage, "m".to_owned()).await.unwrap() })
        })
        .collect();
    let mut got = 0;
    for taker in takers {
        got += usize::from(taker.await.unwrap().is_some());
    }
    assert_eq!(got, 1);
}

#[tokio::test]
async fn a_batch_may_name_a_row_twice_and_the_last_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let keys = DeviceKeys::new(store, lease);
    let mut batch: Vec<_> = (0..1200).map(|id| entry(&id.to_string(), b"once", id)).collect();
    batch.push(entry("7", b"twice", 7));
    keys.put_many(Kind::PreKey, batch).await.unwrap();
    assert_eq!(keys.get(Kind::PreKey, "7").await.unwrap().unwrap().value, b"twice");
    assert_eq!(keys.list(Kind::PreKey).await.unwrap().len(), 1200);
    let names: Vec<_> = (0..1300).map(|id| id.to_string()).collect();
    assert_eq!(keys.get_many(Kind::PreKey, &names).await.unwrap().len(), 1200);
    assert_eq!(keys.expire(Kind::PreKey, 1000).await.unwrap(), 1000);
    assert_eq!(keys.last(Kind::PreKey).await.unwrap(), Some(("1199".to_owned(), 1199)));
}

#[tokio::test]
async fn a_closed_handle_has_written_all_it_took_and_writes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let (old, new) = (DeviceKeys::new(store.clone(), lease), DeviceKeys::new(store, lease));
    let writes = (0..50).map(|n| {
        let old = old.clone();
        tokio::spawn(async move { old.put(Kind::PreKey, entry(&n.to_string(), b"x", n)).await })
    });
    let writes: Vec<_> = writes.collect();
    tokio::task::yield_now().await;
    old.close().await;
    let kept = new.list(Kind::PreKey).await.unwrap().len();
    new.wipe().await.unwrap();
    let outcomes = futures_util::future::join_all(writes).await.into_iter().map(Result::unwrap);
    assert_eq!(outcomes.flatten().count(), kept, "what was taken was kept before the handle closed");
    assert!(matches!(old.put(Kind::PreKey, entry("late", b"x", 0)).await, Err(DeviceKeyError::Closed)));
    assert!(new.list(Kind::PreKey).await.unwrap().is_empty());
}

#[tokio::test]
async fn sessions_write_together_and_only_the_one_without_its_lease_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, first) = store_with_session(folder.path()).await;
    let mut leases = vec![first];
    for n in 0..40 {
        leases.push(new_lease(&store, &format!("session {n}")).await);
    }
    store.lease(first.tenant, first.session).await.unwrap().unwrap();
    let writes = leases.iter().map(|lease| {
        let keys = DeviceKeys::new(store.clone(), *lease);
        async move {
            let (one, two) = tokio::join!(
                keys.put(Kind::Identity, entry("a", b"1", 0)),
                keys.put_many(Kind::SignalSession, (0..30).map(|n| entry(&n.to_string(), b"2", n)).collect()),
            );
            one.and(two)?;
            tokio::try_join!(
                keys.delete(Kind::Identity, "a".to_owned()),
                keys.delete_many(Kind::SignalSession, (0..29).map(|n| n.to_string()).collect()),
            )?;
            Ok::<_, DeviceKeyError>((keys.holds(Kind::Identity, "a").await?, keys.list(Kind::SignalSession).await?))
        }
    });
    for (n, outcome) in futures_util::future::join_all(writes).await.into_iter().enumerate() {
        match outcome {
            Err(DeviceKeyError::LeaseLost) => assert_eq!(n, 0),
            left => assert_eq!((n > 0, left.unwrap()), (true, (false, vec![entry("29", b"2", 29)]))),
        }
    }
}

#[tokio::test]
async fn an_older_lease_is_refused_whatever_it_wants_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let rows: Vec<_> = (1..5).map(|n| entry(&n.to_string(), b"kept", n)).collect();
    DeviceKeys::new(store.clone(), lease).put_many(Kind::Device, rows.clone()).await.unwrap();
    let (newer, _) = store.lease(lease.tenant, lease.session).await.unwrap().unwrap();
    let (old, kind, one) = (DeviceKeys::new(store.clone(), lease), Kind::Device, || "1".to_owned());
    let late = || entry("late", b"late", 9);
    let refused = [
        old.put(kind, late()).await,
        old.put_many(kind, vec![late(), entry("1", b"late", 1)]).await,
        old.append(kind, "late".to_owned(), b"late".to_vec()).await,
        old.raise_marks(kind, vec![1, 2]).await,
        old.merge(kind, vec![one()], move |_| vec![entry("1", b"late", 1)]).await,
        old.take(kind, one()).await.map(|_| ()),
        old.delete(kind, one()).await,
        old.delete_many(kind, vec![one(), "2".to_owned()]).await,
        old.delete_marked(kind, 1).await,
        old.delete_kind(kind).await,
        old.expire(kind, 100).await.map(|_| ()),
        old.expire_if(kind, 100, |_| true).await.map(|_| ()),
        old.wipe().await,
    ];
    for (n, refused) in refused.into_iter().enumerate() {
        assert!(matches!(refused, Err(DeviceKeyError::LeaseLost)), "write {n}: {refused:?}");
    }
    let mut left = DeviceKeys::new(store, newer).list(kind).await.unwrap();
    left.sort_by_key(|row| row.mark);
    assert_eq!(left, rows);
}

#[tokio::test]
async fn a_batch_that_fails_leaves_nothing_and_whoever_hears_of_success_has_all() {
    use sea_orm::ConnectionTrait;
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let refuse = store.write(|batch| {
        Box::pin(async move {
            let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON device_key WHEN NEW.name = 'forbidden' \
                           BEGIN SELECT RAISE(ABORT, 'forbidden'); END";
            batch.execute_unprepared(trigger).await.map(|_| ())
        })
    });
    refuse.await.unwrap();
    let keys = DeviceKeys::new(store, lease);
    // More than one statement each, and those of a round may share a transaction.
    let rows = |round: usize, forbidden: bool| {
        let mut rows: Vec<_> = (0..700).map(|n| entry(&format!("{round} {forbidden} {n}"), b"x", 0)).collect();
        if forbidden {
            rows.push(entry("forbidden", b"x", 0));
        }
        rows
    };
    for round in 0..10 {
        let (good, bad) = tokio::join!(
            keys.put_many(Kind::PreKey, rows(round, false)),
            keys.put_many(Kind::PreKey, rows(round, true))
        );
        assert!(matches!(bad, Err(DeviceKeyError::Write(_))));
        for (told, forbidden) in [(good, false), (bad, true)] {
            let names: Vec<_> = rows(round, forbidden).into_iter().map(|row| row.name).collect();
            let there = keys.get_many(Kind::PreKey, &names).await.unwrap().len();
            assert_eq!(there, if told.is_ok() { 700 } else { 0 }, "round {round}");
        }
    }
    keys.put(Kind::PreKey, entry("after", b"x", 0)).await.unwrap();
    assert!(keys.holds(Kind::PreKey, "after").await.unwrap());
}
