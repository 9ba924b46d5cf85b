//! The end of a device: unlinked on the network if that can be reached in time, its keys destroyed in any case.
//! Not an actor; a task of its session's client.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::inbox::InboxWay;
use crate::actors::system::Shared;
use crate::domain::session::Lease;
use crate::store::StoreError;
use crate::store::device_keys::{DeviceKeys, Kind};
use crate::whatsapp::{Inbox, Link, LinkEvent, Listener};

/// How long a device may try to reach the network, only to say good-bye.
const REACH_WITHIN: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long the good-bye may take, and then the closing.
const LOGOUT_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// What is to end.
pub(super) struct Ending {
    pub(super) shared: Arc<Shared>,
    pub(super) lease: Lease,
    pub(super) inbox: InboxWay,
    /// The client that ran until now.
    pub(super) link: Option<Arc<Link>>,
    /// Whether the network is told.
    pub(super) good_bye: bool,
}

impl Ending {
    /// Returns when nothing of the device is left here.
    pub(super) async fn run(self) -> Result<(), StoreError> {
        let mut told = !self.good_bye;
        if let Some(link) = &self.link {
            if !told && link.is_ready() {
                told = timeout(LOGOUT_WITHIN, link.logout()).await.is_ok();
            }
            let _ = timeout(CLOSE_WITHIN, link.close()).await;
        }
        let seat = self.shared.seat(self.lease.session);
        let _seat = seat.lock().await;
        let keys = DeviceKeys::new(self.shared.store.clone(), self.lease);
        if !told && timeout(REACH_WITHIN + LOGOUT_WITHIN, self.reach(&keys)).await.is_err() {
            tracing::warn!(session = %self.lease.session, "WhatsApp did not confirm that the device is unlinked");
        }
        keys.wipe().await.map_err(|error| StoreError::Database(error.to_string()))
    }

    /// Connects, only to say good-bye. Keys that no phone stands behind have nobody to say it to.
    async fn reach(&self, keys: &DeviceKeys) {
        if !matches!(keys.list(Kind::Device).await, Ok(device) if !device.is_empty()) {
            return;
        }
        let _place = Arc::clone(&self.shared.starting).acquire_owned().await;
        let ready = Arc::new(Notify::new());
        let Some(link) = self.open(Arc::clone(&ready)).await else { return };
        if link.phone().is_some() {
            let _ = timeout(REACH_WITHIN, say_good_bye(&link, &ready)).await;
        }
        let _ = timeout(CLOSE_WITHIN, link.close()).await;
    }

    async fn open(&self, ready: Arc<Notify>) -> Option<Arc<Link>> {
        let on: Listener = Arc::new(move |event| {
            if matches!(event, LinkEvent::Connected { .. }) {
                ready.notify_one();
            }
        });
        // What waited for the device is still kept before it goes.
        let inbox: Arc<dyn Inbox> = Arc::new(self.inbox.clone());
        let proxy = self.shared.store.proxy(self.lease).await.ok()?;
        // Handles of their own: a closed one takes no more writes, and the keys are still to be wiped.
        let keys = DeviceKeys::new(self.shared.store.clone(), self.lease);
        self.shared.wire.through(proxy).open(keys, on, inbox).await.ok().map(Arc::new)
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
