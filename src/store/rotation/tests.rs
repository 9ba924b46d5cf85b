//! A rotation of the master key: everything opens under the new key, nothing under the old, and none of it twice.

use std::collections::BTreeSet;
use std::path::Path;

use sea_orm::{ConnectionTrait, Statement};

use super::*;
use crate::clock::Clock;
use crate::domain::session::Lease;
use crate::store::Store;
use crate::store::device_keys::{DeviceKeyError, DeviceKeys, Entry, Kind, MASTER, new_lease, store_at};

const KINDS: [Kind; 4] = [Kind::Device, Kind::Identity, Kind::SignalSession, Kind::MessageSecret];

fn url(folder: &Path) -> DatabaseUrl {
    DatabaseUrl::sqlite(&folder.join("wamux.db"))
}

fn old() -> MasterKey {
    MASTER.parse().unwrap()
}

/// Values of every length, in several sessions and kinds; more than a batch holds.
async fn fill(folder: &Path) -> Vec<Lease> {
    let store = store_at(&url(folder)).await;
    let leases = [new_lease(&store, "one").await, new_lease(&store, "two").await];
    for lease in leases {
        let keys = DeviceKeys::new(store.clone(), lease);
        for kind in KINDS {
            let rows = (0..200).map(|n: u8| Entry { name: n.to_string(), value: vec![n; n.into()], mark: n.into() });
            keys.put_many(kind, rows.collect()).await.unwrap();
        }
    }
    store.close().await;
    leases.to_vec()
}

async fn all_opens(folder: &Path, master: MasterKey, leases: &[Lease]) {
    let store = Store::open(&url(folder), master, Clock::default()).await.unwrap();
    assert!(store.successor().is_none());
    for lease in leases {
        for kind in KINDS {
            let mut rows = DeviceKeys::new(store.clone(), *lease).list(kind).await.unwrap();
            rows.sort_by_key(|row| row.mark);
            assert_eq!(rows.len(), 200);
            assert!((0u8..200).zip(rows).all(|(n, row)| row.value == vec![n; n.into()] && row.mark == i64::from(n)));
        }
    }
    store.close().await;
}

#[tokio::test]
async fn everything_opens_under_the_new_key_and_nothing_under_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let leases = fill(folder.path()).await;
    let rotation = Rotation::begin(&url(folder.path()), old(), None).await.unwrap();
    let new = rotation.new_secret().clone();
    let mut told = Vec::new();
    let done = rotation.run(|progress| told.push(progress.done)).await.unwrap();
    assert_eq!(done, Progress { done: 1600, all: 1600, broken: 0 });
    assert!(told.is_sorted() && told.len() > 3, "{told:?}");
    rotation.forget_old().await.unwrap();
    rotation.close().await;
    all_opens(folder.path(), new.key(), &leases).await;
    let refused = Store::open(&url(folder.path()), old(), Clock::default()).await;
    assert!(matches!(refused, Err(StoreError::WrongMasterKey)));
}

#[tokio::test]
async fn until_the_new_key_is_given_once_the_old_one_still_opens_everything() {
    let folder = tempfile::tempdir().unwrap();
    let leases = fill(folder.path()).await;
    let rotation = Rotation::begin(&url(folder.path()), old(), None).await.unwrap();
    let new = rotation.new_secret().clone();
    rotation.run(|_| ()).await.unwrap();
    rotation.close().await;
    let store = Store::open(&url(folder.path()), old(), Clock::default()).await.unwrap();
    assert!(store.successor() == Some(&new));
    let keys = DeviceKeys::new(store.clone(), leases[0]);
    assert_eq!(keys.get(Kind::Identity, "7").await.unwrap().unwrap().value, [7; 7]);
    store.close().await;
    // To ask again is to be told the same key again.
    let again = Rotation::begin(&url(folder.path()), old(), None).await.unwrap();
    assert!(*again.new_secret() == new);
    assert_eq!(again.run(|_| ()).await.unwrap().done, 0);
    again.close().await;
    all_opens(folder.path(), new.key(), &leases).await;
    let refused = Store::open(&url(folder.path()), old(), Clock::default()).await;
    assert!(matches!(refused, Err(StoreError::WrongMasterKey)));
}

#[tokio::test]
async fn a_rotation_that_was_cut_short_goes_on_to_its_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let leases = fill(folder.path()).await;
    let wanted = MasterSecret::fresh().unwrap();
    let cut = Rotation::begin(&url(folder.path()), old(), Some(wanted.clone())).await.unwrap();
    let turn = Turn { old: old(), new: wanted.key() };
    let txn = cut.opened.write.present().1.begin_with_options(immediate()).await.unwrap();
    let first = (COLUMNS[0].again)(&txn, &turn, None).await.unwrap();
    txn.commit().await.unwrap();
    assert!(first.next.is_some() && first.broken == 0);
    cut.close().await;

    let half = Store::open(&url(folder.path()), old(), Clock::default()).await;
    assert!(matches!(half, Err(StoreError::RotationUnfinished)));
    let early = Store::open(&url(folder.path()), wanted.key(), Clock::default()).await;
    assert!(matches!(early, Err(StoreError::RotationElsewhere)), "it is not in force yet");
    let other = Rotation::begin(&url(folder.path()), old(), Some(MasterSecret::fresh().unwrap())).await;
    assert!(matches!(other, Err(StoreError::OtherRotation)));
    let on = Rotation::begin(&url(folder.path()), old(), None).await.unwrap();
    assert!(*on.new_secret() == wanted);
    assert_eq!(on.run(|_| ()).await.unwrap(), Progress { done: 1600, all: 1600, broken: 0 });
    on.close().await;
    all_opens(folder.path(), wanted.key(), &leases).await;
}

#[tokio::test]
async fn a_value_that_was_broken_before_stays_as_it_was_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let leases = fill(folder.path()).await;
    let store = store_at(&url(folder.path())).await;
    let spoil = store.write(|batch| {
        Box::pin(async move {
            let sql = "UPDATE device_key SET value = x'01' WHERE kind = 2 AND name = '7'";
            batch.execute_unprepared(sql).await.map(|done| done.rows_affected())
        })
    });
    assert_eq!(spoil.await.unwrap(), 2);
    store.close().await;
    let rotation = Rotation::begin(&url(folder.path()), old(), None).await.unwrap();
    let new = rotation.new_secret().key();
    assert_eq!(rotation.run(|_| ()).await.unwrap(), Progress { done: 1600, all: 1600, broken: 2 });
    rotation.close().await;
    let store = Store::open(&url(folder.path()), new, Clock::default()).await.unwrap();
    let keys = DeviceKeys::new(store, leases[1]);
    assert_eq!(keys.get(Kind::Identity, "8").await.unwrap().unwrap().value, [8; 8]);
    assert!(matches!(keys.get(Kind::Identity, "7").await, Err(DeviceKeyError::Seal(_))));
}

#[tokio::test]
async fn nobody_rotates_beside_a_server_nor_to_the_key_in_force_nor_with_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path()).await;
    let begin = async |key: &str, new: Option<&str>| {
        let new = new.map(|new| new.parse().unwrap());
        Rotation::begin(&url(folder.path()), key.parse().unwrap(), new).await.err()
    };
    let server = store_at(&url(folder.path())).await;
    assert!(matches!(begin(MASTER, None).await, Some(StoreError::InUse(_))));
    server.close().await;
    let wrong = MasterSecret::fresh().unwrap().reveal();
    assert!(matches!(begin(&wrong, None).await, Some(StoreError::WrongMasterKey)));
    assert!(matches!(begin(MASTER, Some(MASTER)).await, Some(StoreError::SameMasterKey)));
    let rotation = Rotation::begin(&url(folder.path()), old(), None).await.unwrap();
    let beside = Store::open(&url(folder.path()), old(), Clock::default()).await;
    assert!(matches!(beside, Err(StoreError::InUse(_))));
    rotation.close().await;
}

/// Columns of bytes that hold no secret.
const IN_THE_CLEAR: [(&str, &str); 6] = [
    ("api_key", "hash"),
    ("idempotency", "request"),
    ("mail_ticket", "hash"),
    ("media", "thumbnail"),
    ("media", "waveform"),
    ("sign_in", "hash"),
];
/// Sealed by the rotation itself.
const THE_VAULT: (&str, &str) = ("vault", "proof");

#[tokio::test]
async fn every_column_of_bytes_is_sealed_again_or_known_to_be_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&url(folder.path())).await;
    // SQLite keeps ids as bytes too, under a type of their own.
    let sql = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c \
               WHERE t.type = 'table' AND (c.type LIKE '%blob%' OR c.type LIKE '%binary%') AND c.type NOT LIKE 'uuid%'";
    let rows = store.reader().query_all_raw(Statement::from_string(store.reader().get_database_backend(), sql)).await;
    let found: BTreeSet<(String, String)> =
        rows.unwrap().iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect();
    let sealed = COLUMNS.iter().map(|column| (column.table, column.column));
    let known = sealed.chain(IN_THE_CLEAR).chain([THE_VAULT]);
    let known: BTreeSet<_> = known.map(|(table, column)| (table.to_owned(), column.to_owned())).collect();
    assert_eq!(found, known, "a sealed column is missing in seal/columns.rs, or one of plain bytes here");
}

#[test]
fn whatever_file_seals_stands_in_the_table_of_sealed_columns() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![src.clone()], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let name = entry.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&entry).unwrap();
            let of_the_seal = name.starts_with("store/seal") || name.starts_with("store/rotation");
            if !of_the_seal && text.contains(".seal(") {
                found.insert(name);
            }
        }
    }
    let known: BTreeSet<_> = COLUMNS.iter().map(|column| column.sealed_in.to_owned()).collect();
    assert_eq!(found, known, "what is sealed and not in seal/columns.rs is lost at the next rotation");
}
