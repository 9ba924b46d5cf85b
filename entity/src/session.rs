//! A session: one WhatsApp account linked (or being linked) by one tenant. A deleted one stays as a tombstone for its messages.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub session_key: String,
    /// `domain::session::Status` by its wire name.
    pub status: String,
    /// The account's number without the `+`, once linked.
    pub phone: Option<String>,
    /// Why it failed or dropped: a stable code and a sentence.
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    /// Counts the holders of this session; a write under an older one is refused.
    pub epoch: i64,
    pub connected_at: Option<DateTimeUtc>,
    pub last_activity_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    /// Set once the device was unlinked on the network and its keys were destroyed.
    pub wiped_at: Option<DateTimeUtc>,
    /// The proxy's URL, sealed: it may hold a password.
    pub proxy: Option<Vec<u8>>,
    /// How many attempts to connect have failed in a row.
    pub attempts: i32,
    /// Messages a minute at most; 0 is no limit. What is null here and below is as the network has it.
    pub per_minute: Option<i32>,
    /// Percent.
    pub jitter: Option<i32>,
    pub typing: Option<bool>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
