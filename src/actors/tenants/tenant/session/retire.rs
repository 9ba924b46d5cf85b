//! The end of a deleted session: its device is unlinked, its keys are destroyed, and its row says so. Not an actor; its session's
//! hands.

use std::sync::Arc;

use ractor::ActorRef;

use super::Msg;
use super::client::Client;
use crate::actors::system::Shared;
use crate::actors::system::mailbox::Letter;
use crate::domain::session::Lease;

pub(super) struct Retirement {
    shared: Arc<Shared>,
    lease: Lease,
    begun: bool,
}

impl Retirement {
    pub(super) const fn new(shared: Arc<Shared>, lease: Lease) -> Self {
        Self { shared, lease, begun: false }
    }

    /// Nothing that still happens to the session changes anything for it.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn begin(&mut self, myself: &ActorRef<Letter<Msg>>, client: &mut Client) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let (shared, lease, myself) = (Arc::clone(&self.shared), self.lease, myself.clone());
        client.end(true, async move |ended| {
            let wiped = match ended {
                Ok(()) => shared.store.wiped(lease).await,
                Err(error) => Err(error),
            };
            match wiped {
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
