//! Messages found by their words, and read in both directions.

use tokio::sync::oneshot;
use wamux::domain::content::Content;
use wamux::domain::id::{MessageId, TenantId};
use wamux::domain::message::{Filter, Search, Stretch};
use wamux::domain::request::Cause;
use wamux::domain::session::Lease;
use wamux::store::Store;
use wamux::store::accept::{AcceptJob, Sender};

use super::{lease, tenant};

pub(super) async fn all(store: &Store) {
    words_are_found_as_they_stand_and_only_by_their_tenant(store).await;
    a_stretch_is_read_forth_and_back(store).await;
}

async fn say(store: &Store, lease: Lease, text: &str) -> MessageId {
    let (told, outcome) = oneshot::channel();
    let id = MessageId(store.clock().id());
    store.accept(AcceptJob {
        tenant: lease.tenant,
        session: Ok(Sender { session: lease.session, phone: None }),
        id,
        wire_id: id.to_string(),
        to: "+237612345678".parse().unwrap(),
        content: Content::Text(text.to_owned().try_into().unwrap()),
        cause: Cause::default(),
        at: store.clock().now(),
        once: None,
        answer: Vec::new(),
        done: Box::new(move |outcome| told.send(outcome).unwrap()),
    });
    outcome.await.unwrap().unwrap();
    id
}

async fn found(store: &Store, tenant: TenantId, words: &str) -> Vec<MessageId> {
    let search = Some(Search::try_from(words.to_owned()).unwrap());
    let filter = Filter { limit: 10, search, ..Filter::default() };
    let (found, page) = (store.stretch(tenant, &filter).await.unwrap(), store.messages(tenant, &filter).await.unwrap());
    assert_eq!(page.total, found.messages.len() as u64);
    found.messages.iter().map(|message| message.id).collect()
}

async fn words_are_found_as_they_stand_and_only_by_their_tenant(store: &Store) {
    let lease = lease(store, tenant(store, "words@example.com").await, "one").await;
    let other = tenant(store, "no-words@example.com").await;
    let mut said = Vec::new();
    for text in ["Half: 50% off", "50 of them", "a_b and a!b", "C:\\folder 'quoted'", "déjà vu"] {
        said.push(say(store, lease, text).await);
    }
    for (words, want) in [
        ("50", vec![1, 0]),
        ("50%", vec![0]),
        ("HALF", vec![0]),
        ("a_b", vec![2]),
        ("a!b", vec![2]),
        ("c:\\F", vec![3]),
        ("'quoted'", vec![3]),
        ("déjà", vec![4]),
        ("_", vec![2]),
        ("nobody said this", vec![]),
    ] {
        let want: Vec<MessageId> = want.into_iter().map(|n: usize| said[n]).collect();
        assert_eq!(found(store, lease.tenant, words).await, want, "{words}");
        assert_eq!(found(store, other, words).await, [], "{words}");
    }
}

async fn a_stretch_is_read_forth_and_back(store: &Store) {
    let lease = lease(store, tenant(store, "stretch@example.com").await, "one").await;
    let mut said = Vec::new();
    for n in 0..7 {
        said.push(say(store, lease, &format!("number {n}")).await);
    }
    let read = async |before: Option<usize>, after: Option<usize>| {
        let (before, after) = (before.map(|n| said[n]), after.map(|n| said[n]));
        let filter = Filter { limit: 3, before, after, ..Filter::default() };
        let Stretch { messages, newer, older } = store.stretch(lease.tenant, &filter).await.unwrap();
        let numbers: Vec<usize> =
            messages.iter().map(|message| said.iter().position(|id| *id == message.id).unwrap()).collect();
        (numbers, newer, older)
    };
    assert_eq!(read(None, None).await, (vec![6, 5, 4], false, true));
    assert_eq!(read(Some(4), None).await, (vec![3, 2, 1], true, true));
    assert_eq!(read(Some(1), None).await, (vec![0], true, false));
    assert_eq!(read(None, Some(0)).await, (vec![3, 2, 1], true, true));
    assert_eq!(read(None, Some(3)).await, (vec![6, 5, 4], false, true));
    let foreign = Filter { limit: 3, after: Some(said[0]), ..Filter::default() };
    let other = tenant(store, "no-stretch@example.com").await;
    assert!(store.stretch(other, &foreign).await.unwrap().messages.is_empty());
}
