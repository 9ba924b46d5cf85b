//! What an outbox has yet to see through: what is pending and not held back, and what was sent and never receipted.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::media;
use entity::message::{self, Column};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};
use uuid::Uuid;

use super::in_hand;
use crate::domain::content::Text;
use crate::domain::id::MessageId;
use crate::domain::message::{Kind, Status};
use crate::domain::phone::Phone;
use crate::domain::session::Lease;
use crate::store::media::{its_message, not_uploaded, open};
use crate::store::{Store, StoreError};

/// A message that must still go out (or go out again under the same wire id).
#[derive(Debug, Clone)]
pub struct Due {
    pub seq: i64,
    pub message: MessageId,
    pub wire_id: String,
    /// The account it was accepted for, which is the only one it may go out from.
    pub from: Option<Phone>,
    pub to: Phone,
    pub content: DueContent,
}

#[derive(Clone, PartialEq, Eq)]
pub enum DueContent {
    Text(Text),
    /// The message that names an uploaded medium, as it goes over the wire.
    Payload(Vec<u8>),
}

/// The keys that open the medium stand in a payload.
impl std::fmt::Debug for DueContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Payload(payload) => write!(f, "Payload({} bytes)", payload.len()),
        }
    }
}

impl Store {
    /// The session's pending messages after `after`, in the order of acceptance, but for those that are held back: what carries a
    /// medium that is not uploaded yet, and what was accepted for the same chat after it.
    pub async fn due(&self, lease: Lease, after: i64, limit: u64) -> Result<Vec<Due>, StoreError> {
        let found = pending(lease, after, limit).all(self.reader()).await?;
        self.with_content(lease, found).await
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
        let found = sent(lease, after, limit, account, since).all(self.reader()).await?;
        self.with_content(lease, found).await
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
        let opened = rows.into_iter().filter_map(|row| {
            let content = if is_text(&row) {
                let text = row.text.clone().and_then(|text| Text::try_from(text).ok());
                text.map(DueContent::Text).ok_or(StoreError::Corrupt("text"))
            } else {
                let sealed = payloads.get(&row.id).ok_or(StoreError::Corrupt("no payload"));
                sealed.and_then(|sealed| open(&sealer, MessageId(row.id), sealed)).map(DueContent::Payload)
            };
            match content {
                Ok(content) => Some(due(row, content)),
                // It holds up no other.
                Err(error) => {
                    tracing::error!(message = %row.id, %error, "what a message says cannot be read, so it is not sent");
                    None
                }
            }
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
        from: row.from_phone.and_then(|phone| phone.parse().ok()),
        to: Phone::from_digits(&row.peer).map_err(|_| StoreError::Corrupt("recipient"))?,
        content,
    })
}

fn outbound(lease: Lease, status: Status, after: i64, limit: u64) -> Select<message::Entity> {
    message::Entity::find()
        .filter(Column::TenantId.eq(lease.tenant.0))
        .filter(Column::SessionId.eq(lease.session.0))
        .filter(in_hand())
        .filter(Column::Status.eq(status.number()))
        .filter(Column::Seq.gt(after))
        .order_by_asc(Column::Seq)
        .limit(limit)
}

/// The name of a subquery: for each chat that is held back, from which message on.
const HELD: &str = "held";

pub(super) fn pending(lease: Lease, after: i64, limit: u64) -> Select<message::Entity> {
    let held = media::Entity::find()
        .select_only()
        .column_as(Column::Peer, "peer")
        .column_as(Column::Seq.min(), "seq")
        .join(JoinType::InnerJoin, its_message())
        .filter(media::Column::SessionId.eq(lease.session.0))
        .filter(not_uploaded())
        .filter(Column::Status.eq(Status::Pending.number()))
        .group_by(Column::Peer)
        .into_query();
    let same_chat = Expr::col((HELD, Column::Peer)).equals((message::Entity, Column::Peer));
    let from = Expr::col((HELD, Column::Seq));
    let before = Condition::any().add(from.clone().is_null()).add(Expr::col((message::Entity, Column::Seq)).lt(from));
    let mut found = outbound(lease, Status::Pending, after, limit).filter(before);
    QuerySelect::query(&mut found).join_subquery(JoinType::LeftJoin, held, HELD, same_chat);
    found
}

/// What has lost its payload is not among them: it was sent too long ago.
pub(super) fn sent(
    lease: Lease,
    after: i64,
    limit: u64,
    account: &Phone,
    since: DateTime<Utc>,
) -> Select<message::Entity> {
    let payload = Query::select()
        .expr(Expr::val(1))
        .from(media::Entity)
        .and_where(Expr::col((media::Entity, media::Column::MessageId)).equals((message::Entity, Column::Id)))
        .and_where(media::Column::Payload.is_not_null())
        .to_owned();
    let readable = Condition::any().add(Column::Kind.eq(Kind::Text.as_str())).add(Expr::exists(payload));
    outbound(lease, Status::Sent, after, limit)
        .filter(Column::FromPhone.eq(account.to_string()))
        .filter(Column::SentAt.gte(since))
        .filter(readable)
}
