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

/// How many keys that have their answer are remembered.
const SETTLED_MAX: usize = 1024;

/// Requests under an idempotency key whose answers are not committed yet. A tenant's actor that failed forgets them: then the store,
/// which knows every answer that was committed, decides alone.
#[derive(Default)]
pub(super) struct InFlight {
    first: HashMap<IdempotencyKey, [u8; 32]>,
    /// Requests whose first has its answer: any number of them may be under way, and the store says the same to all.
    settled: HashMap<IdempotencyKey, [u8; 32]>,
}

impl InFlight {
    /// Whether this request is the only one under its key; if so it is under way from now on.
    pub(super) fn begin(&mut self, once: Option<&Once>) -> Result<(), Refusal> {
        self.look(once)?;
        let first = once.filter(|once| !self.is_settled(once));
        self.first.extend(first.map(|once| (once.key.clone(), once.request)));
        Ok(())
    }

    pub(super) fn look(&self, once: Option<&Once>) -> Result<(), Refusal> {
        let first =
            once.filter(|once| !self.is_settled(once)).and_then(|once| Some((once, self.first.get(&once.key)?)));
        match first {
            None => Ok(()),
            Some((once, first)) if *first == once.request => Err(in_progress()),
            Some(_) => Err(reused()),
        }
    }

    pub(super) fn settled(&mut self, key: IdempotencyKey) {
        if let Some(request) = self.first.remove(&key) {
            if self.settled.len() >= SETTLED_MAX {
                self.settled.clear();
            }
            self.settled.insert(key, request);
        }
    }

    fn is_settled(&self, once: &Once) -> bool {
        self.settled.get(&once.key) == Some(&once.request)
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
        let task = tokio::spawn(async move { Ok(store.create_session(tenant, new, once).await?) });
        tokio::spawn(async move {
            // A panic on the way must not leave the key taken for ever.
            let made = task.await.unwrap_or_else(|_| Err(Refusal::internal()));
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
        let task = tokio::spawn(async move { create_key(&store, mode, tenant, new, once).await });
        tokio::spawn(async move {
            let created = task.await.unwrap_or_else(|_| Err(Refusal::internal()));
            if let Some(key) = key {
                let _ = myself.send_message(Letter::free(Msg::Settled(key)));
            }
            let _ = reply.send(created.and_then(Made::answer));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Code;

    fn once(key: &str, body: &str) -> Once {
        Once::new(key.parse().unwrap(), "/keys", body.as_bytes())
    }

    fn refused(in_flight: &mut InFlight, once: &Once) -> Option<Code> {
        in_flight.begin(Some(once)).err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_request_waits_for_the_first_of_its_key_and_for_no_repeat() {
        let (mut in_flight, first, other) = (InFlight::default(), once("key", "a"), once("key", "b"));
        assert_eq!(refused(&mut in_flight, &first), None);
        assert_eq!(refused(&mut in_flight, &first), Some(Code::IdempotencyInProgress));
        assert_eq!(refused(&mut in_flight, &other), Some(Code::IdempotencyKeyReused));
        assert_eq!(refused(&mut in_flight, &once("other", "a")), None);
        assert!(in_flight.begin(None).is_ok());
        in_flight.settled(first.key.clone());
        for _ in 0..3 {
            assert_eq!(refused(&mut in_flight, &first), None);
        }
        assert_eq!(refused(&mut in_flight, &other), None, "what it stands for is the store's to say");
        assert_eq!(refused(&mut in_flight, &other), Some(Code::IdempotencyInProgress));
    }

    #[test]
    fn no_more_keys_are_remembered_than_may_be() {
        let mut in_flight = InFlight::default();
        for n in 0..3 * SETTLED_MAX {
            let once = once(&n.to_string(), "");
            in_flight.begin(Some(&once)).unwrap();
            in_flight.settled(once.key);
        }
        assert!(in_flight.first.is_empty() && in_flight.settled.len() <= SETTLED_MAX);
    }
}
