//! Idempotency keys in flight: a request whose first is still being answered is told so, whatever it asks for.

use std::collections::HashMap;

use ractor::ActorRef;

use super::{Msg, Reply, State};
use crate::actors::handle::{NewKeyRequest, create_key};
use crate::actors::system::mailbox::Letter;
use crate::domain::error::Refusal;
use crate::domain::idempotency::{Answer, IdempotencyKey, Once, in_progress, reused};
use crate::domain::session::NewSession;
use crate::store::answers::Made;

/// Requests under an idempotency key whose answers are not committed yet. A tenant's actor that failed forgets them: then the store,
/// which knows every answer that was committed, decides alone.
#[derive(Default)]
pub(super) struct InFlight(HashMap<IdempotencyKey, [u8; 32]>);

impl InFlight {
    /// Whether this request is the only one under its key; if so it is under way from now on.
    pub(super) fn begin(&mut self, once: Option<&Once>) -> Result<(), Refusal> {
        self.look(once)?;
        self.0.extend(once.map(|once| (once.key.clone(), once.request)));
        Ok(())
    }

    pub(super) fn look(&self, once: Option<&Once>) -> Result<(), Refusal> {
        match once.and_then(|once| Some((once, self.0.get(&once.key)?))) {
            None => Ok(()),
            Some((once, first)) if *first == once.request => Err(in_progress()),
            Some(_) => Err(reused()),
        }
    }

    pub(super) fn settled(&mut self, key: &IdempotencyKey) {
        self.0.remove(key);
    }
}

impl State {
    pub(super) fn create_session(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        new: NewSession,
        once: Option<Once>,
        reply: Reply<Answer>,
    ) {
        if let Err(refusal) = self.in_flight.begin(once.as_ref()) {
            let _ = reply.send(Err(refusal));
            return;
        }
        let (store, tenant, myself) = (self.shared.store.clone(), self.tenant, myself.clone());
        let key = once.as_ref().map(|once| once.key.clone());
        let making = tokio::spawn(async move { Ok(store.create_session(tenant, new, once).await?) });
        tokio::spawn(async move {
            // A panic on the way must not leave the key taken for ever.
            let made = making.await.unwrap_or_else(|_| Err(Refusal::internal()));
            let _ = myself.send_message(Letter::free(Msg::Created(made, key, reply)));
        });
    }

    /// The answer goes out by itself: nothing but a key in flight is to be known here.
    pub(super) fn create_key(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        new: NewKeyRequest,
        once: Option<Once>,
        reply: Reply<Answer>,
    ) {
        if let Err(refusal) = self.in_flight.begin(once.as_ref()) {
            let _ = reply.send(Err(refusal));
            return;
        }
        let (store, mode, tenant) = (self.shared.store.clone(), self.shared.doorkeeper.mode(), self.tenant);
        let (key, myself) = (once.as_ref().map(|once| once.key.clone()), myself.clone());
        let making = tokio::spawn(async move { create_key(&store, mode, tenant, new, once).await });
        tokio::spawn(async move {
            let made = making.await.unwrap_or_else(|_| Err(Refusal::internal()));
            if let Some(key) = key {
                let _ = myself.send_message(Letter::free(Msg::Settled(key)));
            }
            let _ = reply.send(made.and_then(Made::answer));
        });
    }
}
