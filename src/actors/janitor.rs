//! The janitor: small chores on a slow clock. Each is idempotent, so one that was cut short is simply done again.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;

use super::system::Shared;
use super::system::health::Vitals;
use super::system::mailbox::Letter;
use super::system::supervision::Child;

/// How long a counted use may be known to this process alone.
const EVERY: Duration = Duration::from_secs(5);
/// Old answers are forgotten once in this many rounds.
const FORGET_EVERY: u32 = 720;

pub(super) enum Msg {
    Round,
}

struct Janitor;

struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    rounds: u32,
    clock: JoinHandle<()>,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>) -> Child<Msg> {
    let vitals = parent.child("janitor", "janitor");
    let args = (Arc::clone(shared), Arc::clone(&vitals));
    Child::new(vitals, 1, || Janitor, args)
}

impl Actor for Janitor {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let clock = myself.send_interval(EVERY, || Letter::free(Msg::Round));
        Ok(State { shared: args.0, vitals: args.1, rounds: 0, clock })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Msg::Round = letter.body;
        state.vitals.handled();
        state.rounds = state.rounds.wrapping_add(1);
        let (shared, vitals, forget) =
            (Arc::clone(&state.shared), Arc::clone(&state.vitals), state.rounds % FORGET_EVERY == 1);
        tokio::spawn(async move {
            if let Err(refusal) = shared.doorkeeper.write_uses().await {
                vitals.note_error(&refusal.detail);
            }
            if forget && let Err(error) = shared.store.forget_answers().await {
                vitals.note_error(&error.to_string());
            }
        });
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.clock.abort();
        if let Err(refusal) = state.shared.doorkeeper.write_uses().await {
            tracing::warn!(why = refusal.detail, "the last uses of keys were not written down");
        }
        Ok(())
    }
}
