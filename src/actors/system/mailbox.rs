//! Bounded mailboxes: a letter from outside takes a place, and when there is none the caller is told to come back.
//!
//! ractor's own mailboxes have no bound. Casts within the tree (a child's report, a timer, a nudge) carry no data worth refusing
//! and take no place; calls from the outside do.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::error::Refusal;

/// A message and the place it takes in the mailbox until it is handled.
pub struct Letter<M> {
    pub body: M,
    _place: Option<OwnedSemaphorePermit>,
}

impl<M> Letter<M> {
    /// For casts within the tree.
    pub const fn free(body: M) -> Self {
        Self { body, _place: None }
    }
}

/// The places of a mailbox.
#[derive(Debug, Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    capacity: usize,
}

impl Places {
    pub fn new(capacity: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(capacity)), capacity }
    }

    /// How many letters wait or are being handled.
    pub fn taken(&self) -> usize {
        self.capacity - self.free.available_permits().min(self.capacity)
    }
}

/// The way to an actor. Resolve it when it is used: actors restart, and an old door leads nowhere.
pub struct Door<M: Send + 'static> {
    actor: ActorRef<Letter<M>>,
    places: Places,
}

impl<M: Send + 'static> Clone for Door<M> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), places: self.places.clone() }
    }
}

impl<M: Send + 'static> Door<M> {
    pub const fn new(actor: ActorRef<Letter<M>>, places: Places) -> Self {
        Self { actor, places }
    }

    pub fn actor(&self) -> &ActorRef<Letter<M>> {
        &self.actor
    }

    /// A nudge from within the tree. If the actor is gone its next incarnation will read the store anyway.
    pub fn nudge(&self, body: M) {
        let _ = self.actor.send_message(Letter::free(body));
    }

    /// Hands a question on to an actor below, which answers the caller itself; when there is no place the caller's reply port
    /// is dropped, which tells it to come back.
    pub fn pass(&self, body: M) {
        if let Ok(place) = Arc::clone(&self.places.free).try_acquire_owned() {
            let _ = self.actor.send_message(Letter { body, _place: Some(place) });
        }
    }

    /// Sends and waits for the answer; refuses when the mailbox is full, the actor is away, or the time is over.
    pub async fn ask<T>(&self, wait: Duration, ask: impl FnOnce(oneshot::Sender<T>) -> M) -> Result<T, Refusal> {
        let place = Arc::clone(&self.places.free).try_acquire_owned().map_err(|_| Refusal::overloaded())?;
        let (reply, answer) = oneshot::channel();
        let letter = Letter { body: ask(reply), _place: Some(place) };
        self.actor.send_message(letter).map_err(|_| Refusal::overloaded())?;
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Refusal::overloaded()),
            Err(_) => Err(Refusal::unanswered()),
        }
    }
}
