//! Marks that wait: what may be dropped when there are too many, and that one which is refused takes no other with it.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::message::{Failure, Filter, Mark};
use crate::domain::session::Lease;
use crate::store::Store;
use crate::store::accept::{AcceptJob, Sender};
use crate::store::device_keys::store_with_session;

fn job(message: u8, status: Status) -> MarkJob {
    let lease = Lease { tenant: TenantId(Uuid::nil()), session: SessionId(Uuid::nil()), epoch: 1 };
    MarkJob::new(lease, mark(&message.to_string(), status))
}

fn mark(wire_id: &str, status: Status) -> Mark {
    let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let error = (status == Status::Failed).then(|| (Failure::SendFailed, "sentence".to_owned()));
    Mark { wire_id: wire_id.to_owned(), status, at, error }
}

/// Where each message stands after these marks, if it stood like this before.
fn standing(before: Status, marks: &[MarkJob]) -> BTreeMap<(Uuid, String), Status> {
    let mut standing = BTreeMap::new();
    for job in marks {
        let status = standing.entry(job.message()).or_insert(before);
        if status.may_become(job.status()) {
            *status = job.status();
        }
    }
    standing
}

proptest! {
    #[test]
    fn what_a_later_mark_says_is_dropped_without_loss(said in vec((0u8..6, 1usize..5), 1..60), most in 0usize..60) {
        let marks = || said.iter().map(|(message, status)| job(*message, Status::ALL[*status])).collect::<Vec<_>>();
        let mut left = marks();
        let dropped = thin(&mut left, most);
        prop_assert!(left.len() <= most);
        for begin in [Status::Pending, Status::Sent] {
            let (before, after) = (standing(begin, &marks()), standing(begin, &left));
            // That a message was read is dropped only when there is nothing else to drop.
            let others = left.iter().any(|job| job.status() != Status::Read);
            for (message, status) in before {
                let kept = after.get(&message).copied().unwrap_or(begin);
                prop_assert!(dropped > 0 || kept == status);
                prop_assert!(!others || status != Status::Read || kept == Status::Read);
                prop_assert!(kept <= status, "nothing is said that was not so");
            }
        }
    }
}

#[test]
fn the_oldest_acknowledgements_go_first() {
    let mut marks: Vec<_> = [(1, Status::Sent), (2, Status::Delivered), (3, Status::Sent), (4, Status::Read)]
        .map(|(message, status)| job(message, status))
        .into();
    assert_eq!(thin(&mut marks, 3), 1);
    assert_eq!(marks.iter().map(|job| job.message().1).collect::<Vec<_>>(), ["2", "3", "4"]);
    assert_eq!(thin(&mut marks, 1), 2);
    assert_eq!(marks.iter().map(|job| job.message().1).collect::<Vec<_>>(), ["4"]);
}

#[test]
fn fewer_are_written_together_the_longer_it_goes_badly() {
    let mut part = Part::default();
    for expected in [256, 128, 64, 32, 16, 8, 8] {
        part.went(false);
        assert_eq!(part.0, expected);
    }
    for expected in [16, 32, 64, 128, 256, 512, 512] {
        part.went(true);
        assert_eq!(part.0, expected);
    }
}

async fn accept(store: &Store, lease: Lease, wire_id: &str) {
    let (told, outcome) = tokio::sync::oneshot::channel();
    store.accept(AcceptJob {
        tenant: lease.tenant,
        session: Ok(Sender { session: lease.session, phone: None }),
        id: MessageId(store.clock().id()),
        wire_id: wire_id.to_owned(),
        to: "+237612345678".parse().unwrap(),
        content: crate::domain::content::Content::Text("hello".to_owned().try_into().unwrap()),
        cause: crate::domain::request::Cause::default(),
        at: store.clock().now(),
        once: None,
        answer: Vec::new(),
        done: Box::new(move |outcome| told.send(outcome).unwrap()),
    });
    outcome.await.unwrap().unwrap();
}

async fn until_all_but_one_are_sent(store: &Store, lease: Lease, sent: u64) {
    let filter = Filter { status: Some(Status::Sent), limit: 1, ..Filter::default() };
    let waiting = async {
        while store.messages(lease.tenant, &filter).await.unwrap().total < sent {
            // Whatever is committed next comes after another try.
            store.write(|_| Box::pin(async { Ok(()) })).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
}

#[tokio::test]
async fn a_mark_that_is_refused_takes_no_other_with_it_and_no_send_either() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    for n in 0..40 {
        accept(&store, lease, &format!("WIRE{n}")).await;
    }
    // A database may have its reasons.
    store
        .tamper(
            "CREATE TRIGGER refuse BEFORE UPDATE OF status ON message WHEN old.wire_id = 'WIRE7' \
             BEGIN SELECT RAISE(ABORT, 'not this one'); END"
                .to_owned(),
        )
        .await;
    for n in 0..40 {
        store.mark(lease, mark(&format!("WIRE{n}"), Status::Sent)).await.unwrap();
    }
    accept(&store, lease, "BESIDE").await;
    until_all_but_one_are_sent(&store, lease, 39).await;
    // And it is asked again.
    store.tamper("DROP TRIGGER refuse".to_owned()).await;
    until_all_but_one_are_sent(&store, lease, 40).await;
    store.close().await;
}

#[tokio::test]
async fn a_batch_that_panics_loses_no_mark_and_leaves_no_caller_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    for n in 0..20 {
        accept(&store, lease, &format!("WIRE{n}")).await;
    }
    // They gather while another batch is written, and are then of one batch.
    let (begun, wait) = tokio::sync::oneshot::channel();
    let (go, going) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn({
        let store = store.clone();
        async move {
            let hold = store.write(move |_| {
                Box::pin(async move {
                    begun.send(()).unwrap();
                    going.await.unwrap();
                    Ok(())
                })
            });
            hold.await
        }
    });
    wait.await.unwrap();
    for n in 0..20 {
        store.mark(lease, mark(&format!("WIRE{n}"), Status::Sent)).await.unwrap();
    }
    let mut panics = Box::pin(store.write::<(), _>(|_| Box::pin(async { panic!("on purpose") })));
    assert!((&mut panics).now_or_never().is_none(), "it is queued");
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(panics.await.is_err());
    until_all_but_one_are_sent(&store, lease, 20).await;
    store.close().await;
}
