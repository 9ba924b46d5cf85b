//! Answers are sealed on the disk, outlive a rotation of the master key, and are read where an older version kept them plain.

use super::*;
use crate::clock::Clock;
use crate::domain::session::{Session, SessionKey};
use crate::store::DatabaseUrl;
use crate::store::device_keys::{MASTER, store_at, store_with_session};
use crate::store::rotation::Rotation;

fn once(key: &str) -> Once {
    Once::new(key.parse().unwrap(), "/sessions", b"{}")
}

async fn made(store: &Store, tenant: TenantId, key: &str, under: &str) -> Made<Session> {
    let new = SessionKey::try_from(key.to_owned()).unwrap();
    store.create_session(tenant, new, Some(once(under))).await.unwrap()
}

async fn kept(store: &Store) -> Vec<Model> {
    Entity::find().order_by_asc(Column::Key).all(store.reader()).await.unwrap()
}

#[tokio::test]
async fn an_answer_cannot_be_read_on_the_disk_nor_under_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let first = made(&store, lease.tenant, "hunter2", "a").await.answer().unwrap();
    made(&store, lease.tenant, "other", "b").await.now().unwrap();
    let rows = kept(&store).await;
    assert!(rows.iter().all(|row| !row.answer.windows(7).any(|part| part == b"hunter2" || part == b"session")));
    let sealer = store.sealer(lease.tenant);
    assert_eq!(open(&sealer, "a", rows[0].answer.clone()).unwrap(), first.body);
    assert!(open(&sealer, "b", rows[0].answer.clone()).is_err());
    let replayed = made(&store, lease.tenant, "hunter2", "a").await.answer().unwrap();
    assert_eq!(replayed, Answer { replayed: true, ..first });
}

#[tokio::test]
async fn a_rotation_of_the_master_key_takes_answers_along_and_leaves_older_plain_ones_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(&folder.path().join("wamux.db"));
    let store = store_at(&url).await;
    let one = store.tenant_of(&"one@example.com".parse().unwrap()).await.unwrap();
    let two = store.tenant_of(&"two@example.com".parse().unwrap()).await.unwrap();
    store.tamper("UPDATE tenant SET plan = 'pro'".to_owned()).await;
    let mut firsts = Vec::new();
    // More than one batch of them.
    for n in 0..u32::try_from(AT_ONCE).unwrap() + 5 {
        let tenant = if n % 2 == 0 { one } else { two };
        let key = format!("s{n}");
        firsts.push((tenant, key.clone(), made(&store, tenant, &key, &key).await.answer().unwrap()));
    }
    store.tamper("UPDATE idempotency SET answer = CAST('{\"old\":1}' AS BLOB) WHERE key = 's7'".to_owned()).await;
    store.close().await;
    let rotation = Rotation::begin(&url, MASTER.parse().unwrap(), None).await.unwrap();
    let new = rotation.new_secret().key();
    let done = rotation.run(|_| ()).await.unwrap();
    assert_eq!((done.done, done.all, done.broken), (firsts.len() as u64, firsts.len() as u64, 0));
    rotation.forget_old().await.unwrap();
    rotation.close().await;
    let store = Store::open(&url, new, Clock::default()).await.unwrap();
    for (tenant, key, first) in firsts {
        let again = made(&store, tenant, &key, &key).await.answer().unwrap();
        let body = if key == "s7" { b"{\"old\":1}".to_vec() } else { first.body };
        assert_eq!((again.body, again.replayed), (body, true), "{key}");
    }
    store.close().await;
}
