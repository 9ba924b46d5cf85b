//! The medium of a message: where it comes from, how far it has come, and what phones need to show it. Of one that was received, it
//! is what its sender says of it; it lies on the network's media servers, so its stage is that of one that was uploaded.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "media")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: Uuid,
    pub tenant_id: Uuid,
    pub session_id: Uuid,
    /// `domain::media::Wanted` by name.
    pub wanted: String,
    /// Where the caller said that it lies.
    pub url: Option<String>,
    /// The file in the spool: what came with the request, later what goes out.
    pub spool: Option<Uuid>,
    /// `domain::media::Stage` as a number that only grows.
    pub stage: i16,
    pub attempts: i32,
    /// Not to be tried again before this.
    pub not_before: Option<DateTimeUtc>,
    pub mime: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// Pixels.
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub duration_ms: Option<i64>,
    /// 64 values from 0 to 100.
    pub waveform: Option<Vec<u8>>,
    /// A small JPEG.
    pub thumbnail: Option<Vec<u8>>,
    pub gif: bool,
    /// The message as it goes over the wire, with the keys that open the medium; sealed.
    pub payload: Option<Vec<u8>>,
    /// Of a medium that was received: where it lies, and what opens it (`domain::media::Reference`); sealed.
    pub reference: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
