//! The door: every route in the tables of `routes`, one file per resource, status numbers in `reply` alone.
//!
//! A handler asks the `System` and answers with what it says. Refusals are return values, never warp's rejections, so what a
//! caller is told does not depend on the order of the routes.

#[macro_use]
mod table;

mod accept;
mod body;
mod call;
mod fields;
mod health;
mod keys;
mod messages;
mod metrics;
mod once;
mod openapi;
mod origin;
mod pages;
mod pairing_code;
mod qr;
mod reply;
mod routes;
#[cfg(feature = "sandbox")]
mod sandbox;
pub mod serve;
mod sessions;
mod stream;
mod tickets;

use crate::actors::System;
use crate::domain::access::OperatorToken;
use crate::domain::forwarded::TrustedProxies;
pub use openapi::document;
#[cfg(feature = "sandbox")]
pub use routes::alone;
use routes::described;
pub use routes::{forms, page_paths, routes, surface};
#[cfg(feature = "sandbox")]
pub use sandbox::{Alone, Far, Phones};
use serve::Stopping;

/// What stands behind the door.
pub struct Door {
    pub system: System,
    pub operator: Option<OperatorToken>,
    /// Whether strangers may make accounts.
    pub sign_up_open: bool,
    /// Who may say for whom they ask.
    pub proxies: TrustedProxies,
    /// Streams end when this begins.
    pub stopping: Stopping,
    #[cfg(feature = "sandbox")]
    pub phones: Phones,
}
