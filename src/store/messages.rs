//! Messages as they are read: one by its id, a page by a filter, and what an outbox has yet to see through.

mod due;
mod expiry;
mod failed;
mod forgetting;
mod shown;

use entity::message::{self, Column};
use sea_orm::sea_query::{BinOper, Expr, ExprTrait as _, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use super::{Store, StoreError};
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::message::{Direction, Filter, Kind, Message, Page, SEARCHED, Search, Status, Stretch};
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
        let total = self.matching(tenant, filter).await?.count(self.reader()).await?;
        let matching = self.matching(tenant, filter).await?;
        let Stretch { messages, older, .. } = self.stretch_of(tenant, filter, matching).await?;
        let next_cursor = messages.last().filter(|_| older).map(|message| message.id);
        Ok(Page { messages, total, limit: filter.limit, offset: filter.offset, next_cursor })
    }

    /// The same without a count, which would look at all that matches; and where anything is asked for, among the newest alone, since
    /// there may be few that match among many.
    pub async fn stretch(&self, tenant: TenantId, filter: &Filter) -> Result<Stretch, StoreError> {
        let matching = self.matching(tenant, filter).await?;
        let any = filter.status.is_none() && filter.direction.is_none() && filter.kind.is_none();
        let all = any && filter.session.is_none() && filter.to.is_none();
        let matching = if all || filter.search.is_some() {
            matching
        } else {
            matching.filter(Column::Seq.gte(self.searched_from(tenant).await?))
        };
        self.stretch_of(tenant, filter, matching).await
    }

    async fn stretch_of(
        &self,
        tenant: TenantId,
        filter: &Filter,
        matching: Select<message::Entity>,
    ) -> Result<Stretch, StoreError> {
        let mut matching = matching.offset(filter.offset).limit(filter.limit + 1);
        if let Some(id) = filter.before {
            matching = matching.filter(Column::Seq.lt(self.seq_of(tenant, id).await?.unwrap_or(0)));
        }
        if let Some(id) = filter.after {
            matching = matching.filter(Column::Seq.gt(self.seq_of(tenant, id).await?.unwrap_or(i64::MAX)));
        }
        let backwards = filter.after.is_some();
        let direction = if backwards { Order::Asc } else { Order::Desc };
        let mut rows = matching.order_by(Column::Seq, direction).all(self.reader()).await?;
        let more = rows.len() as u64 > filter.limit;
        if more {
            rows.pop();
        }
        if backwards {
            rows.reverse();
        }
        let messages = self.views(tenant, rows).await?;
        let (newer, older) = if backwards { (more, true) } else { (filter.before.is_some(), more) };
        Ok(Stretch { messages, newer, older })
    }

    async fn matching(&self, tenant: TenantId, filter: &Filter) -> Result<Select<message::Entity>, StoreError> {
        let matching = matching(tenant, filter);
        let Some(search) = &filter.search else { return Ok(matching) };
        // The database writes both in small letters, so that they are the same letters whatever it knows of capitals.
        let pattern = Expr::expr(Func::lower(Expr::val(search.pattern())));
        let pattern = pattern.binary(BinOper::Escape, SimpleExpr::Constant(Search::ESCAPE.into()));
        let held = Expr::expr(Func::lower(Expr::col(Column::Text))).binary(BinOper::Like, pattern);
        Ok(matching.filter(Column::Seq.gte(self.searched_from(tenant).await?)).filter(held))
    }

    /// The oldest message that is looked at where something is searched for.
    async fn searched_from(&self, tenant: TenantId) -> Result<i64, StoreError> {
        let last = newest_but(tenant, SEARCHED - 1);
        Ok(last.into_tuple().one(self.reader()).await?.unwrap_or(0))
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

/// The newest message of a tenant but so many.
fn newest_but(tenant: TenantId, count: u64) -> Select<message::Entity> {
    let newest = message::Entity::find().select_only().column(Column::Seq).filter(Column::TenantId.eq(tenant.0));
    newest.order_by_desc(Column::Seq).offset(count).limit(1)
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
