//! One batch, one transaction. A batch that fails as a whole is told so to every caller, and nothing of it stays; its marks, for which
//! nobody waits, are given back.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use super::{Finish, Job, Work};
use crate::clock;
use crate::domain::id::TenantId;
use crate::metrics::Metrics;
use crate::store::accept::{self, AcceptJob, Outcome};
use crate::store::device_keys::{self, Held, KeyJob};
use crate::store::marks::{self, MarkJob};
use crate::store::moved::Moved;
use crate::store::{StoreError, tenants};

/// For how long a batch takes works up. One that came to the end of its time would be undone, and its works would come again, as
/// slow as before.
pub(super) const TAKES_UP: Duration = Duration::from_secs(4);

type Works = VecDeque<(Option<TenantId>, Work)>;

#[derive(Default)]
pub(super) struct Batch {
    /// Works that the batch before had no time for. What came after them waits for them, but for sends and marks, which decide by the
    /// rows that they find.
    first: Works,
    keys: Vec<KeyJob>,
    marks: Vec<MarkJob>,
    works: Works,
    accepts: Vec<AcceptJob>,
    finishes: Vec<Finish>,
}

/// What a batch had no time for: the next begins with it.
#[derive(Default)]
pub(super) struct Left {
    first: Works,
    keys: Vec<KeyJob>,
    works: Works,
}

impl Left {
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.keys.len() + self.works.len()
    }
}

/// What a batch that was committed came to.
pub(super) struct Written {
    outcomes: Vec<Outcome>,
    /// None if its keys wait for what comes first.
    held: Option<Held>,
    /// The messages that its marks moved, if its marks are in it.
    moved: Option<Vec<Moved>>,
}

impl Batch {
    pub(super) fn of(left: Left, jobs: Vec<Job>) -> Self {
        let Left { first, keys, works } = left;
        let mut batch = Self { first, keys, works, ..Self::default() };
        for job in jobs {
            match job {
                Job::Accept(job) => batch.accepts.push(job),
                Job::Mark(job) => batch.marks.push(job),
                Job::Keys(job) => batch.keys.push(job),
                Job::Work(counts_for, work) => batch.works.push_back((counts_for, work)),
                Job::Stop => {}
            }
        }
        batch
    }

    /// The tenants whose limits this batch decides about.
    fn counted(&self) -> BTreeSet<TenantId> {
        let works = self.first.iter().chain(&self.works).filter_map(|(counts_for, _)| *counts_for);
        works.chain(self.accepts.iter().map(|job| job.tenant)).collect()
    }

    pub(super) async fn write(&mut self, db: &DatabaseConnection, takes_up: Duration) -> Result<Written, StoreError> {
        let batch = db.begin_with_options(immediate()).await?;
        tenants::take_turns(&batch, &self.counted()).await?;
        let until = clock::instant() + takes_up;
        take_up(&batch, &mut self.first, &mut self.finishes, until).await?;
        // Before the works: a caller that gave up leaves its change behind, and one that destroys keys comes after it.
        let held = if self.first.is_empty() { Some(device_keys::write(&batch, &mut self.keys).await?) } else { None };
        // Before the works, too: one that fails what was never sent has to see that it was.
        let moved = marks::write_apart(&batch, &self.marks).await?;
        if self.first.is_empty() {
            take_up(&batch, &mut self.works, &mut self.finishes, until).await?;
        }
        let outcomes = accept::write(&batch, &self.accepts).await?;
        batch.commit().await?;
        Ok(Written { outcomes, held, moved })
    }

    /// Tells the callers what became of it; the marks that are still to be written, and what it had no time for.
    pub(super) fn finish(self, done: Result<Written, StoreError>, metrics: &Metrics) -> (Vec<MarkJob>, Left) {
        match done {
            Ok(Written { outcomes, held, moved }) => {
                moved.iter().flatten().for_each(|moved| moved.tell(metrics));
                for finish in self.finishes {
                    finish(Ok(()));
                }
                for (job, outcome) in self.accepts.into_iter().zip(outcomes) {
                    (job.done)(Ok(outcome));
                }
                let left = match held {
                    Some(held) => {
                        self.keys.into_iter().for_each(|job| job.finish(Ok(&held)));
                        Left { first: self.works, ..Left::default() }
                    }
                    None => Left { first: self.first, keys: self.keys, works: self.works },
                };
                (if moved.is_some() { Vec::new() } else { self.marks }, left)
            }
            Err(error) => {
                metrics.commit_failed();
                tracing::error!(%error, "a batch was not committed");
                for job in self.keys {
                    job.finish(Err(error.clone()));
                }
                for finish in self.finishes {
                    finish(Err(error.clone()));
                }
                for job in self.accepts {
                    (job.done)(Err(error.clone()));
                }
                (self.marks, Left::default())
            }
        }
    }
}

/// Takes works up until then, but always one: each comes to its turn however slow they are.
async fn take_up(
    batch: &DatabaseTransaction,
    works: &mut Works,
    finishes: &mut Vec<Finish>,
    until: Instant,
) -> Result<(), StoreError> {
    while (finishes.is_empty() || clock::instant() < until)
        && let Some((_, work)) = works.pop_front()
    {
        let (finish, trouble) = work(batch).await;
        finishes.push(finish);
        // What is left of the transaction must not be written by itself.
        if let Some(trouble) = trouble {
            return Err(StoreError::Away(trouble));
        }
    }
    Ok(())
}

/// Writes something that changes nothing: whether the database takes it.
pub(super) async fn probe(db: &DatabaseConnection) -> Result<(), StoreError> {
    let batch = db.begin_with_options(immediate()).await?;
    batch.execute_unprepared("UPDATE vault SET id = 1 WHERE id = 1").await?;
    Ok(batch.commit().await?)
}

/// A transaction that reads first and writes later would be refused at once beside another process.
pub(super) fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

#[cfg(test)]
mod tests;
