//! Messages learn which request asked for them, and which trace it belongs to.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_request"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Two statements, since SQLite adds one column at a time.
        for column in ["request_id", "traceparent"] {
            let added = Table::alter().table("message").add_column(text_null(column)).to_owned();
            manager.alter_table(added).await?;
        }
        Ok(())
    }
}
