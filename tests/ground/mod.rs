//! What tests stand on: a server in this process, one in another, a stream of events, a throw-away PostgreSQL.

pub mod app;
pub mod postgres;
pub mod process;
pub mod stream;
