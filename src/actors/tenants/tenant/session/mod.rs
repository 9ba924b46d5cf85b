//! A session's actor: it runs the pure life of `domain::session::life`, owns the client, and supervises outbox and inbox.

mod client;
mod inbox;
mod outbox;
mod retire;
mod story;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::task::JoinHandle;

use super::Reply;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::{self, Child};
use crate::actors::system::{Shared, mailbox};
use crate::clock;
use crate::domain::error::{Code, Refusal};
use crate::domain::event::{Position, StreamEvent};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::phone::Phone;
use crate::domain::session::life::{Effect, End, Input, Life, Stage, back_off};
use crate::domain::session::{Lease, Status};
use crate::store::StoreError;
use crate::store::sessions::Kept;
use crate::whatsapp::{LinkEvent, Over};
use client::{Client, Line};
use inbox::InboxWay;
use retire::Retirement;
use story::Story;

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
    /// The store kept the next step of the story; none if the lease was lost.
    Told(Result<Option<Position>, StoreError>),
    Watch(Option<Position>, Reply<Watch>),
    CurrentQr(Reply<String>),
    /// There may be something to send.
    Nudge,
    /// The session was deleted: unlink, destroy the keys, and go.
    Retire,
    RetireNow,
    Retired,
    Revive(Part),
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
    /// Deleted before it had its lease.
    condemned: bool,
    /// None until the store gave the lease.
    held: Option<Held>,
}

/// What a session has once it holds its lease.
struct Held {
    lease: Lease,
    life: Life,
    story: Story,
    client: Client,
    retirement: Retirement,
    retry: Option<JoinHandle<()>>,
    retries: u32,
    outbox: Child<outbox::Msg>,
    inbox: Child<inbox::Msg>,
    inbox_way: InboxWay,
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
        Ok(State { shared, vitals, tenant, session, condemned: false, held: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.vitals.handled();
        match letter.body {
            Msg::Begin => state.begin(&myself),
            Msg::Leased(leased) => state.leased(&myself, leased?).await,
            body => match &mut state.held {
                Some(held) => held.handle(&myself, body).await?,
                None => state.early(body),
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
            if let Some(retry) = held.retry.take() {
                retry.abort();
            }
            held.outbox.stop(Duration::from_secs(1)).await;
            // The client writes what it has received until it is closed, so the inbox goes last.
            held.client.close().await;
            held.inbox.stop(Duration::from_secs(1)).await;
        }
        Ok(())
    }
}

fn refuse<T>(reply: Reply<T>, refusal: Refusal) {
    let _: Result<(), _> = reply.send(Err(refusal));
}

impl State {
    fn begin(&self, myself: &ActorRef<Letter<Msg>>) {
        let (store, tenant, session, myself) = (self.shared.store.clone(), self.tenant, self.session, myself.clone());
        tokio::spawn(async move {
            let leased = async {
                let Some((lease, kept)) = store.lease(tenant, session).await? else { return Ok(None) };
                let position = store.stream_position(tenant, session).await?;
                Ok(Some((lease, kept, position)))
            };
            let _ = myself.send_message(Letter::free(Msg::Leased(leased.await)));
        });
    }

    /// What comes before the lease: a deletion is kept in mind, a watcher is asked to come back.
    fn early(&mut self, body: Msg) {
        match body {
            Msg::Retire => self.condemned = true,
            Msg::Watch(_, reply) => refuse(reply, Refusal::overloaded()),
            Msg::CurrentQr(reply) => refuse(reply, Refusal::overloaded()),
            _ => {}
        }
    }

    async fn leased(&mut self, myself: &ActorRef<Letter<Msg>>, leased: Option<(Lease, Kept, Position)>) {
        let Some((lease, kept, position)) = leased else {
            tell_tenant(myself, super::Msg::Gone(self.session));
            return;
        };
        let inbox_way = InboxWay::default();
        let mut held = Held {
            lease,
            life: kept.life,
            story: Story::new(self.shared.store.clone(), lease, position),
            client: Client::new(Arc::clone(&self.shared), lease, inbox_way.clone()),
            retirement: Retirement::new(Arc::clone(&self.shared), lease),
            retry: None,
            retries: 0,
            outbox: outbox::child(&self.shared, &self.vitals, lease),
            inbox: inbox::child(&self.shared, &self.vitals, lease),
            inbox_way,
        };
        held.start(myself, Part::Inbox).await;
        held.start(myself, Part::Outbox).await;
        if kept.condemned || self.condemned {
            held.retire(myself);
        }
        held.apply(myself, Input::Started);
        self.held = Some(held);
    }
}

impl Held {
    async fn handle(&mut self, myself: &ActorRef<Letter<Msg>>, body: Msg) -> Result<(), ActorProcessingErr> {
        match body {
            Msg::Opened(run, line) => self.client.opened(run, line),
            Msg::Wire(run, event) if self.client.is_run(run) => self.heard(myself, event),
            Msg::Over(run, over) if self.client.is_run(run) => self.over(myself, over),
            Msg::RetryDue(retry) if retry == self.retries => self.apply(myself, Input::RetryDue),
            Msg::Told(told) => self.told(myself, told?),
            Msg::Watch(after, reply) => self.story.watch(self.present(), after, reply),
            Msg::CurrentQr(reply) => {
                let _ = reply.send(self.current_qr());
            }
            Msg::Nudge => self.nudge_outbox(outbox::Msg::Nudge),
            Msg::Retire => self.retire(myself),
            Msg::RetireNow => self.retirement.go(myself, &mut self.client),
            Msg::Retired => tell_tenant(myself, super::Msg::Gone(self.lease.session)),
            Msg::Revive(part) => self.start(myself, part).await,
            // What an old run or an old timer says concerns nobody any more.
            Msg::Begin | Msg::Leased(_) | Msg::Wire(..) | Msg::Over(..) | Msg::RetryDue(_) => {}
        }
        Ok(())
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.client.now()
    }

    async fn start(&mut self, myself: &ActorRef<Letter<Msg>>, part: Part) {
        let again = match part {
            Part::Outbox => {
                let again = self.outbox.start(myself.get_cell()).await;
                if let Some(link) = self.client.ready() {
                    self.nudge_outbox(outbox::Msg::Up(link));
                }
                again
            }
            Part::Inbox => {
                let again = self.inbox.start(myself.get_cell()).await;
                self.inbox_way.set(self.inbox.door().cloned());
                again
            }
        };
        if let Some(wait) = again {
            myself.send_after(wait, move || Letter::free(Msg::Revive(part)));
        }
    }

    fn nudge_outbox(&self, body: outbox::Msg) {
        if let Some(door) = self.outbox.door() {
            door.nudge(body);
        }
    }

    /// What the wire tells while a run lasts.
    fn heard(&mut self, myself: &ActorRef<Letter<Msg>>, event: LinkEvent) {
        match event {
            LinkEvent::Qr { code, valid_for } => {
                let expires_at = self.now() + valid_for;
                self.apply(myself, Input::Qr { qr: code.0, expires_at });
            }
            LinkEvent::Paired { phone: Some(phone), .. } => self.apply(myself, Input::Paired { phone }),
            LinkEvent::Connected { phone } => match phone.or_else(|| self.life.phone.clone()) {
                Some(phone) => self.apply(myself, Input::Connected { phone }),
                None => self.apply(myself, Input::Ended(End::Refused("it gave no phone number".into()))),
            },
            LinkEvent::Ack { wire_id, error, at } => {
                let at = at.unwrap_or_else(|| self.now());
                self.nudge_outbox(outbox::Msg::Ack { wire_id, error, at });
            }
            LinkEvent::Receipt { wire_ids, kind, at } => self.nudge_outbox(outbox::Msg::Receipt { wire_ids, kind, at }),
            LinkEvent::PairFailed(why) => {
                let fault = End::PairingFailed(why).fault();
                let event = StreamEvent::Error {
                    session_id: self.lease.session,
                    code: fault.code,
                    message: fault.message,
                    last: false,
                };
                self.story.show(myself, Some(event));
            }
            LinkEvent::Undecryptable { .. } | LinkEvent::Paired { phone: None, .. } => {}
        }
    }

    fn over(&mut self, myself: &ActorRef<Letter<Msg>>, over: Over) {
        self.nudge_outbox(outbox::Msg::Down);
        self.client.over(&over);
        match over {
            Over::Lost(why) => self.apply(myself, Input::Lost { why }),
            Over::Ended(end) => self.apply(myself, Input::Ended(end)),
            Over::Closed => {}
        }
    }

    /// One step of the life, and everything that follows from it.
    fn apply(&mut self, myself: &ActorRef<Letter<Msg>>, input: Input) {
        let (life, effects) = self.life.clone().apply(input, self.now());
        self.life = life;
        for effect in effects {
            match effect {
                Effect::Open => self.client.run(myself),
                Effect::Record => {
                    self.story.record(myself, &self.life, self.present().filter(|e| e.logged_as().is_some()));
                }
                Effect::ShowQr => self.story.show(myself, self.present()),
                Effect::Deliver => self.deliver(myself),
                Effect::Retry { attempt } => self.retry_later(myself, attempt),
                Effect::Forget => self.client.forget_keys(),
            }
        }
    }

    fn deliver(&mut self, myself: &ActorRef<Letter<Msg>>) {
        if self.retirement.is_wanted() {
            self.retirement.go(myself, &mut self.client);
        } else if let Some(link) = self.client.ready() {
            self.nudge_outbox(outbox::Msg::Up(link));
        }
    }

    fn retry_later(&mut self, myself: &ActorRef<Letter<Msg>>, attempt: u32) {
        self.retries = self.retries.wrapping_add(1);
        let (retry, wait, myself) = (self.retries, back_off(attempt, clock::fraction()), myself.clone());
        tracing::info!(session = %self.lease.session, attempt, ?wait, "the connection was lost; trying again");
        self.retry = Some(tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = myself.send_message(Letter::free(Msg::RetryDue(retry)));
        }));
    }

    /// The next step of the story is in the store: the tenant hears of it before any watcher does.
    fn told(&mut self, myself: &ActorRef<Letter<Msg>>, kept: Option<Position>) {
        let Some(position) = kept else {
            tracing::warn!(session = %self.lease.session, "another holder has this session's lease");
            myself.stop(Some("the lease was lost".to_owned()));
            return;
        };
        if let Some((status, linked)) = self.story.kept() {
            tell_tenant(myself, super::Msg::Stands { session: self.lease.session, status, linked });
        }
        self.story.publish(myself, position);
    }

    /// What a watcher who comes now is shown.
    fn present(&self) -> Option<StreamEvent> {
        let session_id = self.lease.session;
        match &self.life.stage {
            Stage::Initializing | Stage::Connecting => None,
            Stage::QrReady { qr, expires_at } => {
                Some(StreamEvent::Qr { session_id, qr: qr.clone(), expires_at: *expires_at })
            }
            Stage::Connected { since } => Some(StreamEvent::Connected {
                session_id,
                phone_number: self.life.phone.as_ref().map(Phone::to_string).unwrap_or_default(),
                connected_at: *since,
            }),
            Stage::Disconnected | Stage::Failed(_) => self.life.fault.as_ref().map(|fault| StreamEvent::Error {
                session_id,
                code: fault.code.clone(),
                message: fault.message.clone(),
                last: self.life.status() == Status::Failed,
            }),
        }
    }

    fn current_qr(&self) -> Result<String, Refusal> {
        match &self.life.stage {
            Stage::QrReady { qr, expires_at } if *expires_at > self.now() => Ok(qr.clone()),
            _ => Err(Refusal::new(Code::SessionNotPairing, format!("The session is {}.", self.life.status().as_str()))),
        }
    }

    fn retire(&mut self, myself: &ActorRef<Letter<Msg>>) {
        self.story.end();
        let reachable = self.client.ready().is_some();
        self.retirement.want(myself, &mut self.client, self.life.phone.is_some() && !reachable);
    }
}

/// Casts go up; the supervisor is resolved when it is needed.
fn tell_tenant(myself: &ActorRef<Letter<Msg>>, body: super::Msg) {
    if let Some(tenant) = myself.get_cell().try_get_supervisor() {
        let _ = tenant.send_message(mailbox::Letter::free(body));
    }
}
