//! Probes: every actor is asked through its own mailbox, all at once. One that hangs does not answer, and nobody waits for it for long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::{Health, Probed, Vitals, locked};
use crate::actors::system::mailbox::Door;
use crate::clock;

/// What is asked of an actor and not answered yet. However many ask, only one letter lies in its mailbox: it may hang for long.
#[derive(Debug, Default)]
pub(super) struct Probes {
    letter_is_out: bool,
    waiting: Vec<(Instant, oneshot::Sender<Duration>)>,
}

/// The way into an actor's mailbox, whatever it takes there.
pub(super) struct Way(Box<dyn Fn() + Send + Sync>);

impl Way {
    pub(super) fn to<M: Send + 'static>(door: &Door<M>) -> Self {
        let door = door.clone();
        Self(Box::new(move || door.probe()))
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way")
    }
}

/// An actor that was asked, and those under it.
struct Asked {
    vitals: Arc<Vitals>,
    answer: Option<oneshot::Receiver<Duration>>,
    children: Vec<Asked>,
}

impl Vitals {
    /// Asks this actor and everything under it whether it answers, and waits so long for all of them together.
    pub async fn probe(self: &Arc<Self>, within: Duration) -> Health {
        let until = clock::instant() + within;
        self.ask().heard(until.into()).await
    }

    /// The actor has come to the letter: whoever asked until now has its answer.
    pub(in crate::actors::system) fn answers(&self) {
        let now = clock::instant();
        let probes = std::mem::take(&mut *locked(&self.probes));
        for (asked, answer) in probes.waiting {
            let _ = answer.send(now.duration_since(asked));
        }
    }

    fn ask(self: &Arc<Self>) -> Asked {
        let children: Vec<Arc<Self>> = locked(&self.children).values().cloned().collect();
        Asked { vitals: Arc::clone(self), answer: self.ask_alone(), children: children.iter().map(Self::ask).collect() }
    }

    /// None if there is nobody to ask.
    fn ask_alone(&self) -> Option<oneshot::Receiver<Duration>> {
        let life = locked(&self.life);
        let way = life.way.as_ref()?;
        let (answer, heard) = oneshot::channel();
        let mut probes = locked(&self.probes);
        probes.waiting.retain(|(_, answer)| !answer.is_closed());
        probes.waiting.push((clock::instant(), answer));
        if !std::mem::replace(&mut probes.letter_is_out, true) {
            (way.0)();
        }
        Some(heard)
    }
}

impl Asked {
    fn heard(self, until: tokio::time::Instant) -> BoxFuture<'static, Health> {
        Box::pin(async move {
            let children = join_all(self.children.into_iter().map(|child| child.heard(until)));
            let own = async {
                let answer = timeout_at(until, self.answer?).await;
                answer.ok()?.ok()
            };
            let (own, children) = futures_util::future::join(own, children).await;
            let micros = own.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
            let probe = Some(Probed { answered: micros.is_some(), micros });
            Health { probe, children, ..self.vitals.read_alone() }
        })
    }
}

#[cfg(test)]
mod tests {
    use ractor::{Actor, ActorProcessingErr, ActorRef};

    use super::*;
    use crate::actors::system::mailbox::{Letter, Places};
    use crate::clock::Clock;

    /// Waits for whatever it is sent.
    struct Slow;

    impl Actor for Slow {
        type Msg = Letter<oneshot::Receiver<()>>;
        type State = Arc<Vitals>;
        type Arguments = Arc<Vitals>;

        async fn pre_start(
            &self,
            _: ActorRef<Self::Msg>,
            vitals: Arc<Vitals>,
        ) -> Result<Arc<Vitals>, ActorProcessingErr> {
            Ok(vitals)
        }

        async fn handle(
            &self,
            _: ActorRef<Self::Msg>,
            mut letter: Self::Msg,
            vitals: &mut Arc<Vitals>,
        ) -> Result<(), ActorProcessingErr> {
            let Some(gate) = letter.open(vitals) else { return Ok(()) };
            let _ = gate.await;
            Ok(())
        }
    }

    async fn slow(vitals: &Arc<Vitals>) -> Door<oneshot::Receiver<()>> {
        let actor = Actor::spawn(None, Slow, Arc::clone(vitals)).await.unwrap().0;
        let door = Door::new(actor, Places::new(8));
        vitals.running(&door);
        door
    }

    #[tokio::test]
    async fn one_that_hangs_is_told_apart_and_all_others_answer() {
        let clock = Clock::default();
        let root = Vitals::new("root", "root", &clock);
        let (hung, away) = (root.child("session", "hung"), root.child("session", "away"));
        let (_root, door) = (slow(&root).await, slow(&hung).await);
        let (gate, shut) = oneshot::channel();
        door.nudge(shut);
        let soon = Duration::from_millis(50);
        for _ in 0..3 {
            let tree = root.probe(soon).await;
            let answered = |name: &str| {
                let one = tree.children.iter().find(|child| child.name == name).unwrap();
                one.probe.unwrap().answered
            };
            assert!(tree.probe.unwrap().answered && tree.probe.unwrap().micros.is_some());
            assert!(!answered("hung") && !answered("away"), "{tree:?}");
        }
        gate.send(()).unwrap();
        let tree = root.probe(Duration::from_secs(20)).await;
        assert!(tree.children.iter().any(|child| child.name == "hung" && child.probe.unwrap().answered), "{tree:?}");
        // What is asked so is nothing that it was sent.
        assert_eq!((root.read().handled, hung.read().handled, away.read().handled), (0, 1, 0));
    }
}
