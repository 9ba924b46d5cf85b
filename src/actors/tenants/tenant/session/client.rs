//! The session's client on the wire: opened, run, closed. Not an actor; its session's hands.
//!
//! Whoever runs a client holds the session's seat until the run is over, so no restart above can give a device two clients.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared as Awaited};
use ractor::ActorRef;

use super::Msg;
use super::inbox::InboxWay;
use super::unlink::Ending;
use crate::actors::system::mailbox::Letter;
use crate::actors::system::starting::Way;
use crate::actors::system::{Shared, starting};
use crate::domain::session::Lease;
use crate::metrics::Metrics;
use crate::store::device_keys::DeviceKeys;
use crate::whatsapp::{Inbox, Link, LinkEvent, Listener, Over};

/// What a client may take to say good-bye and write what it has received.
const CLOSE_WITHIN: Duration = Duration::from_millis(2500);

pub(super) struct Client {
    shared: Arc<Shared>,
    lease: Lease,
    inbox: InboxWay,
    line: Option<Line>,
    /// Counts the runs; what an older run tells is not heard.
    run: u64,
    /// The same, for runs that are still on their way.
    present: Arc<AtomicU64>,
    running: bool,
    starting: Place,
    /// What is left to do for earlier clients of this session: the next one comes after it.
    ending: Awaited<BoxFuture<'static, ()>>,
}

/// A place among the sessions that are on their way to the network.
type Place = Arc<Mutex<Option<starting::Place>>>;

/// A link, and the number of its present run, which its events carry.
#[derive(Clone)]
pub struct Line {
    link: Arc<Link>,
    run: Arc<AtomicU64>,
    behind_proxy: bool,
}

impl Client {
    /// `run` is the number of the last run of whoever was here before: its late events are not to be taken for ours.
    pub(super) fn new(shared: Arc<Shared>, lease: Lease, inbox: InboxWay, run: u64) -> Self {
        Self {
            shared,
            lease,
            inbox,
            line: None,
            run,
            present: Arc::default(),
            running: false,
            starting: Arc::default(),
            ending: over_and_done(),
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.shared.store.clock().now()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        self.shared.store.metrics()
    }

    pub(super) const fn is_run(&self, run: u64) -> bool {
        self.run == run
    }

    /// The link, if a send would go out now.
    pub(super) fn ready(&self) -> Option<Arc<Link>> {
        let line = self.line.as_ref().filter(|line| self.running && line.link.is_ready());
        line.map(|line| Arc::clone(&line.link))
    }

    /// The link that runs, whether or not it is there yet.
    pub(super) fn running(&self) -> Option<Arc<Link>> {
        self.line.as_ref().filter(|_| self.running).map(|line| Arc::clone(&line.link))
    }

    /// Begins the next run in a task of its own, after so many that failed; a link that merely lost its connection is run again.
    pub(super) fn run(&mut self, myself: &ActorRef<Letter<Msg>>, failed: u32) {
        self.count();
        self.running = true;
        let drive = Drive {
            shared: Arc::clone(&self.shared),
            lease: self.lease,
            inbox: self.inbox.clone(),
            line: self.line.clone(),
            run: self.run,
            present: Arc::clone(&self.present),
            starting: Arc::clone(&self.starting),
            failed,
            session: myself.clone(),
        };
        let (myself, run, starting) = (myself.clone(), self.run, Arc::clone(&self.starting));
        let ending = self.ending.clone();
        tokio::spawn(async move {
            ending.await;
            // A panic on the way must not leave the session waiting for the end of a run that is no more.
            if tokio::spawn(drive.until_over()).await.is_err() {
                leave(&starting);
                let over = Over::Broken("the client failed".to_owned());
                let _ = myself.send_message(Letter::free(Msg::Over(run, over)));
            }
        });
    }

    pub(super) fn opened(&mut self, run: u64, line: Line) {
        if self.is_run(run) {
            self.line = Some(line);
        } else {
            // Nobody waits for this run any more: closed before it runs, it ends at once.
            self.let_go(line.link);
        }
    }

    pub(super) fn over(&mut self, over: &Over) {
        self.running = false;
        // After a panic its other tasks still run; after any other end this is done already.
        if let Some(line) = self.line.take_if(|_| !over.may_run_again()) {
            self.let_go(line.link);
        }
    }

    /// Lets the client go that there is; the next one waits for its end.
    pub(super) fn drop_it(&mut self) {
        if let Some(link) = self.take() {
            self.let_go(link);
        }
    }

    /// Closes a link now, and whatever comes next comes after that.
    fn let_go(&mut self, link: Arc<Link>) {
        let closing = closing(&self.shared, self.lease, link);
        self.first(closing);
    }

    /// Has the next client wait for this as well.
    fn first(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let (before, task) = (self.ending.clone(), tokio::spawn(task));
        let all = async move {
            before.await;
            let _ = task.await;
        };
        self.ending = all.boxed().shared();
    }

    /// Ends the run and waits until nobody drives this session any more; the number of that run.
    pub(super) async fn close(&mut self) -> u64 {
        if let Some(link) = self.take()
            && tokio::time::timeout(CLOSE_WITHIN, tokio::spawn(closing(&self.shared, self.lease, link))).await.is_err()
        {
            tracing::warn!(session = %self.lease.session, "the client did not close in time");
        }
        self.run
    }

    fn count(&mut self) {
        self.run += 1;
        self.present.store(self.run, Ordering::Release);
    }

    fn take(&mut self) -> Option<Arc<Link>> {
        self.count();
        self.running = false;
        self.line.take().map(|line| line.link)
    }

    /// Ends the device: with a good-bye to the network if it is to know and can be reached, and with its keys in any case.
    pub(super) fn end<F>(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        good_bye: bool,
        run: impl FnOnce(Ending) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let ending = Ending {
            shared: Arc::clone(&self.shared),
            lease: self.lease,
            inbox: self.inbox.clone(),
            link: self.take(),
            good_bye,
            session: myself.clone(),
        };
        let before = self.ending.clone();
        self.first(async move {
            before.await;
            run(ending).await;
        });
    }
}

/// A session's actor that failed must not leave its client running.
impl Drop for Client {
    fn drop(&mut self) {
        if let (Some(link), Ok(runtime)) = (self.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(closing(&self.shared, self.lease, link));
        }
    }
}

/// Closes a link. One that runs ends its run only when this is done, and that run has the seat; one that is idle takes the seat, so
/// that no other client comes beside it, not even that of another actor.
fn closing(shared: &Shared, lease: Lease, link: Arc<Link>) -> impl Future<Output = ()> + Send + 'static {
    let seat = shared.seat(lease.session).try_lock_owned().ok();
    async move {
        link.close().await;
        drop(seat);
    }
}

fn over_and_done() -> Awaited<BoxFuture<'static, ()>> {
    std::future::ready(()).boxed().shared()
}

/// One run, from the seat to the end of the connection.
struct Drive {
    shared: Arc<Shared>,
    lease: Lease,
    inbox: InboxWay,
    line: Option<Line>,
    run: u64,
    present: Arc<AtomicU64>,
    starting: Place,
    /// How many attempts have failed in a row.
    failed: u32,
    session: ActorRef<Letter<Msg>>,
}

impl Drive {
    async fn until_over(self) {
        let seat = self.shared.seat(self.lease.session);
        let _seat = seat.lock().await;
        let over = match self.open().await {
            Ok(line) => {
                line.run.store(self.run, Ordering::Release);
                if self.tell(Msg::Opened(self.run, line.clone())).is_err() {
                    // The actor is gone, and its successor waits for the seat.
                    line.link.close().await;
                    return;
                }
                line.link.run().await
            }
            Err(over) => over,
        };
        leave(&self.starting);
        let _ = self.tell(Msg::Over(self.run, over));
    }

    async fn open(&self) -> Result<Line, Over> {
        if let Some(line) = &self.line {
            self.take_place(line.behind_proxy).await?;
            return Ok(line.clone());
        }
        let proxy = self.shared.store.proxy(self.lease).await.map_err(|error| Over::Lost(error.to_string()))?;
        let behind_proxy = proxy.is_some();
        self.take_place(behind_proxy).await?;
        let run = Arc::new(AtomicU64::new(self.run));
        let (session, starting, present) = (self.session.clone(), Arc::clone(&self.starting), Arc::clone(&run));
        let on: Listener = Arc::new(move |event| {
            if matches!(event, LinkEvent::Qr { .. } | LinkEvent::Connected { .. }) {
                leave(&starting);
            }
            let _ = session.send_message(Letter::free(Msg::Wire(present.load(Ordering::Acquire), event)));
        });
        let inbox: Arc<dyn Inbox> = Arc::new(self.inbox.clone());
        let keys = DeviceKeys::new(self.shared.store.clone(), self.lease);
        let link = self.shared.wire.through(proxy).open(keys, on, inbox).await?;
        Ok(Line { link: Arc::new(link), run, behind_proxy })
    }

    /// Only so many sessions dial at once; the place is free again when this one is there, or is not.
    async fn take_place(&self, behind_proxy: bool) -> Result<(), Over> {
        let way = match behind_proxy {
            false => Way::Direct,
            true if self.failed < 2 => Way::BehindProxy(self.lease.tenant),
            true => Way::FailingProxy(self.lease.tenant),
        };
        let place = self.shared.starting.place(way).await;
        if self.present.load(Ordering::Acquire) != self.run {
            // A restart, or another way, has overtaken this run while it waited.
            return Err(Over::Closed);
        }
        *self.starting.lock().unwrap_or_else(PoisonError::into_inner) = place;
        Ok(())
    }

    fn tell(&self, body: Msg) -> Result<(), ()> {
        self.session.send_message(Letter::free(body)).map_err(|_| ())
    }
}

fn leave(place: &Place) {
    place.lock().unwrap_or_else(PoisonError::into_inner).take();
}

#[cfg(test)]
mod tests;
