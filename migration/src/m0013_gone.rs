//! Tenants that are gone: their rows are erased in the background, and theirs is the last.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::timestamp_with_time_zone_null;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_gone"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = timestamp_with_time_zone_null("deleted_at");
        manager.alter_table(Table::alter().table("tenant").add_column(column).to_owned()).await?;
        // A partial index, which the builder does not know; SQLite and PostgreSQL read the same words.
        let index = "CREATE INDEX tenant_gone ON tenant (deleted_at) WHERE deleted_at IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await.map(|_| ())
    }
}
