//! `wamux`: arguments, run, exit code.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use wamux::commands::{self, CommandError};
use wamux::config::{self, Cli, Command, Config, ConfigError, Keys, Tenants, Users};
#[cfg(feature = "sandbox")]
use wamux::server::SandboxServer;
use wamux::server::master::Step;
use wamux::server::{Server, StartError};
use wamux::store::rotation::Progress;
use wamux::store::seal::{KeyFile, MasterSecret};
use wamux::telemetry;

/// For thousands of sessions, and for as many callers as the door lets in.
const FILES_WANTED: u64 = 16_384;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("the root of the actors failed, see above; nothing that was accepted is lost, so start the server again")]
    Root,
    #[error(
        "the simulated network cannot write its file, see above; what was acknowledged is kept, so start again when it can"
    )]
    Network,
}

fn main() -> ExitCode {
    // Several crates bring rustls, and it has to be told once, before anybody uses it, which cryptography it runs on.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let variables = || std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let set = variables().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name);
    if let Err(error) = config::refuse_sandbox_settings(set.chain(arguments)) {
        return fail(&error, 2);
    }
    let config = match cli.knobs.check() {
        Ok(config) => config,
        Err(error) => return fail(&error, 2),
    };
    let collector = match cli.knobs.collector() {
        Ok(collector) => collector,
        Err(error) => return fail(&error, 2),
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    let log = telemetry::start(&cli.knobs.log, cli.knobs.log_format, collector.as_ref(), runtime.handle());
    let traces = match log {
        Ok(traces) => traces,
        Err(error) => return fail(&error, 2),
    };
    for name in config::unknown(variables().map(|(name, _)| name)) {
        tracing::warn!(setting = name, "this version of wamux has no such setting, so it changes nothing");
    }
    let done = run(&runtime, cli.command, config);
    // Over the runtime's connections, so before its end.
    if let Some(traces) = traces {
        traces.end();
    }
    // Threads that are still at work, on files say, do not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(500));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ Failure::Config(_)) => fail(&error, 2),
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "wamux: {error}");
    ExitCode::from(code)
}

fn run(runtime: &Runtime, command: Command, config: Config) -> Result<(), Failure> {
    runtime.block_on(async {
        match command {
            Command::Serve => serve(config).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox => sandbox(config).await,
            #[cfg(not(feature = "sandbox"))]
            Command::Sandbox => Err(ConfigError::LiveBuild.into()),
            Command::Keys(Keys::Create { email, name }) => {
                let key = commands::create_key(&config, &email, name).await?;
                Ok(writeln!(io::stdout(), "{}", key.reveal())?)
            }
            Command::Keys(Keys::RotateMaster { new_key_file, new_key }) => {
                let new = config::new_master(new_key_file.as_deref(), new_key.as_ref())?;
                rotate_master(&config, new).await
            }
            Command::Tenants(Tenants::SetPlan { email, plan }) => {
                commands::set_plan(&config, &email, &plan).await?;
                // An answer to whoever typed the address, and no line of the log, where addresses have no place.
                Ok(writeln!(io::stdout(), "{} is on the plan '{plan}' from now on", email.as_str())?)
            }
            Command::Users(Users::ResetPassword { email, revoke_keys }) => {
                let reset = commands::reset_password(&config, &email, revoke_keys).await?;
                if reset.keys > 0 {
                    let keys = reset.keys;
                    writeln!(
                        io::stderr(),
                        "{keys} API keys of this tenant work still; --revoke-keys revokes them, too"
                    )?;
                }
                Ok(writeln!(io::stdout(), "{}", reset.password)?)
            }
            Command::Backup { file } => backup(&config, &file).await,
            Command::Migrate => {
                commands::migrate(&config).await?;
                tracing::info!("the database is up to date");
                Ok(())
            }
            Command::Openapi => Ok(writeln!(io::stdout(), "{}", wamux::http::document())?),
        }
    })
}

async fn serve(config: Config) -> Result<(), Failure> {
    raise_file_limit();
    let mut signals = Signals::new()?;
    let server = tokio::select! {
        server = Server::start(config.clone()) => server?,
        // Nothing was promised to anybody yet.
        () = signals.next() => return Ok(()),
    };
    announce(&server, &config).await;
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        () = server.system().failed() => Err(Failure::Root),
        () = server.network_failed() => Err(Failure::Network),
    };
    signals.stop(server.stop()).await;
    ended
}

#[cfg(feature = "sandbox")]
async fn sandbox(config: Config) -> Result<(), Failure> {
    raise_file_limit();
    let mut signals = Signals::new()?;
    let network = tokio::select! {
        network = SandboxServer::start(&config) => network?,
        () = signals.next() => return Ok(()),
    };
    let (version, data) = (env!("CARGO_PKG_VERSION"), config.data_dir.display());
    tracing::info!("wamux {version}, the sandbox network alone, data in {data}, listening on http://{}", network.addr);
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        () = network.sandbox().failed() => Err(Failure::Network),
    };
    signals.stop(network.stop()).await;
    ended
}

async fn backup(config: &Config, file: &Path) -> Result<(), Failure> {
    let bytes = commands::backup(config, file).await?;
    let key = match &config.master {
        Some(_) => "the key in WAMUX_MASTER_KEY".to_owned(),
        None => KeyFile::in_folder(&config.data_dir).path().display().to_string(),
    };
    tracing::info!(
        file = %file.display(),
        count = bytes,
        key,
        "the database is in this file as it stood when the copy began; it opens only with the master key, which is not in it: \
         keep that as well, in another place"
    );
    Ok(())
}

async fn rotate_master(config: &Config, new: Option<MasterSecret>) -> Result<(), Failure> {
    let (made, in_file) = (new.is_none(), config.master.is_none());
    let done = commands::rotate_master(config, new, |step| {
        match step {
            // Before anything depends on it.
            Step::Towards(secret) if made && !in_file => writeln!(io::stdout(), "{}", secret.reveal())?,
            Step::Towards(_) => {}
            Step::Sealed(Progress { done, all, .. }) => {
                tracing::info!(count = done, of = all, "sealed secrets under the new master key");
            }
        }
        Ok(())
    });
    let broken = done.await?.broken;
    if broken > 0 {
        let why = "opened neither under the old key nor under the new one";
        tracing::warn!(count = broken, error = why, "secrets were left as they were");
    }
    if in_file {
        let file = KeyFile::in_folder(&config.data_dir);
        let (new, old) = (file.path().display(), file.old());
        tracing::info!(
            file = %new,
            old = %old.display(),
            "the master key is rotated, and the old one kept for older backups; where other machines use this database, put \
             the new file in place of theirs before they start"
        );
    } else {
        tracing::info!("the master key is rotated: put the new one in WAMUX_MASTER_KEY, on every machine, and start");
    }
    Ok(())
}

/// A session is a socket and each caller another: the 1,024 files that a process may usually open would not do for a thousand
/// sessions. What the machine allows is taken.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < FILES_WANTED => tracing::warn!(
            limit,
            of = FILES_WANTED,
            "this process may have few files and connections open at once; for many sessions and callers raise its hard \
             limit (ulimit -Hn, or LimitNOFILE in a systemd unit)"
        ),
        Ok(limit) => tracing::debug!(limit, "this process may have so many files and connections open at once"),
        Err(error) => tracing::warn!(%error, "the number of files that this process may open could not be raised"),
    }
}

async fn announce(server: &Server, config: &Config) {
    let (version, network) = (env!("CARGO_PKG_VERSION"), config.network.as_str());
    let data = config.data_dir.display();
    tracing::info!("wamux {version} on the {network} network, data in {data}, listening on http://{}", server.addr);
    if matches!(server.store().any_key(config.network.mode()).await, Ok(false)) {
        let usual = config.data_dir.as_os_str() == "./data";
        let folder = if usual { String::new() } else { format!(" --data-dir {data}") };
        tracing::info!("there are no API keys yet; make one with: wamux keys create --email you@example.com{folder}");
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Stops in order, or at once when a second signal comes.
    async fn stop(&mut self, stopping: impl Future<Output = ()>) {
        tracing::info!("stopping: no new requests; a second signal ends at once");
        tokio::select! {
            () = stopping => tracing::info!("stopped"),
            () = self.next() => std::process::exit(130),
        }
    }
}
