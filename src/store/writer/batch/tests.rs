//! A batch that has no time for all its works: the rest comes first in the next, and nothing overtakes it that must not.

use std::sync::{Arc, Mutex};

use sea_orm::Database;
use tokio::sync::oneshot;

use super::super::boxed;
use super::*;
use crate::store::device_keys::store_with_session;

/// A work that says when it is done.
fn work(name: u8, done: &Arc<Mutex<Vec<u8>>>) -> (Job, oneshot::Receiver<Result<(), StoreError>>) {
    let done = Arc::clone(done);
    let (work, told) = boxed(move |_| {
        Box::pin(async move {
            done.lock().unwrap().push(name);
            Ok(())
        })
    });
    (Job::Work(None, work), told)
}

#[tokio::test]
async fn what_a_batch_has_no_time_for_comes_first_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    store.close().await;
    let file = folder.path().join("wamux.db");
    let db = Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
    let (done, metrics) = (Arc::default(), Metrics::default());
    let (mut told, mut left) = (Vec::new(), Left::default());
    // The keys come after the second work, and others after them.
    let (keys, mut keys_told) = KeyJob::of_nothing(lease);
    let mut keys = Some(Job::Keys(keys));
    for names in [vec![1, 2], vec![3], vec![4], vec![], vec![]] {
        let mut jobs = Vec::new();
        for name in names {
            let (job, heard) = work(name, &done);
            jobs.extend((name == 3).then(|| keys.take()).flatten());
            jobs.push(job);
            told.push(heard);
        }
        let mut batch = Batch::of(left, jobs);
        let written = batch.write(&db, Duration::ZERO).await;
        left = batch.finish(written, &metrics).1;
        let all = done.lock().unwrap().len();
        assert!(
            told.iter_mut()
                .take(all)
                .all(|told| told.try_recv().is_ok_and(|told| told.is_ok()) || told.is_terminated())
        );
        assert!(told.iter_mut().skip(all).all(|told| told.try_recv().is_err()), "nobody is told too soon");
        let keys_are_written = keys_told.is_terminated() || keys_told.try_recv().is_ok_and(|told| told.is_ok());
        assert_eq!(keys_are_written, all >= 2, "keys after {all} works");
    }
    assert_eq!((done.lock().unwrap().as_slice(), left.len()), ([1, 2, 3, 4].as_slice(), 0));
}

#[tokio::test]
async fn a_batch_with_time_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::connect(format!("sqlite://{}?mode=rwc", folder.path().join("any.db").display())).await.unwrap();
    let done = Arc::default();
    let jobs = (0..200).map(|name| work(name, &done).0).collect();
    let mut batch = Batch::of(Left::default(), jobs);
    let written = batch.write(&db, TAKES_UP).await;
    assert_eq!(batch.finish(written, &Metrics::default()).1.len(), 0);
    assert_eq!(*done.lock().unwrap(), (0..200).collect::<Vec<_>>());
}
