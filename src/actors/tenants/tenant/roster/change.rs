//! A session that is changed or begun again: what its tenant asked for is in the store before its actor hears of it.

use std::collections::VecDeque;

use ractor::ActorRef;

use super::{Roster, refuse};
use crate::actors::system::mailbox::Letter;
use crate::actors::tenants::tenant::{Msg, Reply, session};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::SessionId;
use crate::domain::session::{Changes, Session};
use crate::store::sessions::Changed;

/// Changes of one session that may wait for the one before.
const WAITING_MAX: usize = 32;

/// The changes of a session happen one after the other: two at once could be heard of in another order than they were written in.
#[derive(Default)]
pub(super) struct Changing {
    busy: bool,
    waiting: VecDeque<(Changes, Reply<Session>)>,
}

impl Changing {
    /// Its session is no more.
    pub(super) fn refuse(self, why: &Refusal) {
        for (_, reply) in self.waiting {
            refuse(reply, why.clone());
        }
    }

    /// The next change that somebody still waits for.
    fn next(&mut self) -> Option<(Changes, Reply<Session>)> {
        let next = std::iter::from_fn(|| self.waiting.pop_front()).find(|(_, reply)| !reply.is_closed());
        self.busy = next.is_some();
        next
    }
}

impl Roster {
    pub(in crate::actors::tenants::tenant) fn change(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        id: SessionId,
        changes: Changes,
        reply: Reply<Session>,
    ) {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.condemned) else {
            return refuse(reply, Refusal::not_found());
        };
        if entry.changing.waiting.len() >= WAITING_MAX {
            return refuse(reply, Refusal::overloaded());
        }
        entry.changing.waiting.push_back((changes, reply));
        if !entry.changing.busy {
            self.change_next(myself, id);
        }
    }

    fn change_next(&mut self, myself: &ActorRef<Letter<Msg>>, id: SessionId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let Some((changes, reply)) = entry.changing.next() else { return };
        let (store, tenant, myself) = (self.shared.store.clone(), self.tenant, myself.clone());
        let change = tokio::spawn(async move {
            let key = changes.key.clone();
            match store.change_session(tenant, id, changes).await {
                Ok(Changed::Done(session, rerouted)) => Ok((*session, rerouted)),
                Ok(Changed::KeyTaken) => Err(key.map_or_else(Refusal::internal, |key| key.taken())),
                Ok(Changed::NotFound) => Err(Refusal::not_found()),
                Err(error) => Err(error.into()),
            }
        });
        tokio::spawn(async move {
            // A panic on the way must not leave the others waiting for the end of a change that is no more.
            let done = change.await.unwrap_or_else(|_| Err(Refusal::internal()));
            let _ = myself.send_message(Letter::free(Msg::Changed(id, done, reply)));
        });
    }

    /// From here on a send finds the session by its new key, its connection takes its new way, and its outbox its new pace.
    pub(in crate::actors::tenants::tenant) fn changed(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        id: SessionId,
        changed: Result<(Session, bool), Refusal>,
        reply: Reply<Session>,
    ) {
        // Where the answer of the commit was lost, it may stand: a repeat would find nothing changed.
        let may_stand = changed.as_ref().is_err_and(|refusal| refusal.code == Code::NotReady);
        if (changed.is_ok() || may_stand)
            && let Some(entry) = self.entries.get_mut(&id)
        {
            if let Ok((session, _)) = &changed {
                entry.facts.key = session.session_key.clone();
            }
            if let Some(door) = entry.child.door() {
                door.nudge(session::Msg::Repaced);
                if may_stand || changed.as_ref().is_ok_and(|(_, rerouted)| *rerouted) {
                    door.nudge(session::Msg::Rerouted);
                }
            }
        }
        let _ = reply.send(changed.map(|(session, _)| session));
        self.change_next(myself, id);
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
