//! One job: from where the bytes come from to a file in the spool as phones want it, or to a fault; and what the store is told.

use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use tokio::time::timeout;

use super::convert::{self, MissingTools, Tools};
use super::fetch::Fetcher;
use super::queue::Job;
use crate::actors::system::Shared;
use crate::actors::system::health::Vitals;
use crate::actors::system::patience::patiently;
use crate::clock;
use crate::domain::egress::Egress;
use crate::domain::media::{Facts, Fault, Source, SpoolName, Stage};
use crate::domain::quota::has_room;
use crate::store::StoreError;
use crate::store::media::Waiting;

/// A conversion, from when it has its place; to fetch has bounds of its own.
const WITHIN: Duration = Duration::from_mins(10);
/// How often a medium is tried, and the waits between. A random part is taken off, so that those that failed together spread.
const WAITS: [u64; 5] = [5, 20, 60, 180, 600];
/// Whoever asks us to come back later than this is not waited for.
const PATIENCE: Duration = Duration::from_hours(1);

/// What media are made ready with.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) fetcher: Fetcher,
    /// Or why media cannot be converted.
    pub(crate) tools: Result<Tools, MissingTools>,
}

/// Nothing can be fetched at all.
#[derive(Debug, thiserror::Error)]
#[error("the way to media on the web cannot be prepared: {0}")]
pub struct NoWeb(String);

impl Means {
    pub(crate) async fn find(egress: Egress) -> Result<Self, NoWeb> {
        let fetcher = Fetcher::new(egress).map_err(|error| NoWeb(error.to_string()))?;
        let tools = Tools::find().await;
        if let Err(missing) = &tools {
            tracing::warn!(error = %missing, "media cannot be converted");
        }
        Ok(Self { fetcher, tools })
    }

    /// What this server cannot do, and what its operator can do about it.
    pub(crate) fn off(&self) -> Vec<String> {
        self.tools.as_ref().err().map(|missing| format!("media conversion: {missing}")).into_iter().collect()
    }
}

/// Why a job has no result.
enum Failed {
    Fault(Fault),
    /// It is no fault of the medium's: a later attempt may succeed, and this is what is said if none does.
    Here(Fault),
    /// The session is not ours any more, its message needs no medium, or there is no room for it: whoever needs it comes anew.
    Dropped,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Does a job, and writes down what became of it.
pub(super) async fn run(shared: &Shared, vitals: &Vitals, job: &Job) {
    let Some(work) = now(shared, job).await else { return };
    let failed = match AssertUnwindSafe(prepare(shared, job, &work)).catch_unwind().await {
        Ok(Ok(())) => return shared.store.metrics().medium("prepared"),
        Ok(Err(failed)) => failed,
        Err(_) => {
            vitals.note_error("a job panicked");
            panicked()
        }
    };
    settle(shared, job, &work, failed).await;
}

/// The worker failed with the job in its hands.
pub(super) async fn crashed(shared: &Shared, job: &Job) {
    if let Some(work) = now(shared, job).await {
        settle(shared, job, &work, panicked()).await;
    }
}

/// How the medium stands now. What was handed over may have been read before the last attempt was over: then there is nothing to do.
async fn now(shared: &Shared, job: &Job) -> Option<Waiting> {
    let (store, now) = (&shared.store, shared.store.clock().now());
    match patiently(|| store.media_that_waits(job.lease, job.message)).await {
        Ok(work) => work.filter(|work| work.not_before.is_none_or(|not_before| not_before <= now)),
        Err(error) => {
            tracing::error!(message_id = %job.message, %error, "a medium cannot be looked up");
            None
        }
    }
}

/// Whether the disk has room for more that is ready and not uploaded. Its outbox asked before, and others have begun since.
async fn room(shared: &Shared, job: &Job) -> bool {
    let spooled = patiently(|| shared.store.spooled(job.lease.tenant)).await;
    spooled.is_ok_and(|spooled| has_room(spooled.of_tenant, spooled.of_all))
}

fn panicked() -> Failed {
    Failed::Here(Fault::ConversionFailed("this server failed at it".to_owned()))
}

fn disk(error: &io::Error) -> Failed {
    tracing::error!(%error, "the spool cannot be written");
    Failed::Here(Fault::ConversionFailed("this server's disk failed".to_owned()))
}

async fn prepare(shared: &Shared, job: &Job, work: &Waiting) -> Result<(), Failed> {
    if !job.anyway && !room(shared, job).await {
        return Err(Failed::Dropped);
    }
    let (spool, Means { fetcher, tools }) = (&shared.spool, &shared.means);
    let Waiting { wanted, source, .. } = work;
    let folder = spool.job_folder(job.message).map_err(|error| disk(&error))?;
    let (from, uploaded) = match source {
        Source::Url(url) => {
            let into = folder.path().join("fetched");
            shared.store.metrics().media_step("fetch", fetcher.fetch(url, wanted.limit(), &into)).await?;
            (into, None)
        }
        Source::Upload(name) => {
            let from = spool.path(*name);
            if !tokio::fs::try_exists(&from).await.map_err(|error| disk(&error))? {
                return Err(Fault::SourceLost.into());
            }
            (from, Some(*name))
        }
    };
    let prepared = {
        let _place = shared.converting.place(job.lease.tenant, job.heavy).await;
        let late = |_| Err(Fault::ConversionFailed(format!("it took longer than {} minutes", WITHIN.as_secs() / 60)));
        let converting = convert::prepare(tools.as_ref().ok(), *wanted, &from, folder.path());
        let step = shared.store.metrics().media_step("convert", timeout(WITHIN, converting));
        step.await.unwrap_or_else(late)?
    };
    if let Some(name) = uploaded.filter(|_| prepared.path == from) {
        // It is as phones want it: it keeps its name, by which the row knows it.
        return keep(shared, job, name, prepared.facts).await;
    }
    // Named by its message: if a crash comes before the row names it, the next attempt puts its own in this place.
    let name = SpoolName(job.message.0);
    spool.adopt(&prepared.path, name).await.map_err(|error| disk(&error))?;
    keep(shared, job, name, prepared.facts).await?;
    if let Some(uploaded) = uploaded
        && let Err(error) = spool.remove(uploaded).await
    {
        tracing::warn!(%error, "a file of the spool was not removed; it is swept later");
    }
    Ok(())
}

/// Writes down that the medium is ready, however long the database is away. If it is not wanted, its file stays for the sweep:
/// somebody else may have put it there.
async fn keep(shared: &Shared, job: &Job, name: SpoolName, facts: Facts) -> Result<(), Failed> {
    match patiently(|| shared.store.media_prepared(job.lease, job.message, name, facts.clone())).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(StoreError::LeaseLost | StoreError::Closed) => Err(Failed::Dropped),
        Err(error) => {
            // It may be this row that the database does not take: an attempt is counted, so that it comes to an end.
            tracing::error!(message_id = %job.message, %error, "what became of a medium was not written down");
            Err(Failed::Here(Fault::ConversionFailed("this server could not keep the result".to_owned())))
        }
    }
}

/// Tries again later, or fails the message.
async fn settle(shared: &Shared, job: &Job, work: &Waiting, failed: Failed) {
    let (fault, wait) = match failed {
        Failed::Dropped => return shared.store.metrics().medium("dropped"),
        Failed::Here(fault) => (fault, pause(work.attempts, None)),
        // It may have been this machine's fault, a full disk or a killed ffmpeg, and not the file's: once more tells.
        Failed::Fault(fault @ Fault::ConversionFailed(_)) if work.attempts == 0 => (fault, pause(0, None)),
        Failed::Fault(fault) => {
            let wait = fault.again().and_then(|after| pause(work.attempts, after));
            (fault, wait)
        }
    };
    let (store, lease, message) = (&shared.store, job.lease, job.message);
    store.metrics().medium(if wait.is_some() { "tried_again" } else { "failed" });
    let written = match wait.and_then(|wait| TimeDelta::from_std(wait).ok()) {
        Some(wait) => {
            let (attempts, not_before) = (work.attempts + 1, store.clock().now() + wait);
            patiently(|| store.media_later(lease, message, attempts, not_before)).await
        }
        None => patiently(|| store.fail_medium(lease, message, Stage::Waiting, &fault)).await,
    };
    if let Err(error) = written
        && !matches!(error, StoreError::LeaseLost | StoreError::Closed)
    {
        tracing::error!(message_id = %message, %error, "what became of a medium was not written down");
    }
}

/// How long until the next attempt, after so many before this one; none if this was the last.
pub(crate) fn pause(attempts: u32, asked: Option<Duration>) -> Option<Duration> {
    let usual = Duration::from_secs(*WAITS.get(usize::try_from(attempts).ok()?)?);
    let wait = usual.mul_f64(0.75 + 0.5 * clock::fraction());
    Some(wait.max(asked.unwrap_or_default())).filter(|wait| *wait <= PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_is_tried_six_times_with_growing_waits() {
        let waits: Vec<Duration> = (0..).map_while(|attempts| pause(attempts, None)).collect();
        assert_eq!(waits.len(), 5);
        for (wait, usual) in waits.iter().zip(WAITS) {
            let usual = Duration::from_secs(usual);
            assert!(*wait >= usual.mul_f64(0.75) && *wait <= usual.mul_f64(1.25), "{wait:?}");
        }
        assert!(waits.iter().sum::<Duration>() < PATIENCE);
    }

    #[test]
    fn who_asks_for_time_is_given_it_within_reason() {
        let asked = |seconds| pause(0, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(90), Some(Duration::from_secs(90)));
        assert!(asked(1).is_some_and(|wait| wait > Duration::from_secs(3)));
        assert_eq!(asked(86_400), None);
        assert_eq!(pause(5, Some(Duration::from_secs(1))), None);
    }
}
