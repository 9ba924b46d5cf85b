//! The event log: what happened, in order, written in the transaction that made it happen.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub tenant_id: Uuid,
    pub session_id: Uuid,
    pub message_id: Option<Uuid>,
    /// `domain::event::Kind` by its name.
    pub kind: String,
    /// JSON, for the kinds that have something to say beyond their message's row.
    pub payload: Option<String>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
