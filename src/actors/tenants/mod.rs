//! The tenants' supervisor: one child per active tenant, started at boot for those with sessions and at the first call for the rest.

pub mod tenant;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use super::system::health::Vitals;
use super::system::mailbox::{Door, Letter};
use super::system::supervision::{self, Child};
use super::system::{Phase, Shared};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::TenantId;

/// Activations that may wait.
const MAILBOX: usize = 1024;
/// When the database does not answer at the start, it is asked again.
const BOOT_AGAIN: Duration = Duration::from_secs(1);
const STOP_WITHIN: Duration = Duration::from_secs(7);

pub(super) enum Msg {
    /// Start every tenant that has something to run.
    Boot,
    /// Give the way to a tenant's actor, starting it if need be; or say why there is none.
    Activate(TenantId, oneshot::Sender<Result<Door<tenant::Msg>, Refusal>>),
    Revive(TenantId),
    /// A tenant was erased: there is nothing left to act for.
    Gone(TenantId),
}

struct Tenants;

struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    children: BTreeMap<TenantId, Child<tenant::Msg>>,
}

pub(super) fn child(shared: &Arc<Shared>, parent: &Arc<Vitals>) -> Child<Msg> {
    let vitals = parent.child("tenants", "tenants");
    let args = (Arc::clone(shared), Arc::clone(&vitals));
    Child::new(vitals, MAILBOX, || Tenants, args)
}

impl State {
    async fn start(&mut self, myself: &ActorRef<Letter<Msg>>, id: TenantId) {
        let (shared, vitals) = (&self.shared, &self.vitals);
        let child = self.children.entry(id).or_insert_with(|| tenant::child(shared, vitals, id));
        if let Some(wait) = child.start(myself.get_cell()).await {
            myself.send_after(wait, move || Letter::free(Msg::Revive(id)));
        }
        self.shared.set_tenant(id, child.door().cloned());
    }

    /// A tenant that is down comes back by its own back-off, not by the calls that ask for it.
    async fn activate(&mut self, myself: &ActorRef<Letter<Msg>>, id: TenantId) -> Result<Door<tenant::Msg>, Refusal> {
        if !self.children.contains_key(&id) {
            self.start(myself, id).await;
        }
        let child = self.children.get(&id).ok_or_else(Refusal::overloaded)?;
        child.door().cloned().ok_or_else(|| away(child.away()))
    }

    /// Lets a child go. Its sessions are gone already, so its end is short; nobody waits for it all the same.
    fn dismiss(&mut self, id: TenantId) {
        self.shared.set_tenant(id, None);
        let Some(mut child) = self.children.remove(&id) else { return };
        self.vitals.forget(child.vitals().name());
        tokio::spawn(async move { child.stop(STOP_WITHIN).await });
    }

    async fn boot(&mut self, myself: &ActorRef<Letter<Msg>>) {
        match self.shared.store.active_tenants().await {
            Ok(tenants) => {
                for id in tenants {
                    self.start(myself, id).await;
                }
                self.shared.enter(Phase::Running);
            }
            Err(error) => {
                self.vitals.note_error(&error.to_string());
                myself.send_after(BOOT_AGAIN, || Letter::free(Msg::Boot));
            }
        }
    }
}

/// What a tenant whose actor failed, and is not back yet, is told.
fn away((wait, quarantined): (Duration, bool)) -> Refusal {
    let detail = if quarantined {
        "What drives your sessions failed too often and is left alone for some minutes; nothing was done. It starts again by itself."
    } else {
        "What drives your sessions failed and is about to start again; nothing was done. Try again shortly."
    };
    Refusal::new(Code::Overloaded, detail).after(wait.max(Duration::from_secs(1)))
}

impl Actor for Tenants {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        args.1.forget_all();
        // The doors of an incarnation that failed lead nowhere.
        args.0.forget_tenants();
        myself.send_message(Letter::free(Msg::Boot))?;
        Ok(State { shared: args.0, vitals: args.1, children: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.open(&state.vitals) else { return Ok(()) };
        match body {
            Msg::Boot => state.boot(&myself).await,
            Msg::Activate(_, reply) if reply.is_closed() => {}
            Msg::Activate(id, reply) => {
                let _ = reply.send(state.activate(&myself, id).await);
            }
            Msg::Revive(id) if state.children.contains_key(&id) => {
                state.start(&myself, id).await;
            }
            Msg::Revive(_) => {}
            Msg::Gone(id) => state.dismiss(id),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((actor, why)) = supervision::end(&event) else { return Ok(()) };
        if let Some((&id, child)) = state.children.iter_mut().find(|(_, child)| child.is(actor)) {
            state.shared.set_tenant(id, None);
            let wait = child.failed(&why);
            myself.send_after(wait, move || Letter::free(Msg::Revive(id)));
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        for id in state.children.keys() {
            state.shared.set_tenant(*id, None);
        }
        join_all(state.children.values_mut().map(|child| child.stop(STOP_WITHIN))).await;
        Ok(())
    }
}
