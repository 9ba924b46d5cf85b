//! Values and decisions: no I/O, no async, no clock, no chance. Everything from outside becomes one of these at the door.

pub mod access;
pub mod account;
pub mod content;
pub mod egress;
pub mod elsewhere;
pub mod error;
pub mod event;
pub mod expiry;
pub mod fleet;
pub mod forwarded;
pub mod health;
pub mod id;
pub mod idempotency;
pub mod mail;
pub mod media;
pub mod message;
pub mod nack;
pub mod name;
pub mod pacing;
pub mod phone;
pub mod proxy;
pub mod qr;
pub mod quota;
pub mod request;
pub mod retention;
pub mod session;
