//! A folder of its own and a database of its own, of either kind: what one server, or one after another, runs on.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use wamux::config::Config;
use wamux::mail::Settings;

use super::postgres::Postgres;
use super::process;

const FROM: &str = "Wamux <wamux@wamux.example>";
const SITE: &str = "https://wamux.example";

/// The kind of database that a story is told on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Sqlite,
    Postgres,
}

pub struct Place {
    folder: TempDir,
    postgres: Option<Postgres>,
    network: Option<String>,
    allowed: String,
    operator: Option<String>,
    smtp: Option<String>,
}

impl Place {
    pub fn new(on: Ground) -> Self {
        let postgres = (on == Ground::Postgres).then(Postgres::start);
        let folder = tempfile::tempdir().unwrap();
        Self { folder, postgres, network: None, allowed: String::new(), operator: None, smtp: None }
    }

    /// The same in this folder.
    #[allow(dead_code, reason = "only the benches care for the disk")]
    pub fn kept_in(self, folder: TempDir) -> Self {
        Self { folder, ..self }
    }

    /// Its folder stays when it goes.
    #[allow(dead_code, reason = "the benches leave nothing")]
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// The same with its sessions on a simulated network elsewhere: `WAMUX_SANDBOX_URL`.
    #[allow(dead_code, reason = "the benches keep it in the process")]
    pub fn beside(self, network: &str) -> Self {
        Self { network: Some(network.to_owned()), ..self }
    }

    /// The same where tenants' proxies may have these private addresses: `WAMUX_MEDIA_ALLOW`.
    #[allow(dead_code, reason = "the benches have no proxies")]
    pub fn allowing(self, blocks: &str) -> Self {
        Self { allowed: blocks.to_owned(), ..self }
    }

    /// The same with an operator who has this token: `WAMUX_OPERATOR_TOKEN`.
    #[allow(dead_code, reason = "the benches have no operator")]
    pub fn operated_by(self, token: &str) -> Self {
        Self { operator: Some(token.to_owned()), ..self }
    }

    /// The same with mails that go out by this server, for pages at <https://wamux.example>: `WAMUX_SMTP_URL`.
    #[allow(dead_code, reason = "the benches get no mail")]
    pub fn mailing(self, smtp: &str) -> Self {
        Self { smtp: Some(smtp.to_owned()), ..self }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What to give as `WAMUX_DATABASE_URL`; none for the default, which is in the folder.
    pub fn database_url(&self) -> Option<String> {
        self.postgres.as_ref().map(Postgres::url)
    }

    /// A server in this process on this place.
    pub fn config(&self) -> Config {
        let sandbox_url = self.network.as_ref().map(|url| url.parse().unwrap());
        let egress = self.allowed.parse().unwrap();
        let operator = self.operator.as_ref().map(|token| token.parse().unwrap());
        let mail = Settings::read(self.smtp.as_deref(), self.smtp.as_ref().map(|_| FROM), Some(SITE)).unwrap();
        let plain = Config { sandbox_url, egress, operator, mail, ..Config::in_folder(self.folder().to_owned()) };
        match self.database_url() {
            Some(url) => Config { database: url.parse().unwrap(), ..plain },
            None => plain,
        }
    }

    /// The program under test on this place.
    pub fn wamux(&self) -> Command {
        let mut command = process::wamux(self.folder());
        if let Some(url) = self.database_url() {
            command.env("WAMUX_DATABASE_URL", url);
        }
        command.env("WAMUX_MEDIA_ALLOW", &self.allowed);
        command.envs(self.operator.iter().map(|token| ("WAMUX_OPERATOR_TOKEN", token)));
        if let Some(smtp) = &self.smtp {
            command.env("WAMUX_SMTP_URL", smtp).env("WAMUX_MAIL_FROM", FROM).env("WAMUX_PUBLIC_URL", SITE);
        }
        command.envs(self.network.iter().map(|url| ("WAMUX_SANDBOX_URL", url)));
        command
    }
}
