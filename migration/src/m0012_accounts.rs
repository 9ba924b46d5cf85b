//! Accounts: a password for a tenant's person, and where they are signed in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary, text, timestamp_with_time_zone, uuid};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let account = Table::create()
            .table("account")
            .col(uuid("tenant_id").primary_key())
            .col(text("password"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("changed_at"))
            .foreign_key(ForeignKey::create().from("account", "tenant_id").to("tenant", "id"))
            .to_owned();
        manager.create_table(account).await?;
        let sign_in = Table::create()
            .table("sign_in")
            .col(uuid("id").primary_key())
            .col(uuid("tenant_id"))
            .col(binary("hash").unique_key())
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .foreign_key(ForeignKey::create().from("sign_in", "tenant_id").to("tenant", "id"))
            .to_owned();
        manager.create_table(sign_in).await?;
        for column in ["tenant_id", "expires_at"] {
            let index = Index::create().name(format!("sign_in_{column}")).table("sign_in").col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
