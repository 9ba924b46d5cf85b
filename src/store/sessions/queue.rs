//! What a session has yet to send, counted: by the indexes of what is in hand, and never through the history.

use chrono::{DateTime, Utc};
use entity::{media, message};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::domain::health::Queue;
use crate::domain::id::{SessionId, TenantId};
use crate::domain::message::Status;
use crate::store::media::{its_message, not_uploaded};
use crate::store::messages::in_hand;
use crate::store::{Store, StoreError};

impl Store {
    pub async fn queue(&self, tenant: TenantId, session: SessionId) -> Result<Queue, StoreError> {
        let pending = pending(tenant, session).count(self.reader()).await?;
        let oldest: Option<DateTime<Utc>> = oldest(tenant, session).into_tuple().one(self.reader()).await?;
        let age = oldest.map(|at| (self.clock().now() - at).num_seconds());
        Ok(Queue {
            pending,
            oldest_pending_at: oldest,
            oldest_pending_seconds: age.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
            media_waiting: media_waiting(tenant, session).count(self.reader()).await?,
        })
    }
}

fn pending(tenant: TenantId, session: SessionId) -> Select<message::Entity> {
    message::Entity::find()
        .filter(message::Column::TenantId.eq(tenant.0))
        .filter(message::Column::SessionId.eq(session.0))
        .filter(in_hand())
        .filter(message::Column::Status.eq(Status::Pending.number()))
}

fn oldest(tenant: TenantId, session: SessionId) -> Select<message::Entity> {
    pending(tenant, session)
        .select_only()
        .column(message::Column::CreatedAt)
        .order_by_asc(message::Column::Seq)
        .limit(1)
}

fn media_waiting(tenant: TenantId, session: SessionId) -> Select<media::Entity> {
    media::Entity::find()
        .join(JoinType::InnerJoin, its_message())
        .filter(media::Column::TenantId.eq(tenant.0))
        .filter(media::Column::SessionId.eq(session.0))
        .filter(not_uploaded())
        .filter(message::Column::Status.eq(Status::Pending.number()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::device_keys::store_with_session;
    use crate::store::messages::tests::{assert_reads_only_what_is_in_hand, plan};

    #[tokio::test]
    async fn what_waits_is_counted_without_a_look_at_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let (tenant, session) = (lease.tenant, lease.session);
        assert_reads_only_what_is_in_hand(&store, &pending(tenant, session)).await;
        assert_reads_only_what_is_in_hand(&store, &oldest(tenant, session)).await;
        // Of messages, single rows by their id.
        let media = plan(&store, &media_waiting(tenant, session)).await;
        let known = ["INDEX media_due", "INDEX sqlite_autoindex_message"];
        assert!(media.iter().all(|step| known.iter().any(|known| step.contains(known))), "{media:?}");
        assert_eq!(store.queue(tenant, session).await.unwrap(), Queue::default());
    }
}
