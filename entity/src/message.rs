//! A message, sent or received. `seq` is the order of acceptance; `id` is what callers see.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub session_id: Uuid,
    /// `domain::message::Direction` as a number.
    pub direction: i16,
    /// The id on the WhatsApp wire, chosen before the wire is touched.
    pub wire_id: String,
    /// The other side: the recipient's number without the `+`, or the sender's address as its stanza had it.
    pub peer: String,
    pub to_phone: Option<String>,
    pub from_phone: Option<String>,
    /// `domain::message::Kind` by its wire name.
    pub kind: String,
    pub text: Option<String>,
    /// `domain::message::Status` as a number that only grows.
    pub status: i16,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub sent_at: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub read_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    /// What named the request that asked for it.
    pub request_id: Option<String>,
    /// The place in a trace that its sending belongs to, as the W3C writes it.
    pub traceparent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
