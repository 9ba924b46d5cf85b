//! What is asked of media again and again is found without a look at all that waits.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_media_indexes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in [
            // What of a session is to be made ready now, and what later (0 waiting).
            "CREATE INDEX media_waiting ON media (session_id, not_before, message_id) WHERE stage = 0",
            // How much lies in the spool as phones want it (1 ready).
            "CREATE INDEX media_ready ON media (tenant_id, size) WHERE stage = 1",
            // How many files a tenant uploaded that are not on their way yet.
            "CREATE INDEX media_uploads ON media (tenant_id) WHERE stage < 2 AND url IS NULL",
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
