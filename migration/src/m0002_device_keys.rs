//! One table for everything the wire keeps of a linked device.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, blob, small_integer, text, uuid};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_device_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("device_key")
            .col(uuid("session_id"))
            .col(small_integer("kind"))
            .col(text("name"))
            .col(blob("value"))
            .col(big_integer("mark"))
            .primary_key(Index::create().col("session_id").col("kind").col("name"))
            .to_owned();
        manager.create_table(table).await?;
        // Sweeps ask for marks below a time, searches for one mark: always within a session and a kind.
        let marks = Index::create()
            .name("device_key_mark")
            .table("device_key")
            .col("session_id")
            .col("kind")
            .col("mark")
            .to_owned();
        manager.create_index(marks).await
    }
}
