//! Where the database is: `sqlite://path` or `postgres://…`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sea_orm::sqlx::postgres::PgConnectOptions;

#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADatabaseUrl {
    #[error("must start with sqlite:// or postgres://")]
    Unknown,
    #[error(
        "is not a PostgreSQL URL ({0}); write postgres://user:password@host:5432/database, with %40 for an @ in the \
         password and so on"
    )]
    Malformed(String),
}

impl DatabaseUrl {
    pub fn sqlite(file: &Path) -> Self {
        Self(format!("sqlite://{}", file.display()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }

    pub(super) fn postgres(&self) -> Result<PgConnectOptions, NotADatabaseUrl> {
        PgConnectOptions::from_str(&self.0).map_err(|error| NotADatabaseUrl::Malformed(error.to_string()))
    }
}

impl FromStr for DatabaseUrl {
    type Err = NotADatabaseUrl;

    fn from_str(text: &str) -> Result<Self, NotADatabaseUrl> {
        let url = Self(text.to_owned());
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            url.postgres()?;
        } else if !text.starts_with("sqlite://") {
            return Err(NotADatabaseUrl::Unknown);
        }
        Ok(url)
    }
}

/// A URL may hold a password, which is never shown.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.postgres() {
            Ok(options) if !self.is_sqlite() => {
                let user = options.get_username();
                write!(f, "postgres://{user}@{}/{}", place(&options), options.get_database().unwrap_or(user))
            }
            _ if self.is_sqlite() => f.write_str(&self.0),
            _ => f.write_str("postgres://…"),
        }
    }
}

/// The host and port, or the socket's folder.
pub(super) fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_databases_are_taken_and_no_password_is_shown() {
        assert_eq!("mysql://x".parse::<DatabaseUrl>(), Err(NotADatabaseUrl::Unknown));
        let url: DatabaseUrl = "postgres://me:secret@host/db".parse().unwrap();
        assert_eq!(format!("{url:?}"), "postgres://me@host:5432/db");
        let url: DatabaseUrl = "postgres://me:secret@%2Frun%2Fpg/db?sslmode=disable&password=secret".parse().unwrap();
        assert_eq!(format!("{url:?}"), "postgres://me@/run/pg/db");
    }

    #[test]
    fn a_url_that_cannot_be_read_is_explained_without_its_password() {
        for wrong in
            ["postgres://me:secret@host:port/db", "postgres://me:secret@host/db?sslmode=secretly", "postgres://"]
        {
            let Err(why) = wrong.parse::<DatabaseUrl>() else { continue };
            let why = why.to_string();
            assert!(why.contains("postgres://user:password@host") && !why.contains("me:secret"), "{why}");
        }
        assert!("postgres://me@host:port/db".parse::<DatabaseUrl>().is_err());
        assert!("postgres://me@host/db?sslmode=maybe".parse::<DatabaseUrl>().is_err());
    }
}
