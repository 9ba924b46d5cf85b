//! Messages that the network refused: those of an account that is limited say until when, if the network does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::State;
use super::round::locked;
use crate::clock;
use crate::domain::message::{Mark, Status};
use crate::domain::nack;

/// How long what the network said holds: many messages may be refused at once.
const FRESH: Duration = Duration::from_mins(1);
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// When the network was asked last, and what it said.
type Said = (Instant, Option<DateTime<Utc>>);

#[derive(Clone, Default)]
pub(super) struct Limits(Arc<Mutex<Option<Said>>>);

impl State {
    /// Fails a message that the network refused.
    pub(super) async fn refused(&self, wire_id: String, code: &str, at: DateTime<Utc>) {
        let Some((link, _)) = self.link.clone().filter(|_| nack::has_an_end(code)) else {
            let (failure, why) = nack::refused(code, None);
            self.figures.refused(failure, at, None);
            return self.mark(wire_id, Status::Failed, at, Some((failure, why))).await;
        };
        locked(&self.catch_up).answered(&wire_id);
        let (shared, lease, vitals, limits) =
            (Arc::clone(&self.shared), self.lease, Arc::clone(&self.vitals), self.limits.clone());
        let figures = Arc::clone(&self.figures);
        let (code, at) = (code.to_owned(), self.moment(at));
        // Nothing waits for the answer; if this process dies first, the message goes again and is refused again.
        tokio::spawn(async move {
            let mut known = limits.0.lock().await;
            let fresh = known.filter(|(asked, _)| clock::instant().duration_since(*asked) < FRESH);
            let until = match fresh {
                Some((_, until)) => until,
                None => timeout(ANSWERS_WITHIN, link.locked_until()).await.unwrap_or(None),
            };
            if fresh.is_none() {
                *known = Some((clock::instant(), until));
            }
            drop(known);
            let (failure, why) = nack::refused(&code, until);
            figures.refused(failure, at, until);
            let mark = Mark { wire_id, status: Status::Failed, at, error: Some((failure, why)) };
            if let Err(error) = shared.store.mark(lease, mark).await {
                vitals.note_error(&error.to_string());
            }
        });
    }
}
