//! Received messages: a batch is one insert, and a stanza that comes again is the row that is there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{event, message, session};
use futures_util::FutureExt;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::device_keys::name_of;
use super::{Store, StoreError, many, media};
use crate::domain::event::MESSAGE_RECEIVED;
use crate::domain::id::MessageId;
use crate::domain::media::{Reference, Said};
use crate::domain::message::{Direction, Kind, Status};
use crate::domain::phone::Phone;
use crate::domain::session::Lease;

/// A received message on its way into the database.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub id: MessageId,
    pub wire_id: String,
    /// The sender's address (and the chat's, in a group) as the stanza has it.
    pub peer: String,
    pub from: Option<Phone>,
    pub kind: Kind,
    /// The text, or the caption of its medium.
    pub text: Option<String>,
    pub medium: Option<IncomingMedium>,
    pub at: DateTime<Utc>,
}

/// What came with it: what its sender says of it, and where it lies, if that was said.
#[derive(Debug, Clone)]
pub struct IncomingMedium {
    pub said: Said,
    pub reference: Option<Reference>,
}

impl Store {
    /// Keeps what a session received, with its events; the network is told only after this.
    pub async fn receive(&self, lease: Lease, batch: Vec<Incoming>) -> Result<(), StoreError> {
        let now = self.clock().now();
        let mut media = self.media_rows(lease, &batch)?;
        self.write(move |tx| {
            async move {
                use message::Column;
                let twice = OnConflict::columns([Column::SessionId, Column::WireId, Column::Peer, Column::Direction])
                    .do_nothing()
                    .to_owned();
                // What a session receives when another holder has its lease is brought again, to that one.
                let session = session::Entity::find_by_id(lease.session.0).one(tx).await?;
                let Some(session) = session.filter(|session| session.epoch == lease.epoch) else { return Ok(false) };
                let own = session.phone;
                let rows = batch.into_iter().map(|incoming| row(lease, own.as_deref(), incoming));
                let kept = message::Entity::insert_many(rows).on_conflict(twice).exec_with_returning(tx).await?;
                if kept.is_empty() {
                    return Ok(true);
                }
                media.retain(|id, _| kept.iter().any(|row| row.id == *id));
                many::insert(tx, media.into_values().collect()).await?;
                let events = kept.iter().map(|row| event::ActiveModel {
                    seq: NotSet,
                    tenant_id: Set(row.tenant_id),
                    session_id: Set(row.session_id),
                    message_id: Set(Some(row.id)),
                    kind: Set(MESSAGE_RECEIVED.to_owned()),
                    payload: Set(None),
                    created_at: Set(row.created_at),
                });
                event::Entity::insert_many(events).exec_without_returning(tx).await?;
                let heard = session::ActiveModel { last_activity_at: Set(Some(now)), ..Default::default() };
                let session = session::Entity::update_many().set(heard).filter(session::Column::Id.eq(lease.session.0));
                session.exec(tx).await.map(|_| true)
            }
            .boxed()
        })
        .await?
        .then_some(())
        .ok_or(StoreError::LeaseLost)
    }

    /// The rows of what came with the messages of a batch, by their ids.
    fn media_rows(
        &self,
        lease: Lease,
        batch: &[Incoming],
    ) -> Result<HashMap<Uuid, entity::media::ActiveModel>, StoreError> {
        let with_media = batch.iter().filter_map(|incoming| Some((incoming.id, incoming.medium.as_ref()?)));
        let row = |(id, medium): (MessageId, &IncomingMedium)| {
            let reference = medium.reference.as_ref().map(|reference| self.seal_reference(lease.tenant, id, reference));
            Ok((id.0, media::received::row(lease, id, &medium.said, reference.transpose()?)))
        };
        with_media.map(row).collect()
    }
}

/// Ids and addresses are chosen by whoever sends: PostgreSQL keeps no NUL in a text and no long one in an index.
fn plain(id: String) -> String {
    const LONG: usize = 300;
    if id.len() <= LONG && !id.contains('\0') { id } else { name_of(&[&id]) }
}

fn row(lease: Lease, own: Option<&str>, incoming: Incoming) -> message::ActiveModel {
    message::ActiveModel {
        seq: NotSet,
        id: Set(incoming.id.0),
        tenant_id: Set(lease.tenant.0),
        session_id: Set(lease.session.0),
        direction: Set(Direction::Inbound.number()),
        wire_id: Set(plain(incoming.wire_id)),
        peer: Set(plain(incoming.peer)),
        to_phone: Set(own.map(|digits| format!("+{digits}"))),
        from_phone: Set(incoming.from.map(|p| p.to_string())),
        kind: Set(incoming.kind.as_str().to_owned()),
        // PostgreSQL keeps no NUL in a text, and what arrives is not ours to refuse.
        text: Set(incoming.text.map(|text| text.replace('\0', "\u{fffd}"))),
        status: Set(Status::Delivered.number()),
        error_code: Set(None),
        error_message: Set(None),
        sent_at: Set(None),
        delivered_at: Set(Some(incoming.at)),
        read_at: Set(None),
        created_at: Set(incoming.at),
        request_id: Set(None),
        traceparent: Set(None),
    }
}
