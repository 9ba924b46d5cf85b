//! Accepting a send: choose the session, choose the wire id, hand everything to the writer, and go on to the next.

use ractor::ActorRef;
use tokio::sync::oneshot;

use super::doubt::Doubt;
use super::{Msg, State};
use crate::actors::handle::Sending;
use crate::actors::system::mailbox::Letter;
use crate::domain::content::Content;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::MessageId;
use crate::domain::idempotency::{Answer, Once, reused};
use crate::domain::message::{Accepted, Send, Status};
use crate::domain::quota::Usage;
use crate::domain::request::{Cause, RequestId};
use crate::domain::session::choose;
use crate::store::StoreError;
use crate::store::accept::{AcceptJob, Outcome, Sender};
use crate::whatsapp::new_wire_id;

impl State {
    /// The caller hears from the writer, after the commit; this actor is free at once.
    pub(super) fn accept(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        send: Send,
        cause: Cause,
        once: Option<Once>,
        reply: oneshot::Sender<Sending>,
    ) {
        let session = match self.may_accept(&send, once.as_ref()) {
            Ok(session) => session,
            Err(refusal) => {
                let _ = reply.send(Sending { usage: None, answer: Err(refusal) });
                return;
            }
        };
        let clock = self.shared.store.clock();
        let id = MessageId(clock.id());
        let answer =
            Accepted { id, to_phone: send.to.clone(), kind: send.content.kind(), status: Status::Pending }.body();
        let (myself, key, body) = (myself.clone(), once.as_ref().map(|once| once.key.clone()), answer.clone());
        let sender = session.as_ref().ok().map(|sender| sender.session);
        let medium = matches!(send.content, Content::Media(_));
        let (tenant, request, kind) = (self.tenant, cause.request.clone(), send.content.kind());
        let store = self.shared.store.clone();
        let done = move |outcome: Result<Outcome, StoreError>| {
            // A commit whose answer was lost may stand all the same, and a repeat may be the first to hear of it.
            let may_stand = matches!(outcome, Ok(Outcome::Accepted(_) | Outcome::Replayed(..)) | Err(_));
            if let (Ok(Outcome::Accepted(_)), Some(session)) = (&outcome, sender) {
                store.metrics().accepted(kind.as_str());
                let request = request.as_ref().map_or("", RequestId::as_str);
                tracing::debug!(%tenant, %session, message_id = %id, request, "a message was accepted");
            }
            if let (true, Some(session)) = (may_stand, sender) {
                let _ = myself.send_message(Letter::free(Msg::Committed(session, medium)));
            }
            if let (Err(StoreError::Away(_)), Some(session)) = (&outcome, sender) {
                let _ = myself.send_message(Letter::free(Msg::Doubt(Doubt::Send(session, medium))));
            }
            if let Some(key) = key {
                let _ = myself.send_message(Letter::free(Msg::Settled(key)));
            }
            let _ = reply.send(sending(outcome, body));
        };
        self.shared.store.accept(AcceptJob {
            tenant: self.tenant,
            session,
            id,
            wire_id: new_wire_id(),
            to: send.to,
            content: send.content,
            cause,
            at: clock.now(),
            once,
            answer,
            done: Box::new(done),
        });
    }

    /// The session that will send, or why there is none (which an idempotent answer overrules); takes the idempotency key.
    fn may_accept(&mut self, send: &Send, once: Option<&Once>) -> Result<Result<Sender, Refusal>, Refusal> {
        self.in_flight.look(once)?;
        let session = choose(self.roster.facts(), &send.via)
            .map(|facts| Sender { session: facts.id, phone: facts.phone.clone() });
        if once.is_none() {
            return session.map(Ok);
        }
        // An answer given before holds, whatever became of the session since: the writer knows it and decides.
        self.in_flight.begin(once)?;
        Ok(session)
    }
}

fn sending(outcome: Result<Outcome, StoreError>, body: Vec<u8>) -> Sending {
    let (usage, answer) = match outcome {
        Ok(Outcome::Accepted(usage)) => (Some(usage), Ok(Answer::accepted(body))),
        Ok(Outcome::Replayed(first, usage)) => (Some(usage), Ok(Answer { replayed: true, ..Answer::accepted(first) })),
        Ok(Outcome::KeyReused) => (None, Err(reused())),
        Ok(Outcome::Refused(refusal)) => (None, Err(refusal)),
        Ok(Outcome::DailyLimit(usage)) => (Some(usage), Err(used_up(usage))),
        Err(error) => (None, Err(error.into())),
    };
    Sending { usage, answer }
}

fn used_up(usage: Usage) -> Refusal {
    let detail =
        format!("The plan's {} messages of today are used up; the count starts again at 00:00 UTC.", usage.limit);
    Refusal::new(Code::DailyLimitReached, detail).after(std::time::Duration::from_secs(usage.reset_seconds))
}
