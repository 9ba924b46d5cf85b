//! The spool by itself: what is on the disk after every outcome.

use std::os::unix::fs::PermissionsExt;

use futures_util::stream;

use super::*;
use crate::domain::id::MessageId;

const NAME: SpoolName = SpoolName(Uuid::from_u128(7));

fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("media")).unwrap();
    (folder, spool)
}

fn chunks(parts: &[&'static str]) -> impl Stream<Item = Result<Bytes, &'static str>> + use<> {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect::<Vec<_>>())
}

/// What lies in the spool, the folders of jobs aside.
fn files(spool: &Spool) -> Vec<String> {
    let names = fs::read_dir(&spool.folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != JOBS).collect();
    names.sort();
    names
}

fn jobs(spool: &Spool) -> usize {
    fs::read_dir(spool.folder.join(JOBS)).unwrap().count()
}

#[tokio::test]
async fn what_arrives_is_counted_hashed_and_for_its_owner_alone() {
    let (_folder, spool) = spool();
    let received = spool.receive(NAME, chunks(&["hel", "", "lo"]), 5).await.unwrap();
    assert_eq!(received.size, 5);
    assert_eq!(received.sha256, digest::digest(&digest::SHA256, b"hello").as_ref());
    assert_eq!(fs::read_to_string(spool.path(NAME)).unwrap(), "hello");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&spool.path(NAME)), mode(&spool.folder), mode(&spool.folder.join(JOBS))), (0o600, 0o700, 0o700));
    assert_eq!(files(&spool), [NAME.0.to_string()]);
}

#[tokio::test]
async fn nothing_stays_of_what_is_too_large_or_breaks_off() {
    let (_folder, spool) = spool();
    let large = spool.receive(NAME, chunks(&["hel", "lo!"]), 5).await;
    assert!(matches!(large, Err(SpoolError::TooLarge { limit: 5 })), "{large:?}");
    let broken = chunks(&["hel"]).chain(stream::iter([Err("cut off")]));
    let broken = spool.receive(NAME, broken, 5).await;
    assert!(matches!(broken, Err(SpoolError::Source("cut off"))), "{broken:?}");
    assert!(files(&spool).is_empty());
}

#[tokio::test]
async fn nothing_stays_when_nobody_waits_for_the_end() {
    let (_folder, spool) = spool();
    let (told, hears) = tokio::sync::oneshot::channel();
    // The stream is asked for its second chunk once the first is written.
    let stuck = chunks(&["hel"]).chain(stream::once(async move {
        told.send(()).unwrap();
        std::future::pending().await
    }));
    tokio::select! {
        _ = spool.receive(NAME, stuck, 5) => panic!("it cannot end"),
        told = hears => told.unwrap(),
    }
    assert!(files(&spool).is_empty());
}

#[tokio::test]
async fn a_file_made_elsewhere_becomes_a_spool_file_and_is_removed_as_one() {
    let (_folder, spool) = spool();
    let job = spool.job_folder(MessageId(Uuid::from_u128(1))).unwrap();
    let made = job.path().join("out.mp4");
    fs::write(&made, "film").unwrap();
    spool.adopt(&made, NAME).await.unwrap();
    assert!(!made.exists());
    assert_eq!(fs::read_to_string(spool.path(NAME)).unwrap(), "film");
    assert!(spool.adopt(&made, NAME).await.is_err());
    for _ in 0..2 {
        spool.remove(NAME).await.unwrap();
        assert!(files(&spool).is_empty());
    }
}

#[tokio::test]
async fn a_job_s_folder_goes_with_its_job_and_only_with_its_own() {
    let (_folder, spool) = spool();
    let id = MessageId(Uuid::from_u128(1));
    let (one, two) = (spool.job_folder(id).unwrap(), spool.job_folder(id).unwrap());
    fs::write(one.path().join("half"), "x").unwrap();
    fs::create_dir(one.path().join("below")).unwrap();
    drop(one);
    assert!(two.path().exists() && jobs(&spool) == 1);
    drop(two);
    assert_eq!(jobs(&spool), 0);
}

#[tokio::test]
async fn a_sweep_takes_what_a_crash_left_and_nothing_that_is_in_use() {
    let (_folder, spool) = spool();
    let (named, lost) = (Uuid::from_u128(1), Uuid::from_u128(2));
    for file in [named.to_string(), lost.to_string(), format!("{lost}.part"), "notes.txt".to_owned()] {
        fs::write(spool.folder.join(file), "x").unwrap();
    }
    // What is not ours is left where it is, and hides nothing.
    let foreign = [spool.folder.join(JOBS).join("README"), spool.folder.join(JOBS).join(format!("{lost}.1"))];
    for file in &foreign {
        fs::write(file, "x").unwrap();
    }
    fs::create_dir(spool.folder.join(Uuid::from_u128(9).to_string())).unwrap();
    let leftover = spool.folder.join(JOBS).join(format!("{lost}.9"));
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("half"), "x").unwrap();
    let running = spool.job_folder(MessageId(Uuid::from_u128(3))).unwrap();

    let in_use = HashSet::from([named]);
    spool.sweep(&in_use, Duration::from_mins(15)).await.unwrap();
    assert_eq!(files(&spool).len(), 5, "a young file may be about to be accepted");
    assert!(!leftover.exists() && running.path().exists());

    spool.sweep(&in_use, Duration::ZERO).await.unwrap();
    assert_eq!(files(&spool), [named.to_string(), Uuid::from_u128(9).to_string(), "notes.txt".to_owned()]);
    assert!(running.path().exists() && foreign.iter().all(|file| file.exists()));
}

#[tokio::test]
async fn another_server_on_the_same_folder_sweeps_no_job_of_this_one() {
    let (_folder, spool) = spool();
    let other = Spool::open(spool.folder.to_path_buf()).unwrap();
    let id = MessageId(Uuid::from_u128(1));
    let (ours, theirs) = (spool.job_folder(id).unwrap(), other.job_folder(id).unwrap());
    assert_ne!(ours.path(), theirs.path());
    other.sweep(&HashSet::new(), Duration::ZERO).await.unwrap();
    assert!(ours.path().exists() && theirs.path().exists());
}
