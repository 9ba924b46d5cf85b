//! A session that is changed or begun again: what its tenant asked for is in the store before its actor hears of it.

use ractor::ActorRef;

use super::{Roster, refuse};
use crate::actors::system::mailbox::Letter;
use crate::actors::tenants::tenant::{Msg, Reply, session};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::SessionId;
use crate::domain::session::{Changes, Session, SessionKey};
use crate::store::sessions::Changed;

impl Roster {
    pub(in crate::actors::tenants::tenant) fn change(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        id: SessionId,
        changes: Changes,
        reply: Reply<Session>,
    ) {
        if !self.facts().any(|facts| facts.id == id) {
            return refuse(reply, Refusal::not_found());
        }
        let (store, tenant, myself) = (self.shared.store.clone(), self.tenant, myself.clone());
        tokio::spawn(async move {
            let key = changes.key.clone();
            let done = match store.change_session(tenant, id, changes).await {
                Ok(Changed::Done(session, rerouted)) => Ok((*session, rerouted)),
                Ok(Changed::KeyTaken) => Err(key.map_or_else(Refusal::internal, |key| key_taken(&key))),
                Ok(Changed::NotFound) => Err(Refusal::not_found()),
                Err(error) => Err(error.into()),
            };
            let _ = myself.send_message(Letter::free(Msg::Changed(done, reply)));
        });
    }

    /// From here on a send finds the session by its new key, and its connection takes its new way.
    pub(in crate::actors::tenants::tenant) fn changed(
        &mut self,
        changed: Result<(Session, bool), Refusal>,
        reply: Reply<Session>,
    ) {
        if let Ok((session, rerouted)) = &changed
            && let Some(entry) = self.entries.get_mut(&session.id)
        {
            entry.facts.key = session.session_key.clone();
            if let Some(door) = entry.child.door().filter(|_| *rerouted) {
                door.nudge(session::Msg::Rerouted);
            }
        }
        let _ = reply.send(changed.map(|(session, _)| session));
    }

    /// Begins a session again; its actor too, if that was left alone for failing too often.
    pub(in crate::actors::tenants::tenant) async fn restart(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        id: SessionId,
        reply: Reply<()>,
    ) {
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.condemned) {
            entry.child.forgive();
            self.start(myself, id).await;
        }
        self.forward(id, reply, session::Msg::Restart);
    }
}

pub(super) fn key_taken(key: &SessionKey) -> Refusal {
    Refusal::new(Code::SessionKeyTaken, format!("A session with the key '{}' exists already.", key.as_str()))
}
