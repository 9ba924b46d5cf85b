//! Every knob: its name, its default, its check. A flag and a variable each; nothing else is read, no `.env` file either.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::domain::access::{Email, Mode, NotAToken, OperatorToken};
use crate::domain::egress::{Egress, NotABlock};
use crate::domain::elsewhere::{NotASandboxUrl, SandboxUrl};
use crate::store::DatabaseUrl;
use crate::store::seal::{MasterKey, MasterKeyError, MasterSecret};

const FIRST_STEPS: &str = "\
First steps, on the sandbox (a simulated WhatsApp network, no phone needed):
  wamux serve                                       starts the server on http://127.0.0.1:8080
  wamux keys create --email you@example.com         prints an API key; in another terminal, beside the server
  curl -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\
       -d '{\"session_key\": \"first\"}' http://127.0.0.1:8080/api/v1/sessions

The simulated network may also run alone, for other servers and other clients of its protocol:
  wamux sandbox                                     starts it on 127.0.0.1:9080, and says how to use it

Logs go to stderr. A flag wins over its variable.";

const ROTATION: &str = "\
The server must be stopped; while the command runs, none can start. Sessions stay linked.

Where the key is in master.key in the data folder (no WAMUX_MASTER_KEY), the file is replaced, and the old key stays
beside it as master.key.old: backups from before the rotation need it, so delete it when you delete them. Where several machines
use one database, copy the new file to every machine before it starts.
Where the key is given by WAMUX_MASTER_KEY, a new key that was made here is printed, alone on stdout, before anything is
sealed under it. Put it there, on every machine, and start.

Cut short at any moment, nothing is lost: run it again, or start the server, and the rotation goes on. Until the new key has
been given once, the old one still opens the database.";

/// A multi-tenant WhatsApp API server.
#[derive(Debug, Parser)]
#[command(name = "wamux", version, after_help = FIRST_STEPS)]
pub struct Cli {
    #[command(flatten)]
    pub knobs: Knobs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until Ctrl-C or SIGTERM.
    Serve,
    /// Runs the simulated network alone until Ctrl-C or SIGTERM. Clients of its protocol connect to ws://ADDRESS:PORT/ws/chat,
    /// and its phones are made and used under http://ADDRESS:PORT/sandbox, without keys.
    Sandbox,
    /// Makes API keys, beside a running server or without one.
    #[command(subcommand)]
    Keys(Keys),
    /// Looks after tenants, beside a running server or without one.
    #[command(subcommand)]
    Tenants(Tenants),
    /// Brings the database up to date and ends; `serve` does the same when it starts.
    Migrate,
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Prints a new API key, alone on stdout. Makes the account if there is none with this address.
    Create {
        #[arg(long, value_name = "ADDRESS")]
        email: Email,
        /// What the key is for.
        #[arg(long, default_value = "command line", value_parser = key_name)]
        name: String,
    },
    /// Makes a new master key and seals every secret in the database under it.
    #[command(after_help = ROTATION)]
    #[allow(clippy::doc_markdown, reason = "the comments are help, as below")]
    RotateMaster {
        /// A file that holds the new key, 32 bytes in base64. Without it, and without WAMUX_NEW_MASTER_KEY, one is made.
        #[arg(long, value_name = "FILE", conflicts_with = "new_key")]
        new_key_file: Option<PathBuf>,
        /// The new key itself. Only as a variable: a flag shows in the list of processes.
        #[arg(long = "new-key-from-environment", env = "WAMUX_NEW_MASTER_KEY", hide = true, hide_env_values = true)]
        new_key: Option<Secret>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Tenants {
    /// Moves a tenant to another plan, at once.
    SetPlan {
        #[arg(long, value_name = "ADDRESS")]
        email: Email,
        /// A plan's name, such as free or pro.
        #[arg(long, value_name = "NAME")]
        plan: String,
    },
}

/// The knobs as they were given. Secrets are read later, by `check`, since clap repeats what it cannot read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
#[allow(clippy::doc_markdown, reason = "the comments are the help that people read in a terminal")]
pub struct Knobs {
    /// The address and port to listen on; port 0 picks a free one and logs it.
    #[arg(long, env = "WAMUX_LISTEN", global = true, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: Listen,
    /// The folder for the database, the master key and the sandbox; made if missing.
    #[arg(long, env = "WAMUX_DATA_DIR", global = true, value_name = "FOLDER", default_value = "./data")]
    pub data_dir: PathBuf,
    /// sqlite://FILE or postgres://…; the default is wamux.db in the data folder.
    #[arg(long, env = "WAMUX_DATABASE_URL", global = true, value_name = "URL", hide_env_values = true)]
    pub database_url: Option<Secret>,
    /// The token for /health/actors and other operators' pages. Without it they answer on this machine only. Better given as a
    /// variable: a flag shows in the list of processes.
    #[arg(long, env = "WAMUX_OPERATOR_TOKEN", global = true, value_name = "TOKEN", hide_env_values = true)]
    pub operator_token: Option<Secret>,
    /// 32 bytes in base64 under which secrets are sealed (openssl rand -base64 32). The default is master.key in the data folder,
    /// made on the first start. Better given as a variable.
    #[arg(long, env = "WAMUX_MASTER_KEY", global = true, value_name = "BASE64", hide_env_values = true)]
    pub master_key: Option<Secret>,
    /// CIDR blocks between commas that a session's proxy, and later media and webhooks, may reach though they are private, such
    /// as 10.1.0.0/16. The default is none: then tenants reach public addresses only.
    #[arg(long, env = "WAMUX_MEDIA_ALLOW", global = true, value_name = "BLOCKS")]
    pub media_allow: Option<String>,
    /// The network that sessions connect to.
    #[arg(long, env = "WAMUX_NETWORK", global = true, value_enum, default_value_t = Network::default())]
    pub network: Network,
    /// Where the simulated network listens for other clients. Without it `serve` keeps it inside the process, and `sandbox` takes
    /// 127.0.0.1:9080; port 0 picks a free one and logs it.
    #[arg(long, env = "WAMUX_SANDBOX_LISTEN", global = true, value_name = "ADDRESS:PORT", value_parser = listen_or_none)]
    pub sandbox_listen: Option<ListenOrNone>,
    /// Uses a simulated network that runs elsewhere, as `wamux sandbox` does: ws://HOST:PORT/ws/chat, or wss:// for TLS, where
    /// #sha256=FINGERPRINT at the end names the certificate to accept and any is accepted without it.
    #[arg(long, env = "WAMUX_SANDBOX_URL", global = true, value_name = "URL")]
    pub sandbox_url: Option<String>,
    /// What to log: off, error, warn, info, debug, trace, or a filter such as info,wamux=debug.
    #[arg(long, env = "WAMUX_LOG", global = true, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// How to log.
    #[arg(long, env = "WAMUX_LOG_FORMAT", global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What was given for a secret, before it is read: never shown.
#[derive(Clone)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl AsRef<str> for Secret {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(clippy::doc_markdown, reason = "help, as above")]
pub enum Network {
    /// A simulated network inside this process; keys are sk_test_.
    Sandbox,
    /// The real one; keys are sk_live_.
    Whatsapp,
}

impl Default for Network {
    fn default() -> Self {
        if cfg!(feature = "sandbox") { Self::Sandbox } else { Self::Whatsapp }
    }
}

impl Network {
    pub const fn mode(self) -> Mode {
        match self {
            Self::Sandbox => Mode::Test,
            Self::Whatsapp => Mode::Live,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Whatsapp => "whatsapp",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// An address and a port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080")]
pub struct NotAnAddress;

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if let Some(port) = text.strip_prefix("localhost:") {
            return port.parse().map(|port| Self((Ipv4Addr::LOCALHOST, port).into())).map_err(|_| NotAnAddress);
        }
        text.parse().map(Self).map_err(|_| NotAnAddress)
    }
}

/// The same, or an empty variable.
pub type ListenOrNone = Option<Listen>;

fn listen_or_none(text: &str) -> Result<ListenOrNone, NotAnAddress> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// The knobs, checked: what a server runs on.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub database: DatabaseUrl,
    pub operator: Option<OperatorToken>,
    /// None: the one in the data folder.
    pub master: Option<MasterKey>,
    /// What may be reached where a tenant names the place.
    pub egress: Egress,
    pub network: Network,
    /// Where the simulated network of this process is open to others.
    pub sandbox_listen: Option<SocketAddr>,
    /// The simulated network in place of one in this process.
    pub sandbox_url: Option<SandboxUrl>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("--database-url (WAMUX_DATABASE_URL) {0}")]
    Database(#[from] crate::store::NotADatabaseUrl),
    #[error("--operator-token (WAMUX_OPERATOR_TOKEN): {0}")]
    Operator(#[from] NotAToken),
    #[error("--master-key (WAMUX_MASTER_KEY): {0}")]
    Master(#[from] MasterKeyError),
    #[error("--new-key-file (WAMUX_NEW_MASTER_KEY): {0}")]
    NewMaster(MasterKeyError),
    #[error("--media-allow (WAMUX_MEDIA_ALLOW): {0}")]
    MediaAllow(#[from] NotABlock),
    #[error(
        "this build carries the sandbox, whose client trusts any network, so it must never reach the real one; \
         for --network whatsapp use the live build, target/live/release/wamux: make run-live runs it, make build builds it"
    )]
    SandboxBuild,
    #[error("--sandbox-url (WAMUX_SANDBOX_URL) {0}")]
    SandboxUrl(#[from] NotASandboxUrl),
    #[error(
        "--sandbox-listen (WAMUX_SANDBOX_LISTEN) opens the simulated network of this process, and --sandbox-url \
         (WAMUX_SANDBOX_URL) uses one that runs elsewhere in its place: set one of them, not both"
    )]
    TwoSandboxes,
    #[error("{0} is for the simulated network, and this server is for the real one; unset it")]
    NoSandbox(&'static str),
    #[error(
        "this build has no sandbox in it; for --network sandbox use the other one, target/release/wamux: make run runs a \
         debug build of it, make build builds it"
    )]
    LiveBuild,
    #[error(
        "{0} is set, but this build has no sandbox in it and would reach the real network instead: unset it, or use the \
         other build, target/release/wamux (make build)"
    )]
    SandboxSetting(String),
}

impl Config {
    /// A server on the folder alone, everything else as it comes: tests start with this.
    pub fn in_folder(data_dir: PathBuf) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            database: DatabaseUrl::sqlite(&data_dir.join("wamux.db")),
            data_dir,
            operator: None,
            master: None,
            egress: Egress::default(),
            network: Network::default(),
            sandbox_listen: None,
            sandbox_url: None,
        }
    }
}

impl Knobs {
    pub fn check(&self) -> Result<Config, ConfigError> {
        match self.network {
            Network::Whatsapp if cfg!(feature = "sandbox") => return Err(ConfigError::SandboxBuild),
            Network::Sandbox if cfg!(not(feature = "sandbox")) => return Err(ConfigError::LiveBuild),
            Network::Sandbox | Network::Whatsapp => {}
        }
        let plain = Config::in_folder(self.data_dir.clone());
        let (sandbox_listen, sandbox_url) = self.sandbox()?;
        Ok(Config {
            listen: self.listen.0,
            database: given(self.database_url.as_ref()).map(str::parse).transpose()?.unwrap_or(plain.database),
            operator: given(self.operator_token.as_ref()).map(str::parse).transpose()?,
            master: given(self.master_key.as_ref()).map(str::parse).transpose()?,
            egress: given(self.media_allow.as_ref()).map(str::parse).transpose()?.unwrap_or_default(),
            network: self.network,
            sandbox_listen,
            sandbox_url,
            data_dir: plain.data_dir,
        })
    }

    /// Where the simulated network is open to others, or where it runs instead of here.
    fn sandbox(&self) -> Result<(Option<SocketAddr>, Option<SandboxUrl>), ConfigError> {
        let listen = self.sandbox_listen.flatten().map(|listen| listen.0);
        let url = given(self.sandbox_url.as_ref());
        match (self.network, listen, url) {
            (Network::Whatsapp, Some(_), _) => Err(ConfigError::NoSandbox("--sandbox-listen (WAMUX_SANDBOX_LISTEN)")),
            (Network::Whatsapp, None, Some(_)) => Err(ConfigError::NoSandbox("--sandbox-url (WAMUX_SANDBOX_URL)")),
            (Network::Sandbox, Some(_), Some(_)) => Err(ConfigError::TwoSandboxes),
            (_, listen, url) => Ok((listen, url.map(str::parse).transpose()?)),
        }
    }
}

/// An empty variable is one that was not set: that is how compose files and shells leave things out.
fn given<T: AsRef<str>>(text: Option<&T>) -> Option<&str> {
    text.map(|text| text.as_ref().trim()).filter(|text| !text.is_empty())
}

fn key_name(name: &str) -> Result<String, &'static str> {
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned()).ok_or("must be 1 to 100 characters, none of them a control character")
}

/// Refuses what is set for the sandbox, a variable or a flag, in a build without it: whoever set it did not mean the real network.
pub fn refuse_sandbox_settings(mut set: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    let sandbox = |name: &String| name.starts_with("WAMUX_SANDBOX_") || name.starts_with("--sandbox-");
    match set.find(|name| cfg!(not(feature = "sandbox")) && sandbox(name)) {
        Some(name) => Err(ConfigError::SandboxSetting(name.split('=').next().unwrap_or_default().to_owned())),
        None => Ok(()),
    }
}

/// The `WAMUX_` variables among these names that no knob listens to: misspelt, or of another version.
pub fn unknown(names: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    collect(&Cli::command(), &mut known);
    names.filter(|name| name.starts_with("WAMUX_") && !known.contains(name)).collect()
}

fn collect(command: &clap::Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned())));
    for below in command.get_subcommands() {
        collect(below, known);
    }
}

/// The new master key that a rotation is to use, if it is to use a certain one.
pub fn new_master(file: Option<&Path>, given_key: Option<&Secret>) -> Result<Option<MasterSecret>, ConfigError> {
    let text = match (file, given(given_key)) {
        (Some(file), _) => {
            let read = std::fs::read_to_string(file);
            read.map_err(|error| ConfigError::NewMaster(MasterKeyError::File(file.display().to_string(), error)))?
        }
        (None, Some(key)) => key.to_owned(),
        (None, None) => return Ok(None),
    };
    text.trim().parse().map(Some).map_err(ConfigError::NewMaster)
}

#[cfg(test)]
mod tests;
