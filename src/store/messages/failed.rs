//! When a message failed. Its row does not say; the event log does, which grows in the order of time and has no index of messages.

use chrono::{DateTime, TimeDelta, Utc};
use entity::event::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::domain::event::of_status;
use crate::domain::id::{MessageId, TenantId};
use crate::domain::message::Status;
use crate::store::{Store, StoreError};

/// How many events are looked through: a few milliseconds' worth.
const LOOKED_THROUGH: i64 = 20_000;
/// Events of one moment may stand in another order than their times.
const DISORDER: TimeDelta = TimeDelta::minutes(1);

impl Store {
    /// When this message failed, if the log says so among the events that came next after a moment.
    pub async fn failed_at(
        &self,
        tenant: TenantId,
        id: MessageId,
        from: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let Some(first) = self.first_event_since(from - DISORDER).await? else { return Ok(None) };
        let failed = failure(tenant, id, first).select_only().column(Column::CreatedAt);
        Ok(failed.into_tuple().one(self.reader()).await?)
    }

    /// The place in the log of the first event since a moment: one row is read for each halving of the log.
    async fn first_event_since(&self, from: DateTime<Utc>) -> Result<Option<i64>, StoreError> {
        let last: Option<i64> = places().order_by_desc(Column::Seq).into_tuple().one(self.reader()).await?;
        let (mut low, mut high) = match last {
            Some(last) => (0, last),
            None => return Ok(None),
        };
        while low < high {
            let middle = low + (high - low) / 2;
            let next = places().column(Column::CreatedAt).filter(Column::Seq.gte(middle)).order_by_asc(Column::Seq);
            let next: Option<(i64, DateTime<Utc>)> = next.into_tuple().one(self.reader()).await?;
            match next {
                Some((seq, at)) if at < from => low = seq + 1,
                _ => high = middle,
            }
        }
        Ok(Some(low))
    }
}

fn places() -> Select<Entity> {
    Entity::find().select_only().column(Column::Seq)
}

fn failure(tenant: TenantId, id: MessageId, first: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::Seq.gte(first))
        .filter(Column::Seq.lt(first.saturating_add(LOOKED_THROUGH)))
        .filter(Column::TenantId.eq(tenant.0))
        .filter(Column::MessageId.eq(id.0))
        .filter(Column::Kind.eq(of_status(Status::Failed)))
        .order_by_desc(Column::Seq)
}

#[cfg(test)]
mod tests {
    use entity::event;
    use futures_util::FutureExt;
    use sea_orm::ActiveValue::{NotSet, Set};
    use uuid::Uuid;

    use super::*;
    use crate::store::device_keys::store_with_session;
    use crate::store::many;
    use crate::store::messages::tests::plan;

    #[tokio::test]
    async fn the_log_tells_when_a_message_failed_and_is_not_read_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let start = store.clock().now();
        let at = |minute: i64| start + TimeDelta::minutes(minute);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let events: Vec<_> = (0..60)
            .map(|minute| event::ActiveModel {
                seq: NotSet,
                tenant_id: Set(lease.tenant.0),
                session_id: Set(lease.session.0),
                message_id: Set(Some(if minute == 40 { one } else { other })),
                kind: Set(of_status(if minute % 20 == 0 { Status::Failed } else { Status::Sent }).to_owned()),
                payload: Set(None),
                created_at: Set(at(minute)),
            })
            .collect();
        store.write(move |batch| many::insert(batch, events).boxed()).await.unwrap();
        for minute in [-10, 0, 17, 40, 41] {
            assert_eq!(store.failed_at(lease.tenant, MessageId(one), at(minute)).await.unwrap(), Some(at(40)));
        }
        for (tenant, minute) in [(lease.tenant, 42), (lease.tenant, 90), (TenantId(other), 0)] {
            assert_eq!(store.failed_at(tenant, MessageId(one), at(minute)).await.unwrap(), None);
        }
        let plan = plan(&store, &failure(lease.tenant, MessageId(one), 7)).await;
        assert!(plan.len() == 1 && plan[0].contains("PRIMARY KEY (rowid>? AND rowid<?)"), "{plan:?}");
    }
}
