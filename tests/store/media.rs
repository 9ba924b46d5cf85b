//! Media in the store: what waits, what is ready, what holds back which message, and what is forgotten.

mod content;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;
use wamux::domain::content::Content;
use wamux::domain::id::MessageId;
use wamux::domain::media::{Caption, Facts, Fault, Media, MediaUrl, Source, SpoolName, Stage, Wanted};
use wamux::domain::message::{Failure, Kind, Mark, Status};
use wamux::domain::phone::Phone;
use wamux::domain::request::Cause;
use wamux::domain::session::Lease;
use wamux::store::accept::{AcceptJob, Outcome, Sender};
use wamux::store::media::{Spooled, Waiting};
use wamux::store::messages::{Due, DueContent};
use wamux::store::{Store, StoreError};

use super::{lease, tenant};

const OWN: &str = "+237600000009";
const ADA: &str = "+237611111111";
const BOB: &str = "+237622222222";
const URL: &str = "https://example.com/a?signature=x";

pub async fn all(store: &Store) {
    a_medium_goes_its_way_and_holds_back_its_own_chat_alone(store).await;
    a_medium_fails_only_where_it_is_thought_to_be(store).await;
    only_the_holder_of_the_newest_lease_moves_media_on(store).await;
    what_failed_is_not_on_its_way(store).await;
    a_medium_can_be_made_anew_and_be_tried_later(store).await;
    what_is_ready_takes_room_until_it_is_uploaded(store).await;
    what_is_not_receipted_goes_out_again_for_a_day(store).await;
    files_are_needed_as_long_as_their_message_is_pending(store).await;
    content::each_type_shows_its_content(store).await;
}

async fn new_lease(store: &Store, name: &str) -> Lease {
    let lease = lease(store, tenant(store, &format!("{name}@media.example.com")).await, "one").await;
    store.record(lease, super::sending::record(store, Some(OWN))).await.unwrap().unwrap();
    lease
}

async fn accept(store: &Store, lease: Lease, wire_id: &str, to: &str, content: Content) -> MessageId {
    let (told, outcome) = oneshot::channel();
    let id = MessageId(store.clock().id());
    store.accept(AcceptJob {
        tenant: lease.tenant,
        session: Ok(Sender { session: lease.session, phone: Some(OWN.parse().unwrap()) }),
        id,
        wire_id: wire_id.to_owned(),
        to: to.parse().unwrap(),
        content,
        cause: Cause::default(),
        at: store.clock().now(),
        once: None,
        answer: Vec::new(),
        done: Box::new(|outcome| told.send(outcome).unwrap()),
    });
    assert!(matches!(outcome.await.unwrap().unwrap(), Outcome::Accepted(_)));
    id
}

fn text() -> Content {
    Content::Text("hello".to_owned().try_into().unwrap())
}

fn medium(wanted: Wanted, source: Source, caption: &str) -> Content {
    Content::Media(Box::new(Media { wanted, source, caption: Caption::read(caption.to_owned()).unwrap() }))
}

fn from_url() -> Source {
    Source::Url(MediaUrl::try_from(URL.to_owned()).unwrap())
}

fn picture() -> Content {
    medium(Wanted::Image, from_url(), "a cat")
}

fn facts(kind: Kind) -> Facts {
    Facts {
        kind,
        mime: "image/jpeg".to_owned(),
        size: 5_000_000_000,
        width: Some(640),
        height: Some(480),
        duration_ms: None,
        waveform: None,
        thumbnail: Some(vec![0xff; 3000]),
        gif: false,
    }
}

fn film() -> Facts {
    Facts { mime: "video/mp4".to_owned(), duration_ms: Some(3520), gif: true, ..facts(Kind::Video) }
}

async fn prepare(store: &Store, lease: Lease, id: MessageId) -> SpoolName {
    let name = SpoolName(store.clock().id());
    assert!(store.media_prepared(lease, id, name, facts(Kind::Image)).await.unwrap());
    name
}

/// As far as it can come without the network.
async fn upload(store: &Store, lease: Lease, id: MessageId, payload: &[u8]) {
    prepare(store, lease, id).await;
    assert!(store.media_uploaded(lease, id, payload).await.unwrap());
}

/// Marks the session's message, and waits until that is committed.
async fn mark(store: &Store, lease: Lease, wire_id: &str, status: Status) {
    let error = (status == Status::Failed).then(|| (Failure::MediaDownloadFailed, "…".to_owned()));
    let mark = Mark { wire_id: wire_id.to_owned(), status, at: store.clock().now(), error };
    store.mark(lease, mark).await.unwrap();
    store.write(|_| Box::pin(async { Ok(()) })).await.unwrap();
}

/// What could go out now: in each chat everything up to a medium that is not uploaded.
async fn free(store: &Store, lease: Lease) -> Vec<Due> {
    let mut held = Vec::new();
    let due = store.due(lease, 0, 99).await.unwrap();
    let is_free = |due: &Due| {
        if due.content == DueContent::Waiting {
            held.push(due.to.clone());
        }
        !held.contains(&due.to)
    };
    due.into_iter().filter(is_free).collect()
}

async fn due(store: &Store, lease: Lease) -> Vec<String> {
    free(store, lease).await.into_iter().map(|due| due.wire_id).collect()
}

async fn now_waiting(store: &Store, lease: Lease, limit: u64) -> Vec<Waiting> {
    let told = store.media_waiting(lease, store.clock().now(), limit).await.unwrap();
    assert!(told.spoiled.is_empty());
    told.media
}

async fn waiting(store: &Store, lease: Lease) -> Vec<MessageId> {
    now_waiting(store, lease, 99).await.into_iter().map(|waiting| waiting.message).collect()
}

async fn shown(store: &Store, lease: Lease, id: MessageId) -> Value {
    serde_json::to_value(store.message(lease.tenant, id).await.unwrap().unwrap()).unwrap()
}

async fn a_medium_goes_its_way_and_holds_back_its_own_chat_alone(store: &Store) {
    let lease = new_lease(store, "way").await;
    accept(store, lease, "WAY-A1", ADA, text()).await;
    let first = accept(store, lease, "WAY-A2", ADA, picture()).await;
    accept(store, lease, "WAY-A3", ADA, text()).await;
    accept(store, lease, "WAY-B1", BOB, text()).await;
    let second = accept(store, lease, "WAY-B2", BOB, picture()).await;
    accept(store, lease, "WAY-B3", BOB, text()).await;
    assert_eq!(due(store, lease).await, ["WAY-A1", "WAY-B1"]);
    assert_eq!(waiting(store, lease).await, [first, second]);
    assert_eq!(waiting(store, new_lease(store, "way-too").await).await, [], "another session's are none of this one's");
    let found = now_waiting(store, lease, 1).await;
    assert_eq!((found.len(), found[0].message, &*found[0].wire_id), (1, first, "WAY-A2"), "no more than was asked for");
    assert_eq!((found[0].wanted, &found[0].source, found[0].attempts), (Wanted::Image, &from_url(), 0));

    let name = prepare(store, lease, first).await;
    assert_eq!(due(store, lease).await, ["WAY-A1", "WAY-B1"], "ready is not uploaded");
    assert_eq!(waiting(store, lease).await, [second]);
    let ready = store.media_ready(lease, 99).await.unwrap().media;
    assert_eq!(ready.len(), 1);
    assert_eq!((ready[0].message, &*ready[0].wire_id, ready[0].spool), (first, "WAY-A2", name));
    assert_eq!((ready[0].to.to_string(), ready[0].facts.clone()), (ADA.to_owned(), facts(Kind::Image)));
    assert_eq!((ready[0].caption.as_ref().map(Caption::as_str), ready[0].has_url), (Some("a cat"), true));

    assert!(store.media_uploaded(lease, first, b"payload").await.unwrap());
    assert!(!store.media_uploaded(lease, first, b"twice").await.unwrap());
    assert!(store.media_ready(lease, 99).await.unwrap().media.is_empty());
    let all = free(store, lease).await;
    assert_eq!(all.iter().map(|due| &*due.wire_id).collect::<Vec<_>>(), ["WAY-A1", "WAY-A2", "WAY-A3", "WAY-B1"]);
    assert_eq!((all[1].message, &all[1].content), (first, &DueContent::Payload(b"payload".to_vec())));
    let Due { content: DueContent::Text(text), from, .. } = &all[2] else { panic!("{all:?}") };
    assert_eq!((text.as_str(), from.as_ref().map(Phone::to_string)), ("hello", Some(OWN.to_owned())));
    assert_eq!(store.due(lease, all[0].seq, 2).await.unwrap()[1].wire_id, "WAY-A3");
    let (bob, last) = (BOB.parse().unwrap(), store.due(lease, 0, 99).await.unwrap().pop().unwrap().seq);
    let chat = async |after, until| {
        let due = store.due_to(lease, &bob, after, until, 99).await.unwrap();
        due.into_iter().map(|due| (due.wire_id, due.content == DueContent::Waiting)).collect::<Vec<_>>()
    };
    let row = |wire_id: &str, waits| (wire_id.to_owned(), waits);
    assert_eq!(chat(0, last).await, [row("WAY-B1", false), row("WAY-B2", true), row("WAY-B3", false)]);
    assert_eq!(chat(all[3].seq, last - 1).await, [row("WAY-B2", true)]);
    upload(store, lease, second, b"payload").await;
    assert_eq!(due(store, lease).await.len(), 6);
}

async fn a_medium_fails_only_where_it_is_thought_to_be(store: &Store) {
    let lease = new_lease(store, "fails").await;
    let (one, two) =
        (accept(store, lease, "ENDS1", ADA, picture()).await, accept(store, lease, "ENDS2", ADA, picture()).await);
    let fault = Fault::SourceLost;
    let ends = async |id, stage| store.fail_medium(lease, id, stage, &fault).await.unwrap();
    let waits = async |id| store.media_that_waits(lease, id).await.unwrap();
    assert_eq!(waits(one).await.map(|waiting| (waiting.message, waiting.wire_id)), Some((one, "ENDS1".to_owned())));
    prepare(store, lease, one).await;
    assert!(waits(one).await.is_none());
    assert!(!ends(one, Stage::Waiting).await, "it has come further since");
    assert!(ends(one, Stage::Ready).await && !ends(one, Stage::Ready).await);
    let failed = shown(store, lease, one).await;
    assert_eq!((&failed["status"], &failed["errorCode"]), (&json!("failed"), &json!("media_lost")));
    let (new, _) = store.lease(lease.tenant, lease.session).await.unwrap().unwrap();
    assert!(waits(two).await.is_none(), "another holder has it");
    assert!(matches!(store.fail_medium(lease, two, Stage::Waiting, &fault).await, Err(StoreError::LeaseLost)));
    assert!(store.media_that_waits(new, two).await.unwrap().is_some());
}

async fn only_the_holder_of_the_newest_lease_moves_media_on(store: &Store) {
    let (old, stranger) = (new_lease(store, "lease").await, new_lease(store, "stranger").await);
    let id = accept(store, old, "MLEASE", ADA, picture()).await;
    let (new, _) = store.lease(old.tenant, old.session).await.unwrap().unwrap();
    let (name, now) = (SpoolName(store.clock().id()), store.clock().now());
    let lost = |done: Result<bool, StoreError>| assert!(matches!(done, Err(StoreError::LeaseLost)), "{done:?}");
    lost(store.media_later(old, id, 1, now).await);
    lost(store.media_prepared(old, id, name, facts(Kind::Image)).await);
    lost(store.media_uploaded(old, id, b"x").await);
    lost(store.media_anew(old, id).await);
    lost(store.media_prepared(Lease { tenant: stranger.tenant, ..new }, id, name, facts(Kind::Image)).await);
    assert!(!store.media_prepared(stranger, id, name, facts(Kind::Image)).await.unwrap(), "it is none of his");
    assert!(now_waiting(store, Lease { tenant: stranger.tenant, ..new }, 9).await.is_empty());
    assert_eq!(waiting(store, new).await, [id]);
    upload(store, new, id, b"payload").await;
    assert!(store.due(Lease { tenant: stranger.tenant, ..new }, 0, 9).await.unwrap().is_empty());
}

async fn what_failed_is_not_on_its_way(store: &Store) {
    let lease = new_lease(store, "failed").await;
    let (one, two) =
        (accept(store, lease, "FAIL1", ADA, picture()).await, accept(store, lease, "FAIL2", BOB, picture()).await);
    accept(store, lease, "FAIL3", ADA, text()).await;
    prepare(store, lease, two).await;
    mark(store, lease, "FAIL1", Status::Failed).await;
    mark(store, lease, "FAIL2", Status::Failed).await;
    assert_eq!(waiting(store, lease).await, []);
    assert!(store.media_ready(lease, 9).await.unwrap().media.is_empty());
    assert_eq!(due(store, lease).await, ["FAIL3"], "what failed holds back nobody");
    let name = SpoolName(store.clock().id());
    assert!(!store.media_prepared(lease, one, name, facts(Kind::Image)).await.unwrap());
    assert!(!store.media_uploaded(lease, two, b"x").await.unwrap());
    // A session that is deleted takes its media with it.
    let third = accept(store, lease, "FAIL4", ADA, picture()).await;
    assert_eq!(waiting(store, lease).await, [third]);
    store.bury_session(lease.tenant, lease.session).await.unwrap();
    assert_eq!(waiting(store, lease).await, []);
}

async fn a_medium_can_be_made_anew_and_be_tried_later(store: &Store) {
    let lease = new_lease(store, "later").await;
    let id = accept(store, lease, "LATER", ADA, picture()).await;
    let later = store.clock().now() + TimeDelta::minutes(3);
    assert!(store.media_later(lease, id, 2, later).await.unwrap());
    let behind = accept(store, lease, "LATER2", ADA, picture()).await;
    let (now, next) = (store.clock().now(), async |now| store.next_medium(lease, now).await.unwrap());
    assert_eq!((waiting(store, lease).await, next(now).await), (vec![behind], Some(later)));
    let found = store.media_waiting(lease, later, 9).await.unwrap().media;
    assert_eq!(found.iter().map(|medium| medium.message).collect::<Vec<_>>(), [id, behind], "in their old order");
    assert_eq!((found[0].attempts, found[0].not_before, next(later).await), (2, Some(later), None));
    assert_eq!(store.media_waiting(lease, later, 1).await.unwrap().media[0].message, id);
    prepare(store, lease, id).await;
    assert!(!store.media_later(lease, id, 3, later).await.unwrap(), "it waits no more");
    assert!(store.media_anew(lease, id).await.unwrap());
    let found = now_waiting(store, lease, 9).await;
    assert_eq!((found[0].attempts, found[0].not_before, &found[0].source), (0, None, &from_url()));
}

async fn what_is_ready_takes_room_until_it_is_uploaded(store: &Store) {
    let (lease, other) = (new_lease(store, "room").await, new_lease(store, "room-too").await);
    let taken = async |lease: Lease| store.spooled(lease.tenant).await.unwrap();
    let before = taken(lease).await;
    assert_eq!(before.of_tenant, 0);
    let size = facts(Kind::Image).size;
    let (one, two) =
        (accept(store, lease, "ROOM1", ADA, picture()).await, accept(store, lease, "ROOM2", ADA, picture()).await);
    prepare(store, lease, one).await;
    prepare(store, lease, two).await;
    assert_eq!(taken(lease).await, Spooled { of_tenant: 2 * size, of_all: before.of_all + 2 * size });
    assert_eq!(taken(other).await, Spooled { of_tenant: 0, of_all: before.of_all + 2 * size });
    assert!(store.media_uploaded(lease, one, b"payload").await.unwrap());
    assert_eq!(taken(lease).await, Spooled { of_tenant: size, of_all: before.of_all + size });
    mark(store, lease, "ROOM2", Status::Failed).await;
    store.forget_media().await.unwrap();
    assert_eq!(taken(lease).await.of_tenant, 0);
}

async fn what_is_not_receipted_goes_out_again_for_a_day(store: &Store) {
    let lease = new_lease(store, "again").await;
    for (wire_id, content) in [("AGAIN1", text()), ("AGAIN2", picture()), ("AGAIN3", picture())] {
        let media = matches!(content, Content::Media(_));
        let id = accept(store, lease, wire_id, ADA, content).await;
        if media {
            upload(store, lease, id, wire_id.as_bytes()).await;
        }
        mark(store, lease, wire_id, Status::Sent).await;
    }
    let pending = accept(store, lease, "AGAIN4", ADA, picture()).await;
    upload(store, lease, pending, b"AGAIN4").await;
    let account: Phone = OWN.parse().unwrap();
    let since = store.clock().now() - TimeDelta::hours(24);
    let again = async || {
        let again = store.unreceipted(lease, &account, since, (0, i64::MAX), None, 9).await.unwrap();
        again.into_iter().map(|due| (due.wire_id, matches!(due.content, DueContent::Payload(_)))).collect::<Vec<_>>()
    };
    let row = |wire_id: &str, payload| (wire_id.to_owned(), payload);
    assert_eq!(again().await, [row("AGAIN1", false), row("AGAIN2", true), row("AGAIN3", true)]);
    let chats = async |after, until| store.unreceipted_chats(lease, &account, since, after, until).await.unwrap();
    let all = chats(0, None).await;
    let (ada, last): (Phone, i64) = (ADA.parse().unwrap(), all[0].1);
    assert_eq!(all, [(ada.clone(), last)]);
    assert_eq!(chats(last, None).await, []);
    assert!(chats(0, Some(last - 1)).await[0].1 < last);
    let (to_ada, to_nobody) = (Some(&ada), Some(&account));
    let in_chat = async |chat| store.unreceipted(lease, &account, since, (0, last), chat, 9).await.unwrap().len();
    assert_eq!((in_chat(to_ada).await, in_chat(to_nobody).await), (3, 0));
    mark(store, lease, "AGAIN3", Status::Read).await;
    store.forget_media().await.unwrap();
    assert_eq!(again().await, [row("AGAIN1", false), row("AGAIN2", true)]);
    // A day later nothing is sent again, so nothing is kept for that; what is pending still has its payload.
    store.clock().shift(TimeDelta::hours(25));
    store.forget_media().await.unwrap();
    store.clock().shift(-TimeDelta::hours(25));
    assert_eq!(again().await, [row("AGAIN1", false)], "what has no payload is passed over");
    let due = store.due(lease, 0, 9).await.unwrap();
    assert_eq!((due.len(), &due[0].content), (1, &DueContent::Payload(b"AGAIN4".to_vec())));
}

async fn files_are_needed_as_long_as_their_message_is_pending(store: &Store) {
    let lease = new_lease(store, "files").await;
    let names: Vec<Uuid> = (0..3).map(|_| store.clock().id()).collect();
    let mut ids = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let content = medium(Wanted::Voice, Source::Upload(SpoolName(*name)), "");
        ids.push(accept(store, lease, &format!("FILE{n}"), ADA, content).await);
    }
    let needed = async || {
        let in_use = store.spool_in_use().await.unwrap();
        names.iter().map(|name| in_use.contains(name)).collect::<Vec<_>>()
    };
    assert_eq!(needed().await, [true; 3]);
    let found = now_waiting(store, lease, 9).await;
    assert_eq!((found[1].wanted, &found[1].source), (Wanted::Voice, &Source::Upload(SpoolName(names[1]))));
    mark(store, lease, "FILE0", Status::Failed).await;
    upload(store, lease, ids[1], b"x").await;
    assert_eq!(needed().await, [false, false, true]);
    let other = prepare(store, lease, ids[2]).await;
    assert_eq!(needed().await, [false; 3]);
    assert!(store.spool_in_use().await.unwrap().contains(&other.0), "now it is the prepared one that is needed");
    assert!(!store.media_ready(lease, 9).await.unwrap().media[0].has_url);
}
