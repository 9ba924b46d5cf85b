//! The tables, one file a noun: rows as the database holds them. What they mean is in `wamux::domain`.

pub mod account;
pub mod api_key;
pub mod device_key;
pub mod event;
pub mod idempotency;
pub mod mail_ticket;
pub mod media;
pub mod message;
pub mod plan;
pub mod session;
pub mod sign_in;
pub mod tenant;
pub mod usage;
pub mod vault;
