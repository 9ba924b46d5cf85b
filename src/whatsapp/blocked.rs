//! Whom the account has blocked on its phone. WhatsApp's own apps send them nothing until they are let in again, and neither do we.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use whatsapp_rust::{Client, Jid, NodeFilter};

/// How long a send waits for the list. Then it goes out, and the list is asked for again after a while.
const WITHIN: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_mins(1);
/// People on one list that are remembered; the network's own lists are shorter.
const MOST: usize = 10_000;

/// The list as a connection knows it: asked for before its first send, and again when the phone has changed it.
#[derive(Default)]
pub(super) struct Blocklist(Mutex<Option<Known>>);

struct Known {
    /// Which connection it was asked for on.
    run: u64,
    /// By what their addresses begin with, numbers or LIDs.
    people: HashSet<String>,
    /// Comes back when the list may be another one.
    changed: BoxFuture<'static, ()>,
}

impl Blocklist {
    pub(super) async fn has(&self, client: &Client, run: u64, to: &Jid) -> bool {
        let mut known = self.0.lock().await;
        let fresh = known.take().filter(|known| known.run == run).and_then(|mut known| {
            let changed = (&mut known.changed).now_or_never().is_some();
            (!changed).then_some(known)
        });
        let fresh = match fresh {
            Some(fresh) => fresh,
            None => ask(client, run).await,
        };
        let people = &known.insert(fresh).people;
        if people.is_empty() {
            return false;
        }
        let names = client.get_lid_pn_entry(to).await.ok().flatten();
        people.contains(to.user_base())
            || names.is_some_and(|names| people.contains(&*names.lid) || people.contains(&*names.phone_number))
    }
}

async fn ask(client: &Client, run: u64) -> Known {
    // A change of anything that the account's devices share: which one it was, the list itself will say.
    let changed = client.wait_for_node(NodeFilter::tag("notification").attr("type", "account_sync"));
    match timeout(WITHIN, client.blocking().get_blocklist()).await {
        Ok(Ok(list)) => {
            let people = list.iter().take(MOST).map(|person| person.jid.user_base().to_owned()).collect();
            Known { run, people, changed: changed.map(drop).boxed() }
        }
        failed => {
            tracing::debug!(error = ?failed, "WhatsApp did not say whom an account has blocked");
            Known { run, people: HashSet::new(), changed: sleep(AGAIN).boxed() }
        }
    }
}
