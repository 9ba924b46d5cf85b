//! What is pending, by its age: messages that nobody took are found without a look at those that were sent and never receipted.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_pending"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A partial index, which the builder does not know; SQLite and PostgreSQL read the same words.
        let index = "CREATE INDEX message_pending ON message (created_at) WHERE direction = 0 AND status = 0";
        manager.get_connection().execute_unprepared(index).await.map(|_| ())
    }
}
