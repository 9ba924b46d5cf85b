//! The command line: every knob with its flag, its variable, its default and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::secret::Secret;
use super::values::{Listen, ListenOrNone, LogFormat, Network, SignUp, listen_or_none};
use crate::domain::access::Email;
use crate::domain::expiry::{Expiry, NotAnExpiry};
use crate::domain::name::is_name;
use crate::domain::retention::{NotARetention, Retention};

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

const BACKUP: &str = "\
The copy holds what was committed when it began. It is made beside FILE, and takes that name when it is whole and on the disk; it
is for its owner alone (mode 0600), and overwrites nothing.

It opens only with the master key, which is not in it: keep master.key of the data folder, or what WAMUX_MASTER_KEY holds, in another
place than the copies. Files that wait to be uploaded (the folder media) are not in it either; their messages fail as media_lost.

To restore one, stop the server, put the copy in the place of wamux.db in the data folder, remove wamux.db-wal and wamux.db-shm, put
master.key beside it, and start. Take the newest. Messages accepted after the copy are not in it; what it holds as pending or without
a receipt is sent again, under its id, and phones show an id once.
The phones went on since the copy was made. So the state of the encryption with each other device is left out of it: both sides agree
anew. Until they have, what comes in cannot be read at first, and is asked for again; keys that are meant for one use may be used
twice. Where you doubt that all of them found together again, log the sessions out and link them anew.
Never run a copy beside the server that it is from: two clients with the keys of one device undo each other's encryption.

On PostgreSQL, pg_dump makes such copies. Before the first start from one: DELETE FROM device_key WHERE kind IN (3, 6, 10, 12);";

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
    /// Looks after the people who sign in to the dashboard, beside a running server or without one.
    #[command(subcommand)]
    Users(Users),
    /// Makes a consistent copy of the database, beside a running server or without one.
    #[command(after_help = BACKUP)]
    Backup {
        /// The copy's name; it must not exist.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Brings the database up to date and ends; `serve` does the same when it starts.
    Migrate,
    /// Prints the OpenAPI document of this version and ends; a server answers it at `/api/v1/openapi.json`.
    Openapi,
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
pub enum Users {
    /// Gives a person a new password, which is printed alone on stdout, and signs them out everywhere. The person of a tenant
    /// that was made by `wamux keys create` gets the first one so.
    ResetPassword {
        #[arg(long, value_name = "ADDRESS")]
        email: Email,
        /// Revokes the tenant's API keys, too: whoever had the account before may know them.
        #[arg(long)]
        revoke_keys: bool,
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
    /// The token for /health/actors, /metrics and other operators' pages. Without it they answer on this machine only, so set it
    /// behind a proxy. Better given as a variable: a flag shows in the list of processes.
    #[arg(long, env = "WAMUX_OPERATOR_TOKEN", global = true, value_name = "TOKEN", hide_env_values = true)]
    pub operator_token: Option<Secret>,
    /// 32 bytes in base64 under which secrets are sealed (openssl rand -base64 32). The default is master.key in the data folder,
    /// made on the first start. Better given as a variable.
    #[arg(long, env = "WAMUX_MASTER_KEY", global = true, value_name = "BASE64", hide_env_values = true)]
    pub master_key: Option<Secret>,
    /// CIDR blocks between commas that media URLs and a session's proxy may reach though they are private, such as 10.1.0.0/16. The default is none: then tenants reach public addresses only.
    #[arg(long, env = "WAMUX_MEDIA_ALLOW", global = true, value_name = "BLOCKS")]
    pub media_allow: Option<String>,
    /// Addresses or CIDR blocks between commas of the proxies in front of the server, such as 172.16.0.0/12: their X-Forwarded-For says
    /// who asks, by which sign-in attempts are limited. One on this machine is believed in any case, nobody else is.
    #[arg(long, env = "WAMUX_TRUSTED_PROXIES", global = true, value_name = "BLOCKS")]
    pub trusted_proxies: Option<String>,
    /// How long an accepted message may wait until WhatsApp has it, from 1min to 30days; after that it fails as `expired`.
    #[arg(long, env = "WAMUX_MESSAGE_EXPIRY", global = true, value_name = "TIME", default_value = "24h", value_parser = expiry)]
    pub message_expiry: Expiry,
    /// How long messages are kept, from 2days to 10years, or forever. What is pending stays in any case, and what was sent and never
    /// receipted stays 30 days at least.
    #[arg(long, env = "WAMUX_KEEP_MESSAGES", global = true, value_name = "TIME", default_value = "forever", value_parser = retention)]
    pub keep_messages: Retention,
    /// Whether anybody may make an account at /signup. Where it is closed, accounts come from the command line.
    #[arg(long, env = "WAMUX_SIGN_UP", global = true, value_enum, default_value_t = SignUp::default())]
    pub sign_up: SignUp,
    /// The server that mails go out by: smtp://HOST:25, smtps://USER:PASSWORD@HOST:465, or smtp://USER:PASSWORD@HOST:587?tls=required.
    /// With it, whoever signs up confirms the address, and a forgotten password is replaced by a link; without it, no mail is sent, and
    /// `wamux users reset-password` replaces passwords. Better given as a variable.
    #[arg(long, env = "WAMUX_SMTP_URL", global = true, value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<Secret>,
    /// Who mails are from, such as wamux@example.com or Wamux <wamux@example.com>: an address that your mail server may send for.
    #[arg(long, env = "WAMUX_MAIL_FROM", global = true, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Where people open the pages, such as https://wamux.example: links in mails lead there.
    #[arg(long, env = "WAMUX_PUBLIC_URL", global = true, value_name = "URL")]
    pub public_url: Option<String>,
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
    /// A collector of OpenTelemetry's that takes traces by HTTP, such as http://127.0.0.1:4318. Without it none are made. A token for
    /// it goes into OTEL_EXPORTER_OTLP_HEADERS, which the exporter reads by itself.
    #[arg(long, env = "WAMUX_OTLP_ENDPOINT", global = true, value_name = "URL", hide_env_values = true)]
    pub otlp_endpoint: Option<Secret>,
}

/// An empty variable is one that was not set.
fn expiry(text: &str) -> Result<Expiry, NotAnExpiry> {
    if text.trim().is_empty() { Ok(Expiry::default()) } else { text.parse() }
}

fn retention(text: &str) -> Result<Retention, NotARetention> {
    if text.trim().is_empty() { Ok(Retention::default()) } else { text.parse() }
}

fn key_name(name: &str) -> Result<String, &'static str> {
    let why = "must be 1 to 100 characters, none of them a control character, and one at least that can be seen";
    if is_name(name, 100) { Ok(name.to_owned()) } else { Err(why) }
}
