//! What is received: once however often it comes, and with its medium, which is none of those that go out.

use wamux::domain::id::MessageId;
use wamux::domain::media::{Reference, Said, Wanted};
use wamux::domain::message::Kind;
use wamux::domain::phone::Phone;
use wamux::store::Store;
use wamux::store::media::received::Found;
use wamux::store::received::{Incoming, IncomingMedium};

use super::{filter, lease, tenant};

pub async fn all(store: &Store) {
    what_comes_twice_is_received_once(store).await;
    a_received_medium_is_kept_for_whoever_asks_and_is_on_no_way_out(store).await;
}

/// A text from somebody.
pub fn text(store: &Store, wire_id: &str, from: &str) -> Incoming {
    Incoming {
        id: MessageId(store.clock().id()),
        wire_id: wire_id.to_owned(),
        peer: from.to_owned(),
        from: None,
        kind: Kind::Text,
        text: Some("hi\0there".to_owned()),
        medium: None,
        at: store.clock().now(),
    }
}

async fn what_comes_twice_is_received_once(store: &Store) {
    let lease = lease(store, tenant(store, "received@example.com").await, "one").await;
    let incoming = |from: &str| text(store, "3EB0SAME", from);
    store.receive(lease, vec![incoming("1"), incoming("2")]).await.unwrap();
    store.receive(lease, vec![incoming("2"), incoming("3")]).await.unwrap();
    store.receive(lease, vec![incoming("3")]).await.unwrap();
    assert_eq!(store.messages(lease.tenant, &filter()).await.unwrap().total, 3);
    // Whoever sends chooses the id: none is too long or too odd to be kept, or it would be brought again for ever.
    for odd in ["long ".repeat(2000), "nul\0".to_owned(), "nul\0 too".to_owned()] {
        let odd = Incoming { wire_id: odd.clone(), peer: odd, ..incoming("4") };
        store.receive(lease, vec![odd.clone()]).await.unwrap();
        store.receive(lease, vec![Incoming { id: MessageId(store.clock().id()), ..odd }]).await.unwrap();
    }
    assert_eq!(store.messages(lease.tenant, &filter()).await.unwrap().total, 6);
}

async fn a_received_medium_is_kept_for_whoever_asks_and_is_on_no_way_out(store: &Store) {
    let lease = lease(store, tenant(store, "received-media@example.com").await, "one").await;
    let keys = [Some(&[1; 32][..]), Some(&[2; 32]), Some(&[3; 32])];
    let known_by = ("1@lid".to_owned(), None);
    let mut reference = Reference::read(Wanted::Voice, Some("/v/x"), keys, known_by).unwrap();
    let said = Said::nothing(Wanted::Voice).with_seconds(Some(2)).with_waveform(Some(&[7; 64]));
    let note = |reference: Option<&Reference>| Incoming {
        kind: Kind::Audio,
        text: None,
        medium: Some(IncomingMedium { said: said.clone(), reference: reference.cloned() }),
        ..text(store, "3EB0NOTE", "1")
    };
    let first = note(Some(&reference));
    store.receive(lease, vec![first.clone()]).await.unwrap();
    // The same stanza again, beside one that does not say where its medium lies.
    let bare = Incoming { wire_id: "3EB0BARE".to_owned(), ..note(None) };
    store.receive(lease, vec![note(Some(&reference)), bare.clone()]).await.unwrap();
    assert_eq!(store.messages(lease.tenant, &filter()).await.unwrap().total, 2);

    let kept = async |id| match store.medium_of(lease.tenant, id).await.unwrap().unwrap() {
        Found::Received(kept) => *kept,
        other => panic!("{other:?}"),
    };
    let found = kept(first.id).await;
    assert_eq!((found.session, found.wire_id.as_str(), found.wanted), (lease.session, "3EB0NOTE", Wanted::Voice));
    assert_eq!(found.reference, Some(reference.clone()));
    assert_eq!(kept(bare.id).await.reference, None);
    let shown = serde_json::to_value(store.message(lease.tenant, first.id).await.unwrap().unwrap()).unwrap();
    assert_eq!((&shown["ptt"], &shown["durationSeconds"]), (&true.into(), &2.0.into()));
    assert_eq!(shown["downloadUrl"], format!("/api/v1/messages/{}/media", first.id));
    let shown = serde_json::to_value(store.message(lease.tenant, bare.id).await.unwrap().unwrap()).unwrap();
    assert!(shown["downloadUrl"].is_null() && shown["waveform"].is_array());

    // Nothing that is done for what goes out takes it for that.
    assert!(store.media_waiting(lease, store.clock().now(), 9).await.unwrap().media.is_empty());
    assert!(store.media_ready(lease, 9).await.unwrap().media.is_empty());
    assert_eq!(store.uploads_waiting(lease.tenant).await.unwrap(), 0);
    let account: Phone = "+237600000009".parse().unwrap();
    let long_ago = "2000-01-01T00:00:00Z".parse().unwrap();
    assert!(store.due(lease, 0, 9).await.unwrap().is_empty());
    assert!(store.unreceipted(lease, &account, long_ago, (0, i64::MAX), None, 9).await.unwrap().is_empty());
    store.forget_media().await.unwrap();
    assert_eq!(kept(first.id).await.reference, Some(reference.clone()), "it may be asked for at any time");

    reference.path = "/v/elsewhere".to_owned().try_into().unwrap();
    store.medium_moved(lease.tenant, first.id, &reference).await.unwrap();
    assert_eq!(kept(first.id).await.reference, Some(reference.clone()));
    let other = tenant(store, "other-received-media@example.com").await;
    reference.path = "/v/nowhere".to_owned().try_into().unwrap();
    store.medium_moved(other, first.id, &reference).await.unwrap();
    assert_ne!(kept(first.id).await.reference, Some(reference));
    assert!(store.medium_of(other, first.id).await.unwrap().is_none());
    let text = text(store, "3EB0TEXT", "1");
    store.receive(lease, vec![text.clone()]).await.unwrap();
    assert!(matches!(store.medium_of(lease.tenant, text.id).await.unwrap(), Some(Found::NoMedium)));
}
