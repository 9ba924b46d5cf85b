//! Marks: what the network says of sent messages (sent, delivered, read, failed), a batch of them at a time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::{event, message, session};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryTrait, TransactionTrait,
};

use uuid::Uuid;

use super::{Store, StoreError, many};
use crate::domain::event::of_status;
use crate::domain::message::{Direction, Failure, Mark, Status};
use crate::domain::session::Lease;

pub(super) struct MarkJob {
    lease: Lease,
    mark: Mark,
    tries: u8,
}

/// How often a mark is written again before it is given up: one that the database will not take must not stand in the way for ever.
const TRIES: u8 = 20;

/// Writes marks of failed batches in a transaction of their own; gives back those that are worth another try.
pub(super) async fn again(db: &DatabaseConnection, mut jobs: Vec<MarkJob>) -> Vec<MarkJob> {
    let written = async {
        let batch = db.begin().await?;
        write(&batch, &jobs).await?;
        Ok::<_, StoreError>(batch.commit().await?)
    };
    let Err(error) = written.await else { return Vec::new() };
    let before = jobs.len();
    // That the database is away is held against no mark.
    if !matches!(error, StoreError::Away(_)) {
        for job in &mut jobs {
            job.tries += 1;
        }
    }
    jobs.retain(|job| job.tries < TRIES);
    tracing::error!(%error, waiting = jobs.len(), given_up = before - jobs.len(), "marks were not written");
    jobs
}

impl Store {
    /// Queues a mark for one of a session's messages; waits only for room. A mark that is lost with the power comes again: what
    /// has no receipt is sent once more under the same wire id.
    pub async fn mark(&self, lease: Lease, mark: Mark) -> Result<(), StoreError> {
        self.inner.writer.mark(MarkJob { lease, mark, tries: 0 }).await
    }
}

/// Marks of one session that say the same within the same second: one statement.
type Group<'j> = (Uuid, i16, i64, Option<&'j (Failure, String)>);

pub(super) async fn write(batch: &DatabaseTransaction, jobs: &[MarkJob]) -> Result<(), StoreError> {
    let mut groups: BTreeMap<Group<'_>, (DateTime<Utc>, Vec<&str>)> = BTreeMap::new();
    for job in jobs {
        let mark = &job.mark;
        let group = (job.lease.session.0, mark.status.number(), mark.at.timestamp(), mark.error.as_ref());
        let (at, wire_ids) = groups.entry(group).or_insert_with(|| (mark.at, Vec::new()));
        *at = mark.at.max(*at);
        wire_ids.push(&mark.wire_id);
    }
    let mut events = Vec::new();
    for ((session, number, _, error), (at, wire_ids)) in groups {
        let status = Status::from_number(number).ok_or(StoreError::Corrupt("mark"))?;
        let changed = advance(batch, session, status, at, error, &wire_ids).await?;
        events.extend(changed.into_iter().map(|(message, tenant)| event::ActiveModel {
            seq: NotSet,
            tenant_id: Set(tenant),
            session_id: Set(session),
            message_id: Set(Some(message)),
            kind: Set(of_status(status).to_owned()),
            payload: Set(None),
            created_at: Set(at),
        }));
    }
    if !events.is_empty() {
        many::insert(batch, events).await?;
    }
    active(batch, jobs).await
}

/// Notes when these sessions were last heard of: one statement for the whole batch.
async fn active(batch: &DatabaseTransaction, jobs: &[MarkJob]) -> Result<(), StoreError> {
    let Some(last) = jobs.iter().map(|job| job.mark.at).max() else { return Ok(()) };
    let sessions: BTreeSet<Uuid> = jobs.iter().map(|job| job.lease.session.0).collect();
    session::Entity::update_many()
        .col_expr(session::Column::LastActivityAt, Expr::value(last))
        .filter(session::Column::Id.is_in(sessions))
        .exec(batch)
        .await?;
    Ok(())
}

/// Moves messages forward, never back; gives back the ids and tenants of those that moved. A receipt that overtook the ack says that it was sent, too.
async fn advance(
    batch: &DatabaseTransaction,
    session: Uuid,
    status: Status,
    at: DateTime<Utc>,
    error: Option<&(Failure, String)>,
    wire_ids: &[&str],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
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
    update.returning(Query::returning().columns([Column::Id, Column::TenantId]));
    let moved = batch.query_all(&update).await?;
    moved.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}
