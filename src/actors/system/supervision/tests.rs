//! Supervision: a child that fails comes back, one that fails too often is left alone, and its siblings notice nothing.

use ractor::ActorProcessingErr;
use tokio::sync::{oneshot, watch};

use super::*;
use crate::actors::system::health::ActorStatus;
use crate::clock::Clock;

#[test]
fn failures_wait_longer_each_time_and_end_in_quarantine() {
    let waits: Vec<_> = (1..=6).map(|n| wait(n, 1.0)).collect();
    let growing = [100, 200, 400, 800, 1600].map(Duration::from_millis);
    assert_eq!((&waits[..5], waits[5]), (&growing[..], QUARANTINE));
    assert_eq!(wait(1, 0.0), Duration::from_millis(50));
}

/// A child that does as it is told, a panic included.
struct Worker;

enum Order {
    Count(oneshot::Sender<u32>),
    Panic,
}

impl Actor for Worker {
    type Msg = Letter<Order>;
    type State = u32;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<u32, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        count: &mut u32,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.body() else { return Ok(()) };
        match body {
            Order::Count(reply) => {
                *count += 1;
                let _ = reply.send(*count);
            }
            Order::Panic => panic!("as ordered"),
        }
        Ok(())
    }
}

/// A supervisor of two workers, as the real ones are. It rings whenever one has ended or has started again.
struct Foreman {
    bell: watch::Sender<()>,
}

enum Call {
    Door(usize, oneshot::Sender<Option<Door<Order>>>),
    Revive(usize),
    Forgive(usize),
}

impl Actor for Foreman {
    type Msg = Letter<Call>;
    type State = Vec<Child<Order>>;
    type Arguments = Vec<Arc<Vitals>>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        vitals: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut workers: Vec<_> = vitals.into_iter().map(|vitals| Child::new(vitals, 2, || Worker, ())).collect();
        for worker in &mut workers {
            assert_eq!(worker.start(myself.get_cell()).await, None);
        }
        Ok(workers)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        workers: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(body) = letter.body() else { return Ok(()) };
        match body {
            Call::Door(n, reply) => {
                let _ = reply.send(workers[n].door().cloned());
            }
            Call::Forgive(n) => {
                workers[n].forgive();
                assert_eq!(workers[n].start(myself.get_cell()).await, None);
                self.bell.send_replace(());
            }
            Call::Revive(n) => {
                assert_eq!(workers[n].start(myself.get_cell()).await, None);
                self.bell.send_replace(());
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        workers: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((actor, why)) = end(&event)
            && let Some(n) = workers.iter().position(|worker| worker.is(actor))
        {
            let wait = workers[n].failed(&why);
            myself.send_after(wait, move || Letter::free(Call::Revive(n)));
            self.bell.send_replace(());
        }
        Ok(())
    }
}

struct Shop {
    vitals: Vec<Arc<Vitals>>,
    foreman: Door<Call>,
    bell: watch::Receiver<()>,
}

impl Shop {
    async fn open() -> Self {
        let top = Vitals::new("root", "root", &Clock::default());
        let vitals = vec![top.child("worker", "one"), top.child("worker", "two")];
        let (ring, bell) = watch::channel(());
        let (foreman, _) = Actor::spawn(None, Foreman { bell: ring }, vitals.clone()).await.unwrap();
        Self { vitals, foreman: Door::new(foreman, Places::new(8)), bell }
    }

    /// The way to a worker, once it is there.
    async fn worker(&self, n: usize) -> Door<Order> {
        let mut bell = self.bell.clone();
        loop {
            bell.mark_unchanged();
            let door = self.foreman.ask(Duration::from_secs(5), |reply| Call::Door(n, reply)).await.unwrap();
            match door {
                Some(door) => return door,
                None => bell.changed().await.unwrap(),
            }
        }
    }

    async fn count(&self, n: usize) -> u32 {
        self.worker(n).await.ask(Duration::from_secs(5), Order::Count).await.unwrap()
    }

    /// Makes a worker panic and waits until its supervisor knows.
    async fn panic(&self, n: usize) {
        let before = self.vitals[n].read().restarts;
        let worker = self.worker(n).await;
        let mut bell = self.bell.clone();
        bell.mark_unchanged();
        worker.nudge(Order::Panic);
        while self.vitals[n].read().restarts == before {
            bell.changed().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_child_that_panics_comes_back_afresh_and_its_sibling_notices_nothing() {
    let shop = Shop::open().await;
    assert_eq!((shop.count(0).await, shop.count(0).await, shop.count(1).await), (1, 2, 1));
    shop.panic(0).await;
    assert_eq!((shop.count(0).await, shop.count(1).await), (1, 2));
    let health = shop.vitals[0].read();
    assert_eq!((health.status, health.restarts), (ActorStatus::Running, 1));
    assert!(health.last_error.unwrap().contains("as ordered"));
}

#[tokio::test]
async fn a_child_that_fails_again_and_again_is_quarantined_and_gets_another_chance() {
    let shop = Shop::open().await;
    for _ in 0..=INTENSITY {
        shop.panic(0).await;
    }
    assert_eq!(shop.vitals[0].read().status, ActorStatus::Quarantined);
    assert_eq!(shop.count(0).await, 1);
    assert_eq!(shop.vitals[0].read().status, ActorStatus::Running);
}

#[tokio::test]
async fn a_child_in_quarantine_comes_back_at_once_when_a_person_asks_and_its_failures_are_forgotten() {
    let shop = Shop::open().await;
    for _ in 0..=INTENSITY {
        shop.panic(0).await;
    }
    assert_eq!(shop.vitals[0].read().status, ActorStatus::Quarantined);
    let asked = crate::clock::instant();
    shop.foreman.nudge(Call::Forgive(0));
    assert_eq!(shop.count(0).await, 1);
    assert!(asked.elapsed() < QUARANTINE / 2, "it did not wait for the end of the quarantine");
    shop.panic(0).await;
    assert_ne!(shop.vitals[0].read().status, ActorStatus::Quarantined);
    assert_eq!(shop.count(0).await, 1);
}

#[tokio::test]
async fn a_full_mailbox_turns_callers_away_and_a_crash_gives_its_places_back() {
    let shop = Shop::open().await;
    let worker = shop.worker(0).await;
    // Two places: two calls that are never read, because nothing runs between them, and a third that finds no place.
    let (one, two, three) = tokio::join!(
        worker.ask(Duration::from_secs(5), Order::Count),
        worker.ask(Duration::from_secs(5), Order::Count),
        worker.ask(Duration::from_secs(5), Order::Count),
    );
    assert_eq!((one.is_ok(), two.is_ok()), (true, true));
    assert_eq!(three.unwrap_err().code, crate::domain::error::Code::Overloaded);
    shop.panic(0).await;
    assert_eq!(shop.count(0).await, 1);
    assert_eq!(shop.vitals[0].read().mailbox, 0);
}
