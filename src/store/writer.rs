//! The one writer: whatever is queued becomes one transaction with one fsync, and only then are its callers told.
//!
//! Batches form by themselves: while one commits, the next gathers. Sends, marks and device keys, which come in floods, are
//! written with a few statements for the whole batch; any other job runs in a savepoint of its own, so that its failure is its own.

mod batch;
mod kept;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr, TransactionTrait};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::StoreError;
use super::accept::AcceptJob;
use super::database::{Pool, Trouble};
use super::device_keys::KeyJob;
use super::marks::MarkJob;
use crate::clock;
use crate::domain::id::TenantId;
use crate::metrics::Metrics;
use batch::{Batch, Left, TAKES_UP};
use kept::Kept;

/// How many jobs may wait; past it callers are told to come back.
const QUEUE: usize = 8192;
/// How many jobs one transaction takes at most.
const BATCH: usize = 512;

/// After a batch of so many, the next waits a moment: its callers, who were just answered, are about to be back, and a batch that
/// began with the first of them would leave all others to wait for it.
const BUSY: usize = 8;
const LINGER: Duration = Duration::from_millis(1);
/// How long a transaction may take. The database itself gives up a little sooner; this is for one that is not heard of any more.
const WITHIN: Duration = Duration::from_secs(12);
/// How soon what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Called after the commit, or with the reason why there was none.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Gives back how to tell its caller, and what befell the whole transaction.
type Work = Box<dyn for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, (Finish, Option<Trouble>)> + Send>;

enum Job {
    Accept(AcceptJob),
    Mark(MarkJob),
    Keys(KeyJob),
    /// With the tenant that it counts for, if it does.
    Work(Option<TenantId>, Work),
    /// Take nothing more, commit what is queued, and end.
    Stop,
}

pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    task: Mutex<Option<JoinHandle<()>>>,
    trouble: watch::Receiver<Option<Trouble>>,
}

impl Writer {
    pub(super) fn start(pool: Pool, metrics: Arc<Metrics>) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (tell, trouble) = watch::channel(None);
        let task = tokio::spawn(run(pool, jobs, tell, metrics));
        Self { queue, task: Mutex::new(Some(task)), trouble }
    }

    /// Why nothing can be written, if that is how it stood a moment ago.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.borrow().clone()
    }

    /// Waits until things can be written, or are not any more at all.
    pub(super) async fn recovered(&self) {
        let _ = self.trouble.clone().wait_for(Option::is_none).await;
    }

    /// Queues a send without waiting; when there is no room its caller is told so.
    pub(super) fn accept(&self, job: AcceptJob) {
        match self.queue.try_reserve() {
            Ok(place) => place.send(Job::Accept(job)),
            Err(mpsc::error::TrySendError::Full(())) => (job.done)(Err(StoreError::Full)),
            Err(mpsc::error::TrySendError::Closed(())) => (job.done)(Err(StoreError::Closed)),
        }
    }

    /// Queues a mark; waits only for room.
    pub(super) async fn mark(&self, job: MarkJob) -> Result<(), StoreError> {
        self.queue.send(Job::Mark(job)).await.map_err(|_| StoreError::Closed)
    }

    /// Queues a change of device keys; waits only for room.
    pub(super) async fn keys(&self, job: KeyJob) -> Result<(), StoreError> {
        self.queue.send(Job::Keys(job)).await.map_err(|_| StoreError::Closed)
    }

    pub(super) async fn work<T, F>(&self, counts_for: Option<TenantId>, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>> + Send + 'static,
    {
        let (work, told) = boxed(job);
        self.queue.send(Job::Work(counts_for, work)).await.map_err(|_| StoreError::Closed)?;
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Whether jobs are still taken.
    pub(super) fn is_alive(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Takes nothing more, commits what is queued, and lets the connection go.
    pub(super) async fn close(&self) {
        let _ = self.queue.send(Job::Stop).await;
        if let Some(task) = self.task.lock().await.take()
            && task.await.is_err()
        {
            tracing::error!("the writer ended badly");
        }
    }
}

/// The job as the writer takes it, and where its caller hears of it.
fn boxed<T, F>(job: F) -> (Work, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let tell = Tell(Some(tell));
    let work: Work = Box::new(move |batch| {
        async move {
            let done = in_savepoint(batch, job).await;
            let trouble = done.as_ref().err().and_then(Trouble::of).filter(Trouble::spoils_connections);
            (finish(done, tell), trouble)
        }
        .boxed()
    });
    (work, told)
}

async fn in_savepoint<T, F>(batch: &DatabaseTransaction, job: F) -> Result<T, DbErr>
where
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>>,
{
    let savepoint = batch.begin().await?;
    match job(&savepoint).await {
        Ok(done) => savepoint.commit().await.map(|()| done),
        Err(error) => {
            // Where this fails as well, the whole transaction is lost, and the first of the two says why.
            let _ = savepoint.rollback().await;
            Err(error)
        }
    }
}

/// Whoever waits for a job hears of it, also when the job never came to its end.
struct Tell<T>(Option<oneshot::Sender<Result<T, StoreError>>>);

impl<T> Tell<T> {
    fn tell(mut self, done: Result<T, StoreError>) {
        // The caller may have left; the work is done all the same.
        let _ = self.0.take().map(|told| told.send(done));
    }
}

impl<T> Drop for Tell<T> {
    fn drop(&mut self) {
        let cut_short = || {
            if std::thread::panicking() { StoreError::Panicked } else { StoreError::Away(Trouble::no_answer()) }
        };
        let _ = self.0.take().map(|told| told.send(Err(cut_short())));
    }
}

fn finish<T: Send + 'static>(done: Result<T, DbErr>, tell: Tell<T>) -> Finish {
    Box::new(move |committed| tell.tell(committed.and_then(|()| Ok(done?))))
}

async fn run(pool: Pool, mut jobs: mpsc::Receiver<Job>, tell: watch::Sender<Option<Trouble>>, metrics: Arc<Metrics>) {
    let (mut queued, mut kept) = (Vec::with_capacity(BATCH), Kept::new(Arc::clone(&metrics)));
    let (mut last, mut left) = (0, Left::default());
    while next(&mut jobs, &mut queued, left.len(), !kept.is_empty() || tell.borrow().is_some()).await {
        if left.len() == 0 && last >= BUSY {
            tokio::time::sleep(LINGER).await;
            gather(&mut jobs, &mut queued, BATCH);
        }
        last = queued.len();
        if queued.iter().any(|job| matches!(job, Job::Stop)) {
            jobs.close();
        }
        let (number, db) = pool.present();
        // First what was said before.
        let mut done = kept.again(&db).await;
        let mut written = None;
        if !queued.is_empty() || left.len() > 0 {
            let (began, size) = (clock::instant(), queued.len());
            let mut batch = Batch::of(std::mem::take(&mut left), std::mem::take(&mut queued));
            let outcome = match done {
                // A job that panics takes its batch with it, but never the writer.
                Ok(()) => AssertUnwindSafe(in_time(batch.write(&db, TAKES_UP)))
                    .catch_unwind()
                    .await
                    .unwrap_or(Err(StoreError::Panicked)),
                Err(error) => Err(error),
            };
            done = outcome.as_ref().map(drop).map_err(Clone::clone);
            if done.is_ok() {
                metrics.committed(size, began.elapsed());
            }
            written = Some((batch, outcome));
        } else if done.is_ok() && tell.borrow().is_some() {
            done = in_time(batch::probe(&db)).await;
        }
        let trouble = match done {
            Err(StoreError::Away(trouble)) => Some(trouble),
            _ => None,
        };
        let spoilt = trouble.as_ref().is_some_and(Trouble::spoils_connections);
        // Before the callers: one who is told that it is not known what happened may wait for the end of the trouble.
        tell.send_replace(trouble);
        if let Some((batch, outcome)) = written {
            let (marks, no_time_for) = batch.finish(outcome, &metrics);
            kept.keep(marks);
            left = no_time_for;
        }
        if spoilt {
            pool.renew(number).await;
        }
    }
    let _ = kept.again(&pool.present().1).await;
    pool.close().await;
}

/// What has no answer by then has none at all: whether it was committed is not known, and nobody is told that it was.
async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(WITHIN, work).await.unwrap_or_else(|_| Err(StoreError::Away(Trouble::no_answer())))
}

/// Waits for jobs; with something to be tried again, not for long, and with something left over, not at all. False at the end.
async fn next(jobs: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>, left: usize, impatient: bool) -> bool {
    if left > 0 {
        gather(jobs, batch, BATCH.saturating_sub(left));
        return true;
    }
    if !impatient {
        return jobs.recv_many(batch, BATCH).await > 0;
    }
    match tokio::time::timeout(AGAIN, jobs.recv_many(batch, BATCH)).await {
        Ok(count) => count > 0,
        Err(_) => true,
    }
}

/// Takes what is there, up to so many.
fn gather(jobs: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>, most: usize) {
    while batch.len() < most
        && let Ok(job) = jobs.try_recv()
    {
        batch.push(job);
    }
}
