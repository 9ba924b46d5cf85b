//! Sessions learn how fast they may send; what is null is as the network has it by default.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean_null, integer_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_pacing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One statement each, since SQLite adds one column at a time.
        for column in [integer_null("per_minute"), integer_null("jitter"), boolean_null("typing")] {
            manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
