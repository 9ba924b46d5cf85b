//! A client that closes slowly, and one that fails: what becomes of the next.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use ractor::{Actor, ActorProcessingErr};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::*;
use crate::actors::media::Means;
use crate::actors::media::spool::Spool;
use crate::actors::system::Ages;
use crate::actors::system::doorkeeper::Doorkeeper;
use crate::domain::access::Mode;
use crate::domain::egress::Egress;
use crate::domain::session::{Changes, Setting};
use crate::store::device_keys::{Entry, Kind, new_lease, store_with_session};
use crate::whatsapp::Wire;

/// Nothing here takes longer, unless it never happens.
const SOON: Duration = Duration::from_secs(20);

/// Stands where a session's actor stands, and only listens.
struct Ear;

impl Actor for Ear {
    type Msg = Letter<Msg>;
    type State = UnboundedSender<Msg>;
    type Arguments = UnboundedSender<Msg>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        told: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(told)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        mut letter: Self::Msg,
        told: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        letter.body().into_iter().try_for_each(|body| Ok(told.send(body)?))
    }
}

struct Stage {
    shared: Arc<Shared>,
    lease: Lease,
    ear: ActorRef<Letter<Msg>>,
    told: UnboundedReceiver<Msg>,
}

impl Stage {
    async fn new(folder: &Path, dial: impl Fn() -> DuplexStream + Send + Sync + 'static) -> Self {
        let (store, lease) = store_with_session(folder).await;
        let doorkeeper = Doorkeeper::new(store.clone(), Mode::Test);
        let spool = Spool::open(folder.join("media")).unwrap();
        let means = Means::find(Egress::default()).await.unwrap();
        let shared = Shared::new(store, Wire::sandbox(Arc::new(dial)), doorkeeper, spool, means, Ages::default(), None);
        let (tell, told) = mpsc::unbounded_channel();
        let (ear, _) = Actor::spawn(None, Ear, tell).await.unwrap();
        Self { shared, lease, ear, told }
    }

    fn client(&self, lease: Lease, runs: u64) -> Client {
        Client::new(Arc::clone(&self.shared), lease, InboxWay::default(), runs)
    }

    async fn hears<T>(&mut self, fits: impl Fn(Msg) -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = fits(self.told.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("it was never told")
    }

    async fn opened(&mut self) -> (u64, Line) {
        self.hears(|told| if let Msg::Opened(run, line) = told { Some((run, line)) } else { None }).await
    }

    async fn over(&mut self) -> Over {
        self.hears(|told| if let Msg::Over(_, over) = told { Some(over) } else { None }).await
    }
}

fn nobody() -> DuplexStream {
    tokio::io::duplex(1024).0
}

#[tokio::test]
async fn no_client_comes_before_the_one_before_has_written_its_last_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), nobody).await;
    let (shared, lease) = (Arc::clone(&stage.shared), stage.lease);
    let keys = DeviceKeys::new(shared.store.clone(), lease);
    let link = shared.wire.open(keys.clone(), Arc::new(|_| {}), Arc::new(InboxWay::default())).await.unwrap();
    // A key of the old client that is on its way into the store.
    let entry = Entry { name: "bob".to_owned(), value: b"ratchet".to_vec(), mark: 0 };
    let mut late = Box::pin(keys.put(Kind::SignalSession, entry));
    assert!((&mut late).now_or_never().is_none());

    let mut client = stage.client(lease, 0);
    client.line = Some(Line { link: Arc::new(link), run: Arc::default(), behind_proxy: false });
    client.drop_it();
    client.run(&stage.ear, 0);
    // Nor does that of another actor of this session; another session's does, although it was the last to ask.
    let mut successor = stage.client(lease, 50);
    successor.run(&stage.ear, 0);
    let mut other = stage.client(new_lease(&shared.store, "other").await, 100);
    other.run(&stage.ear, 0);
    assert_eq!(stage.opened().await.0, 101);

    late.await.unwrap();
    let mut runs = [stage.opened().await.0, stage.opened().await.0];
    runs.sort_unstable();
    assert_eq!(runs, [2, 51]);
}

#[tokio::test]
async fn after_a_panic_the_next_attempt_dials_with_a_new_client() {
    let folder = tempfile::tempdir().unwrap();
    let (panics, dialled) = (AtomicBool::new(true), Arc::new(AtomicBool::new(false)));
    let dialling = Arc::clone(&dialled);
    let mut stage = Stage::new(folder.path(), move || {
        assert!(!panics.swap(false, Ordering::Relaxed), "as ordered");
        dialling.store(true, Ordering::Relaxed);
        nobody()
    })
    .await;
    let mut client = stage.client(stage.lease, 0);
    for panicked in [true, false] {
        client.run(&stage.ear, 0);
        let (run, line) = stage.opened().await;
        client.opened(run, line);
        let over = stage.over().await;
        client.over(&over);
        assert_eq!(matches!(over, Over::Broken(_)), panicked, "{over:?}");
    }
    assert!(dialled.load(Ordering::Relaxed));
}

/// Takes every place there is on a way, without waiting.
fn fill(shared: &Shared, way: Way) -> Vec<starting::Place> {
    std::iter::from_fn(|| shared.starting.place(way).now_or_never()?).collect()
}

#[tokio::test]
async fn proxies_that_never_answer_hold_up_no_session_that_goes_direct() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), nobody).await;
    let tenant = stage.lease.tenant;
    let dialling = [Way::BehindProxy(tenant), Way::FailingProxy(tenant)].map(|way| fill(&stage.shared, way));
    assert!(dialling.iter().all(|places| !places.is_empty()));
    let mut client = stage.client(stage.lease, 0);
    client.run(&stage.ear, 9);
    assert_eq!(stage.opened().await.0, 1);
}

#[tokio::test]
async fn a_proxy_that_failed_again_and_again_waits_with_its_like() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), nobody).await;
    let lease = stage.lease;
    let proxy = Changes { proxy: Setting::Set("http://proxy.example.com:1".parse().unwrap()), ..Changes::default() };
    stage.shared.store.change_session(lease.tenant, lease.session, proxy).await.unwrap();
    let failing = fill(&stage.shared, Way::FailingProxy(lease.tenant));
    let mut client = stage.client(lease, 0);
    client.run(&stage.ear, 1);
    let (run, line) = stage.opened().await;
    client.opened(run, line);
    client.drop_it();
    client.run(&stage.ear, 2);
    // It has no place before one of the others leaves.
    let opened = tokio::time::timeout(Duration::from_millis(200), stage.opened()).await;
    assert!(opened.is_err());
    drop(failing);
    assert_eq!(stage.opened().await.0, 3);
}
