//! What the wire keeps of one linked device: keys, Signal sessions, sent messages awaiting a retry. Values are sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Uuid,
    /// `wamux::store::device_keys::Kind` by its number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// Sealed to its session, kind and name.
    pub value: Vec<u8>,
    /// What a sweep or a search needs in the clear: a time, a number, a digest. Its meaning belongs to the kind.
    pub mark: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
