//! What was received with media: where they lie and what opens them, for whoever asks for them later.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::blob_null;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_received_media"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let media = Table::alter().table("media").add_column(blob_null("reference")).to_owned();
        manager.alter_table(media).await
    }
}
