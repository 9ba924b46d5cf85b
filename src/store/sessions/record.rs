//! What became of a session, kept under its lease, and the log that its stream resumes from.

use chrono::{DateTime, Utc};
use entity::{event, session};
use futures_util::FutureExt;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::end::{Failed, UNLINKED, Unsent};
use crate::domain::event::{Position, StreamEvent};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::phone::Phone;
use crate::domain::session::life::Fault;
use crate::domain::session::{Lease, Status};
use crate::store::{Store, StoreError};

/// What a session's actor wants kept: its life, and what its watchers are told.
#[derive(Debug, Clone)]
pub struct Record {
    pub status: Status,
    pub phone: Option<Phone>,
    pub fault: Option<Fault>,
    /// How many attempts have failed in a row.
    pub attempts: u32,
    pub event: Option<StreamEvent>,
    pub at: DateTime<Utc>,
}

impl Store {
    /// Keeps what became of a session and logs the event. The position in its stream; none if the lease is no longer the newest.
    pub async fn record(&self, lease: Lease, record: Record) -> Result<Option<Position>, StoreError> {
        let payload = match record.event.as_ref().filter(|e| e.logged_as().is_some()) {
            Some(event) => Some(serde_json::to_string(event).map_err(|_| StoreError::Corrupt("event"))?),
            None => None,
        };
        // In turn with what is accepted for the tenant, on any server: whatever was accepted before an unlinking fails with it, and
        // nothing is accepted after it.
        let kept = self.write_for(lease.tenant, move |batch| {
            async move { write_record(batch, lease, record, payload).await }.boxed()
        });
        let Some((position, failed)) = kept.await? else { return Ok(None) };
        self.fail_on(failed);
        Ok(Some(position))
    }

    /// A session's logged events after a position, oldest first.
    pub async fn stream_events(
        &self,
        tenant: TenantId,
        session: SessionId,
        after: Position,
    ) -> Result<Vec<(Position, StreamEvent)>, StoreError> {
        let rows = event::Entity::find()
            .filter(event::Column::TenantId.eq(tenant.0))
            .filter(event::Column::SessionId.eq(session.0))
            .filter(event::Column::MessageId.is_null())
            .filter(event::Column::Seq.gt(after.0))
            .order_by_asc(event::Column::Seq)
            .limit(1000)
            .all(self.reader())
            .await?;
        let read = |row: event::Model| -> Option<(Position, StreamEvent)> {
            Some((Position(row.seq), serde_json::from_str(&row.payload?).ok()?))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Where a session's stream stands now.
    pub async fn stream_position(&self, tenant: TenantId, session: SessionId) -> Result<Position, StoreError> {
        let last = event::Entity::find()
            .select_only()
            .column(event::Column::Seq)
            .filter(event::Column::TenantId.eq(tenant.0))
            .filter(event::Column::SessionId.eq(session.0))
            .filter(event::Column::MessageId.is_null())
            .order_by_desc(event::Column::Seq)
            .limit(1)
            .into_tuple::<i64>()
            .one(self.reader())
            .await?;
        Ok(Position(last.unwrap_or(0)))
    }
}

async fn write_record(
    batch: &DatabaseTransaction,
    lease: Lease,
    record: Record,
    payload: Option<String>,
) -> Result<Option<(Position, Failed)>, DbErr> {
    let held = session::Entity::find_by_id(lease.session.0).filter(session::Column::Epoch.eq(lease.epoch));
    let phone = held.select_only().column(session::Column::Phone).into_tuple::<Option<String>>().one(batch).await?;
    let Some(phone) = phone else { return Ok(None) };
    let unlinked = phone.is_some_and(|phone| record.phone.as_ref().is_none_or(|now| now.digits() != phone));
    let mut change = session::ActiveModel {
        status: Set(record.status.as_str().to_owned()),
        phone: Set(record.phone.map(|p| p.digits().to_owned())),
        error_code: Set(record.fault.as_ref().map(|f| f.code.clone())),
        error_message: Set(record.fault.map(|f| f.message)),
        attempts: Set(record.attempts.try_into().unwrap_or(i32::MAX)),
        last_activity_at: Set(Some(record.at)),
        ..Default::default()
    };
    if record.status == Status::Connected {
        change.connected_at = Set(Some(record.at));
    }
    let held = session::Entity::update_many()
        .set(change)
        .filter(session::Column::Id.eq(lease.session.0))
        .filter(session::Column::Epoch.eq(lease.epoch))
        .exec(batch)
        .await?;
    if held.rows_affected == 0 {
        return Ok(None);
    }
    // Whichever phone is linked next did not take these on.
    let failed = if unlinked {
        Unsent::of(lease.tenant, lease.session, record.at, UNLINKED).fail(batch).await?
    } else {
        Failed::default()
    };
    let (Some(event), Some(payload)) = (record.event, payload) else { return Ok(Some((Position(0), failed))) };
    let row = event::ActiveModel {
        seq: NotSet,
        tenant_id: Set(lease.tenant.0),
        session_id: Set(lease.session.0),
        message_id: Set(None),
        kind: Set(event.logged_as().unwrap_or_default().to_owned()),
        payload: Set(Some(payload)),
        created_at: Set(record.at),
    };
    Ok(Some((Position(event::Entity::insert(row).exec(batch).await?.last_insert_id), failed)))
}
