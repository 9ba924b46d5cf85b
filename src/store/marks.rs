//! Marks: what the network says of sent messages (sent, delivered, read, failed), a batch of them at a time.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::{event, message, session};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryTrait, TransactionTrait,
};
use uuid::Uuid;

use super::moved::Moved;
use super::{Store, StoreError, many};
use crate::domain::event::of_status;
use crate::domain::message::{Direction, Failure, Mark, Status};
use crate::domain::session::Lease;

pub(super) struct MarkJob {
    lease: Lease,
    mark: Mark,
}

impl MarkJob {
    pub(super) const fn new(lease: Lease, mark: Mark) -> Self {
        Self { lease, mark }
    }

    pub(super) fn message(&self) -> (Uuid, String) {
        (self.lease.session.0, self.mark.wire_id.clone())
    }

    pub(super) const fn status(&self) -> Status {
        self.mark.status
    }

    /// What its loss would do: nothing that a repeat of the message does not make good, or only after the next start, or never.
    pub(super) const fn harm(&self) -> u8 {
        match self.mark.status {
            Status::Pending | Status::Sent | Status::Failed => 0,
            Status::Delivered => 1,
            Status::Read => 2,
        }
    }
}

impl Store {
    /// Queues a mark for one of a session's messages; waits only for room. A mark that is lost with the power comes again: what
    /// has no receipt is sent once more under the same wire id.
    pub async fn mark(&self, lease: Lease, mark: Mark) -> Result<(), StoreError> {
        self.inner.writer.mark(MarkJob::new(lease, mark)).await
    }
}

/// Marks of one session that say the same within the same second: one statement.
type Group<'j> = (Uuid, i16, i64, Option<&'j (Failure, String)>);

/// Writes marks in a savepoint of their own, so that one that the database refuses takes nothing else with it; gives back
/// the messages that they moved, of which to tell when all of it is committed. Nothing if it refused them.
pub(super) async fn write_apart<J: Borrow<MarkJob> + Sync>(
    batch: &DatabaseTransaction,
    jobs: &[J],
) -> Result<Option<Vec<Moved>>, StoreError> {
    if jobs.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let savepoint = batch.begin().await?;
    match write(&savepoint, jobs).await {
        Ok(moved) => savepoint.commit().await.map(|()| Some(moved)).map_err(StoreError::from),
        Err(StoreError::Away(trouble)) if trouble.spoils_connections() => Err(StoreError::Away(trouble)),
        Err(error) => {
            // Somebody may hold a row of one of them: that is no reason to write nothing else.
            tracing::error!(%error, "marks were refused");
            savepoint.rollback().await.map(|()| None).map_err(StoreError::from)
        }
    }
}

pub(super) async fn write<J: Borrow<MarkJob> + Sync>(
    batch: &DatabaseTransaction,
    jobs: &[J],
) -> Result<Vec<Moved>, StoreError> {
    let mut groups: BTreeMap<Group<'_>, (DateTime<Utc>, Vec<&str>)> = BTreeMap::new();
    for job in jobs.iter().map(Borrow::borrow) {
        let mark = &job.mark;
        let group = (job.lease.session.0, mark.status.number(), mark.at.timestamp(), mark.error.as_ref());
        let (at, wire_ids) = groups.entry(group).or_insert_with(|| (mark.at, Vec::new()));
        *at = mark.at.max(*at);
        wire_ids.push(&mark.wire_id);
    }
    let (mut events, mut all) = (Vec::new(), Vec::new());
    for ((session, number, _, error), (at, wire_ids)) in groups {
        let status = Status::from_number(number).ok_or(StoreError::Corrupt("mark"))?;
        let changed = advance(batch, session, status, at, error, &wire_ids).await?;
        events.extend(changed.iter().map(|moved| event::ActiveModel {
            seq: NotSet,
            tenant_id: Set(moved.tenant),
            session_id: Set(session),
            message_id: Set(Some(moved.message)),
            kind: Set(of_status(status).to_owned()),
            payload: Set(None),
            created_at: Set(at),
        }));
        all.extend(changed);
    }
    if !events.is_empty() {
        many::insert(batch, events).await?;
    }
    active(batch, jobs).await?;
    Ok(all)
}

/// Notes when these sessions were last heard of: one statement for the whole batch.
async fn active<J: Borrow<MarkJob> + Sync>(batch: &DatabaseTransaction, jobs: &[J]) -> Result<(), StoreError> {
    let jobs = || jobs.iter().map(Borrow::borrow);
    let Some(last) = jobs().map(|job| job.mark.at).max() else { return Ok(()) };
    let sessions: BTreeSet<Uuid> = jobs().map(|job| job.lease.session.0).collect();
    session::Entity::update_many()
        .col_expr(session::Column::LastActivityAt, Expr::value(last))
        .filter(session::Column::Id.is_in(sessions))
        .exec(batch)
        .await?;
    Ok(())
}

/// Moves messages forward, never back; gives back those that moved. A receipt that overtook the ack says that it was sent, too.
async fn advance(
    batch: &DatabaseTransaction,
    session: Uuid,
    status: Status,
    at: DateTime<Utc>,
    error: Option<&(Failure, String)>,
    wire_ids: &[&str],
) -> Result<Vec<Moved>, StoreError> {
    use message::Column;
    let from: Vec<i16> = Status::ALL.into_iter().filter(|s| s.may_become(status)).map(Status::number).collect();
    let mut update = message::Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.number()))
        .filter(Column::SessionId.eq(session))
        .filter(Column::Direction.eq(Direction::Outbound.number()))
        .filter(Column::WireId.is_in(wire_ids.iter().copied()))
        .filter(Column::Status.is_in(from));
    let reached = match status {
        Status::Pending | Status::Failed => &[][..],
        Status::Sent => &[Column::SentAt],
        Status::Delivered => &[Column::SentAt, Column::DeliveredAt],
        Status::Read => &[Column::SentAt, Column::DeliveredAt, Column::ReadAt],
    };
    for column in reached {
        let first = sea_orm::sea_query::Func::coalesce([Expr::col(*column), Expr::value(at)]);
        update = update.col_expr(*column, first.into());
    }
    if let Some((failure, sentence)) = error {
        update = update
            .col_expr(Column::ErrorCode, Expr::value(failure.as_str()))
            .col_expr(Column::ErrorMessage, Expr::value(sentence));
    }
    let mut update = update.into_query();
    update.returning(Query::returning().columns(Moved::COLUMNS));
    let failure = error.map(|(failure, _)| *failure);
    let moved = batch.query_all(&update).await?;
    moved.iter().map(|row| Ok(Moved::of(row, status, failure, at)?)).collect()
}
