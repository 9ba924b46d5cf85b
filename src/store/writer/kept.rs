//! Marks that were not written, to be written again: because the database was away, or because it would not take one of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, TransactionTrait};
use uuid::Uuid;

use super::batch::immediate;
use super::in_time;
use crate::clock;
use crate::domain::message::Status;
use crate::metrics::Metrics;
use crate::store::StoreError;
use crate::store::marks::{self, MarkJob};

/// How many are kept. Each message has three at most, and a session whose marks are not written is soon idle: nothing new is accepted.
const MOST: usize = 65_536;
/// How many are written in one transaction, at most and at least.
const PART: (usize, usize) = (512, 8);
/// How often a mark that the database refuses is written again before it is given up, and how soon.
const TRIES: u8 = 20;
const AGAIN: Duration = Duration::from_secs(1);
/// How long marks are left alone that meet with what somebody else holds: the next batch must not wait for that again.
const ASIDE: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Kept {
    /// In the order in which they were said; whatever is said later stands behind them.
    waiting: Vec<MarkJob>,
    /// Those that the database would not take, each by itself, with how often it was asked. They stand in nobody's way.
    refused: Vec<(MarkJob, u8)>,
    tried: Option<Instant>,
    /// Until when they stand aside.
    aside: Option<Instant>,
    part: Part,
    metrics: Arc<Metrics>,
}

/// How many are written together: fewer after each failure of the database, because a part that takes too long for it would never
/// be written, and more again while it goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part(usize);

impl Default for Part {
    fn default() -> Self {
        Self(PART.0)
    }
}

impl Part {
    fn went(&mut self, well: bool) {
        let next = if well { self.0 * 2 } else { self.0 / 2 };
        self.0 = next.clamp(PART.1, PART.0);
    }
}

impl Kept {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.refused.is_empty()
    }

    pub(super) fn keep(&mut self, marks: Vec<MarkJob>) {
        self.waiting.extend(marks);
        let dropped = thin(&mut self.waiting, MOST);
        if dropped > 0 {
            tracing::error!(
                lost = dropped,
                "too many marks wait for the database; messages whose marks were dropped are sent again under their ids"
            );
        }
    }

    /// Writes what waits; now and then, what was refused. An error says that the database takes nothing now.
    pub(super) async fn again(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        if self.aside.is_some_and(|until| clock::instant() < until) {
            return Ok(());
        }
        self.aside = None;
        while !self.waiting.is_empty() {
            let part = &self.waiting[..self.waiting.len().min(self.part.0)];
            let written = in_time(write(db, part, &self.metrics)).await;
            self.part.went(!matches!(written, Err(StoreError::Away(_))));
            let (written, refused) = match written {
                Ok(refused) => (part.len(), refused),
                Err(StoreError::Away(trouble)) => {
                    let (count, error) = (self.waiting.len(), StoreError::Away(trouble.clone()));
                    tracing::warn!(%error, count, "marks wait for the database");
                    // This batch has waited as long as it may; those that follow do not wait for these marks.
                    if !trouble.spoils_connections() {
                        self.aside = Some(clock::instant() + ASIDE);
                    }
                    return Err(error);
                }
                Err(error) => {
                    tracing::error!(%error, "marks were refused");
                    (part.len(), (0..part.len()).collect())
                }
            };
            for (place, job) in self.waiting.drain(..written).enumerate() {
                if refused.contains(&place) {
                    self.refused.push((job, 1));
                }
            }
            self.refused.truncate(MOST);
        }
        let now = clock::instant();
        if self.refused.is_empty() || self.tried.is_some_and(|tried| now.duration_since(tried) < AGAIN) {
            return Ok(());
        }
        self.tried = Some(now);
        self.try_refused(db).await;
        Ok(())
    }

    async fn try_refused(&mut self, db: &DatabaseConnection) {
        let part = self.refused.len().min(self.part.0);
        let mut asked: Vec<(MarkJob, u8)> = self.refused.drain(..part).collect();
        let jobs: Vec<&MarkJob> = asked.iter().map(|(job, _)| job).collect();
        let written = in_time(one_by_one(db, &jobs, &self.metrics)).await;
        self.part.went(written.is_ok());
        match written {
            Ok(refused) => {
                let mut place = 0..;
                asked.retain(|_| place.next().is_some_and(|place| refused.contains(&place)));
                let before = asked.len();
                for (_, tries) in &mut asked {
                    *tries += 1;
                }
                asked.retain(|(_, tries)| *tries < TRIES);
                let given_up = before - asked.len();
                if given_up > 0 {
                    tracing::error!(lost = given_up, "the database does not take these marks");
                }
            }
            Err(error) => tracing::warn!(%error, "marks wait for the database"),
        }
        self.refused.append(&mut asked);
    }
}

/// Writes these together, or, if the database refuses them so, one by one; the places of those that it refuses even then. An error
/// says that nothing was written.
async fn write(db: &DatabaseConnection, jobs: &[MarkJob], metrics: &Metrics) -> Result<HashSet<usize>, StoreError> {
    let together = async {
        let batch = db.begin_with_options(immediate()).await?;
        let moved = marks::write(&batch, &jobs.iter().collect::<Vec<_>>()).await?;
        batch.commit().await?;
        Ok::<_, StoreError>(moved)
    };
    match together.await {
        Ok(moved) => {
            for moved in &moved {
                moved.tell(metrics);
            }
            Ok(HashSet::new())
        }
        Err(error @ StoreError::Away(_)) => Err(error),
        Err(error) => {
            tracing::error!(%error, "a mark is refused; all of its batch are written one by one");
            one_by_one(db, &jobs.iter().collect::<Vec<_>>(), metrics).await
        }
    }
}

async fn one_by_one(
    db: &DatabaseConnection,
    jobs: &[&MarkJob],
    metrics: &Metrics,
) -> Result<HashSet<usize>, StoreError> {
    let (mut refused, mut all) = (HashSet::new(), Vec::new());
    let batch = db.begin_with_options(immediate()).await?;
    for (place, job) in jobs.iter().enumerate() {
        match marks::write_apart(&batch, &[*job]).await? {
            Some(moved) => all.extend(moved),
            None => drop(refused.insert(place)),
        }
    }
    batch.commit().await?;
    for moved in &all {
        moved.tell(metrics);
    }
    Ok(refused)
}

/// Drops what is more than `most`, and first what is lost without harm: what a later mark of the same message says anyway; then, the
/// oldest first, that WhatsApp took or refused a message, since what has no mark is sent again under its id and answered again; then
/// that it was delivered, which a repeat after the next start brings again. That it was read comes only once, so it goes last.
fn thin(marks: &mut Vec<MarkJob>, most: usize) -> usize {
    if marks.len() <= most {
        return 0;
    }
    let mut furthest: HashMap<(Uuid, String), Status> = HashMap::new();
    for job in marks.iter().filter(|job| job.status() != Status::Failed) {
        let status = furthest.entry(job.message()).or_insert(job.status());
        *status = (*status).max(job.status());
    }
    let (mut taken, mut said) = (HashSet::new(), HashSet::new());
    marks.retain(|job| {
        let (message, status) = (job.message(), job.status());
        let says_something = if status == Status::Failed {
            // What WhatsApp has taken fails no more.
            !taken.contains(&message)
        } else {
            taken.insert(message.clone());
            furthest.get(&message) == Some(&status)
        };
        says_something && said.insert((message, status))
    });
    let mut excess = marks.len().saturating_sub(most);
    let dropped = excess;
    for harm in 0..=2 {
        marks.retain(|job| {
            let goes = excess > 0 && job.harm() == harm;
            excess -= usize::from(goes);
            !goes
        });
    }
    dropped
}

#[cfg(test)]
mod tests;
