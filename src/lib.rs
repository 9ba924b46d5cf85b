//! Wamux: a multi-tenant WhatsApp API server.

pub mod actors;
pub mod clock;
pub mod domain;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
pub mod whatsapp;
