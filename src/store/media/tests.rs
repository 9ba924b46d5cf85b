//! Media by themselves: what is on the disk, what a rotation of the master key takes along, and what a look for them costs.

use super::*;
use crate::clock::Clock;
use crate::domain::content::Content;
use crate::domain::media::{Fault, Media};
use crate::domain::message::{Failure, Mark};
use crate::domain::request::Cause;
use crate::store::DatabaseUrl;
use crate::store::accept::{AcceptJob, Outcome, Sender};
use crate::store::device_keys::{MASTER, store_with_session};
use crate::store::messages::DueContent;
use crate::store::messages::tests::plan;
use crate::store::rotation::Rotation;

const SECRET: &[u8] = b"the key that opens a medium, and more";

/// Accepts a picture for a chat and waits for the commit.
async fn accept(store: &Store, lease: Lease, wire_id: &str) -> MessageId {
    let (told, outcome) = tokio::sync::oneshot::channel();
    let id = MessageId(store.clock().id());
    let url = MediaUrl::try_from("https://example.com/a.jpg".to_owned()).unwrap();
    let medium = Media { wanted: Wanted::Image, source: Source::Url(url), caption: None };
    store.accept(AcceptJob {
        tenant: lease.tenant,
        session: Ok(Sender { session: lease.session, phone: None }),
        id,
        wire_id: wire_id.to_owned(),
        to: "+237612345678".parse().unwrap(),
        content: Content::Media(Box::new(medium)),
        cause: Cause::default(),
        at: store.clock().now(),
        once: None,
        answer: Vec::new(),
        done: Box::new(|outcome| told.send(outcome).unwrap()),
    });
    assert!(matches!(outcome.await.unwrap().unwrap(), Outcome::Accepted(_)));
    id
}

fn facts() -> Facts {
    Facts {
        kind: Kind::Image,
        mime: "image/jpeg".to_owned(),
        size: 7,
        width: Some(3),
        height: Some(2),
        duration_ms: None,
        waveform: None,
        thumbnail: Some(vec![1]),
        gif: false,
    }
}

async fn upload(store: &Store, lease: Lease, id: MessageId) {
    let name = SpoolName(store.clock().id());
    assert!(store.media_prepared(lease, id, name, facts()).await.unwrap());
    assert!(store.media_uploaded(lease, id, SECRET).await.unwrap());
}

#[tokio::test]
async fn what_opens_a_medium_is_sealed_for_its_message_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let (one, two) = (accept(&store, lease, "ONE").await, accept(&store, lease, "TWO").await);
    upload(&store, lease, one).await;
    upload(&store, lease, two).await;
    let swap = "UPDATE media SET payload = (SELECT payload FROM media m WHERE m.message_id <> media.message_id) WHERE message_id \
                = (SELECT id FROM message WHERE wire_id = 'TWO')";
    store.tamper(swap.to_owned()).await;
    let due = store.due(lease, 0, 9).await.unwrap();
    assert_eq!((&*due[0].wire_id, &due[0].content), ("ONE", &DueContent::Payload(SECRET.to_vec())));
    assert_eq!((due.len(), &due[1].content), (2, &DueContent::Unreadable), "what was moved does not open");
    assert!(!format!("{due:?}").contains("key that opens"));
    store.close().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(12).any(|part| part == &SECRET[..12]), "it can be read on the disk");
    }
}

#[tokio::test]
async fn a_rotation_of_the_master_key_takes_payloads_along() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(&folder.path().join("wamux.db"));
    let (store, lease) = store_with_session(folder.path()).await;
    for n in 0..70 {
        let id = accept(&store, lease, &format!("M{n}")).await;
        upload(&store, lease, id).await;
    }
    store.close().await;
    let rotation = Rotation::begin(&url, MASTER.parse().unwrap(), None).await.unwrap();
    let new = rotation.new_secret().key();
    let done = rotation.run(|_| ()).await.unwrap();
    assert_eq!((done.done, done.all, done.broken), (70, 70, 0));
    rotation.forget_old().await.unwrap();
    rotation.close().await;
    let store = Store::open(&url, new, Clock::default()).await.unwrap();
    let due = store.due(lease, 0, 100).await.unwrap();
    assert_eq!(due.len(), 70);
    assert!(due.iter().all(|due| due.content == DueContent::Payload(SECRET.to_vec())));
}

#[tokio::test]
async fn media_on_their_way_are_found_without_a_look_at_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let now = store.clock().now();
    let ready = plan(&store, &on_their_way(lease, Stage::Ready, 64)).await;
    let again = plan(&store, &next::again(lease, now, 64)).await;
    for (plan, index) in [
        (ready, "INDEX media_due (session_id=?)"),
        (plan(&store, &next::fresh(lease, 64)).await, "INDEX media_waiting (session_id=? AND not_before=?)"),
        (again, "INDEX media_waiting (session_id=? AND not_before<?)"),
    ] {
        assert!(plan.len() == 2 && plan[0].contains(index), "neither more is read, nor is it sorted: {plan:?}");
        assert!(plan[1].starts_with("SEARCH message USING INDEX sqlite_autoindex_message"), "{plan:?}");
    }
    for (query, index) in [
        (next::later(lease, now), "INDEX media_waiting (session_id=? AND not_before>?)"),
        (next::ready_bytes(), "COVERING INDEX media_ready"),
        (next::ready_bytes().filter(Column::TenantId.eq(lease.tenant.0)), "COVERING INDEX media_ready (tenant_id=?)"),
    ] {
        let plan = plan(&store, &query).await;
        assert!(plan.len() == 1 && plan[0].contains(index), "{plan:?}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_hides_none_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let mut ids = Vec::new();
    for wire_id in ["W0", "W1", "R0", "R1"] {
        ids.push(accept(&store, lease, wire_id).await);
    }
    for id in &ids[2..] {
        assert!(store.media_prepared(lease, *id, SpoolName(store.clock().id()), facts()).await.unwrap());
    }
    let spoil = |change: &str, wire_id: &str| {
        format!("UPDATE media SET {change} WHERE message_id = (SELECT id FROM message WHERE wire_id = '{wire_id}')")
    };
    store.tamper(spoil("wanted = 'nonsense'", "W0")).await;
    store.tamper(spoil("waveform = x'00'", "R0")).await;
    let waiting = store.media_waiting(lease, store.clock().now(), 9).await.unwrap();
    assert_eq!((waiting.media[0].message, &waiting.spoiled[..]), (ids[1], &ids[..1]));
    let ready = store.media_ready(lease, 9).await.unwrap();
    assert_eq!((ready.media[0].message, &ready.spoiled[..]), (ids[3], &ids[2..3]));
    for (id, stage) in [(ids[0], Stage::Waiting), (ids[2], Stage::Ready)] {
        assert!(store.fail_medium(lease, id, stage, &Fault::Spoiled).await.unwrap());
    }
    assert!(store.media_waiting(lease, store.clock().now(), 9).await.unwrap().spoiled.is_empty());
}

#[tokio::test]
async fn what_failed_is_no_more_in_the_index_of_what_is_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let wire_ids: Vec<String> = (0..5).map(|n| format!("FAILED{n}")).collect();
    for wire_id in &wire_ids {
        accept(&store, lease, wire_id).await;
    }
    let stages = async || {
        let stages = Entity::find().select_only().column(Column::Stage).into_tuple::<i16>();
        stages.all(store.reader()).await.unwrap()
    };
    store.forget_media().await.unwrap();
    assert_eq!(stages().await, [Stage::Waiting.number(); 5]);
    for wire_id in wire_ids {
        let error = Some((Failure::MediaDownloadFailed, "…".to_owned()));
        store.mark(lease, Mark { wire_id, status: Status::Failed, at: store.clock().now(), error }).await.unwrap();
    }
    store.write(|_| async { Ok(()) }.boxed()).await.unwrap();
    // In several transactions, none of which is long.
    store.forget_media().await.unwrap();
    assert_eq!(stages().await, [Stage::Over.number(); 5]);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_hides_nothing_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    for wire_id in ["BROKEN", "BEHIND"] {
        accept(&store, lease, wire_id).await;
    }
    let broken = store.due(lease, 0, 9).await.unwrap().remove(0).message;
    store
        .write(move |batch| {
            async move {
                let garbage = ActiveModel { payload: Set(Some(b"garbage".to_vec())), ..Default::default() };
                let row = Entity::update_many().set(garbage).filter(Column::MessageId.eq(broken.0));
                row.exec(batch).await.map(|_| ())
            }
            .boxed()
        })
        .await
        .unwrap();
    let due: Vec<_> = store.due(lease, 0, 9).await.unwrap().into_iter().map(|due| due.content).collect();
    assert_eq!(due, [DueContent::Unreadable, DueContent::Waiting]);
}
