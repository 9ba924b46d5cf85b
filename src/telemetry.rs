//! Logs: to stderr, as text for people or JSON for machines.
//!
//! # The grammar of a line
//!
//! A line is a fixed sentence and fields. The sentence says what happened, begins with a small letter (but for a name), ends without a full stop and
//! holds no values, so that it can be searched for; what it happened to stands in the fields, whose names are [`FIELDS`] and mean the
//! same everywhere. `request` names the HTTP request that a message came from, from its acceptance to its last receipt, across crashes.
//! Only what greets the operator at the start is written for reading alone. `tests/logs.rs` holds all of this.
//!
//! # What no line says
//!
//! Phone numbers, texts, push names, e-mail addresses, codes that link a device, and URLs with what may be secret in them. Ids of ours
//! stand for all of these. The protocol crate's lines are not ours to write: from them, whatever may be a phone number is taken away.

mod redact;
pub mod traces;

use std::io::{IsTerminal, stderr};

use tokio::runtime::Handle;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use url::Url;

use crate::config::LogFormat;
use traces::{Traces, TracesError};

/// The names that fields have.
pub const FIELDS: [&str; 26] = [
    // Whom it concerns, by our ids.
    "tenant",
    "session",
    // A field named `message` would be taken for the sentence.
    "message_id",
    "request",
    "actor",
    // How it ended: a sentence of whoever failed, a code of ours, a status of HTTP.
    "error",
    "code",
    "status",
    "quarantined",
    // How long it took, or will take, and at which attempt it is.
    "took",
    "wait",
    "attempt",
    // What was asked for.
    "method",
    "path",
    // Where.
    "file",
    "old",
    "key",
    "host",
    "address",
    "table",
    // Settings and numbers.
    "setting",
    "plan",
    "limit",
    "count",
    "of",
    "lost",
];

/// Others' chatter. The protocol crate logs through `log` under targets of its own making, and may name addresses in them. What its
/// cipher calls errors is the ordinary course of a message that is asked for again; what comes of it is told by our own lines.
const QUIET: &str = "ractor=warn,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,hyper=warn,warp=warn,\
    whatsapp_rust=warn,whatsapp_rust_tokio_transport=warn,wacore=warn,wacore_binary=warn,wacore_noise=warn,\
    wacore_libsignal=off,wacore_appstate=warn,Client=warn,AppState=warn,Blocking=warn,Bot=warn,ChatstateHandler=warn,\
    Chatstate=warn,MessageQueue=warn,Mex=warn,PresenceHandler=warn,TcToken=warn,UnifiedSession=warn,blocklist=warn,usync=warn,\
    wamux_trace=off";

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("--log (WAMUX_LOG) is not a filter such as info or info,wamux=debug: {0}")]
    Filter(#[from] ParseError),
    #[error("the log is already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    #[error("--otlp-endpoint (WAMUX_OTLP_ENDPOINT): {0}")]
    Traces(#[from] TracesError),
}

/// Sets up the log of this process, and its traces if there is a collector. Panics are logged too, so that none is missed among lines
/// of JSON.
pub fn start(
    log: &str,
    format: LogFormat,
    collector: Option<&Url>,
    runtime: &Handle,
) -> Result<Option<Traces>, LogError> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(redact::Stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(true);
    let lines = match format {
        LogFormat::Text => lines.with_filter(filter(log)?).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter(log)?).boxed(),
    };
    let traces = collector.map(|collector| Traces::start(collector, runtime.clone())).transpose()?;
    let exported = traces.as_ref().map(Traces::layer);
    tracing_subscriber::registry().with(lines).with(exported).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(file = place, error = panic.payload_as_str().unwrap_or("?"), "a panic");
    }));
    Ok(traces)
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
