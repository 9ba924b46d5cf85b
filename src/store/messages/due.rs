//! What an outbox has yet to see through: what is pending, and what was sent and never receipted.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::media;
use entity::message::{self, Column};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::in_hand;
use crate::domain::content::Text;
use crate::domain::id::MessageId;
use crate::domain::message::{Kind, Status};
use crate::domain::phone::Phone;
use crate::domain::request::Cause;
use crate::domain::session::Lease;
use crate::store::media::open;
use crate::store::{Store, StoreError};

/// A message that must still go out (or go out again under the same wire id).
#[derive(Debug, Clone)]
pub struct Due {
    pub seq: i64,
    pub message: MessageId,
    pub wire_id: String,
    /// When it was accepted.
    pub at: DateTime<Utc>,
    /// The account it was accepted for, which is the only one it may go out from.
    pub from: Option<Phone>,
    pub to: Phone,
    pub content: DueContent,
    pub cause: Cause,
}

#[derive(Clone, PartialEq, Eq)]
pub enum DueContent {
    Text(Text),
    /// The message that names an uploaded medium, as it goes over the wire.
    Payload(Vec<u8>),
    /// A medium that is not on the media servers yet.
    Waiting,
    /// What was kept of it cannot be read any more, so it can never be sent.
    Unreadable,
}

/// The keys that open the medium stand in a payload.
impl std::fmt::Debug for DueContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Payload(payload) => write!(f, "Payload({} bytes)", payload.len()),
            Self::Waiting => f.write_str("Waiting"),
            Self::Unreadable => f.write_str("Unreadable"),
        }
    }
}

impl Store {
    /// The session's pending messages after `after`, in the order of acceptance. What stands behind a medium that is not uploaded
    /// yet is among them: an outbox that goes on from what it saw must have seen what waits.
    pub async fn due(&self, lease: Lease, after: i64, limit: u64) -> Result<Vec<Due>, StoreError> {
        let found = pending(lease, after, limit).all(self.reader()).await?;
        self.with_content(lease, found).await
    }

    /// The same in one chat, up to `until`.
    pub async fn due_to(
        &self,
        lease: Lease,
        chat: &Phone,
        after: i64,
        until: i64,
        limit: u64,
    ) -> Result<Vec<Due>, StoreError> {
        let found = pending(lease, after, limit).filter(Column::Seq.lte(until)).filter(Column::Peer.eq(chat.digits()));
        self.with_content(lease, found.all(self.reader()).await?).await
    }

    /// What this account sent since `since` and was never receipted, in the order of acceptance: its receipt may have died with the
    /// process. What another account sent through the session before is none of this one's. An account that was unlinked and linked
    /// anew is the same to whoever it writes to: its messages come from the same number under the same ids, and are shown once.
    pub async fn unreceipted(
        &self,
        lease: Lease,
        account: &Phone,
        since: DateTime<Utc>,
        (after, until): (i64, i64),
        chat: Option<&Phone>,
        limit: u64,
    ) -> Result<Vec<Due>, StoreError> {
        let mut sent = sent(lease, account, since, after, Some(until)).order_by_asc(Column::Seq).limit(limit);
        if let Some(chat) = chat {
            sent = sent.filter(Column::Peer.eq(chat.digits()));
        }
        let found = sent.all(self.reader()).await?;
        self.with_content(lease, found).await
    }

    /// The chats that have any of these, and the last place of each.
    pub async fn unreceipted_chats(
        &self,
        lease: Lease,
        account: &Phone,
        since: DateTime<Utc>,
        after: i64,
        until: Option<i64>,
    ) -> Result<Vec<(Phone, i64)>, StoreError> {
        let chats: Vec<(String, i64)> =
            chats_of(sent(lease, account, since, after, until)).into_tuple().all(self.reader()).await?;
        let chat = |digits: String| Phone::from_digits(&digits).map_err(|_| StoreError::Corrupt("recipient"));
        chats.into_iter().map(|(digits, last)| Ok((chat(digits)?, last))).collect()
    }

    async fn with_content(&self, lease: Lease, rows: Vec<message::Model>) -> Result<Vec<Due>, StoreError> {
        let media: Vec<Uuid> = rows.iter().filter(|row| !is_text(row)).map(|row| row.id).collect();
        let mut payloads: HashMap<Uuid, Vec<u8>> = HashMap::new();
        if !media.is_empty() {
            let sealed = media::Entity::find()
                .select_only()
                .columns([media::Column::MessageId, media::Column::Payload])
                .filter(media::Column::TenantId.eq(lease.tenant.0))
                .filter(media::Column::MessageId.is_in(media))
                .filter(media::Column::Payload.is_not_null());
            payloads.extend(sealed.into_tuple::<(Uuid, Vec<u8>)>().all(self.reader()).await?);
        }
        let sealer = self.sealer(lease.tenant);
        let opened = rows.into_iter().map(|row| {
            let content = if is_text(&row) {
                let text = row.text.clone().and_then(|text| Text::try_from(text).ok());
                text.map(DueContent::Text).ok_or(StoreError::Corrupt("text"))
            } else {
                let payload = payloads.get(&row.id).map(|sealed| open(&sealer, MessageId(row.id), sealed));
                payload.transpose().map(|payload| payload.map_or(DueContent::Waiting, DueContent::Payload))
            };
            let content = content.unwrap_or_else(|error| {
                tracing::error!(message_id = %row.id, %error, "what a message says cannot be read, so it is not sent");
                DueContent::Unreadable
            });
            due(row, content)
        });
        opened.collect()
    }
}

fn is_text(row: &message::Model) -> bool {
    Kind::from_name(&row.kind) == Kind::Text
}

fn due(row: message::Model, content: DueContent) -> Result<Due, StoreError> {
    Ok(Due {
        seq: row.seq,
        message: MessageId(row.id),
        wire_id: row.wire_id,
        at: row.created_at,
        from: row.from_phone.and_then(|phone| phone.parse().ok()),
        to: Phone::from_digits(&row.peer).map_err(|_| StoreError::Corrupt("recipient"))?,
        content,
        cause: Cause::kept(row.request_id.as_deref(), row.traceparent.as_deref()),
    })
}

fn outbound(lease: Lease, status: Status) -> Select<message::Entity> {
    message::Entity::find()
        .filter(Column::TenantId.eq(lease.tenant.0))
        .filter(Column::SessionId.eq(lease.session.0))
        .filter(in_hand())
        .filter(Column::Status.eq(status.number()))
}

fn next(rows: Select<message::Entity>, after: i64, limit: u64) -> Select<message::Entity> {
    rows.filter(Column::Seq.gt(after)).order_by_asc(Column::Seq).limit(limit)
}

pub(super) fn pending(lease: Lease, after: i64, limit: u64) -> Select<message::Entity> {
    next(outbound(lease, Status::Pending), after, limit)
}

pub(super) fn chats_of(sent: Select<message::Entity>) -> Select<message::Entity> {
    sent.select_only().column(Column::Peer).column_as(Column::Seq.max(), "last").group_by(Column::Peer)
}

/// What has lost its payload is not among them: it was sent too long ago.
pub(super) fn sent(
    lease: Lease,
    account: &Phone,
    since: DateTime<Utc>,
    after: i64,
    until: Option<i64>,
) -> Select<message::Entity> {
    let payload = Query::select()
        .expr(Expr::val(1))
        .from(media::Entity)
        .and_where(Expr::col((media::Entity, media::Column::MessageId)).equals((message::Entity, Column::Id)))
        .and_where(media::Column::Payload.is_not_null())
        .to_owned();
    let readable = Condition::any().add(Column::Kind.eq(Kind::Text.as_str())).add(Expr::exists(payload));
    let sent = outbound(lease, Status::Sent)
        .filter(Column::FromPhone.eq(account.to_string()))
        .filter(Column::SentAt.gte(since))
        .filter(readable)
        .filter(Column::Seq.gt(after));
    match until {
        Some(until) => sent.filter(Column::Seq.lte(until)),
        None => sent,
    }
}
