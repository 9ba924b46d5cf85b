//! A tenant's actor: it knows the tenant's sessions, owns its limits, and is the only way to a new message.
//!
//! It decides from what it holds and never waits for a commit: the store's writer answers the caller by itself.

mod accept;
mod doubt;
mod limits;
mod once;
mod roster;
pub mod session;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::actors::handle::{NewKeyRequest, Sending};
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::{self, Child};
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::event::Position;
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::idempotency::{Answer, IdempotencyKey, Once};
use crate::domain::message::Send;
use crate::domain::phone::Phone;
use crate::domain::qr::ValidQr;
use crate::domain::request::Cause;
use crate::domain::session::pairing_code::ShownCode;
use crate::domain::session::{Changes, NewSession, Session, Status};
use crate::store::StoreError;
use crate::store::answers::Made;
use crate::store::sessions::Kept;
use crate::whatsapp::Link;
use doubt::{Doubt, Doubts};
use limits::Limits;
use once::InFlight;
use roster::Roster;
use session::Watch;

/// Calls of one tenant that may wait; past it the tenant is told to come back, and no other notices.
const MAILBOX: usize = 1024;
const STOP_WITHIN: Duration = Duration::from_secs(6);

pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// What the world asks of a tenant, and what its sessions and its own tasks report.
pub enum Msg {
    /// One call with a key: within its burst limit?
    Admit(Access, Reply<()>),
    Accept(Send, Cause, Option<Once>, oneshot::Sender<Sending>),
    CreateSession(NewSession, Option<Once>, Reply<Answer>),
    CreateKey(NewKeyRequest, Option<Once>, Reply<Answer>),
    ChangeSession(SessionId, Changes, Reply<Session>),
    RestartSession(SessionId, Reply<()>),
    LogOutSession(SessionId, Reply<()>),
    DeleteSession(SessionId, Reply<()>),
    WatchSession(SessionId, Option<Position>, Reply<Watch>),
    CurrentQr(SessionId, Reply<ValidQr>),
    PairingCode(SessionId, Phone, Reply<ShownCode>),
    /// The link of a session, if it is connected.
    Link(SessionId, Reply<Arc<Link>>),
    /// What was asked for under this idempotency key has its answer.
    Settled(IdempotencyKey),
    /// A message was committed for this session; whether it is one with a medium.
    Committed(SessionId, bool),
    /// The medium of a message of this session is ready, or never will be.
    Medium(SessionId, MessageId),
    /// The media pool is back, with nothing in hand.
    PoolIsBack,
    /// A session was made, now or before, or could not be; under which idempotency key.
    Created(Result<Made<Session>, Refusal>, Option<IdempotencyKey>, Reply<Answer>),
    /// It is not known whether this was committed.
    Doubt(Doubt),
    /// The database is back; whether for so long that nothing of before can be committed any more.
    Back(bool),
    /// What the store has of sessions, and an answer that waits for it.
    Found(Result<Vec<Kept>, StoreError>, Option<(Answer, Reply<Answer>)>),
    /// A session was changed, or could not be; whether its proxy is another one.
    Changed(SessionId, Result<(Session, bool), Refusal>, Reply<Session>),
    /// A session became a tombstone, or was none of ours.
    Buried(SessionId, Result<bool, Refusal>, Reply<()>),
    /// A session's actor tells how it stands.
    Stands {
        session: SessionId,
        status: Status,
        phone: Option<Phone>,
    },
    /// A session is unlinked and its keys are gone: its actor may go too.
    Gone(SessionId),
    Revive(SessionId),
}

struct Tenant;

pub struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    tenant: TenantId,
    roster: Roster,
    limits: Limits,
    in_flight: InFlight,
    doubts: Doubts,
}

pub fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>, tenant: TenantId) -> Child<Msg> {
    let vitals = parent.child("tenant", tenant.to_string());
    let args = (Arc::clone(shared), Arc::clone(&vitals), tenant);
    Child::new(vitals, MAILBOX, || Tenant, args)
}

impl Actor for Tenant {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>, TenantId);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let (shared, vitals, tenant) = args;
        vitals.forget_all();
        let mut roster = Roster::new(Arc::clone(&shared), Arc::clone(&vitals), tenant);
        for kept in shared.store.kept_sessions(tenant).await? {
            roster.enlist(&myself, kept.facts, kept.condemned).await;
        }
        Ok(State {
            shared,
            vitals,
            tenant,
            roster,
            limits: Limits::default(),
            in_flight: InFlight::default(),
            doubts: Doubts::default(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.open(&state.vitals) else { return Ok(()) };
        match body {
            // The caller has left, and was told nothing: then nothing happened.
            Msg::Admit(_, reply) if reply.is_closed() => {}
            Msg::Admit(access, reply) => {
                let _ = reply.send(state.limits.admit(&access));
            }
            Msg::Accept(_, _, _, reply) if reply.is_closed() => {}
            Msg::Accept(send, cause, once, reply) => state.accept(&myself, send, cause, once, reply),
            Msg::Settled(key) => state.in_flight.settled(key),
            Msg::Committed(session, false) => state.roster.nudge(session, session::Msg::Nudge),
            Msg::Committed(session, true) => state.roster.nudge(session, session::Msg::Media),
            Msg::Medium(session, message) => state.roster.nudge(session, session::Msg::Medium(message)),
            Msg::PoolIsBack => state.roster.nudge_all(),
            Msg::CreateSession(_, _, reply) | Msg::CreateKey(_, _, reply) if reply.is_closed() => {}
            Msg::CreateSession(new, once, reply) => state.create_session(&myself, new, once, reply),
            Msg::CreateKey(new, once, reply) => state.create_key(&myself, new, once, reply),
            Msg::Created(made, key, reply) => {
                if let Some(key) = key {
                    state.in_flight.settled(key);
                }
                state.created(&myself, made, reply).await;
            }
            Msg::Doubt(doubt) => state.doubt(&myself, doubt),
            Msg::Back(for_good) => state.back(&myself, for_good),
            Msg::Found(kept, answer) => state.found(&myself, kept, answer).await,
            Msg::ChangeSession(_, _, reply) if reply.is_closed() => {}
            Msg::ChangeSession(id, changes, reply) => state.roster.change(&myself, id, changes, reply),
            Msg::Changed(id, changed, reply) => state.roster.changed(&myself, id, changed, reply),
            Msg::RestartSession(_, reply) | Msg::LogOutSession(_, reply) if reply.is_closed() => {}
            Msg::RestartSession(id, reply) => state.roster.restart(&myself, id, reply).await,
            Msg::LogOutSession(id, reply) => state.roster.forward(id, reply, session::Msg::Logout),
            Msg::DeleteSession(_, reply) if reply.is_closed() => {}
            Msg::DeleteSession(id, reply) => state.roster.delete(&myself, id, reply),
            Msg::Buried(id, done, reply) => {
                if doubt::is_unknown(&done) {
                    state.doubt(&myself, Doubt::Sessions);
                }
                state.roster.buried(id, done, reply);
            }
            Msg::WatchSession(id, after, reply) => state.roster.watch(id, after, reply),
            Msg::CurrentQr(id, reply) => state.roster.forward(id, reply, session::Msg::CurrentQr),
            Msg::PairingCode(_, _, reply) if reply.is_closed() => {}
            Msg::PairingCode(id, phone, reply) => {
                state.roster.forward(id, reply, |to| session::Msg::PairingCode(phone, to));
            }
            Msg::Link(id, reply) => state.roster.forward(id, reply, session::Msg::Link),
            Msg::Stands { session, status, phone } => state.roster.stands(session, status, phone),
            Msg::Gone(session) => state.roster.strike(session).await,
            Msg::Revive(session) => state.roster.start(&myself, session).await,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((actor, why)) = supervision::end(&event) {
            state.roster.ended(&myself, actor, &why);
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.roster.stop(STOP_WITHIN).await;
        Ok(())
    }
}
