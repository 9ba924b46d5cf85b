//! What the store says of a step: it is kept, and the tenant hears of it; or another server has the session now.

use ractor::ActorRef;

use super::Held;
use crate::actors::system::mailbox::Letter;
use crate::actors::tenants::tenant;
use crate::actors::tenants::tenant::session::{Msg, outbox, tell_tenant};
use crate::domain::event::{Position, StreamEvent};
use crate::domain::session::Status;

impl Held {
    /// The next step of the story is in the store: the tenant hears of it before any watcher does.
    pub(super) fn told(&mut self, myself: &ActorRef<Letter<Msg>>, kept: Option<Position>) {
        let Some(position) = kept else {
            self.lose(myself);
            return;
        };
        if let Some((status, phone)) = self.story.kept() {
            tell_tenant(myself, tenant::Msg::Stands { session: self.lease.session, status, phone });
        }
        self.story.publish(myself, position);
    }

    /// Another server took the session, at its start or because it was asked to. This one stays down until it is asked in turn: two
    /// that both insist would take the connection from each other for ever.
    fn lose(&mut self, myself: &ActorRef<Letter<Msg>>) {
        if std::mem::replace(&mut self.lost, true) {
            return;
        }
        let session = self.lease.session;
        tracing::warn!(%session, "another server runs this session now; it stays down here");
        self.waits.end();
        self.nudge_outbox(outbox::Msg::Down);
        self.client.drop_it();
        tell_tenant(myself, tenant::Msg::Stands { session, status: Status::Failed, phone: self.life.phone.clone() });
        let message = "Another Wamux server on the same database runs this session now.".to_owned();
        self.story.leave(StreamEvent::Error {
            session_id: session,
            code: "session_elsewhere".to_owned(),
            message,
            last: true,
        });
    }
}
