//! Received messages: a batch is one insert, and a stanza that comes again is the row that is there.

use chrono::{DateTime, Utc};
use entity::{event, message, session};
use futures_util::FutureExt;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::device_keys::name_of;
use super::{Store, StoreError};
use crate::domain::event::MESSAGE_RECEIVED;
use crate::domain::id::MessageId;
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
    pub text: Option<String>,
    pub at: DateTime<Utc>,
}

impl Store {
    /// Keeps what a session received, with its events; the network is told only after this.
    pub async fn receive(&self, lease: Lease, batch: Vec<Incoming>) -> Result<(), StoreError> {
        let now = self.clock().now();
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
    }
}
