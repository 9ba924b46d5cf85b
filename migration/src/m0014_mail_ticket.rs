//! What a link in a mail is good for, until it was used or its time is over: an account that waits for its address to be confirmed,
//! or a new password.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary, text, text_null, timestamp_with_time_zone, uuid_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_mail_ticket"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ticket = Table::create()
            .table("mail_ticket")
            .col(binary("hash").primary_key())
            .col(text("purpose"))
            .col(text("email"))
            .col(uuid_null("tenant_id"))
            .col(text_null("password"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned();
        manager.create_table(ticket).await?;
        for column in ["email", "tenant_id", "expires_at"] {
            let index =
                Index::create().name(format!("mail_ticket_{column}")).table("mail_ticket").col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
