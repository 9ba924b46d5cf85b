//! What is sent with media: where the bytes come from, how far they have come, and what phones need to show them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer_null, binary_null, blob_null, boolean, integer, integer_null, small_integer, string, string_null,
    text_null, timestamp_with_time_zone_null, uuid, uuid_null,
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_media"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let media = Table::create()
            .table("media")
            .col(uuid("message_id").primary_key())
            .col(uuid("tenant_id"))
            .col(uuid("session_id"))
            .col(string("wanted"))
            .col(text_null("url"))
            .col(uuid_null("spool"))
            .col(small_integer("stage"))
            .col(integer("attempts").default(0))
            .col(timestamp_with_time_zone_null("not_before"))
            .col(string_null("mime"))
            .col(big_integer_null("size"))
            .col(integer_null("width"))
            .col(integer_null("height"))
            .col(big_integer_null("duration_ms"))
            .col(binary_null("waveform"))
            .col(blob_null("thumbnail"))
            .col(boolean("gif").default(false))
            .col(blob_null("payload"))
            .to_owned();
        manager.create_table(media).await?;
        // What is on its way to the media servers: small however long the history grows (2 uploaded).
        let due = "CREATE INDEX media_due ON media (session_id, message_id) WHERE stage < 2";
        manager.get_connection().execute_unprepared(due).await?;
        // What may have to be sent once more: no longer than it may.
        let kept = "CREATE INDEX media_kept ON media (message_id) WHERE payload IS NOT NULL";
        manager.get_connection().execute_unprepared(kept).await.map(|_| ())
    }
}
