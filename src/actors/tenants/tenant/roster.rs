//! The tenant's sessions: what is known of each, and the children that run them. Not an actor; its tenant's hands.

mod absence;
mod change;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ractor::{ActorId, ActorRef};

use super::session::{self, Watch};
use super::{Msg, Reply};
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::Child;
use crate::domain::error::{Code, Refusal};
use crate::domain::event::Position;
use crate::domain::id::{SessionId, TenantId};
use crate::domain::idempotency::Answer;
use crate::domain::phone::Phone;
use crate::domain::session::{Facts, Status};
use crate::store::sessions::Kept;
use absence::Absence;
use change::Changing;

pub(super) struct Roster {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    tenant: TenantId,
    entries: BTreeMap<SessionId, Entry>,
}

struct Entry {
    facts: Facts,
    child: Child<session::Msg>,
    /// A tombstone whose device is still to be unlinked: its tenant does not see it any more.
    condemned: bool,
    changing: Changing,
    /// While it is left alone for failing too often.
    absence: Option<Absence>,
}

impl Roster {
    pub(super) const fn new(shared: Arc<Shared>, vitals: Arc<Vitals>, tenant: TenantId) -> Self {
        Self { shared, vitals, tenant, entries: BTreeMap::new() }
    }

    /// The sessions that the tenant sees.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Facts> + Clone {
        self.entries.values().filter(|entry| !entry.condemned).map(|entry| &entry.facts)
    }

    pub(super) async fn enlist(&mut self, myself: &ActorRef<Letter<Msg>>, facts: Facts, condemned: bool) {
        let id = facts.id;
        // What the store was asked meanwhile may have said it first.
        if self.entries.contains_key(&id) {
            return;
        }
        let child = session::child(&self.shared, &self.vitals, self.tenant, id);
        self.entries.insert(id, Entry { facts, child, condemned, changing: Changing::default(), absence: None });
        self.start(myself, id).await;
    }

    pub(super) async fn start(&mut self, myself: &ActorRef<Letter<Msg>>, id: SessionId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(wait) = entry.child.start(myself.get_cell()).await {
            myself.send_after(wait, move || Letter::free(Msg::Revive(id)));
        } else {
            entry.absence = None;
        }
    }

    /// A child of ours has ended: it comes back after a while, and until then its session is on its way.
    pub(super) fn ended(&mut self, myself: &ActorRef<Letter<Msg>>, actor: ActorId, why: &str) {
        let Some((&id, entry)) = self.entries.iter_mut().find(|(_, entry)| entry.child.is(actor)) else { return };
        if entry.facts.status == Status::Connected {
            entry.facts.status = Status::Disconnected;
        }
        let wait = entry.child.failed(why);
        if let (_, true) = entry.child.away() {
            entry.absence = Some(Absence::begin(&self.shared, &mut entry.facts, wait));
        }
        myself.send_after(wait, move || Letter::free(Msg::Revive(id)));
    }

    pub(super) fn stands(&mut self, id: SessionId, status: Status, phone: Option<Phone>) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.facts.status = status;
            entry.facts.phone = phone;
        }
    }

    pub(super) fn nudge(&self, id: SessionId, body: session::Msg) {
        if let Some(door) = self.entries.get(&id).and_then(|entry| entry.child.door()) {
            door.nudge(body);
        }
    }

    /// Has every session look for media that are to be made ready.
    pub(super) fn nudge_all(&self) {
        self.entries.keys().for_each(|id| self.nudge(*id, session::Msg::Media));
    }

    /// Passes a question on to a session's actor, which answers the caller itself.
    pub(super) fn forward<T: Send + 'static>(
        &self,
        id: SessionId,
        reply: Reply<T>,
        ask: impl FnOnce(Reply<T>) -> session::Msg,
    ) {
        match self.entries.get(&id).filter(|entry| !entry.condemned) {
            None => refuse(reply, Refusal::not_found()),
            Some(entry) => match entry.child.door() {
                Some(door) => door.pass(reply, ask),
                None => refuse(reply, away(entry.child.away())),
            },
        }
    }

    /// Watches a session: its actor tells, or, while that is left alone, what is known of it.
    pub(super) fn watch(&self, id: SessionId, after: Option<Position>, reply: Reply<Watch>) {
        let entry = self.entries.get(&id).filter(|entry| !entry.condemned);
        match entry.and_then(|entry| entry.absence.as_ref()) {
            Some(absence) => absence.watch(&self.shared, self.tenant, after, reply),
            None => self.forward(id, reply, |to| session::Msg::Watch(after, to)),
        }
    }

    /// Whether the session that this answer shows lives here.
    pub(super) fn knows(&self, answer: &Answer) -> bool {
        let id = answer.location.as_deref().and_then(|location| location.rsplit('/').next());
        id.and_then(|id| id.parse().ok()).is_some_and(|id| self.entries.contains_key(&id))
    }

    /// Runs what the store has and nobody ever ran, and ends what it has as deleted and nobody runs but this server: what another
    /// one made or deleted is that one's.
    pub(super) async fn found(&mut self, myself: &ActorRef<Letter<Msg>>, kept: Vec<Kept>) {
        for kept in kept {
            let id = kept.facts.id;
            if !self.entries.contains_key(&id) {
                if kept.epoch == 0 {
                    tracing::info!(session = %id, "a session was made whose answer was lost");
                    self.enlist(myself, kept.facts, kept.condemned).await;
                }
            } else if kept.condemned
                && self.shared.figures.of(id).read().lease.is_some_and(|ours| ours.epoch == kept.epoch)
            {
                self.condemn(id);
            }
        }
    }

    pub(super) fn delete(&mut self, myself: &ActorRef<Letter<Msg>>, id: SessionId, reply: Reply<()>) {
        if !self.facts().any(|facts| facts.id == id) {
            return refuse(reply, Refusal::not_found());
        }
        let (store, tenant, myself) = (self.shared.store.clone(), self.tenant, myself.clone());
        tokio::spawn(async move {
            let done = store.bury_session(tenant, id).await.map_err(Refusal::from);
            let _ = myself.send_message(Letter::free(Msg::Buried(id, done, reply)));
        });
    }

    /// The tombstone stands; unlinking goes on behind the answer.
    pub(super) fn buried(&mut self, id: SessionId, mut done: Result<bool, Refusal>, reply: Reply<()>) {
        if done.is_ok() && self.condemn(id) {
            // One that stood already was made by a call whose answer was lost: the session lived here still.
            done = Ok(true);
        }
        let _ = reply.send(done.and_then(|buried| buried.then_some(()).ok_or_else(Refusal::not_found)));
    }

    /// Has a session end; false if it is none of ours, or about to end already.
    fn condemn(&mut self, id: SessionId) -> bool {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.condemned) else { return false };
        entry.condemned = true;
        if let Some(door) = entry.child.door() {
            door.nudge(session::Msg::Retire);
        }
        true
    }

    pub(super) async fn stop(&mut self, within: Duration) {
        join_all(self.entries.values_mut().map(|entry| entry.child.stop(within))).await;
    }

    /// Nothing is left of the session but its history.
    pub(super) async fn strike(&mut self, id: SessionId) {
        if let Some(mut entry) = self.entries.remove(&id) {
            entry.child.stop(Duration::from_secs(5)).await;
            self.vitals.forget(entry.child.vitals().name());
            self.shared.figures.forget(id);
            entry.changing.refuse(&Refusal::not_found());
        }
    }
}

/// What a session that failed, and is not back yet, answers.
fn away((wait, quarantined): (Duration, bool)) -> Refusal {
    let detail = if quarantined {
        "This session failed too often and is left alone for some minutes; nothing was done. Restart it to bring it back at once."
    } else {
        "This session failed and is about to start again; nothing was done. Try again shortly."
    };
    Refusal::new(Code::Overloaded, detail).after(wait.max(Duration::from_secs(1)))
}

fn refuse<T>(reply: Reply<T>, refusal: Refusal) {
    let _: Result<(), _> = reply.send(Err(refusal));
}
