//! The outbox: sends what the store says is due, in the order of acceptance within each chat, and writes down what the network says
//! of it.
//!
//! A nudge carries nothing: start, crash and normal running all read the store. A message is `sent` when WhatsApp acknowledged it;
//! until then every new connection sends it again under the same wire id, and phones show an id once. A message whose medium is not on
//! the media servers, or that is to be tried again after a pause, holds back its own chat and no other.

mod again;
mod catch_up;
mod limited;
mod media;
mod on_its_way;
mod paced;
mod progress;
mod round;
mod sending;
mod upload;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;

use super::figures::Figures;
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::supervision::Child;
use crate::clock;
use crate::domain::id::MessageId;
use crate::domain::message::{Failure, Mark, Status};
use crate::domain::phone::Phone;
use crate::domain::session::Lease;
use crate::whatsapp::{Link, ReceiptKind};
use catch_up::CatchUp;
use limited::Limits;
use media::{Looked, Media};
use on_its_way::OnItsWay;
use paced::Paced;
use progress::Progress;
use round::{Pumped, locked};
use upload::Uploaded;

/// What the network says happened within this time happened now.
const FRESH: TimeDelta = TimeDelta::seconds(2);

pub(super) enum Msg {
    /// The session is connected through this link, to this account.
    Up(Arc<Link>, Phone),
    Down,
    /// The connection was closed from this side, whatever was under way on it.
    Cut,
    /// There may be something to send.
    Nudge,
    /// There may be media to be made ready, or to be uploaded.
    Media,
    /// The medium of this message is ready, or never will be.
    Medium(MessageId),
    /// What is to be done for media; nothing if the store did not say.
    Looked(Option<Looked>),
    /// An upload is over.
    Uploaded(MessageId, Uploaded),
    /// A round of sending is over; nothing if it failed.
    Pumped(u64, Option<Pumped>),
    /// A pause is over.
    Resume,
    /// The tenant may have asked for another pace.
    Repaced,
    Ack {
        wire_id: String,
        error: Option<String>,
        at: DateTime<Utc>,
    },
    Receipt {
        wire_ids: Vec<String>,
        kind: ReceiptKind,
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Idle,
    /// A round is under way.
    Sending,
    /// The store or the connection is not there just now.
    Paused,
}

struct Outbox;

pub(super) struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    lease: Lease,
    link: Option<(Arc<Link>, Phone)>,
    /// Counts the connections, so that a round on an old one ends and does not speak for the new.
    connection: Arc<AtomicU64>,
    /// How far sending has come on this connection.
    progress: Arc<Mutex<Progress>>,
    on_its_way: Arc<OnItsWay>,
    pace: Pace,
    /// Something came while a round was under way.
    again: bool,
    /// Ends the next pause of a chat.
    alarm: Option<JoinHandle<()>>,
    /// How far what was sent before this actor lived, and never receipted, was sent again.
    catch_up: Arc<Mutex<CatchUp>>,
    paced: Paced,
    limits: Limits,
    media: Media,
    figures: Arc<Figures>,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>, lease: Lease) -> Child<Msg> {
    let vitals = parent.child("outbox", "outbox");
    let args = (Arc::clone(shared), Arc::clone(&vitals), lease);
    Child::new(vitals, 1, || Outbox, args)
}

impl Actor for Outbox {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>, Lease);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let (shared, vitals, lease) = args;
        // Connected or not: media are made ready meanwhile.
        myself.send_message(Letter::free(Msg::Media))?;
        let figures = shared.figures.of(lease.session);
        Ok(State {
            shared,
            vitals,
            lease,
            link: None,
            connection: Arc::default(),
            progress: Arc::default(),
            on_its_way: Arc::default(),
            pace: Pace::Idle,
            again: false,
            alarm: None,
            catch_up: Arc::default(),
            paced: Paced::new(),
            limits: Limits::default(),
            media: Media::default(),
            figures,
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
            Msg::Up(link, account) => state.up(&myself, link, account),
            Msg::Down => {
                state.link = None;
                state.connection.fetch_add(1, Ordering::AcqRel);
            }
            // A receipt that was read there and not heard of any more comes for sending again.
            Msg::Cut => state.catch_up = Arc::default(),
            Msg::Nudge => state.pump(&myself),
            Msg::Media => state.look(&myself),
            Msg::Medium(message) => state.medium(&myself, message),
            Msg::Looked(looked) => state.looked(&myself, looked),
            Msg::Uploaded(message, uploaded) => state.uploaded(&myself, message, uploaded),
            Msg::Resume => state.resume(&myself),
            Msg::Repaced => state.repaced(&myself),
            Msg::Pumped(connection, pumped) => state.pumped(&myself, connection, pumped),
            Msg::Ack { wire_id, error: None, at } => {
                state.figures.acked(at);
                state.acknowledged(&wire_id);
                state.mark(wire_id, Status::Sent, at, None).await;
            }
            Msg::Ack { wire_id, error: Some(code), at } => {
                state.on_its_way.stayed(&wire_id);
                state.refused(wire_id, &code, at).await;
            }
            Msg::Receipt { wire_ids, kind, at } => {
                let status = match kind {
                    ReceiptKind::Delivered => Status::Delivered,
                    ReceiptKind::Read | ReceiptKind::Played => Status::Read,
                };
                state.figures.receipted(at);
                for wire_id in wire_ids {
                    state.mark(wire_id, status, at, None).await;
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// A new connection starts over.
    fn up(&mut self, myself: &ActorRef<Letter<Msg>>, link: Arc<Link>, account: Phone) {
        self.link = Some((link, account));
        self.connection.fetch_add(1, Ordering::AcqRel);
        let anew = locked(&self.progress).anew();
        self.progress = Arc::new(Mutex::new(anew));
        let anew = locked(&self.catch_up).anew();
        self.catch_up = Arc::new(Mutex::new(anew));
        self.on_its_way.forget();
        self.resume(myself);
        self.look(myself);
    }

    fn acknowledged(&self, wire_id: &str) {
        if let Some(took) = self.on_its_way.acknowledged(wire_id, clock::instant()) {
            self.shared.store.metrics().acknowledged(took);
        }
    }

    /// The wire tells whole seconds, so what it says of this moment would lie before the message was accepted.
    fn moment(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let now = self.shared.store.clock().now();
        if now - at < FRESH { now } else { at }
    }

    /// Waits only for room in the writer's queue, and not for the commit.
    async fn mark(&self, wire_id: String, status: Status, at: DateTime<Utc>, error: Option<(Failure, String)>) {
        locked(&self.catch_up).answered(&wire_id);
        let at = self.moment(at);
        if let Err(error) = self.shared.store.mark(self.lease, Mark { wire_id, status, at, error }).await {
            self.vitals.note_error(&error.to_string());
        }
    }
}

/// A round that is under way ends at its next message when its outbox is gone: the next outbox begins its own.
impl Drop for State {
    fn drop(&mut self) {
        self.connection.fetch_add(1, Ordering::AcqRel);
        if let Some(alarm) = &self.alarm {
            alarm.abort();
        }
    }
}
