//! Bounded mailboxes: a letter from outside takes a place, and when there is none the caller is told to come back.
//!
//! ractor's own mailboxes have no bound. Casts within the tree (a child's report, a timer, a nudge) carry no data worth refusing
//! and take no place; calls from the outside do.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::health::Vitals;
use crate::domain::error::Refusal;

/// Where the answer to a question goes.
type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// A message and the place it takes in the mailbox until it is handled.
pub struct Letter<M> {
    content: Content<M>,
    _place: Option<OwnedSemaphorePermit>,
}

enum Content<M> {
    Body(M),
    /// Asks only whether the actor comes to it.
    Probe,
    Read,
}

impl<M> Letter<M> {
    /// For casts within the tree.
    pub const fn free(body: M) -> Self {
        Self { content: Content::Body(body), _place: None }
    }

    /// What the actor is to handle; a probe is answered here, and asks nothing of it.
    pub fn open(&mut self, vitals: &Vitals) -> Option<M> {
        if matches!(self.content, Content::Body(_)) {
            vitals.handled();
        } else {
            vitals.answers();
        }
        self.body()
    }

    /// The same of an actor that keeps no figures.
    pub fn body(&mut self) -> Option<M> {
        match std::mem::replace(&mut self.content, Content::Read) {
            Content::Body(body) => Some(body),
            Content::Probe | Content::Read => None,
        }
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

    pub(super) const fn places(&self) -> &Places {
        &self.places
    }

    /// Has the actor's figures say that it came to this.
    pub(super) fn probe(&self) {
        let _ = self.actor.send_message(Letter { content: Content::Probe, _place: None });
    }

    /// A nudge from within the tree. If the actor is gone its next incarnation will read the store anyway.
    pub fn nudge(&self, body: M) {
        let _ = self.actor.send_message(Letter::free(body));
    }

    /// Hands a question on to an actor below, which answers the caller itself; when there is no place, the caller is told to come
    /// back.
    pub fn pass<T>(&self, reply: Answer<T>, ask: impl FnOnce(Answer<T>) -> M) {
        match Arc::clone(&self.places.free).try_acquire_owned() {
            Ok(place) => {
                drop(self.actor.send_message(Letter { content: Content::Body(ask(reply)), _place: Some(place) }));
            }
            Err(_) => drop(reply.send(Err(Refusal::overloaded()))),
        }
    }

    /// Sends and waits for the answer; refuses when the mailbox is full, the actor is away, or the time is over. An actor that ends
    /// before it answers may have done what it was asked all the same.
    pub async fn ask<T>(&self, wait: Duration, ask: impl FnOnce(oneshot::Sender<T>) -> M) -> Result<T, Refusal> {
        let place = Arc::clone(&self.places.free).try_acquire_owned().map_err(|_| Refusal::overloaded())?;
        let (reply, answer) = oneshot::channel();
        let letter = Letter { content: Content::Body(ask(reply)), _place: Some(place) };
        self.actor.send_message(letter).map_err(|_| Refusal::overloaded())?;
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Refusal::unanswered()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ractor::{Actor, ActorProcessingErr};

    use super::*;

    /// Fails at whatever it is asked, after having begun.
    struct Clumsy;

    impl Actor for Clumsy {
        type Msg = Letter<Answer<()>>;
        type State = ();
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
            Ok(())
        }

        async fn handle(&self, _: ActorRef<Self::Msg>, _: Self::Msg, (): &mut ()) -> Result<(), ActorProcessingErr> {
            Err("it dropped what it held".into())
        }
    }

    #[tokio::test]
    async fn only_a_question_that_was_never_handed_over_is_said_to_have_done_nothing() {
        let actor = Actor::spawn(None, Clumsy, ()).await.unwrap().0;
        let (reply, answer) = oneshot::channel();
        Door::new(actor.clone(), Places::new(0)).pass(reply, |reply| reply);
        assert_eq!(answer.await.unwrap(), Err(Refusal::overloaded()));
        let full = Door::new(actor.clone(), Places::new(0)).ask(Duration::from_secs(9), |reply| reply).await;
        assert_eq!(full, Err(Refusal::overloaded()));
        let dropped = Door::new(actor, Places::new(1)).ask(Duration::from_secs(9), |reply| reply).await;
        assert_eq!(dropped, Err(Refusal::unanswered()));
    }
}
