//! The database's history, one file a step; `Migrator::up` brings any older database to the present.

pub use sea_orm_migration::prelude::*;

mod m0001_first;
mod m0002_device_keys;
mod m0003_session_proxy;
mod m0004_media;
mod m0005_answers;
mod m0006_received_media;
mod m0007_media_indexes;
mod m0008_pacing;
mod m0009_pending;
mod m0011_request;
mod m0012_accounts;
mod m0013_gone;
mod m0014_mail_ticket;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_device_keys::Migration),
            Box::new(m0003_session_proxy::Migration),
            Box::new(m0004_media::Migration),
            Box::new(m0005_answers::Migration),
            Box::new(m0006_received_media::Migration),
            Box::new(m0007_media_indexes::Migration),
            Box::new(m0008_pacing::Migration),
            Box::new(m0009_pending::Migration),
            Box::new(m0011_request::Migration),
            Box::new(m0012_accounts::Migration),
            Box::new(m0013_gone::Migration),
            Box::new(m0014_mail_ticket::Migration),
        ]
    }
}
