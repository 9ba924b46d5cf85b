//! The end of a deleted session: unlinked on the network if that can be reached in time, its keys destroyed in any case.
//! Not an actor; its session's hands.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;

use super::Msg;
use super::client::Client;
use crate::actors::system::Shared;
use crate::actors::system::mailbox::Letter;
use crate::domain::session::Lease;
use crate::store::StoreError;
use crate::store::device_keys::DeviceKeys;

/// How long a session may try to reach the network, only to say good-bye.
const REACH_WITHIN: Duration = Duration::from_secs(20);
/// How long the good-bye may take.
const LOGOUT_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Retirement {
    shared: Arc<Shared>,
    lease: Lease,
    wanted: bool,
    gone: bool,
}

impl Retirement {
    pub(super) const fn new(shared: Arc<Shared>, lease: Lease) -> Self {
        Self { shared, lease, wanted: false, gone: false }
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The device is being unlinked, or is so already: its client must not come back.
    pub(super) const fn is_under_way(&self) -> bool {
        self.gone
    }

    /// Goes at once, or, if the network must be reached first, when it is or when the time is over.
    pub(super) fn want(&mut self, myself: &ActorRef<Letter<Msg>>, client: &mut Client, wait_for_network: bool) {
        self.wanted = true;
        if wait_for_network {
            myself.send_after(REACH_WITHIN, || Letter::free(Msg::RetireNow));
        } else {
            self.go(myself, client);
        }
    }

    pub(super) fn go(&mut self, myself: &ActorRef<Letter<Msg>>, client: &mut Client) {
        if std::mem::replace(&mut self.gone, true) {
            return;
        }
        let linked = client.ready().is_some();
        let (link, shared, lease, myself) = (client.take(), Arc::clone(&self.shared), self.lease, myself.clone());
        tokio::spawn(async move {
            if let Some(link) = link {
                if linked && tokio::time::timeout(LOGOUT_WITHIN, link.logout()).await.is_err() {
                    tracing::warn!(session = %lease.session, "WhatsApp did not confirm that the device is unlinked");
                }
                link.close().await;
            }
            let seat = shared.seat(lease.session);
            let _seat = seat.lock().await;
            match wipe(&shared, lease).await {
                Ok(()) => {
                    let _ = myself.send_message(Letter::free(Msg::Retired));
                }
                // The tombstone stays unwiped, so the next start tries again.
                Err(error) => {
                    tracing::error!(session = %lease.session, %error, "the session's keys could not be destroyed");
                }
            }
        });
    }
}

async fn wipe(shared: &Shared, lease: Lease) -> Result<(), StoreError> {
    let keys = DeviceKeys::new(shared.store.clone(), lease);
    keys.wipe().await.map_err(|error| StoreError::Database(error.to_string()))?;
    shared.store.wiped(lease).await
}
