//! Sessions learn their way to the network, and how many attempts on it have failed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{blob_null, integer};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_session_proxy"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Two statements, since SQLite adds one column at a time.
        let proxy = Table::alter().table("session").add_column(blob_null("proxy")).to_owned();
        manager.alter_table(proxy).await?;
        let attempts = Table::alter().table("session").add_column(integer("attempts").default(0)).to_owned();
        manager.alter_table(attempts).await
    }
}
