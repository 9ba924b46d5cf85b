//! What a session does once it holds its lease: steps of its life, and what follows from each. Not an actor; its session's hands.

mod heard;
mod told;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};

use super::client::Client;
use super::codes::Codes;
use super::figures::Figures;
use super::inbox::{self, InboxWay};
use super::outbox;
use super::retire::Retirement;
use super::story::Story;
use super::{Msg, Part, Reply, tell_tenant};
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::Child;
use crate::actors::tenants::tenant;
use crate::domain::error::{Code, Refusal};
use crate::domain::event::{Position, StreamEvent};
use crate::domain::id::SessionId;
use crate::domain::phone::Phone;
use crate::domain::qr::ValidQr;
use crate::domain::session::life::{Effect, Input, Life, Stage};
use crate::domain::session::{Lease, Status};
use waits::Waits;

/// How long its children may take to stop.
const PART_WITHIN: Duration = Duration::from_millis(500);

/// What a session has once it holds its lease.
pub(super) struct Held {
    lease: Lease,
    life: Life,
    story: Story,
    pub(super) client: Client,
    codes: Codes,
    retirement: Retirement,
    waits: Waits,
    figures: Arc<Figures>,
    pub(super) outbox: Child<outbox::Msg>,
    pub(super) inbox: Child<inbox::Msg>,
    pub(super) inbox_way: InboxWay,
    /// Another server has the session now.
    lost: bool,
}

impl Held {
    pub(super) fn new(
        shared: &Arc<Shared>,
        vitals: &Arc<Vitals>,
        lease: Lease,
        kept: (Life, Position),
        runs: u64,
    ) -> Self {
        let (life, position) = kept;
        let inbox_way = InboxWay::default();
        let figures = shared.figures.of(lease.session);
        figures.leased(lease);
        // A session that has failed takes no step that would tell of it again.
        let failed = if life.status() == Status::Failed { present(lease.session, &life) } else { None };
        Self {
            lease,
            life,
            story: Story::new(shared.store.clone(), lease, position, failed),
            client: Client::new(Arc::clone(shared), lease, inbox_way.clone(), runs),
            codes: Codes::default(),
            retirement: Retirement::default(),
            waits: Waits::default(),
            figures,
            outbox: outbox::child(shared, vitals, lease),
            inbox: inbox::child(shared, vitals, lease),
            inbox_way,
            lost: false,
        }
    }

    pub(super) async fn handle(&mut self, myself: &ActorRef<Letter<Msg>>, body: Msg) -> Result<(), ActorProcessingErr> {
        match body {
            Msg::Opened(run, line) => self.client.opened(run, line),
            // What the network says of messages is true whichever run heard it, and it will not say it again.
            Msg::Wire(run, event) if self.client.is_run(run) || event.is_of_messages() => self.heard(myself, event),
            Msg::Over(run, over) if self.client.is_run(run) => self.over(myself, over),
            Msg::RetryDue(retry) if self.waits.is_latest(retry) => self.apply(myself, Input::RetryDue),
            Msg::TurnDue => self.apply(myself, Input::TurnDue),
            Msg::Told(told) => self.told(myself, told?),
            Msg::Watch(after, reply) => self.story.watch(after, reply),
            Msg::CurrentQr(reply) => {
                let _ = reply.send(self.current_qr());
            }
            Msg::Link(reply) => {
                let _ = reply.send(self.client.ready().ok_or_else(|| self.not_connected()));
            }
            Msg::PairingCode(phone, reply) => self.ask_for_code(myself, phone, reply),
            Msg::CodeGiven(request, answer) => {
                if let Some(typed) = self.codes.given(request, answer, self.client.now()) {
                    self.apply(myself, Input::Code(typed));
                }
            }
            Msg::CodeDue(code) if self.codes.is_latest(code) => self.code_over(myself, false),
            Msg::Nudge => self.nudge_outbox(outbox::Msg::Nudge),
            Msg::Media => self.nudge_outbox(outbox::Msg::Media),
            Msg::Medium(message) => self.nudge_outbox(outbox::Msg::Medium(message)),
            Msg::Repaced => self.nudge_outbox(outbox::Msg::Repaced),
            Msg::Retire => self.retire(myself),
            Msg::Restart(reply) => self.restart(myself, reply).await,
            Msg::Logout(reply) => {
                self.apply(myself, Input::Logout);
                self.story.answer(myself, reply);
            }
            Msg::Rerouted => self.apply(myself, Input::Rerouted),
            Msg::Retired => tell_tenant(myself, tenant::Msg::Gone(self.lease.session)),
            Msg::Revive(part) => self.start(myself, part).await,
            // What an old run or an old timer says concerns nobody any more.
            Msg::Begin
            | Msg::Leased(_)
            | Msg::Asked(..)
            | Msg::Wire(..)
            | Msg::Over(..)
            | Msg::RetryDue(_)
            | Msg::CodeDue(_) => {}
        }
        Ok(())
    }

    /// Another server has the session, and this one knows it: what it holds is of no use any more.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) const fn lease(&self) -> Lease {
        self.lease
    }

    /// Lets everything go; the number of the last run, after which a successor counts on.
    pub(super) async fn stop(&mut self) -> u64 {
        self.waits.end();
        self.outbox.stop(PART_WITHIN).await;
        // The client writes what it has received until it is closed, so the inbox goes last.
        let runs = self.client.close().await;
        self.inbox.stop(PART_WITHIN).await;
        runs
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.client.now()
    }

    pub(super) async fn start(&mut self, myself: &ActorRef<Letter<Msg>>, part: Part) {
        let again = match part {
            Part::Outbox => {
                let again = self.outbox.start(myself.get_cell()).await;
                self.deliver();
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

    /// Lets the outbox send, from the account that is linked.
    fn deliver(&self) {
        if let (Some(link), Some(account)) = (self.client.ready(), &self.life.phone) {
            self.nudge_outbox(outbox::Msg::Up(link, account.clone()));
        }
    }

    /// One step of the life, and everything that follows from it. A deleted session takes none any more, nor does one that another
    /// server has.
    pub(super) fn apply(&mut self, myself: &ActorRef<Letter<Msg>>, input: Input) {
        if self.retirement.has_begun() || self.lost {
            return;
        }
        let (life, effects) = self.life.clone().apply(input, self.now());
        self.life = life;
        self.figures.stands(self.life.status(), self.now());
        for effect in effects {
            match effect {
                Effect::Open => self.client.run(myself, self.life.attempt),
                Effect::Close => {
                    self.nudge_outbox(outbox::Msg::Down);
                    self.nudge_outbox(outbox::Msg::Cut);
                    self.client.drop_it();
                }
                Effect::Record => {
                    self.story.record(myself, &self.life, self.present().filter(|e| e.logged_as().is_some()));
                }
                Effect::ShowQr => {
                    if let Some(qr) = self.present() {
                        self.story.show(myself, qr, true);
                    }
                }
                Effect::Deliver => self.deliver(),
                Effect::Retry { attempt } => {
                    let wait = self.waits.retry(myself, self.lease.session, attempt);
                    self.figures.tries_again(self.now() + wait);
                }
                Effect::AwaitTurn { until } => {
                    self.figures.tries_again(until);
                    self.waits.turn(myself, until, self.client.now());
                }
                Effect::AwaitCode { until } => self.codes.wait(myself, until, self.client.now()),
                Effect::Forget => self.end_device(myself, false),
                Effect::Unlink => self.end_device(myself, true),
            }
        }
        if !self.life.is_pairing() {
            self.codes.forget(&self.not_pairing());
        }
    }

    fn end_device(&mut self, myself: &ActorRef<Letter<Msg>>, good_bye: bool) {
        self.nudge_outbox(outbox::Msg::Down);
        let session = self.lease.session;
        self.client.end(myself, good_bye, move |mut ending| async move {
            if let Err(error) = ending.run().await {
                tracing::error!(%session, %error, "the device's keys could not be destroyed");
            }
        });
    }

    /// Begins again with everything that the session has, parts that were left alone for failing too often included.
    async fn restart(&mut self, myself: &ActorRef<Letter<Msg>>, reply: Reply<()>) {
        for part in [Part::Inbox, Part::Outbox] {
            match part {
                Part::Inbox => self.inbox.forgive(),
                Part::Outbox => self.outbox.forgive(),
            }
            self.start(myself, part).await;
        }
        self.apply(myself, Input::Restart);
        self.story.answer(myself, reply);
    }

    fn present(&self) -> Option<StreamEvent> {
        present(self.lease.session, &self.life)
    }

    fn current_qr(&self) -> Result<ValidQr, Refusal> {
        match &self.life.stage {
            Stage::QrReady { qr, expires_at } if *expires_at > self.now() => {
                Ok(ValidQr { code: qr.clone(), expires_at: *expires_at })
            }
            _ => Err(self.not_pairing()),
        }
    }

    fn not_connected(&self) -> Refusal {
        let detail = format!("The session is {}; try again when it is connected.", self.life.status().as_str());
        Refusal::new(Code::SessionNotConnected, detail)
    }

    fn not_pairing(&self) -> Refusal {
        Refusal::new(Code::SessionNotPairing, format!("The session is {}.", self.life.status().as_str()))
    }

    pub(super) fn retire(&mut self, myself: &ActorRef<Letter<Msg>>) {
        self.story.end();
        self.nudge_outbox(outbox::Msg::Down);
        self.retirement.begin(myself, &mut self.client);
    }
}

/// What a watcher is told of a session that stands like this.
fn present(session_id: SessionId, life: &Life) -> Option<StreamEvent> {
    match &life.stage {
        Stage::Initializing | Stage::Connecting => None,
        Stage::QrReady { qr, expires_at } => {
            Some(StreamEvent::Qr { session_id, qr: qr.clone(), expires_at: *expires_at })
        }
        Stage::Connected { since } => Some(StreamEvent::Connected {
            session_id,
            phone_number: life.phone.as_ref().map(Phone::to_string).unwrap_or_default(),
            connected_at: *since,
        }),
        Stage::Disconnected | Stage::Failed(_) => life.fault.as_ref().map(|fault| StreamEvent::Error {
            session_id,
            code: fault.code.clone(),
            message: fault.message.clone(),
            last: life.status() == Status::Failed,
        }),
    }
}
