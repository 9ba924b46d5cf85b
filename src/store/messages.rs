//! Messages as they are read: one by its id, a page by a filter, and what an outbox has yet to see through.

mod due;
mod expiry;
mod forgetting;
mod shown;

use entity::message::{self, Column};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::{Store, StoreError};
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::message::{Direction, Filter, Kind, Message, Page, Status};
pub use due::{Due, DueContent};
use shown::{Medium, shown};

impl Store {
    pub async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Option<Message>, StoreError> {
        let row = message::Entity::find()
            .filter(Column::TenantId.eq(tenant.0))
            .filter(Column::Id.eq(id.0))
            .one(self.reader())
            .await?;
        Ok(self.views(tenant, row.into_iter().collect()).await?.pop())
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
        let messages = self.views(tenant, rows).await?;
        Ok(Page { messages, total, limit: filter.limit, offset: filter.offset, next_cursor })
    }

    /// What callers see of these rows: one more query for all media among them, and none without.
    async fn views(&self, tenant: TenantId, rows: Vec<message::Model>) -> Result<Vec<Message>, StoreError> {
        let mut media = self.seen_media(tenant, &rows).await?;
        rows.into_iter().map(|row| view(media.remove(&row.id), row)).collect()
    }

    async fn seq_of(&self, tenant: TenantId, id: MessageId) -> Result<Option<i64>, StoreError> {
        let found = message::Entity::find()
            .select_only()
            .column(Column::Seq)
            .filter(Column::TenantId.eq(tenant.0))
            .filter(Column::Id.eq(id.0));
        Ok(found.into_tuple().one(self.reader()).await?)
    }
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

fn view(medium: Option<Medium>, row: message::Model) -> Result<Message, StoreError> {
    let kind = Kind::from_name(&row.kind);
    Ok(Message {
        id: MessageId(row.id),
        session_id: SessionId(row.session_id),
        direction: Direction::from_number(row.direction),
        to_phone: row.to_phone,
        from_phone: row.from_phone,
        kind,
        status: Status::from_number(row.status).ok_or(StoreError::Corrupt("message status"))?,
        shown: shown(MessageId(row.id), kind, row.text, medium.unwrap_or_default()),
        whatsapp_message_id: row.wire_id,
        error_code: row.error_code,
        error_message: row.error_message,
        sent_at: row.sent_at,
        delivered_at: row.delivered_at,
        read_at: row.read_at,
        created_at: row.created_at,
        request_id: row.request_id,
    })
}

#[cfg(test)]
pub(super) mod tests;
