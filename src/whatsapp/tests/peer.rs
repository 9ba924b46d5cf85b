//! A session on a sandbox: its link, what it tells, and what it receives.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::domain::phone::Phone;
use crate::domain::session::Lease;
use crate::sandbox::{Sandbox, Settings};
use crate::store::device_keys::{DeviceKeys, store_at, store_with_session};
use crate::store::{DatabaseUrl, Store};
use crate::whatsapp::{
    Inbox, InboxError, Link, LinkEvent, Over, ReceiptKind, Received, ReceivedContent, Wire, new_wire_id,
};

/// Nothing here takes longer, unless it never happens.
const SOON: Duration = Duration::from_secs(20);

pub(super) fn phone(number: &str) -> Phone {
    number.parse().unwrap()
}

pub(super) async fn network(folder: &tempfile::TempDir) -> Sandbox {
    let settings = Settings { file: folder.path().join("sandbox.db") };
    Sandbox::open(settings, Clock::default()).await.unwrap()
}

/// Keeps what it is given, except the first so many times.
struct Tray {
    kept: UnboundedSender<Received>,
    refuse: AtomicUsize,
    refused: Notify,
}

#[async_trait]
impl Inbox for Tray {
    async fn commit(&self, batch: Vec<Received>) -> Result<(), InboxError> {
        let refused = self.refuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if refused.is_ok() {
            self.refused.notify_one();
            return Err(InboxError("no room".to_owned()));
        }
        for message in batch {
            self.kept.send(message).unwrap();
        }
        Ok(())
    }
}

pub(super) struct Peer {
    pub(super) link: Arc<Link>,
    pub(super) store: Store,
    pub(super) lease: Lease,
    database: PathBuf,
    events: UnboundedReceiver<LinkEvent>,
    received: UnboundedReceiver<Received>,
    tray: Arc<Tray>,
}

impl Peer {
    /// A session in a database of its own.
    pub(super) async fn new(folder: &tempfile::TempDir, sandbox: &Sandbox) -> Self {
        let (store, lease) = store_with_session(folder.path()).await;
        Self::open(store, lease, folder.path().join("wamux.db"), sandbox).await
    }

    pub(super) async fn open(store: Store, lease: Lease, database: PathBuf, sandbox: &Sandbox) -> Self {
        let sandbox = sandbox.clone();
        Self::on(store, lease, database, &Wire::sandbox(Arc::new(move || sandbox.dial()))).await
    }

    pub(super) async fn on(store: Store, lease: Lease, database: PathBuf, wire: &Wire) -> Self {
        let ((told, events), (kept, received)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let tray = Arc::new(Tray { kept, refuse: AtomicUsize::new(0), refused: Notify::new() });
        let listener = Arc::new(move |event| drop(told.send(event)));
        let inbox: Arc<dyn Inbox> = Arc::<Tray>::clone(&tray);
        let link = wire.open(DeviceKeys::new(store.clone(), lease), listener, inbox).await.unwrap();
        Self { link: Arc::new(link), store, lease, database, events, received, tray }
    }

    /// Ends this session's process and begins another on its database.
    pub(super) async fn restart(self, sandbox: &Sandbox) -> Self {
        let sandbox = sandbox.clone();
        self.restart_on(&Wire::sandbox(Arc::new(move || sandbox.dial()))).await
    }

    pub(super) async fn restart_on(self, wire: &Wire) -> Self {
        self.link.close().await;
        drop(self.link);
        self.store.close().await;
        let store = store_at(&DatabaseUrl::sqlite(&self.database)).await;
        let (lease, _) = store.lease(self.lease.tenant, self.lease.session).await.unwrap().unwrap();
        Self::on(store, lease, self.database, wire).await
    }

    pub(super) fn run(&self) -> JoinHandle<Over> {
        let link = Arc::clone(&self.link);
        tokio::spawn(async move { link.run().await })
    }

    /// Runs, is scanned by the phone, and waits until it is connected.
    pub(super) async fn pair(&mut self, sandbox: &Sandbox, number: &str) -> JoinHandle<Over> {
        let run = self.run();
        let event = self.hears("a code", |event| matches!(event, LinkEvent::Qr { .. })).await;
        let LinkEvent::Qr { code, .. } = event else { unreachable!() };
        sandbox.scan(&phone(number), code.reveal()).await.unwrap();
        self.connected().await;
        run
    }

    pub(super) async fn connected(&mut self) {
        self.hears("connected", |event| matches!(event, LinkEvent::Connected { .. })).await;
    }

    /// The next event that fits; those before it are gone.
    pub(super) async fn hears(&mut self, what: &str, fits: impl Fn(&LinkEvent) -> bool) -> LinkEvent {
        let wait = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if fits(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("never {what}"))
    }

    pub(super) async fn receives(&mut self) -> Received {
        tokio::time::timeout(SOON, self.received.recv()).await.expect("never received anything").unwrap()
    }

    pub(super) async fn reads(&mut self) -> String {
        match self.receives().await.content {
            ReceivedContent::Text(text) => text,
            other => panic!("received no text, but {}", other.name()),
        }
    }

    pub(super) async fn send(&self, to: &str, text: &str) -> String {
        let id = new_wire_id();
        self.link.send_text(&phone(to), &id, text).await.unwrap();
        id
    }

    /// Waits for a receipt of this kind for this message.
    pub(super) async fn receipted(&mut self, id: &str, want: ReceiptKind) {
        let fits = |event: &LinkEvent| matches!(event, LinkEvent::Receipt { wire_ids, kind, .. } if *kind == want && wire_ids.iter().any(|i| i == id));
        self.hears("a receipt", fits).await;
    }

    pub(super) fn refuse_next(&self, count: usize) {
        self.tray.refuse.store(count, Ordering::Relaxed);
    }

    pub(super) async fn has_refused(&self) {
        tokio::time::timeout(SOON, self.tray.refused.notified()).await.expect("nothing was refused");
    }
}

/// How a run ended; it must end soon.
pub(super) async fn over(run: JoinHandle<Over>) -> Over {
    tokio::time::timeout(SOON, run).await.expect("the run did not end").unwrap()
}
