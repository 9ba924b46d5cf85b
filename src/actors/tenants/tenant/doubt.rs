//! What may be committed though its answer was lost: looked for when the database is back, and once more when nothing can come late.

use std::collections::BTreeMap;
use std::time::Duration;

use ractor::ActorRef;

use super::{Msg, Reply, State, session};
use crate::actors::system::mailbox::Letter;
use crate::actors::system::patience::patiently;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::SessionId;
use crate::domain::idempotency::Answer;
use crate::domain::session::{Facts, Session};
use crate::store::StoreError;
use crate::store::answers::Made;
use crate::store::sessions::Kept;

/// Longer than any transaction lives whose client is gone.
const LATE: Duration = Duration::from_secs(20);

/// What may stand all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// A message of this session; whether one with a medium.
    Send(SessionId, bool),
    /// A session that was made or deleted.
    Sessions,
}

/// One look-out for all of them, however many there are.
#[derive(Default)]
pub(super) struct Doubts {
    sends: BTreeMap<SessionId, bool>,
    sessions: bool,
    looking: Looking,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Looking {
    #[default]
    Not,
    Out,
    /// Something came meanwhile, whose own time is not over when this look-out is.
    OutAndAgain,
}

impl Doubts {
    /// Whether somebody has to look out from now on.
    fn add(&mut self, doubt: Doubt) -> bool {
        match doubt {
            Doubt::Send(session, medium) => *self.sends.entry(session).or_default() |= medium,
            Doubt::Sessions => self.sessions = true,
        }
        let begins = self.looking == Looking::Not;
        self.looking = if begins { Looking::Out } else { Looking::OutAndAgain };
        begins
    }

    /// The look-out is over; whether another has to follow.
    fn over(&mut self) -> bool {
        let again = self.looking == Looking::OutAndAgain;
        if again {
            self.looking = Looking::Out;
        } else {
            *self = Self::default();
        }
        again
    }
}

/// Whether it may have happened though it is an error.
pub(super) fn is_unknown<T>(done: &Result<T, Refusal>) -> bool {
    done.as_ref().is_err_and(|refusal| refusal.code == Code::NotReady)
}

impl State {
    pub(super) fn doubt(&mut self, myself: &ActorRef<Letter<Msg>>, doubt: Doubt) {
        if self.doubts.add(doubt) {
            self.look_out(myself);
        }
    }

    fn look_out(&self, myself: &ActorRef<Letter<Msg>>) {
        let (store, myself) = (self.shared.store.clone(), myself.clone());
        tokio::spawn(async move {
            store.recovered().await;
            let _ = myself.send_message(Letter::free(Msg::Back(false)));
            tokio::time::sleep(LATE).await;
            let _ = myself.send_message(Letter::free(Msg::Back(true)));
        });
    }

    pub(super) fn back(&mut self, myself: &ActorRef<Letter<Msg>>, for_good: bool) {
        for (session, medium) in &self.doubts.sends {
            self.roster.nudge(*session, if *medium { session::Msg::Media } else { session::Msg::Nudge });
        }
        if self.doubts.sessions {
            self.look(myself, None);
        }
        if for_good && self.doubts.over() {
            self.look_out(myself);
        }
    }

    /// Asks the store for the tenant's sessions; an answer waits for that, but not for a database that is away.
    fn look(&self, myself: &ActorRef<Letter<Msg>>, answer: Option<(Answer, Reply<Answer>)>) {
        let (store, tenant, myself) = (self.shared.store.clone(), self.tenant, myself.clone());
        tokio::spawn(async move {
            let kept = match &answer {
                Some(_) => store.kept_sessions(tenant).await,
                None => patiently(|| store.kept_sessions(tenant)).await,
            };
            let _ = myself.send_message(Letter::free(Msg::Found(kept, answer)));
        });
    }

    /// A session that was made now is run from now on. An answer of before may be the first that anybody hears of its session.
    pub(super) async fn created(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        made: Result<Made<Session>, Refusal>,
        reply: Reply<Answer>,
    ) {
        match made {
            Ok(Made::Now(session, answer)) => {
                let facts = Facts {
                    id: session.id,
                    key: session.session_key,
                    status: session.status,
                    phone: None,
                    created_at: session.created_at,
                };
                self.roster.enlist(myself, facts, false).await;
                let _ = reply.send(Ok(answer));
            }
            Ok(Made::Before(answer)) if !self.roster.knows(&answer) => self.look(myself, Some((answer, reply))),
            Ok(made) => drop(reply.send(made.answer())),
            Err(refusal) => {
                if refusal.code == Code::NotReady {
                    self.doubt(myself, Doubt::Sessions);
                }
                let _ = reply.send(Err(refusal));
            }
        }
    }

    pub(super) async fn found(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        kept: Result<Vec<Kept>, StoreError>,
        answer: Option<(Answer, Reply<Answer>)>,
    ) {
        match kept {
            Ok(kept) => self.roster.found(myself, kept).await,
            Err(error) => {
                self.vitals.note_error(&error.to_string());
                // Whoever repeats a request may be the only one who knows of its session.
                if answer.is_some() {
                    self.doubt(myself, Doubt::Sessions);
                }
            }
        }
        if let Some((answer, reply)) = answer {
            let _ = reply.send(Ok(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_look_out_is_enough_for_all_but_those_who_come_while_it_is_out() {
        let (mut doubts, one) = (Doubts::default(), SessionId(Uuid::from_u128(1)));
        assert!(doubts.add(Doubt::Send(one, true)));
        assert!(!doubts.over());
        assert!(doubts.sends.is_empty());
        assert!(doubts.add(Doubt::Send(one, true)));
        for _ in 0..1000 {
            assert!(!doubts.add(Doubt::Send(one, false)));
        }
        assert!(!doubts.add(Doubt::Sessions));
        assert!(doubts.over(), "those of before have had their time, the others not");
        assert_eq!(doubts.sends.get(&one), Some(&true));
        assert!(doubts.sessions);
        assert!(!doubts.over());
        assert!(!doubts.sessions);
    }
}
