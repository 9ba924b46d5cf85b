//! The end of a deleted session: its device is unlinked, its keys are destroyed, and its row says so. Not an actor; its session's
//! hands.

use ractor::ActorRef;

use super::Msg;
use super::client::Client;
use super::unlink::Ending;
use crate::actors::system::mailbox::Letter;
use crate::domain::session::Lease;
use crate::store::StoreError;

#[derive(Default)]
pub(super) struct Retirement {
    begun: bool,
}

impl Retirement {
    /// Nothing that still happens to the session changes anything for it.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn begin(&mut self, myself: &ActorRef<Letter<Msg>>, client: &mut Client) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let told = myself.clone();
        client.end(myself, true, move |ending| async move {
            let session = ending.lease.session;
            match end(ending).await {
                Ok(()) => {
                    let _ = told.send_message(Letter::free(Msg::Retired));
                }
                // The tombstone stays unwiped, so the next start tries again.
                Err(error) => tracing::error!(%session, %error, "the session's keys could not be destroyed"),
            }
        });
    }
}

/// Whoever deletes a session ends it, whichever server took it meanwhile: there is nobody else to whom it is still of use.
async fn end(mut ending: Ending) -> Result<(), StoreError> {
    loop {
        let ended = match ending.run().await {
            Ok(()) => ending.stored(|| ending.shared.store.wiped(ending.lease)).await,
            failed => failed,
        };
        if !matches!(ended, Err(StoreError::LeaseLost)) || !ending.is_waited_for() {
            return ended;
        }
        let Lease { tenant, session, .. } = ending.lease;
        match ending.stored(|| ending.shared.store.lease(tenant, session)).await? {
            Some((lease, _)) => ending.lease = lease,
            // The other server was faster.
            None => return Ok(()),
        }
    }
}
