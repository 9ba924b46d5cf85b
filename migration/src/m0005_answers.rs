//! Answers under an idempotency key learn where to read what they made.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_answers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The body of an answer is sealed from now on, in the column that it had.
        let location = Table::alter().table("idempotency").add_column(text_null("location")).to_owned();
        manager.alter_table(location).await
    }
}
