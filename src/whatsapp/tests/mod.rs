//! A link without a network worth the name: what it says of attempts that fail. On a network: `journeys`.

#[cfg(feature = "sandbox")]
mod faults;
#[cfg(feature = "sandbox")]
mod journeys;
#[cfg(feature = "sandbox")]
mod media;
#[cfg(feature = "sandbox")]
mod peer;
#[cfg(feature = "sandbox")]
mod proxies;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::io::DuplexStream;

use super::link::FINISH_WITHIN;
use super::{Inbox, InboxError, Link, LinkEvent, NoCode, Over, Received, SendError, Wire};
use crate::store::device_keys::{DeviceKeyError, DeviceKeys, Entry, Kind, store_with_session};

struct NoInbox;

#[async_trait]
impl Inbox for NoInbox {
    async fn commit(&self, batch: Vec<Received>) -> Result<(), InboxError> {
        panic!("nothing can arrive, but {batch:?} did");
    }
}

async fn link(folder: &std::path::Path, dial: fn() -> DuplexStream) -> (Link, Arc<Mutex<Vec<LinkEvent>>>) {
    let (store, lease) = store_with_session(folder).await;
    let heard = Arc::<Mutex<Vec<LinkEvent>>>::default();
    let on = Arc::clone(&heard);
    let wire = Wire::sandbox(Arc::new(dial));
    let listener = Arc::new(move |event| on.lock().unwrap().push(event));
    (wire.open(DeviceKeys::new(store, lease), listener, Arc::new(NoInbox)).await.unwrap(), heard)
}

fn nobody() -> DuplexStream {
    tokio::io::duplex(1024).0
}

#[tokio::test]
async fn an_attempt_that_reaches_nobody_is_over_and_may_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (link, heard) = link(folder.path(), nobody).await;
    for _ in 0..3 {
        let Over::Unreachable(why) = link.run().await else { panic!("somebody was reached") };
        assert!(!why.is_empty());
    }
    assert_eq!(*heard.lock().unwrap(), []);
}

#[tokio::test]
async fn a_link_that_is_not_ready_takes_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let (link, _) = link(folder.path(), nobody).await;
    let to = "+237612345678".parse().unwrap();
    assert_eq!(link.send_text(&to, "3EB0", "hello").await, Err(SendError::NotConnected));
    assert!(link.phone().is_none() && !link.is_ready());
}

#[tokio::test]
async fn a_link_without_a_connection_asks_for_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let (link, _) = link(folder.path(), nobody).await;
    let to = "+237612345678".parse().unwrap();
    assert_eq!(link.pairing_code(&to).await, Err(NoCode::NotPairing));
}

#[tokio::test]
async fn a_closed_link_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let (link, _) = link(folder.path(), nobody).await;
    link.close().await;
    assert_eq!(link.run().await, Over::Closed);
}

#[tokio::test]
async fn a_close_that_hangs_on_the_database_is_given_up_after_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let keys = DeviceKeys::new(store, lease);
    let link = Wire::sandbox(Arc::new(nobody)).open(keys.clone(), Arc::new(|_| {}), Arc::new(NoInbox)).await.unwrap();
    let entry = || Entry { name: "bob".to_owned(), value: b"ratchet".to_vec(), mark: 0 };
    // A write that never ends, as far as anybody can tell.
    let mut hanging = Box::pin(keys.put(Kind::SignalSession, entry()));
    assert!((&mut hanging).now_or_never().is_none());
    tokio::time::timeout(FINISH_WITHIN * 4, link.close()).await.expect("it was not given up");
    // Whoever has the keys next shares them with nobody.
    assert!(matches!(keys.put(Kind::SignalSession, entry()).await, Err(DeviceKeyError::Closed)));
}

#[tokio::test]
async fn what_the_real_network_needs_can_be_built_without_it() {
    assert!(Wire::whatsapp().is_ok());
}
