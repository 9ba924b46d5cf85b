//! One batch, one transaction. A batch that fails as a whole is told so to every caller, and nothing of it stays; its marks, for which
//! nobody waits, are given back.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait};

use super::{Finish, Job, Work};
use crate::domain::id::TenantId;
use crate::metrics::Metrics;
use crate::store::accept::{self, AcceptJob, Outcome};
use crate::store::device_keys::{self, Held, KeyJob};
use crate::store::marks::{self, MarkJob};
use crate::store::moved::Moved;
use crate::store::{StoreError, tenants};

#[derive(Default)]
pub(super) struct Batch {
    accepts: Vec<AcceptJob>,
    marks: Vec<MarkJob>,
    keys: Vec<KeyJob>,
    works: Vec<Work>,
    finishes: Vec<Finish>,
    /// The tenants whose limits this batch decides about.
    counted: BTreeSet<TenantId>,
}

/// What a batch that was committed came to.
pub(super) struct Written {
    outcomes: Vec<Outcome>,
    held: Held,
    /// The messages that its marks moved, if its marks are in it.
    moved: Option<Vec<Moved>>,
}

impl Batch {
    pub(super) fn of(jobs: Vec<Job>) -> Self {
        let mut batch = Self::default();
        for job in jobs {
            match job {
                Job::Accept(job) => {
                    batch.counted.insert(job.tenant);
                    batch.accepts.push(job);
                }
                Job::Mark(job) => batch.marks.push(job),
                Job::Keys(job) => batch.keys.push(job),
                Job::Work(counts_for, work) => {
                    batch.counted.extend(counts_for);
                    batch.works.push(work);
                }
                Job::Stop => {}
            }
        }
        batch
    }

    pub(super) async fn write(&mut self, db: &DatabaseConnection) -> Result<Written, StoreError> {
        let batch = db.begin_with_options(immediate()).await?;
        tenants::take_turns(&batch, &self.counted).await?;
        // Before the works: a caller that gave up leaves its change behind, and one that destroys keys comes after it.
        let held = device_keys::write(&batch, &mut self.keys).await?;
        // Before the works, too: one that fails what was never sent has to see that it was.
        let moved = marks::write_apart(&batch, &self.marks).await?;
        for work in self.works.drain(..) {
            let (finish, trouble) = work(&batch).await;
            self.finishes.push(finish);
            // What is left of the transaction must not be written by itself.
            if let Some(trouble) = trouble {
                return Err(StoreError::Away(trouble));
            }
        }
        let outcomes = accept::write(&batch, &self.accepts).await?;
        batch.commit().await?;
        Ok(Written { outcomes, held, moved })
    }

    /// Tells the callers what became of it; the marks that are still to be written.
    pub(super) fn finish(self, done: Result<Written, StoreError>, metrics: &Metrics) -> Vec<MarkJob> {
        match done {
            Ok(Written { outcomes, held, moved }) => {
                moved.iter().flatten().for_each(|moved| moved.tell(metrics));
                for job in self.keys {
                    job.finish(Ok(&held));
                }
                for finish in self.finishes {
                    finish(Ok(()));
                }
                for (job, outcome) in self.accepts.into_iter().zip(outcomes) {
                    (job.done)(Ok(outcome));
                }
                if moved.is_some() { Vec::new() } else { self.marks }
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
                self.marks
            }
        }
    }
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
