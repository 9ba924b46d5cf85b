//! The media of lines as SQL: what is shown of them, where their bytes are, and whether the phone has them.

use std::fmt;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::apply::Applied;
use super::row::AccountId;
use super::{Ledger, LedgerError};
use crate::sandbox::screen::Facts;

/// A medium in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Medium {
    pub(crate) facts: Facts,
    /// Known to whoever fetches it.
    pub(crate) reference: Option<Reference>,
    pub(crate) fetched: Fetched,
}

/// Where the bytes are, and what opens and proves them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) family: String,
    pub(crate) path: String,
    /// None for what is not encrypted.
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) plain_sha256: Vec<u8>,
    pub(crate) sealed_sha256: Vec<u8>,
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({})", self.family)
    }
}

/// What came of fetching it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    Due,
    Here { sha256: String, size: u64 },
    Failed(String),
}

/// A medium that a phone has to fetch.
pub(crate) struct Due {
    pub(crate) account: AccountId,
    pub(crate) id: String,
    pub(crate) reference: Reference,
}

pub(super) async fn add(
    connection: &mut SqliteConnection,
    account: AccountId,
    screen: i64,
    id: &str,
    medium: &Medium,
) -> Applied {
    let Some(reference) = &medium.reference else { return Ok(()) };
    sqlx::query(
        "INSERT INTO medium (screen, account, id, facts, family, path, media_key, plain_sha256, sealed_sha256) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(screen)
    .bind(account)
    .bind(id)
    .bind(serde_json::to_string(&medium.facts).map_err(|_| LedgerError::Corrupt("facts"))?)
    .bind(&reference.family)
    .bind(&reference.path)
    .bind(reference.key.as_deref())
    .bind(reference.plain_sha256.as_slice())
    .bind(reference.sealed_sha256.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn fetched(
    connection: &mut SqliteConnection,
    account: AccountId,
    id: &str,
    fetched: &Fetched,
) -> Applied {
    let (number, sha256, size, problem) = match fetched {
        Fetched::Due => (0, None, None, None),
        Fetched::Here { sha256, size } => (1, Some(sha256), i64::try_from(*size).ok(), None),
        Fetched::Failed(problem) => (2, None, None, Some(problem)),
    };
    sqlx::query("UPDATE medium SET fetched = ?, sha256 = ?, size = ?, problem = ? WHERE account = ? AND id = ?")
        .bind(number)
        .bind(sha256)
        .bind(size)
        .bind(problem)
        .bind(account)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

impl Ledger {
    /// Media that phones have yet to fetch, those of the oldest lines first.
    pub(crate) async fn due_media(&self, most: i64) -> Result<Vec<Due>, LedgerError> {
        let rows = sqlx::query("SELECT * FROM medium WHERE fetched = 0 ORDER BY screen LIMIT ?")
            .bind(most)
            .fetch_all(&self.readers)
            .await?;
        let due = |row: &SqliteRow| {
            Ok(Due { account: row.try_get("account")?, id: row.try_get("id")?, reference: reference(row)? })
        };
        rows.iter().map(due).collect()
    }

    /// Whether a phone has yet to fetch something.
    pub(crate) async fn fetches(&self, account: AccountId) -> Result<bool, LedgerError> {
        let due: Option<i64> = sqlx::query_scalar("SELECT 1 FROM medium WHERE account = ? AND fetched = 0 LIMIT 1")
            .bind(account)
            .fetch_optional(&self.readers)
            .await?;
        Ok(due.is_some())
    }

    /// The medium of a line.
    pub(crate) async fn medium(&self, account: AccountId, id: &str) -> Result<Option<Medium>, LedgerError> {
        let row = sqlx::query("SELECT * FROM medium WHERE account = ? AND id = ?")
            .bind(account)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map_or(Ok(None), whole)
    }
}

/// What a row says of its medium, if it has one.
pub(super) fn read(row: &SqliteRow) -> Result<Option<Medium>, LedgerError> {
    let Some(facts) = row.try_get::<Option<String>, _>("facts")? else { return Ok(None) };
    let number: i64 = row.try_get("fetched")?;
    let size: Option<i64> = row.try_get("size")?;
    let fetched = match (number, row.try_get("sha256")?, size) {
        (0, ..) => Fetched::Due,
        (1, Some(sha256), Some(size)) => Fetched::Here { sha256, size: size.unsigned_abs() },
        _ => Fetched::Failed(row.try_get::<Option<String>, _>("problem")?.unwrap_or_default()),
    };
    let facts = serde_json::from_str(&facts).map_err(|_| LedgerError::Corrupt("facts"))?;
    Ok(Some(Medium { facts, reference: None, fetched }))
}

/// The same with what it takes to fetch it.
pub(super) fn whole(row: &SqliteRow) -> Result<Option<Medium>, LedgerError> {
    let Some(medium) = read(row)? else { return Ok(None) };
    Ok(Some(Medium { reference: Some(reference(row)?), ..medium }))
}

fn reference(row: &SqliteRow) -> Result<Reference, LedgerError> {
    Ok(Reference {
        family: row.try_get("family")?,
        path: row.try_get("path")?,
        key: row.try_get("media_key")?,
        plain_sha256: row.try_get("plain_sha256")?,
        sealed_sha256: row.try_get("sealed_sha256")?,
    })
}
