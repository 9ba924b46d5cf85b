//! `wamux`: arguments, run, exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use wamux::commands::{self, CommandError};
use wamux::config::{self, Cli, Command, Config, Keys, Tenants};
#[cfg(feature = "sandbox")]
use wamux::server::SandboxServer;
use wamux::server::{Server, StartError};
use wamux::telemetry;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[cfg(not(feature = "sandbox"))]
    #[error(transparent)]
    Config(config::ConfigError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    System(#[from] io::Error),
}

fn main() -> ExitCode {
    // Several crates bring rustls, and it has to be told once, before anybody uses it, which cryptography it runs on.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let config = match cli.knobs.check() {
        Ok(config) => config,
        Err(error) => return fail(&error, 2),
    };
    if let Err(error) = telemetry::start(&cli.knobs.log, cli.knobs.log_format) {
        return fail(&error, 2);
    }
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in config::unknown(names) {
        tracing::warn!("{name} is set, but this version of wamux has no such setting; it changes nothing");
    }
    match run(cli.command, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "wamux: {error}");
    ExitCode::from(code)
}

fn run(command: Command, config: Config) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    let done = runtime.block_on(async {
        match command {
            Command::Serve => serve(config).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox => sandbox(config).await,
            #[cfg(not(feature = "sandbox"))]
            Command::Sandbox => Err(Failure::Config(config::ConfigError::LiveBuild)),
            Command::Keys(Keys::Create { email, name }) => {
                let key = commands::create_key(&config, &email, name).await?;
                Ok(writeln!(io::stdout(), "{}", key.reveal())?)
            }
            Command::Tenants(Tenants::SetPlan { email, plan }) => {
                commands::set_plan(&config, &email, &plan).await?;
                tracing::info!("{} is on the plan '{plan}' from now on", email.as_str());
                Ok(())
            }
            Command::Migrate => {
                commands::migrate(&config).await?;
                tracing::info!("the database is up to date");
                Ok(())
            }
        }
    });
    // Threads that are still at work, on files say, do not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(500));
    done
}

async fn serve(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let server = tokio::select! {
        server = Server::start(config.clone()) => server?,
        // Nothing was promised to anybody yet.
        () = signals.next() => return Ok(()),
    };
    announce(&server, &config).await;
    signals.next().await;
    signals.stop(server.stop()).await;
    Ok(())
}

#[cfg(feature = "sandbox")]
async fn sandbox(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let network = tokio::select! {
        network = SandboxServer::start(&config) => network?,
        () = signals.next() => return Ok(()),
    };
    let (version, data) = (env!("CARGO_PKG_VERSION"), config.data_dir.display());
    tracing::info!("wamux {version}, the sandbox network alone, data in {data}, listening on http://{}", network.addr);
    signals.next().await;
    signals.stop(network.stop()).await;
    Ok(())
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
