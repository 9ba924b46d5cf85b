//! Plans, tenants, keys, sessions, messages, the event log, the day's counts and idempotent answers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, binary, blob, date, integer, integer_null, pk_auto, small_integer, string, string_null, text_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenants(manager).await?;
        sessions(manager).await?;
        messages(manager).await?;
        limits(manager).await
    }
}

async fn tenants(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let plan = Table::create()
        .table("plan")
        .col(string("name").primary_key())
        .col(integer_null("sessions"))
        .col(big_integer("messages_per_day"))
        .col(integer("calls_per_second"))
        .col(integer("calls_burst"))
        .to_owned();
    manager.create_table(plan).await?;
    let plans = Query::insert()
        .into_table("plan")
        .columns(["name", "sessions", "messages_per_day", "calls_per_second", "calls_burst"])
        .values_panic(["free".into(), Some(10).into(), 100i64.into(), 20.into(), 100.into()])
        .values_panic(["pro".into(), None::<i32>.into(), 10_000i64.into(), 200.into(), 1000.into()])
        .to_owned();
    manager.execute(plans).await?;
    let tenant = Table::create()
        .table("tenant")
        .col(uuid("id").primary_key())
        .col(string("email").unique_key())
        .col(string("plan"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("tenant", "plan").to("plan", "name"))
        .to_owned();
    manager.create_table(tenant).await?;
    let key = Table::create()
        .table("api_key")
        .col(uuid("id").primary_key())
        .col(uuid("tenant_id"))
        .col(string("name"))
        .col(string_null("description"))
        .col(string("mode"))
        .col(string("prefix"))
        .col(binary("hash").unique_key())
        .col(big_integer("request_count"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut of_tenant("api_key"))
        .to_owned();
    manager.create_table(key).await?;
    manager.create_index(Index::create().name("api_key_tenant").table("api_key").col("tenant_id").to_owned()).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let session = Table::create()
        .table("session")
        .col(uuid("id").primary_key())
        .col(uuid("tenant_id"))
        .col(string("session_key"))
        .col(string("status"))
        .col(string_null("phone"))
        .col(string_null("error_code"))
        .col(string_null("error_message"))
        .col(big_integer("epoch"))
        .col(timestamp_with_time_zone_null("connected_at"))
        .col(timestamp_with_time_zone_null("last_activity_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .col(timestamp_with_time_zone_null("wiped_at"))
        .foreign_key(&mut of_tenant("session"))
        .to_owned();
    manager.create_table(session).await?;
    // A deleted session's key may be used again, so only the living must differ.
    plain(
        manager,
        "CREATE UNIQUE INDEX session_living_key ON session (tenant_id, session_key) WHERE deleted_at IS NULL",
    )
    .await
}

async fn messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let message = Table::create()
        .table("message")
        .col(pk_auto("seq").big_integer())
        .col(uuid("id").unique_key())
        .col(uuid("tenant_id"))
        .col(uuid("session_id"))
        .col(small_integer("direction"))
        .col(string("wire_id"))
        .col(string("peer"))
        .col(string_null("to_phone"))
        .col(string_null("from_phone"))
        .col(string("kind"))
        .col(text_null("text"))
        .col(small_integer("status"))
        .col(string_null("error_code"))
        .col(text_null("error_message"))
        .col(timestamp_with_time_zone_null("sent_at"))
        .col(timestamp_with_time_zone_null("delivered_at"))
        .col(timestamp_with_time_zone_null("read_at"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned();
    manager.create_table(message).await?;
    // Receipts find their message by (session, wire id); a stanza that comes twice is one row.
    plain(manager, "CREATE UNIQUE INDEX message_wire ON message (session_id, wire_id, peer, direction)").await?;
    plain(manager, "CREATE INDEX message_tenant ON message (tenant_id, seq)").await?;
    // What an outbox has yet to see through: small however long the history grows (0 pending, 1 sent; 0 outbound).
    plain(manager, "CREATE INDEX message_due ON message (session_id, seq) WHERE direction = 0 AND status <= 1").await?;
    let event = Table::create()
        .table("event")
        .col(pk_auto("seq").big_integer())
        .col(uuid("tenant_id"))
        .col(uuid("session_id"))
        .col(uuid_null("message_id"))
        .col(string("kind"))
        .col(text_null("payload"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned();
    manager.create_table(event).await?;
    // A session's stream resumes from its own few events, not through those of its messages.
    plain(manager, "CREATE INDEX event_session ON event (session_id, seq) WHERE message_id IS NULL").await
}

async fn limits(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let usage = Table::create()
        .table("usage")
        .col(uuid("tenant_id"))
        .col(date("day"))
        .col(big_integer("used"))
        .primary_key(Index::create().col("tenant_id").col("day"))
        .to_owned();
    manager.create_table(usage).await?;
    let idempotency = Table::create()
        .table("idempotency")
        .col(uuid("tenant_id"))
        .col(string("key"))
        .col(binary("request"))
        .col(blob("answer"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("tenant_id").col("key"))
        .to_owned();
    manager.create_table(idempotency).await?;
    // One row: a word sealed under the master key, so that a wrong key is noticed at the start and not by a broken session.
    let vault = Table::create().table("vault").col(integer("id").primary_key()).col(blob("proof")).to_owned();
    manager.create_table(vault).await
}

fn of_tenant(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, "tenant_id").to("tenant", "id").to_owned()
}

/// Partial indexes, which the builder does not know; SQLite and PostgreSQL read the same words.
async fn plain(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(|_| ())
}
