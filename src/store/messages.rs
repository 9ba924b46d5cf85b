//! Messages as they are read: one by its id, a page by a filter, and what an outbox has yet to see through.

use chrono::{DateTime, Utc};
use entity::message::{self, Column};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::{Store, StoreError};
use crate::domain::content::Text;
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::message::{Direction, Filter, Kind, Message, Page, Status};
use crate::domain::phone::Phone;
use crate::domain::session::Lease;

/// A message that must still go out (or go out again under the same wire id).
#[derive(Debug, Clone)]
pub struct Due {
    pub seq: i64,
    pub wire_id: String,
    /// The account it was accepted for, which is the only one it may go out from.
    pub from: Option<Phone>,
    pub to: Phone,
    pub text: Text,
}

impl Store {
    pub async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Option<Message>, StoreError> {
        let row = message::Entity::find()
            .filter(Column::TenantId.eq(tenant.0))
            .filter(Column::Id.eq(id.0))
            .one(self.reader())
            .await?;
        row.map(view).transpose()
    }

    pub async fn messages(&self, tenant: TenantId, filter: &Filter) -> Result<Page, StoreError> {
        let matching = matching(tenant, filter);
        let total = matching.clone().count(self.reader()).await?;
        let before = match filter.before {
            Some(id) => Some(self.seq_of(tenant, id).await?.unwrap_or(0)),
            None => None,
        };
        let page = match before {
            Some(seq) => matching.filter(Column::Seq.lt(seq)),
            None => matching,
        };
        let mut rows =
            page.order_by_desc(Column::Seq).offset(filter.offset).limit(filter.limit + 1).all(self.reader()).await?;
        let more = rows.len() as u64 > filter.limit;
        if more {
            rows.pop();
        }
        let next_cursor = rows.last().filter(|_| more).map(|row| MessageId(row.id));
        let messages = rows.into_iter().map(view).collect::<Result<_, _>>()?;
        Ok(Page { messages, total, limit: filter.limit, offset: filter.offset, next_cursor })
    }

    async fn seq_of(&self, tenant: TenantId, id: MessageId) -> Result<Option<i64>, StoreError> {
        let found = message::Entity::find()
            .select_only()
            .column(Column::Seq)
            .filter(Column::TenantId.eq(tenant.0))
            .filter(Column::Id.eq(id.0));
        Ok(found.into_tuple().one(self.reader()).await?)
    }

    /// The session's pending messages after `after`, in the order of acceptance.
    pub async fn due(&self, lease: Lease, after: i64, limit: u64) -> Result<Vec<Due>, StoreError> {
        self.outbound(lease, Status::Pending, after, limit, None).await
    }

    /// What this account sent since `since` and was never receipted, in the order of acceptance: its receipt may have died with the
    /// process. What another account sent through the session before is none of this one's. An account that was unlinked and linked
    /// anew is the same to whoever it writes to: its messages come from the same number under the same ids, and are shown once.
    pub async fn unreceipted(
        &self,
        lease: Lease,
        after: i64,
        limit: u64,
        account: &Phone,
        since: DateTime<Utc>,
    ) -> Result<Vec<Due>, StoreError> {
        self.outbound(lease, Status::Sent, after, limit, Some((account, since))).await
    }

    async fn outbound(
        &self,
        lease: Lease,
        status: Status,
        after: i64,
        limit: u64,
        by: Option<(&Phone, DateTime<Utc>)>,
    ) -> Result<Vec<Due>, StoreError> {
        let found = outbound(lease, status, after, limit, by);
        found.all(self.reader()).await?.into_iter().map(due).collect()
    }
}

fn outbound(
    lease: Lease,
    status: Status,
    after: i64,
    limit: u64,
    by: Option<(&Phone, DateTime<Utc>)>,
) -> Select<message::Entity> {
    message::Entity::find()
        .filter(Column::TenantId.eq(lease.tenant.0))
        .filter(Column::SessionId.eq(lease.session.0))
        .filter(in_hand())
        .filter(Column::Status.eq(status.number()))
        .filter(Column::Seq.gt(after))
        .apply_if(by, |found, (account, since)| {
            found.filter(Column::FromPhone.eq(account.to_string())).filter(Column::SentAt.gte(since))
        })
        .order_by_asc(Column::Seq)
        .limit(limit)
}

/// What an outbox has yet to see through, in the very words of the index `message_due`: a database takes a partial index only for
/// a query that says its condition, and not for a parameter that may fulfil it.
pub(super) fn in_hand() -> SimpleExpr {
    Expr::cust("direction = 0 AND status <= 1")
}

fn matching(tenant: TenantId, filter: &Filter) -> Select<message::Entity> {
    message::Entity::find()
        .filter(Column::TenantId.eq(tenant.0))
        .apply_if(filter.session, |q, SessionId(id)| q.filter(Column::SessionId.eq(id)))
        .apply_if(filter.status, |q, status| q.filter(Column::Status.eq(status.number())))
        .apply_if(filter.direction, |q, direction| q.filter(Column::Direction.eq(direction.number())))
        .apply_if(filter.kind, |q, kind| q.filter(Column::Kind.eq(kind.as_str())))
        .apply_if(filter.to.as_ref(), |q, to| q.filter(Column::ToPhone.eq(to.to_string())))
}

fn due(row: message::Model) -> Result<Due, StoreError> {
    Ok(Due {
        seq: row.seq,
        wire_id: row.wire_id,
        from: row.from_phone.and_then(|phone| phone.parse().ok()),
        to: Phone::from_digits(&row.peer).map_err(|_| StoreError::Corrupt("recipient"))?,
        text: row.text.and_then(|text| Text::try_from(text).ok()).ok_or(StoreError::Corrupt("text"))?,
    })
}

fn view(row: message::Model) -> Result<Message, StoreError> {
    Ok(Message {
        id: MessageId(row.id),
        session_id: SessionId(row.session_id),
        direction: Direction::from_number(row.direction),
        to_phone: row.to_phone,
        from_phone: row.from_phone,
        kind: Kind::from_name(&row.kind),
        status: Status::from_number(row.status).ok_or(StoreError::Corrupt("message status"))?,
        message: row.text,
        whatsapp_message_id: row.wire_id,
        error_code: row.error_code,
        error_message: row.error_message,
        sent_at: row.sent_at,
        delivered_at: row.delivered_at,
        read_at: row.read_at,
        created_at: row.created_at,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    use super::*;
    use crate::store::device_keys::store_with_session;

    /// Holds SQLite's plan of a statement: the few rows of the partial index, and never the history.
    pub(in crate::store) async fn assert_reads_only_what_is_in_hand(store: &Store, query: &impl QueryTrait) {
        let query = query.build(DbBackend::Sqlite);
        let explain = format!("EXPLAIN QUERY PLAN {}", query.sql);
        let asked = match query.values {
            Some(values) => Statement::from_sql_and_values(DbBackend::Sqlite, explain, values),
            None => Statement::from_string(DbBackend::Sqlite, explain),
        };
        let plan = store.reader().query_all_raw(asked).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        assert!(plan.len() == 1 && plan[0].contains("INDEX message_due"), "{plan:?}");
    }

    #[tokio::test]
    async fn what_is_due_is_found_without_a_look_at_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let (account, now) = ("+237600000001".parse().unwrap(), store.clock().now());
        for (status, by) in [(Status::Pending, None), (Status::Sent, Some((&account, now)))] {
            assert_reads_only_what_is_in_hand(&store, &outbound(lease, status, 7, 64, by)).await;
        }
    }
}
