//! A plan: what a tenant on it may use. Rows, so that an operator adds one without a release.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Sessions that may live at once; none is no limit.
    pub sessions: Option<i32>,
    /// Accepted sends a UTC day.
    pub messages_per_day: i64,
    /// Calls a second per key, after a burst.
    pub calls_per_second: i32,
    pub calls_burst: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
