//! The one writer: whatever is queued becomes one transaction with one fsync, and only then are its callers told.
//!
//! Batches form by themselves: while one commits, the next gathers. Sends, marks and device keys, which come in floods, are
//! written with a few statements for the whole batch; any other job runs in a savepoint of its own, so that its failure is its own.

mod batch;
mod kept;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::StoreError;
use super::accept::AcceptJob;
use super::device_keys::KeyJob;
use super::marks::MarkJob;
use crate::domain::id::TenantId;
use batch::Batch;
use kept::Kept;

/// How many jobs may wait; past it callers are told to come back.
const QUEUE: usize = 8192;
/// How many jobs one transaction takes at most.
const BATCH: usize = 512;

/// After a batch of so many, the next waits a moment: its callers, who were just answered, are about to be back, and a batch that
/// began with the first of them would leave all others to wait for it.
const BUSY: usize = 8;
const LINGER: Duration = Duration::from_millis(1);
/// How soon marks that were not written are written again.
const AGAIN: Duration = Duration::from_secs(1);

/// Called after the commit, or with the reason why there was none.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Work = Box<dyn for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Finish> + Send>;

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
}

impl Writer {
    pub(super) fn start(db: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(db, jobs));
        Self { queue, task: Mutex::new(Some(task)) }
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
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move |batch| async move { finish(in_savepoint(batch, job).await, tell) }.boxed());
        self.queue.send(Job::Work(counts_for, work)).await.map_err(|_| StoreError::Closed)?;
        told.await.unwrap_or(Err(StoreError::Closed))
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

pub(super) async fn in_savepoint<T, F>(batch: &DatabaseTransaction, job: F) -> Result<T, DbErr>
where
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>>,
{
    let savepoint = batch.begin().await?;
    match job(&savepoint).await {
        Ok(done) => savepoint.commit().await.map(|()| done),
        Err(error) => savepoint.rollback().await.and(Err(error)),
    }
}

fn finish<T: Send + 'static>(done: Result<T, DbErr>, tell: oneshot::Sender<Result<T, StoreError>>) -> Finish {
    Box::new(move |committed| {
        // The caller may have left; the work is done all the same.
        let _ = tell.send(committed.and_then(|()| Ok(done?)));
    })
}

async fn run(db: DatabaseConnection, mut jobs: mpsc::Receiver<Job>) {
    let (mut queued, mut kept) = (Vec::with_capacity(BATCH), Kept::default());
    let mut last = 0;
    while next(&mut jobs, &mut queued, !kept.is_empty()).await {
        if last >= BUSY {
            tokio::time::sleep(LINGER).await;
            while queued.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                queued.push(job);
            }
        }
        last = queued.len();
        if queued.iter().any(|job| matches!(job, Job::Stop)) {
            jobs.close();
        }
        // First what was said before.
        kept.again(&db).await;
        if !queued.is_empty() {
            let mut batch = Batch::of(std::mem::take(&mut queued));
            // A job that panics takes its batch with it, but never the writer.
            let done = AssertUnwindSafe(batch.write(&db, !kept.is_waiting())).catch_unwind().await;
            kept.keep(batch.finish(done.unwrap_or_else(|_| Err(StoreError::Panicked))));
        }
    }
    kept.again(&db).await;
    if let Err(error) = db.close().await {
        tracing::warn!(%error, "the writer's connection did not close");
    }
}

/// Waits for jobs; with marks to be written again, not for long. False at the end.
async fn next(jobs: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>, impatient: bool) -> bool {
    if !impatient {
        return jobs.recv_many(batch, BATCH).await > 0;
    }
    match tokio::time::timeout(AGAIN, jobs.recv_many(batch, BATCH)).await {
        Ok(count) => count > 0,
        Err(_) => true,
    }
}
