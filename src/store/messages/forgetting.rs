//! Forgetting: settled messages and logged events that are older than they are to be kept, a small part at a time. Both grow at one
//! end and are forgotten from the other, so no index of their times is needed.

use chrono::{DateTime, Utc};
use entity::{event, media, message};
use futures_util::FutureExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::domain::message::{Direction, Status};
use crate::domain::retention::Before;
use crate::store::{Store, StoreError};

/// Rows of one round: they must not hold up the writer.
const AT_ONCE: u64 = 500;

/// A message, as far as forgetting it is concerned: its place, id, direction, status and age.
type Old = (i64, Uuid, i16, i16, DateTime<Utc>);

impl Store {
    /// Forgets the next part of the messages behind a place, of all tenants; where to go on, if there may be more. What is pending
    /// stays, however old it is.
    pub async fn forget_messages(&self, before: Before, after: i64) -> Result<Option<i64>, StoreError> {
        use message::Column;
        let Some(limit) = before.messages else { return Ok(None) };
        let page = message::Entity::find()
            .select_only()
            .columns([Column::Seq, Column::Id, Column::Direction, Column::Status, Column::CreatedAt])
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(AT_ONCE);
        let page: Vec<Old> = page.into_tuple().all(self.reader()).await?;
        let more = page.last().filter(|(.., at)| *at < limit && page.len() as u64 == AT_ONCE).map(|(seq, ..)| *seq);
        let old: Vec<(i64, Uuid)> =
            page.into_iter().filter(|old| is_over(old, before)).map(|(seq, id, ..)| (seq, id)).collect();
        if !old.is_empty() {
            self.write(move |batch| {
                async move {
                    let (places, ids): (Vec<i64>, Vec<Uuid>) = old.into_iter().unzip();
                    let media = media::Entity::delete_many().filter(media::Column::MessageId.is_in(ids));
                    media.exec(batch).await?;
                    message::Entity::delete_many().filter(Column::Seq.is_in(places)).exec(batch).await
                }
                .boxed()
            })
            .await?;
        }
        Ok(more)
    }

    /// The same for logged events. True if there may be more.
    pub async fn forget_events(&self, before: Before) -> Result<bool, StoreError> {
        use event::Column;
        let page = event::Entity::find().select_only().columns([Column::Seq, Column::CreatedAt]);
        let page = page.order_by_asc(Column::Seq).limit(AT_ONCE).into_tuple().all(self.reader()).await?;
        let old = |(_, at): &&(i64, DateTime<Utc>)| *at < before.events;
        let Some((last, _)) = page.iter().take_while(old).last().copied() else { return Ok(false) };
        self.write(move |batch| event::Entity::delete_many().filter(Column::Seq.lte(last)).exec(batch).boxed()).await?;
        Ok(page.len() as u64 == AT_ONCE)
    }
}

fn is_over((_, _, direction, status, at): &Old, before: Before) -> bool {
    let outbound = *direction == Direction::Outbound.number();
    let limit = match Status::from_number(*status) {
        Some(Status::Pending) if outbound => None,
        Some(Status::Sent) if outbound => before.unreceipted,
        _ => before.messages,
    };
    limit.is_some_and(|limit| *at < limit)
}
