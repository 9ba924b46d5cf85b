//! Media on their way out: what waits to be made ready, what is ready to be uploaded, and how far each has come. Only media of
//! pending messages are on their way: one whose message failed, however it did, is in nobody's way.

mod chores;
mod next;
pub mod received;
mod sealed;
mod standing;

use chrono::{DateTime, Utc};
use entity::media::{ActiveModel, Column, Entity, Model};
use entity::{message, session};
use futures_util::FutureExt;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, JoinType, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationDef, Select, SelectTwo,
};

use super::{Store, StoreError};
use crate::domain::id::MessageId;
use crate::domain::media::{Caption, Facts, MediaUrl, Source, SpoolName, Stage, Wanted};
use crate::domain::message::{Kind, Status};
use crate::domain::phone::Phone;
use crate::domain::session::Lease;
pub use next::Spooled;
pub(super) use sealed::{Sealed, open, seal_again};

/// A medium that is to be fetched, checked and converted.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub message: MessageId,
    pub wire_id: String,
    pub wanted: Wanted,
    pub source: Source,
    pub attempts: u32,
    /// Not to be tried again before this.
    pub not_before: Option<DateTime<Utc>>,
}

/// A medium that is as phones want it, to be uploaded.
#[derive(Debug, Clone)]
pub struct Ready {
    pub message: MessageId,
    pub wire_id: String,
    pub to: Phone,
    pub wanted: Wanted,
    pub spool: SpoolName,
    pub facts: Facts,
    pub caption: Option<Caption>,
    /// Whether it came from a URL, where it can be fetched anew.
    pub has_url: bool,
}

/// What rows tell, and those that cannot be read: they hide nothing that stands behind them.
#[derive(Debug)]
pub struct Told<T> {
    pub media: Vec<T>,
    pub spoiled: Vec<MessageId>,
}

impl<T> Told<T> {
    fn of(rows: Vec<Both>, read: fn(Both) -> Result<T, StoreError>) -> Self {
        let mut told = Self { media: Vec::new(), spoiled: Vec::new() };
        for row in rows {
            let message = MessageId(row.0.message_id);
            match read(row) {
                Ok(medium) => told.media.push(medium),
                Err(error) => {
                    tracing::error!(message_id = %message.0, %error, "what was kept of a medium cannot be read");
                    told.spoiled.push(message);
                }
            }
        }
        told
    }
}

impl Store {
    /// What of a session's media is ready, in the order of acceptance.
    pub async fn media_ready(&self, lease: Lease, limit: u64) -> Result<Told<Ready>, StoreError> {
        let found = on_their_way(lease, Stage::Ready, limit);
        Ok(Told::of(found.all(self.reader()).await?, ready))
    }

    /// This attempt came to nothing, and another is to be made. False if nobody waits for it any more, here as in what follows.
    pub async fn media_later(
        &self,
        lease: Lease,
        message: MessageId,
        attempts: u32,
        not_before: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let attempts = attempts.try_into().unwrap_or(i32::MAX);
        let later = ActiveModel { attempts: Set(attempts), not_before: Set(Some(not_before)), ..Default::default() };
        self.move_medium(lease, message, Stage::Waiting, later, None).await
    }

    /// It is in the spool as phones want it. If it is false, the file that was made belongs to nobody.
    pub async fn media_prepared(
        &self,
        lease: Lease,
        message: MessageId,
        spool: SpoolName,
        facts: Facts,
    ) -> Result<bool, StoreError> {
        let kind = facts.kind;
        let ready = ActiveModel {
            stage: Set(Stage::Ready.number()),
            spool: Set(Some(spool.0)),
            attempts: Set(0),
            not_before: Set(None),
            mime: Set(Some(facts.mime)),
            size: Set(i64::try_from(facts.size).ok()),
            width: Set(facts.width.and_then(|pixels| pixels.try_into().ok())),
            height: Set(facts.height.and_then(|pixels| pixels.try_into().ok())),
            duration_ms: Set(facts.duration_ms.and_then(|time| time.try_into().ok())),
            waveform: Set(facts.waveform.map(Vec::from)),
            thumbnail: Set(facts.thumbnail),
            gif: Set(facts.gif),
            ..Default::default()
        };
        self.move_medium(lease, message, Stage::Waiting, ready, Some(kind)).await
    }

    /// Its file is gone from the spool: it is to be made ready anew, from its URL.
    pub async fn media_anew(&self, lease: Lease, message: MessageId) -> Result<bool, StoreError> {
        let anew = ActiveModel { stage: Set(Stage::Waiting.number()), spool: Set(None), ..Default::default() };
        self.move_medium(lease, message, Stage::Ready, anew, None).await
    }

    /// It is on the media servers; `payload` is the message that names it, as it goes over the wire. Its file is needed no more.
    pub async fn media_uploaded(&self, lease: Lease, message: MessageId, payload: &[u8]) -> Result<bool, StoreError> {
        let uploaded = ActiveModel {
            stage: Set(Stage::Uploaded.number()),
            spool: Set(None),
            payload: Set(Some(self.seal_payload(lease.tenant, message, payload)?)),
            ..Default::default()
        };
        self.move_medium(lease, message, Stage::Ready, uploaded, None).await
    }

    /// Changes the medium of a pending message, if it is where it is thought to be and the lease is the newest.
    async fn move_medium(
        &self,
        lease: Lease,
        id: MessageId,
        from: Stage,
        change: ActiveModel,
        kind: Option<Kind>,
    ) -> Result<bool, StoreError> {
        self.write(move |batch| {
            async move {
                if !is_newest(batch, lease).await? {
                    return Ok(None);
                }
                let moved = Entity::update_many()
                    .set(change)
                    .filter(Column::MessageId.eq(id.0))
                    .filter(Column::TenantId.eq(lease.tenant.0))
                    .filter(Column::SessionId.eq(lease.session.0))
                    .filter(Column::Stage.eq(from.number()))
                    .filter(Expr::exists(pending(id).into_query()))
                    .exec(batch)
                    .await?;
                if let Some(kind) = kind.filter(|_| moved.rows_affected > 0) {
                    let kind = Expr::value(kind.as_str());
                    let shown = message::Entity::update_many().col_expr(message::Column::Kind, kind);
                    shown.filter(message::Column::Id.eq(id.0)).exec(batch).await?;
                }
                Ok(Some(moved.rows_affected > 0))
            }
            .boxed()
        })
        .await?
        .ok_or(StoreError::LeaseLost)
    }
}

async fn is_newest(batch: &DatabaseTransaction, lease: Lease) -> Result<bool, DbErr> {
    let held = session::Entity::find_by_id(lease.session.0)
        .filter(session::Column::TenantId.eq(lease.tenant.0))
        .filter(session::Column::Epoch.eq(lease.epoch));
    Ok(held.count(batch).await? > 0)
}

/// The message, if it is pending.
fn pending(id: MessageId) -> Select<message::Entity> {
    message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::Id.eq(id.0))
        .filter(message::Column::Status.eq(Status::Pending.number()))
}

/// What is not on the media servers yet, in the very words of the index `media_due`.
pub(super) fn not_uploaded() -> SimpleExpr {
    Expr::cust("stage < 2")
}

/// From a medium to its message.
pub(super) fn its_message() -> RelationDef {
    Entity::belongs_to(message::Entity).from(Column::MessageId).to(message::Column::Id).into()
}

/// Ids of messages grow as they are accepted.
fn on_their_way(lease: Lease, stage: Stage, limit: u64) -> SelectTwo<Entity, message::Entity> {
    Entity::find()
        .join(JoinType::InnerJoin, its_message())
        .select_also(message::Entity)
        .filter(Column::SessionId.eq(lease.session.0))
        .filter(Column::TenantId.eq(lease.tenant.0))
        .filter(not_uploaded())
        .filter(Column::Stage.eq(stage.number()))
        .filter(message::Column::Status.eq(Status::Pending.number()))
        .order_by_asc(Column::MessageId)
        .limit(limit)
}

/// The message as well: every medium has one.
type Both = (Model, Option<message::Model>);

fn waiting((medium, message): Both) -> Result<Waiting, StoreError> {
    let source = match (medium.url, medium.spool) {
        (Some(url), _) => Source::Url(MediaUrl::try_from(url).map_err(|_| StoreError::Corrupt("media URL"))?),
        (None, Some(name)) => Source::Upload(SpoolName(name)),
        (None, None) => return Err(StoreError::Corrupt("media source")),
    };
    Ok(Waiting {
        message: MessageId(medium.message_id),
        wire_id: message.ok_or(StoreError::Corrupt("medium without a message"))?.wire_id,
        wanted: wanted(&medium.wanted)?,
        source,
        attempts: medium.attempts.try_into().unwrap_or(0),
        not_before: medium.not_before,
    })
}

fn ready((medium, message): Both) -> Result<Ready, StoreError> {
    let message = message.ok_or(StoreError::Corrupt("medium without a message"))?;
    let caption = Caption::read(message.text.unwrap_or_default()).map_err(|_| StoreError::Corrupt("caption"))?;
    let waveform = medium.waveform.map(<[u8; _]>::try_from).transpose();
    Ok(Ready {
        message: MessageId(medium.message_id),
        wire_id: message.wire_id,
        to: Phone::from_digits(&message.peer).map_err(|_| StoreError::Corrupt("recipient"))?,
        wanted: wanted(&medium.wanted)?,
        spool: SpoolName(medium.spool.ok_or(StoreError::Corrupt("media file"))?),
        facts: Facts {
            kind: Kind::from_name(&message.kind),
            mime: medium.mime.ok_or(StoreError::Corrupt("media type"))?,
            size: medium.size.and_then(|size| size.try_into().ok()).ok_or(StoreError::Corrupt("media size"))?,
            width: medium.width.and_then(|pixels| pixels.try_into().ok()),
            height: medium.height.and_then(|pixels| pixels.try_into().ok()),
            duration_ms: medium.duration_ms.and_then(|time| time.try_into().ok()),
            waveform: waveform.map_err(|_| StoreError::Corrupt("waveform"))?,
            thumbnail: medium.thumbnail,
            gif: medium.gif,
        },
        caption,
        has_url: medium.url.is_some(),
    })
}

fn wanted(name: &str) -> Result<Wanted, StoreError> {
    Wanted::from_name(name).ok_or(StoreError::Corrupt("wanted medium"))
}

#[cfg(test)]
mod tests;
