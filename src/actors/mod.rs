//! Who: the supervision tree. A folder is a supervisor, a file is an actor; `system/` is what they all stand on.
//!
//! ```text
//! root                     this file
//! ├── janitor              writes down counted uses, forgets what is old, sweeps the spool
//! ├── pool                 makes media ready, shared fairly between tenants
//! │   └── worker           one medium at a time: fetched, checked, converted, put into the spool
//! └── tenants              one child per active tenant
//!     └── tenant           limits, the choice of session, accepting; one child per session
//!         └── session      one WhatsApp account: runs domain::session::life and owns the client
//!             ├── outbox   sends what the store says is due, in order; hands media to the pool, and uploads them
//!             └── inbox    keeps what arrives before the network is told so
//! ```

mod handle;
mod janitor;
mod media;
pub mod system;
pub mod tenants;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

pub(crate) use handle::FLEET_PAGE;
pub use handle::{Figures, NewKeyRequest, Sending, Settings, StartError, System, Unready, create_key};
pub use media::downloads::Downloadable;
#[cfg(test)]
pub(crate) use media::uploads::uploading_into;
pub use media::uploads::{Upload, Uploading};
use system::Shared;
pub use system::health::Health;
use system::health::Vitals;
use system::mailbox::Letter;
pub use system::passwords::Passwords;
use system::supervision::Child;

/// How long the tree below may take to stop; the process must be gone within ten seconds of a SIGTERM.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// The top of the tree. It never gives up on a child. When it fails itself, nobody is left to start it again: then the process
/// ends (`System::failed`), and whoever started it does so again.
struct Root;

enum Msg {
    Revive(Part),
}

/// The root's children.
#[derive(Debug, Clone, Copy)]
enum Part {
    Janitor,
    Media,
    Tenants,
}

struct State {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    janitor: Child<janitor::Msg>,
    media: Child<media::Msg>,
    tenants: Child<tenants::Msg>,
}

impl State {
    /// The child list, in start order. They stop in the opposite order.
    fn new(shared: &Arc<Shared>, vitals: &Arc<Vitals>) -> Self {
        Self {
            shared: Arc::clone(shared),
            vitals: Arc::clone(vitals),
            // Counts uses of keys, so it is the last to stop.
            janitor: janitor::child(shared, vitals),
            // Works for sessions, so it is there before them.
            media: media::child(shared, vitals),
            // Everything that tenants own.
            tenants: tenants::child(shared, vitals),
        }
    }

    async fn start(&mut self, myself: &ActorRef<Letter<Msg>>, part: Part) {
        let again = match part {
            Part::Janitor => self.janitor.start(myself.get_cell()).await,
            Part::Media => {
                let again = self.media.start(myself.get_cell()).await;
                self.shared.set_media_door(self.media.door().cloned());
                // What the one before had in hand is handed over again.
                self.shared.tell_of_pool();
                again
            }
            Part::Tenants => {
                let again = self.tenants.start(myself.get_cell()).await;
                self.shared.set_tenants_door(self.tenants.door().cloned());
                again
            }
        };
        if let Some(wait) = again {
            myself.send_after(wait, move || Letter::free(Msg::Revive(part)));
        }
    }
}

impl Actor for Root {
    type Msg = Letter<Msg>;
    type State = State;
    type Arguments = (Arc<Shared>, Arc<Vitals>);

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Self::Arguments) -> Result<State, ActorProcessingErr> {
        let mut state = State::new(&args.0, &args.1);
        for part in [Part::Janitor, Part::Media, Part::Tenants] {
            state.start(&myself, part).await;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(Msg::Revive(part)) = letter.open(&state.vitals) else { return Ok(()) };
        state.start(&myself, part).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((actor, why)) = system::supervision::end(&event) else { return Ok(()) };
        let (wait, part) = if state.tenants.is(actor) {
            state.shared.set_tenants_door(None);
            (state.tenants.failed(&why), Part::Tenants)
        } else if state.media.is(actor) {
            state.shared.set_media_door(None);
            (state.media.failed(&why), Part::Media)
        } else if state.janitor.is(actor) {
            (state.janitor.failed(&why), Part::Janitor)
        } else {
            return Ok(());
        };
        myself.send_after(wait, move || Letter::free(Msg::Revive(part)));
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.tenants.stop(STOP_WITHIN).await;
        state.media.stop(STOP_WITHIN).await;
        state.janitor.stop(STOP_WITHIN).await;
        Ok(())
    }
}
