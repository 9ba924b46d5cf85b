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

/// Where the protocol crate says pairing codes in full, at `info`: whoever reads one may link the session, so nothing wakes it.
const SECRET: &str = "Client/PairCode=warn";

/// The quiet ones stay quiet under a bare level such as `debug`; naming one of them wakes it.
fn filter(log: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(format!("{QUIET},{log},{SECRET}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_level_leaves_the_quiet_ones_quiet_and_naming_one_wakes_it() {
        let debug = filter("debug").unwrap().to_string();
        assert!(debug.contains("Client=warn") && debug.contains(",debug"), "{debug}");
        let woken = filter("info,Client=debug").unwrap().to_string();
        assert!(woken.contains("Client=debug") && !woken.contains("Client=warn"), "{woken}");
    }

    /// What is written of a line that says a code and of one that does not, both as the protocol crate's `PairCode` says them.
    fn written(log: &str) -> String {
        let lines = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Writer(Arc::clone(&lines));
        let log = tracing_subscriber::fmt().with_env_filter(filter(log).unwrap()).with_writer(Mutex::new(writer));
        tracing::subscriber::with_default(log.finish(), || {
            tracing::info!(target: "Client/PairCode", "waiting for phone confirmation. Code: ABCD1234");
            tracing::warn!(target: "Client/PairCode", "no pair-success");
        });
        String::from_utf8(lines.lock().unwrap().clone()).unwrap()
    }

    struct Writer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_makes_the_log_say_a_pairing_code() {
        for log in ["info", "trace", "info,Client=trace", "Client/PairCode=trace", "Client/PairCode=info,debug"] {
            let written = written(log);
            assert!(written.contains("no pair-success") && !written.contains("ABCD1234"), "{log}: {written}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(filter("wamux=loud").is_err());
    }
}
