//! The end of a device: unlinked on the network if that can be reached in time, its keys destroyed in any case.
//! Not an actor; a task of its session's client.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorRef, ActorStatus};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::Msg;
use super::inbox::InboxWay;
use crate::actors::system::Shared;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::starting::Way;
use crate::domain::proxy::Proxy;
use crate::domain::session::Lease;
use crate::store::StoreError;
use crate::store::device_keys::{DeviceKeyError, DeviceKeys, Kind};
use crate::whatsapp::{Inbox, Link, LinkEvent, Listener, Over, Wire, WireError};

/// How long a device may try to reach the network, only to say good-bye.
const REACH_WITHIN: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long the good-bye may take, and then the closing.
const LOGOUT_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// How often a database that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// What is to end.
pub(super) struct Ending {
    pub(super) shared: Arc<Shared>,
    pub(super) lease: Lease,
    pub(super) inbox: InboxWay,
    /// The client that ran until now.
    pub(super) link: Option<Arc<Link>>,
    /// Whether the network is told.
    pub(super) good_bye: bool,
    /// Whoever waits for it. What the store does not take is tried again for as long as this one lives: its successor would begin anew.
    pub(super) session: ActorRef<Letter<Msg>>,
}

impl Ending {
    /// Returns when nothing of the device is left here.
    pub(super) async fn run(&mut self) -> Result<(), StoreError> {
        if let Some(link) = self.link.take() {
            if self.good_bye && link.is_ready() {
                self.good_bye = timeout(LOGOUT_WITHIN, link.logout()).await.is_err();
            }
            let _ = timeout(CLOSE_WITHIN, link.close()).await;
        }
        let seat = self.shared.seat(self.lease.session);
        let _seat = seat.lock().await;
        if self.good_bye {
            self.tell().await?;
            // Once is enough, reached or not.
            self.good_bye = false;
        }
        let keys = DeviceKeys::new(self.shared.store.clone(), self.lease);
        self.stored(|| async { Ok(keys.wipe().await?) }).await
    }

    /// Asks the store until it answers, or nobody waits any more.
    pub(super) async fn stored<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match ask().await {
                Err(error @ (StoreError::Away(_) | StoreError::Database(_))) if self.is_waited_for() => {
                    tracing::warn!(session = %self.lease.session, %error, "a device cannot be ended now; trying again");
                    sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !matches!(self.session.get_status(), ActorStatus::Stopping | ActorStatus::Stopped)
    }

    /// Connects, only to say good-bye. Keys that no phone stands behind have nobody to say it to, and those that cannot be opened
    /// cannot say it.
    async fn tell(&self) -> Result<(), StoreError> {
        let keys = DeviceKeys::new(self.shared.store.clone(), self.lease);
        let linked = self.stored(|| async {
            match keys.list(Kind::Device).await {
                Ok(device) => Ok(!device.is_empty()),
                Err(DeviceKeyError::Seal(_)) => Ok(false),
                Err(error) => Err(error.into()),
            }
        });
        if !linked.await? {
            return Ok(());
        }
        // Under an old lease it would be another server's device that says it.
        let proxy = match self.stored(|| self.shared.store.proxy(self.lease)).await {
            Ok(proxy) => proxy,
            // A proxy that cannot be opened is not gone without.
            Err(StoreError::Seal(_) | StoreError::Corrupt(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if timeout(REACH_WITHIN + LOGOUT_WITHIN, self.reach(proxy)).await.is_err() {
            tracing::warn!(session = %self.lease.session, "WhatsApp did not confirm that the device is unlinked");
        }
        Ok(())
    }

    async fn reach(&self, proxy: Option<Proxy>) {
        let way = if proxy.is_some() { Way::BehindProxy(self.lease.tenant) } else { Way::Direct };
        let _place = self.shared.starting.place(way).await;
        let ready = Arc::new(Notify::new());
        let wire = self.shared.wire.through(proxy);
        let link = loop {
            match self.open(&wire, Arc::clone(&ready)).await {
                Ok(link) => break Arc::new(link),
                Err(error) => {
                    if !Over::from(error).may_run_again() {
                        return;
                    }
                    sleep(FIRST_PAUSE).await;
                }
            }
        };
        if link.phone().is_some() {
            let _ = timeout(REACH_WITHIN, say_good_bye(&link, &ready)).await;
        }
        let _ = timeout(CLOSE_WITHIN, link.close()).await;
    }

    async fn open(&self, wire: &Wire, ready: Arc<Notify>) -> Result<Link, WireError> {
        let on: Listener = Arc::new(move |event| {
            if matches!(event, LinkEvent::Connected { .. }) {
                ready.notify_one();
            }
        });
        // What waited for the device is still kept before it goes.
        let inbox: Arc<dyn Inbox> = Arc::new(self.inbox.clone());
        // Handles of their own: a closed one takes no more writes, and the keys are still to be wiped.
        let keys = DeviceKeys::new(self.shared.store.clone(), self.lease);
        wire.open(keys, on, inbox).await
    }
}

async fn say_good_bye(link: &Arc<Link>, ready: &Notify) {
    let mut pause = FIRST_PAUSE;
    loop {
        let running = Arc::clone(link);
        let mut run = tokio::spawn(async move { running.run().await });
        tokio::select! {
            () = ready.notified() => {
                let _ = timeout(LOGOUT_WITHIN, link.logout()).await;
                return;
            }
            over = &mut run => match over {
                Ok(over) if over.may_run_again() => {}
                // Logged out, banned, replaced: there is nothing left to say.
                _ => return,
            }
        }
        sleep(pause).await;
        pause *= 2;
    }
}
