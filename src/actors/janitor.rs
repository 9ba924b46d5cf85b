//! The janitor: small chores on a slow clock. Each is idempotent, so one that was cut short is simply done again.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;

use super::system::health::Vitals;
use super::system::mailbox::Letter;
use super::system::supervision::Child;
use super::system::{Phase, Shared};
use super::tenants::{self, tenant};
use crate::store::StoreError;

/// How long a counted use may be known to this process alone.
const EVERY: Duration = Duration::from_secs(5);
/// How long a stream may outlive its key's expiry.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Old answers are forgotten once in this many rounds.
const FORGET_EVERY: u32 = 720;
/// Actors of tenants whom another server erased are looked for once in this many rounds.
const DISMISS_EVERY: u32 = 6;
/// What settled messages needed is forgotten once in this many rounds.
const FORGET_MEDIA_EVERY: u32 = 6;
/// Messages that nobody took are looked for once in this many rounds.
const EXPIRE_EVERY: u32 = 2;
/// What need not be kept any longer is looked for once in this many rounds.
const FORGET_MESSAGES_EVERY: u32 = 60;
/// The spool is swept once in this many rounds.
const SPOOL_EVERY: u32 = 120;
/// How long a tenant's actor may take to bury a session.
const UNLINKED_WITHIN: Duration = Duration::from_secs(30);
/// A file that no row names may be one whose message is about to be accepted: an upload takes ten minutes at most.
const ABOUT_TO_BE: Duration = Duration::from_mins(15);

pub(super) enum Msg {
    Round,
    Sweep,
}

struct Janitor;

struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    rounds: u32,
    clocks: [JoinHandle<()>; 2],
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
        // What a crash left behind is swept at once.
        myself.send_message(Letter::free(Msg::Round))?;
        let clocks = [
            myself.send_interval(EVERY, || Letter::free(Msg::Round)),
            myself.send_interval(SWEEP_EVERY, || Letter::free(Msg::Sweep)),
        ];
        Ok(State { shared: args.0, vitals: args.1, rounds: 0, clocks })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.open(&state.vitals) else { return Ok(()) };
        match body {
            Msg::Round => state.round(),
            Msg::Sweep => state.shared.streams.sweep(),
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.clocks.iter().for_each(JoinHandle::abort);
        if let Err(refusal) = state.shared.doorkeeper.write_uses().await {
            tracing::warn!(error = refusal.detail, "the last uses of keys were not written down");
        }
        Ok(())
    }
}

impl State {
    fn round(&mut self) {
        self.rounds = self.rounds.wrapping_add(1);
        let (shared, vitals) = (Arc::clone(&self.shared), Arc::clone(&self.vitals));
        let due = |every| self.rounds % every == 1;
        let (forget, forget_media, spool) = (due(FORGET_EVERY), due(FORGET_MEDIA_EVERY), due(SPOOL_EVERY));
        let (expire, forget_messages, dismiss) = (due(EXPIRE_EVERY), due(FORGET_MESSAGES_EVERY), due(DISMISS_EVERY));
        tokio::spawn(async move {
            if let Err(refusal) = shared.doorkeeper.write_uses().await {
                vitals.note_error(&refusal.detail);
            }
            if let Err(error) = end_streams_of_lost_keys(&shared).await {
                vitals.note_error(&error.to_string());
            }
            if forget && let Err(error) = shared.store.forget_answers().await {
                vitals.note_error(&error.to_string());
            }
            if forget && let Err(error) = shared.store.forget_sign_ins().await {
                vitals.note_error(&error.to_string());
            }
            if forget && let Err(error) = shared.store.forget_mail_tickets().await {
                vitals.note_error(&error.to_string());
            }
            if forget_media && let Err(error) = shared.store.forget_media().await {
                vitals.note_error(&error.to_string());
            }
            if forget_messages && let Err(error) = forget_old_messages(&shared).await {
                vitals.note_error(&error.to_string());
            }
            if let Err(error) = erase_gone(&shared, dismiss).await {
                vitals.note_error(&error.to_string());
            }
            if expire && let Err(error) = expire_messages(&shared).await {
                vitals.note_error(&error.to_string());
            }
            if spool && let Err(why) = sweep_spool(&shared).await {
                vitals.note_error(&why);
            }
        });
    }
}

/// A key that this process revokes ends its streams at once, as a person does who signs out; this is for what another one did.
async fn end_streams_of_lost_keys(shared: &Shared) -> Result<(), StoreError> {
    let openers = shared.streams.openers();
    if openers.is_empty() {
        return Ok(());
    }
    let living = shared.store.living(&openers).await?;
    openers.into_iter().filter(|bearer| !living.contains(bearer)).for_each(|bearer| shared.streams.end(bearer));
    Ok(())
}

/// Fails what nobody took in time. A part at a time, so that others write in between.
async fn expire_messages(shared: &Shared) -> Result<(), StoreError> {
    while shared.phase() != Phase::Stopping && shared.store.expire(shared.ages.expiry).await? {}
    Ok(())
}

/// Forgets what need not be kept any longer. A part at a time, so that others write in between.
async fn forget_old_messages(shared: &Shared) -> Result<(), StoreError> {
    let before = shared.ages.retention.before(shared.store.clock().now());
    let mut after = Some(0);
    while let Some(place) = after.filter(|_| shared.phase() != Phase::Stopping) {
        after = shared.store.forget_messages(before, place).await?;
    }
    while shared.phase() != Phase::Stopping && shared.store.forget_events(before).await? {}
    Ok(())
}

/// Erases tenants that are gone, and lets their actors go. A part at a time, so that others write in between.
async fn erase_gone(shared: &Shared, look: bool) -> Result<(), StoreError> {
    // A round may take longer than it is to the next.
    let Ok(_one) = shared.erasing.try_lock() else { return Ok(()) };
    let mut troubled = Ok(());
    let gone = shared.store.gone().await?;
    let look = look || !gone.is_empty();
    for tenant in gone {
        let erased = async {
            for session in shared.store.sessions(tenant).await? {
                // What its person could not delete any more, as the server stopped just then.
                if let Some(door) = shared.tenant(tenant) {
                    let _ = door.ask(UNLINKED_WITHIN, |reply| tenant::Msg::DeleteSession(session.id, reply)).await;
                }
            }
            while shared.phase() != Phase::Stopping && shared.store.erase(tenant).await? {}
            Ok(())
        };
        // One that cannot be erased holds up no other.
        troubled = troubled.and(erased.await);
    }
    if look {
        troubled = troubled.and(dismiss_erased(shared).await);
    }
    troubled
}

/// An actor that is there had a row when it was started, so one without is of a tenant who was erased, here or by another server.
async fn dismiss_erased(shared: &Shared) -> Result<(), StoreError> {
    let erased = shared.store.erased(shared.tenants()).await?;
    let Some(supervisor) = shared.tenants_door().filter(|_| !erased.is_empty()) else { return Ok(()) };
    for tenant in erased {
        // A supervisor that is just gone starts anew, with those who have sessions.
        let _ = supervisor.actor().send_message(Letter::free(tenants::Msg::Gone(tenant)));
    }
    Ok(())
}

/// Takes away the files that a crash left, or that messages left which failed.
async fn sweep_spool(shared: &Shared) -> Result<(), String> {
    let in_use = shared.store.spool_in_use().await.map_err(|error| error.to_string())?;
    shared.spool.sweep(&in_use, ABOUT_TO_BE).await.map_err(|error| format!("the spool was not swept: {error}"))
}
