//! The one writer: whatever is queued becomes one transaction with one fsync, and only then are its callers told.
//!
//! Batches form by themselves: while one commits, the next gathers. Sends, marks and device keys, which come in floods, are
//! written with a few statements for the whole batch; any other job runs in a savepoint of its own, so that its failure is its own.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::StoreError;
use super::accept::{self, AcceptJob};
use super::device_keys::{self, KeyJob};
use super::marks::{self, MarkJob};
use super::tenants;
use crate::domain::id::TenantId;

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

async fn in_savepoint<T, F>(batch: &DatabaseTransaction, job: F) -> Result<T, DbErr>
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
    let (mut batch, mut kept) = (Vec::with_capacity(BATCH), Vec::new());
    let mut last = 0;
    while next(&mut jobs, &mut batch, !kept.is_empty()).await {
        if last >= BUSY {
            tokio::time::sleep(LINGER).await;
            while batch.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
        }
        last = batch.len();
        if batch.iter().any(|job| matches!(job, Job::Stop)) {
            jobs.close();
        }
        if !kept.is_empty() {
            kept = marks::again(&db, kept).await;
        }
        // A job that panics takes its batch with it, but never the writer.
        if !batch.is_empty() {
            let committed = AssertUnwindSafe(commit(&db, std::mem::take(&mut batch))).catch_unwind().await;
            kept.extend(committed.unwrap_or_else(|_| {
                tracing::error!("a batch panicked; nothing of it was written");
                Vec::new()
            }));
        }
        kept.truncate(QUEUE);
    }
    if !kept.is_empty() {
        marks::again(&db, kept).await;
    }
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

/// One batch, one transaction. A batch that fails as a whole is told so to every caller, and nothing of it stays; its marks, for which
/// nobody waits, are given back.
async fn commit(db: &DatabaseConnection, jobs: Vec<Job>) -> Vec<MarkJob> {
    let (mut accepts, mut marks, mut keys, mut works) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The tenants whose limits this batch decides about.
    let mut counted = BTreeSet::new();
    for job in jobs {
        match job {
            Job::Accept(job) => {
                counted.insert(job.tenant);
                accepts.push(job);
            }
            Job::Mark(job) => marks.push(job),
            Job::Keys(job) => keys.push(job),
            Job::Work(counts_for, work) => {
                counted.extend(counts_for);
                works.push(work);
            }
            Job::Stop => {}
        }
    }
    // IMMEDIATE: a transaction that reads first and writes later would be refused at once beside another process.
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let mut finishes: Vec<Finish> = Vec::with_capacity(works.len());
    let done = async {
        let batch = db.begin_with_options(immediate).await?;
        tenants::take_turns(&batch, &counted).await?;
        // Before the works: a caller that gave up leaves its change behind, and one that destroys keys comes after it.
        let held = device_keys::write(&batch, &mut keys).await?;
        for work in works {
            finishes.push(work(&batch).await);
        }
        let outcomes = accept::write(&batch, &accepts).await?;
        marks::write(&batch, &marks).await?;
        batch.commit().await?;
        Ok::<_, StoreError>((outcomes, held))
    };
    match done.await {
        Ok((outcomes, held)) => {
            for job in keys {
                job.finish(Ok(&held));
            }
            for finish in finishes {
                finish(Ok(()));
            }
            for (job, outcome) in accepts.into_iter().zip(outcomes) {
                (job.done)(Ok(outcome));
            }
            Vec::new()
        }
        Err(error) => {
            tracing::error!(%error, "a batch was not committed");
            for job in keys {
                job.finish(Err(error.clone()));
            }
            for finish in finishes {
                finish(Err(error.clone()));
            }
            for job in accepts {
                (job.done)(Err(error.clone()));
            }
            marks
        }
    }
}
