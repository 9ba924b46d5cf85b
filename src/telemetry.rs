//! Logs: to stderr, as text for people or JSON for machines. No phone numbers and no message texts.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Others' chatter. The protocol crate logs through `log` under targets of its own making, and may name addresses in them.
const QUIET: &str = "ractor=warn,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,hyper=warn,warp=warn,\
    whatsapp_rust=warn,whatsapp_rust_tokio_transport=warn,wacore=warn,wacore_binary=warn,wacore_noise=warn,\
    wacore_libsignal=warn,wacore_appstate=warn,Client=warn,AppState=warn,Blocking=warn,Bot=warn,ChatstateHandler=warn,\
    Chatstate=warn,MessageQueue=warn,Mex=warn,PresenceHandler=warn,TcToken=warn,UnifiedSession=warn,blocklist=warn,usync=warn";

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("--log (WAMUX_LOG) is not a filter such as info or info,wamux=debug: {0}")]
    Filter(#[from] ParseError),
    #[error("the log is already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up the log of this process. Panics are logged too, so that none is missed among lines of JSON.
pub fn start(log: &str, format: LogFormat) -> Result<(), LogError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(log)?)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(true);
    match format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, what = panic.payload_as_str().unwrap_or("?"), "a panic");
    }));
    Ok(())
}

/// The quiet ones stay quiet under a bare level such as `debug`; naming one of them wakes it.
fn filter(log: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(format!("{QUIET},{log}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_leaves_the_quiet_ones_quiet_and_naming_one_wakes_it() {
        let debug = filter("debug").unwrap().to_string();
        assert!(debug.contains("Client=warn") && debug.ends_with("debug"), "{debug}");
        let woken = filter("info,Client=debug").unwrap().to_string();
        assert!(woken.contains("Client=debug") && !woken.contains("Client=warn"), "{woken}");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(filter("wamux=loud").is_err());
    }
}
