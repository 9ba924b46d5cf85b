//! Messages that moved on, as the log and the metrics tell of them: with the request that each came from, and nobody's number.

use chrono::{DateTime, TimeDelta, Utc};
use entity::message::Column;
use sea_orm::{DbErr, QueryResult};
use tracing::info_span;
use uuid::Uuid;

use crate::domain::message::{Failure, Status};
use crate::metrics::Metrics;
use crate::telemetry::traces::{self, TARGET};

/// A message that has another status since a commit.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) tenant: Uuid,
    pub(super) session: Uuid,
    pub(super) message: Uuid,
    request: Option<String>,
    trace: Option<String>,
    status: Status,
    /// How long after its acceptance.
    after: TimeDelta,
    /// Why it failed.
    failure: Option<Failure>,
}

impl Moved {
    /// What an update gives back of the messages that it moved.
    pub(super) const COLUMNS: [Column; 6] =
        [Column::Id, Column::TenantId, Column::SessionId, Column::RequestId, Column::CreatedAt, Column::Traceparent];

    /// A row of these.
    pub(super) fn of(
        row: &QueryResult,
        status: Status,
        failure: Option<Failure>,
        at: DateTime<Utc>,
    ) -> Result<Self, DbErr> {
        Ok(Self {
            message: row.try_get_by_index(0)?,
            tenant: row.try_get_by_index(1)?,
            session: row.try_get_by_index(2)?,
            request: row.try_get_by_index(3)?,
            trace: row.try_get_by_index(5)?,
            after: at - row.try_get_by_index::<DateTime<Utc>>(4)?,
            status,
            failure,
        })
    }

    /// Told after the commit, so that nobody is told what is not so.
    pub(super) fn tell(&self, metrics: &Metrics) {
        metrics.marked(self.status.as_str());
        self.trace();
        let Self { tenant, session, message, .. } = self;
        let request = self.request.as_deref().unwrap_or_default();
        match self.status {
            Status::Pending => {}
            Status::Sent => {
                metrics.sent(self.after.to_std().unwrap_or_default());
                tracing::debug!(%tenant, %session, message_id = %message, request, "a message was acknowledged");
            }
            Status::Delivered => {
                tracing::debug!(%tenant, %session, message_id = %message, request, "a message was delivered");
            }
            Status::Read => tracing::debug!(%tenant, %session, message_id = %message, request, "a message was read"),
            Status::Failed => {
                let code = self.failure.map_or("", Failure::as_str);
                metrics.failed(code);
                tracing::debug!(%tenant, %session, message_id = %message, request, code, "a message failed");
            }
        }
    }

    /// A span without a length in the trace that the message belongs to, if it does: what was heard, and when.
    fn trace(&self) {
        let Some(place) = self.trace.as_deref().and_then(|place| place.parse().ok()) else { return };
        let (status, code) = (self.status.as_str(), self.failure.map_or("", Failure::as_str));
        let Self { session, message, .. } = self;
        let span = match self.status {
            Status::Failed => {
                info_span!(target: TARGET, parent: None, "failed", %session, message_id = %message, status, code)
            }
            Status::Sent => info_span!(target: TARGET, parent: None, "ack", %session, message_id = %message, status),
            _ => info_span!(target: TARGET, parent: None, "receipt", %session, message_id = %message, status),
        };
        traces::under(&span, Some(&place));
    }
}
