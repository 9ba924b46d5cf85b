//! A session's actor: it runs the pure life of `domain::session::life`, owns the client, and supervises outbox and inbox.

mod client;
mod codes;
pub(crate) mod figures;
mod held;
mod inbox;
mod outbox;
mod retire;
mod story;
mod unlink;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::Reply;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::patience::patiently;
use crate::actors::system::supervision::{self, Child};
use crate::actors::system::{Shared, mailbox};
use crate::domain::event::{Position, StreamEvent};
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::phone::Phone;
use crate::domain::qr::ValidQr;
use crate::domain::session::Lease;
use crate::domain::session::life::Input;
use crate::domain::session::pairing_code::{PairingCode, ShownCode};
use crate::store::sessions::Kept;
use crate::store::{Store, StoreError};
use crate::whatsapp::{Link, LinkEvent, NoCode, Over};
use client::Line;
use held::Held;

const MAILBOX: usize = 256;

/// A session's stream for one watcher: each event with the id that resumes after it.
pub type Watch = BoxStream<'static, (String, StreamEvent)>;

pub enum Msg {
    /// Take the lease and begin.
    Begin,
    Leased(Result<Option<(Lease, Kept, Position)>, StoreError>),
    /// A run of the client has one; it tells of itself with the run's number.
    Opened(u64, Line),
    Wire(u64, LinkEvent),
    Over(u64, Over),
    RetryDue(u32),
    TurnDue,
    /// The store kept the next step of the story; none if the lease was lost.
    Told(Result<Option<Position>, StoreError>),
    Watch(Option<Position>, Reply<Watch>),
    CurrentQr(Reply<ValidQr>),
    PairingCode(Phone, Reply<ShownCode>),
    /// The link, if it is connected.
    Link(Reply<Arc<Link>>),
    /// What the network said to the request with this number.
    CodeGiven(u32, Result<(PairingCode, Duration), NoCode>),
    CodeDue(u32),
    /// There may be something to send.
    Nudge,
    /// There may be media to be made ready.
    Media,
    /// The medium of this message is ready, or never will be.
    Medium(MessageId),
    /// The session was deleted: unlink, destroy the keys, and go.
    Retire,
    Retired,
    /// Begin again, whatever it was doing; answered when its row says so.
    Restart(Reply<()>),
    /// Unlink the device and stay; answered when its row says so.
    Logout(Reply<()>),
    /// The session has another proxy.
    Rerouted,
    /// The session may have to send at another pace.
    Repaced,
    /// What the session is asked for, once it is known whether this lease is still the newest.
    Asked(Lease, bool, Box<Self>),
    Revive(Part),
}

impl Msg {
    /// Whoever asked for this has left, and knows that it may not have happened: then it does not.
    fn is_left(&self) -> bool {
        match self {
            Self::Restart(reply) | Self::Logout(reply) => reply.is_closed(),
            Self::PairingCode(_, reply) => reply.is_closed(),
            Self::Watch(_, reply) => reply.is_closed(),
            Self::CurrentQr(reply) => reply.is_closed(),
            Self::Link(reply) => reply.is_closed(),
            Self::Asked(_, _, body) => body.is_left(),
            _ => false,
        }
    }

    /// Whether whoever says this wants it done by this server, whichever runs the session now.
    const fn asks(&self) -> bool {
        matches!(self, Self::Restart(_) | Self::Logout(_) | Self::Rerouted | Self::Retire)
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Part {
    Outbox,
    Inbox,
}

struct Session;

pub struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    tenant: TenantId,
    session: SessionId,
    /// What came before the lease, to be handled right after it.
    early: Vec<Msg>,
    /// None until the store gave the lease.
    held: Option<Held>,
    /// Runs of the client under earlier leases.
    runs: u64,
}

pub fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>, tenant: TenantId, session: SessionId) -> Child<Msg> {
    let vitals = parent.child("session", session.to_string());
    let args = (Arc::clone(shared), Arc::clone(&vitals), tenant, session);
    Child::new(vitals, MAILBOX, || Session, args)
}

impl Actor for Session {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>, TenantId, SessionId);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let (shared, vitals, tenant, session) = args;
        vitals.forget_all();
        myself.send_message(Letter::free(Msg::Begin))?;
        Ok(State { shared, vitals, tenant, session, early: Vec::new(), held: None, runs: 0 })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.open(&state.vitals) else { return Ok(()) };
        match body {
            Msg::Begin => state.begin(&myself),
            Msg::Leased(leased) => state.leased(&myself, leased?).await?,
            body if body.is_left() => {}
            Msg::Asked(lease, newest, body) => state.asked(&myself, lease, newest, *body).await?,
            body => match &mut state.held {
                Some(held) if body.asks() => make_sure(&state.shared.store, &myself, held.lease(), body),
                Some(held) => held.handle(&myself, body).await?,
                None => {
                    state.early.retain(|body| !body.is_left());
                    state.early.push(body);
                }
            },
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (Some((actor, why)), Some(held)) = (supervision::end(&event), &mut state.held) else { return Ok(()) };
        let (wait, part) = if held.outbox.is(actor) {
            (held.outbox.failed(&why), Part::Outbox)
        } else if held.inbox.is(actor) {
            held.inbox_way.set(None);
            (held.inbox.failed(&why), Part::Inbox)
        } else {
            return Ok(());
        };
        myself.send_after(wait, move || Letter::free(Msg::Revive(part)));
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        if let Some(held) = &mut state.held {
            held.stop().await;
        }
        Ok(())
    }
}

impl State {
    fn begin(&self, myself: &ActorRef<Letter<Msg>>) {
        let (store, tenant, session, myself) = (self.shared.store.clone(), self.tenant, self.session, myself.clone());
        tokio::spawn(async move {
            let leased = patiently(|| async {
                let Some((lease, kept)) = store.lease(tenant, session).await? else { return Ok(None) };
                let position = store.stream_position(tenant, session).await?;
                Ok(Some((lease, kept, position)))
            });
            let _ = myself.send_message(Letter::free(Msg::Leased(leased.await)));
        });
    }

    /// Does what the session is asked for; if another server runs it, not before it is ours again. Under an old lease it would open a
    /// second client on the keys, or unlink the device of another and change nothing of its row.
    async fn asked(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        lease: Lease,
        newest: bool,
        body: Msg,
    ) -> Result<(), ActorProcessingErr> {
        match &mut self.held {
            Some(held) if held.is_lost() || (!newest && held.lease() == lease) => self.take_back(myself, body).await,
            Some(held) => held.handle(myself, body).await?,
            None => self.early.push(body),
        }
        Ok(())
    }

    /// Takes the session from the server that has it now, and then does what it was asked to.
    async fn take_back(&mut self, myself: &ActorRef<Letter<Msg>>, body: Msg) {
        if let Some(mut held) = self.held.take() {
            self.runs = held.stop().await + 1;
        }
        self.early.push(body);
        self.begin(myself);
    }

    async fn leased(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        leased: Option<(Lease, Kept, Position)>,
    ) -> Result<(), ActorProcessingErr> {
        let Some((lease, kept, position)) = leased else {
            tell_tenant(myself, super::Msg::Gone(self.session));
            return Ok(());
        };
        let mut held = Held::new(&self.shared, &self.vitals, lease, (kept.life, position), self.runs);
        held.start(myself, Part::Inbox).await;
        held.start(myself, Part::Outbox).await;
        if kept.condemned {
            held.retire(myself);
        }
        held.apply(myself, Input::Started);
        for body in self.early.drain(..).filter(|body| !body.is_left()) {
            held.handle(myself, body).await?;
        }
        self.held = Some(held);
        Ok(())
    }
}

/// A server that was overtaken may not have noticed yet, so the store is asked before anything is done.
fn make_sure(store: &Store, myself: &ActorRef<Letter<Msg>>, lease: Lease, body: Msg) {
    let (store, myself) = (store.clone(), myself.clone());
    tokio::spawn(async move {
        // Where the store fails, what is asked for fails by itself.
        let newest = patiently(|| store.is_newest(lease)).await.unwrap_or(true);
        let _ = myself.send_message(Letter::free(Msg::Asked(lease, newest, Box::new(body))));
    });
}

/// Casts go up; the supervisor is resolved when it is needed.
fn tell_tenant(myself: &ActorRef<Letter<Msg>>, body: super::Msg) {
    if let Some(tenant) = myself.get_cell().try_get_supervisor() {
        let _ = tenant.send_message(mailbox::Letter::free(body));
    }
}
