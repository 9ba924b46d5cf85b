//! Wamux: a multi-tenant WhatsApp API server.

pub mod actors;
pub mod clock;
pub mod commands;
pub mod config;
pub mod domain;
pub mod http;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod whatsapp;
