//! Media that came in: what their senders said of them beside the message, and, for whoever asks for one, where it lies.

use entity::{media, message};
use futures_util::FutureExt;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::media::{MimeType, Reference, Said, Stage, Wanted};
use crate::domain::message::Direction;
use crate::domain::session::Lease;
use crate::store::{Store, StoreError};

/// A received medium, for whoever wants to have it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub session: SessionId,
    /// The message's id on WhatsApp.
    pub wire_id: String,
    pub wanted: Wanted,
    pub mime: Option<MimeType>,
    /// Bytes, as its sender said.
    pub size: Option<u64>,
    /// None if its sender did not say all that is needed.
    pub reference: Option<Reference>,
}

/// What one message of a tenant has for whoever asks for its medium.
#[derive(Debug, Clone)]
pub enum Found {
    Received(Box<Kept>),
    /// It was sent and not received.
    Sent,
    /// A text, say.
    NoMedium,
}

impl Store {
    /// What there is to download of a message; none if the tenant has no such message.
    pub async fn medium_of(&self, tenant: TenantId, id: MessageId) -> Result<Option<Found>, StoreError> {
        let message = message::Entity::find()
            .filter(message::Column::TenantId.eq(tenant.0))
            .filter(message::Column::Id.eq(id.0))
            .one(self.reader())
            .await?;
        let Some(message) = message else { return Ok(None) };
        let medium = media::Entity::find_by_id(id.0).filter(media::Column::TenantId.eq(tenant.0));
        let Some(medium) = medium.one(self.reader()).await? else { return Ok(Some(Found::NoMedium)) };
        if Direction::from_number(message.direction) == Direction::Outbound {
            return Ok(Some(Found::Sent));
        }
        let reference = medium.reference.map(|sealed| self.open_reference(tenant, id, &sealed)).transpose()?;
        Ok(Some(Found::Received(Box::new(Kept {
            session: SessionId(message.session_id),
            wire_id: message.wire_id,
            wanted: super::wanted(&medium.wanted)?,
            mime: medium.mime.and_then(|mime| mime.try_into().ok()),
            size: medium.size.and_then(|size| size.try_into().ok()),
            reference,
        }))))
    }

    /// It lies somewhere else now.
    pub async fn medium_moved(&self, tenant: TenantId, id: MessageId, reference: &Reference) -> Result<(), StoreError> {
        let sealed = self.seal_reference(tenant, id, reference)?;
        self.write(move |batch| {
            async move {
                let moved = media::ActiveModel { reference: Set(Some(sealed)), ..Default::default() };
                let row = media::Entity::update_many().set(moved).filter(media::Column::MessageId.eq(id.0));
                row.filter(media::Column::TenantId.eq(tenant.0)).exec(batch).await.map(|_| ())
            }
            .boxed()
        })
        .await
    }
}

/// The row of a received medium. Its stage is the last one: nothing of it is on its way out.
pub(in crate::store) fn row(
    lease: Lease,
    message: MessageId,
    said: &Said,
    reference: Option<Vec<u8>>,
) -> media::ActiveModel {
    media::ActiveModel {
        message_id: Set(message.0),
        tenant_id: Set(lease.tenant.0),
        session_id: Set(lease.session.0),
        wanted: Set(said.wanted.as_str().to_owned()),
        stage: Set(Stage::Uploaded.number()),
        attempts: Set(0),
        mime: Set(said.mime.as_ref().map(|mime| mime.as_str().to_owned())),
        size: Set(said.size.and_then(|size| size.try_into().ok())),
        width: Set(said.width.and_then(|pixels| pixels.try_into().ok())),
        height: Set(said.height.and_then(|pixels| pixels.try_into().ok())),
        duration_ms: Set(said.duration_ms.and_then(|time| time.try_into().ok())),
        waveform: Set(said.waveform.map(Vec::from)),
        gif: Set(said.gif),
        reference: Set(reference),
        ..Default::default()
    }
}
