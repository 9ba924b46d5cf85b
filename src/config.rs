//! Every knob: its name, its default, its check. A flag and a variable each; nothing else is read, no `.env` file either, but
//! what the exporter of traces reads by itself where there is one: the variables of OpenTelemetry, `OTEL_…`.

mod knobs;
mod secret;
mod values;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::CommandFactory;
use url::Url;

use crate::domain::access::{NotAToken, OperatorToken};
use crate::domain::egress::{Egress, NotABlock};
use crate::domain::elsewhere::{NotASandboxUrl, SandboxUrl};
use crate::domain::expiry::Expiry;
use crate::domain::forwarded::TrustedProxies;
use crate::domain::retention::Retention;
use crate::mail;
use crate::store::DatabaseUrl;
use crate::store::seal::{MasterKey, MasterKeyError, MasterSecret};
pub use knobs::{Cli, Command, Keys, Knobs, Tenants, Users};
pub use secret::Secret;
pub use values::{Listen, ListenOrNone, LogFormat, Network, NotAnAddress, SignUp};

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
    /// The proxies that say for whom they ask.
    pub trusted_proxies: TrustedProxies,
    /// How long a message may wait until WhatsApp has it.
    pub expiry: Expiry,
    /// How long messages are kept.
    pub retention: Retention,
    /// Whether strangers may make accounts.
    pub sign_up: SignUp,
    /// How mail is sent, if it is.
    pub mail: Option<mail::Settings>,
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
    #[error(transparent)]
    Mail(#[from] mail::BadMail),
    #[error("--media-allow (WAMUX_MEDIA_ALLOW): {0}")]
    MediaAllow(NotABlock),
    #[error("--trusted-proxies (WAMUX_TRUSTED_PROXIES): {0}")]
    TrustedProxies(NotABlock),
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
    #[error(
        "--otlp-endpoint (WAMUX_OTLP_ENDPOINT) must be a URL such as http://127.0.0.1:4318, of http or https, without a \
         query and without a password: a token goes into OTEL_EXPORTER_OTLP_HEADERS"
    )]
    Collector,
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
            trusted_proxies: TrustedProxies::default(),
            expiry: Expiry::default(),
            retention: Retention::default(),
            sign_up: SignUp::default(),
            mail: None,
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
            egress: blocks(self.media_allow.as_ref()).map_err(ConfigError::MediaAllow)?,
            trusted_proxies: blocks(self.trusted_proxies.as_ref()).map_err(ConfigError::TrustedProxies)?,
            expiry: self.message_expiry,
            retention: self.keep_messages,
            sign_up: self.sign_up,
            mail: mail::Settings::read(
                given(self.smtp_url.as_ref()),
                given(self.mail_from.as_ref()),
                given(self.public_url.as_ref()),
            )?,
            network: self.network,
            sandbox_listen,
            sandbox_url,
            data_dir: plain.data_dir,
        })
    }

    /// Where traces are exported to, if anywhere.
    pub fn collector(&self) -> Result<Option<Url>, ConfigError> {
        let Some(text) = given(self.otlp_endpoint.as_ref()) else { return Ok(None) };
        let url: Url = text.parse().map_err(|_| ConfigError::Collector)?;
        let plain = url.username().is_empty() && url.password().is_none();
        let fits =
            plain && matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
        if fits { Ok(Some(url)) } else { Err(ConfigError::Collector) }
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
fn blocks<T: FromStr<Err = NotABlock> + Default>(text: Option<&String>) -> Result<T, NotABlock> {
    given(text).map(str::parse).transpose().map(Option::unwrap_or_default)
}

fn given<T: AsRef<str>>(text: Option<&T>) -> Option<&str> {
    text.map(|text| text.as_ref().trim()).filter(|text| !text.is_empty())
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
