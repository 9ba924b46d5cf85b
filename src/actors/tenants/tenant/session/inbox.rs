//! The inbox: what arrives is kept in the store before the network is told that it arrived.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::mailbox::{Door, Letter};
use crate::actors::system::supervision::Child;
use crate::domain::id::MessageId;
use crate::domain::message::Kind;
use crate::domain::session::Lease;
use crate::store::StoreError;
use crate::store::received::{Incoming, IncomingMedium};
use crate::whatsapp::{Inbox, InboxError, Received, ReceivedContent, ReceivedMedium};

const MAILBOX: usize = 64;
/// How long the network waits for our word that a batch is kept; then it will bring it again.
const KEEP_WITHIN: Duration = Duration::from_secs(30);

pub(super) enum Msg {
    Keep(Vec<Received>, oneshot::Sender<Result<(), StoreError>>),
}

struct InboxActor;

pub(super) struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    lease: Lease,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>, lease: Lease) -> Child<Msg> {
    let vitals = parent.child("inbox", "inbox");
    let args = (Arc::clone(shared), Arc::clone(&vitals), lease);
    Child::new(vitals, MAILBOX, || InboxActor, args)
}

impl Actor for InboxActor {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>, Lease);

    async fn pre_start(&self, _: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        Ok(State { shared: args.0, vitals: args.1, lease: args.2 })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(Msg::Keep(batch, reply)) = letter.open(&state.vitals) else { return Ok(()) };
        let (store, lease, vitals) = (state.shared.store.clone(), state.lease, Arc::clone(&state.vitals));
        let incoming: Vec<Incoming> = batch
            .into_iter()
            // What another device of the same account sent is no message to us.
            .filter(|message| !message.from_me)
            .map(|message| incoming(message, MessageId(store.clock().id())))
            .collect();
        tokio::spawn(async move {
            let kept = if incoming.is_empty() { Ok(()) } else { store.receive(lease, incoming).await };
            if let Err(error) = &kept {
                vitals.note_error(&error.to_string());
            }
            let _ = reply.send(kept);
        });
        Ok(())
    }
}

fn incoming(message: Received, id: MessageId) -> Incoming {
    let (kind, text, medium) = match message.content {
        ReceivedContent::Text(text) => (Kind::Text, Some(text), None),
        ReceivedContent::Medium(medium) => {
            let ReceivedMedium { said, caption, reference } = *medium;
            (said.wanted.kind(), caption, Some(IncomingMedium { said, reference }))
        }
        ReceivedContent::Unsupported(_) => (Kind::Unsupported, None, None),
    };
    // Wire ids are unique for a sender in a chat, so both are part of what tells two messages apart; as the stanza names them,
    // because a number may be learnt between a stanza and its repeat.
    let peer = if message.is_group {
        format!("{}/{}", message.chat.address, message.sender.address)
    } else {
        message.sender.address
    };
    Incoming { id, wire_id: message.wire_id, peer, from: message.sender.phone, kind, text, medium, at: message.at }
}

/// The link's way to the inbox of now: the actor may restart while the link stays.
#[derive(Clone, Default)]
pub(super) struct InboxWay {
    door: Arc<RwLock<Option<Door<Msg>>>>,
}

impl InboxWay {
    pub(super) fn set(&self, door: Option<Door<Msg>>) {
        *self.door.write().unwrap_or_else(PoisonError::into_inner) = door;
    }

    fn door(&self) -> Option<Door<Msg>> {
        self.door.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Inbox for InboxWay {
    async fn commit(&self, batch: Vec<Received>) -> Result<(), InboxError> {
        let door = self.door().ok_or_else(|| InboxError("the inbox is restarting".to_owned()))?;
        let kept = door.ask(KEEP_WITHIN, |reply| Msg::Keep(batch, reply)).await;
        kept.map_err(|refusal| InboxError(refusal.detail))?.map_err(|error| InboxError(error.to_string()))
    }
}
