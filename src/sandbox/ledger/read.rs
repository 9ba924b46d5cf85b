//! Reading the file, beside the writer: what is committed.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::apply::PREKEY;
use super::row::{AUTO_READ, AccountId, AccountRow, BLOCKED, CompanionRow, Device, OFFLINE, PHONE, SignedPreKey};
use super::{Ledger, LedgerError, PreKey};
use crate::sandbox::root::RootKeys;
use crate::sandbox::tls::TlsKeys;

/// How the queue of a companion stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backlog {
    pub(crate) messages: i64,
    pub(crate) receipts: i64,
    pub(crate) notifications: i64,
}

impl Ledger {
    pub(crate) async fn account(&self, phone: &str) -> Result<Option<AccountRow>, LedgerError> {
        account_by_phone(&mut *self.readers.acquire().await?, phone).await
    }

    /// How many accounts there are: none is ever taken away, so the last one's number says it.
    pub(crate) async fn accounts(&self) -> Result<i64, LedgerError> {
        Ok(sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM account").fetch_one(&self.readers).await?)
    }

    pub(crate) async fn account_by_id(&self, id: AccountId) -> Result<Option<AccountRow>, LedgerError> {
        let mut connection = self.readers.acquire().await?;
        let phone: Option<String> = sqlx::query_scalar("SELECT phone FROM account WHERE id = ?")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        match phone {
            Some(phone) => account_by_phone(&mut connection, &phone).await,
            None => Ok(None),
        }
    }

    /// The accounts that have a linked device.
    pub(crate) async fn linked_accounts(&self) -> Result<Vec<AccountId>, LedgerError> {
        Ok(sqlx::query_scalar("SELECT DISTINCT account FROM companion").fetch_all(&self.readers).await?)
    }

    pub(crate) async fn root(&self) -> Result<Option<RootKeys>, LedgerError> {
        let row = sqlx::query("SELECT root_key, server_key, chain FROM root").fetch_optional(&self.readers).await?;
        row.map(|row| {
            Ok(RootKeys {
                root: exact(row.try_get("root_key")?, "root key")?,
                server: exact(row.try_get("server_key")?, "server key")?,
                chain: row.try_get("chain")?,
            })
        })
        .transpose()
    }

    pub(crate) async fn tls(&self) -> Result<Option<TlsKeys>, LedgerError> {
        let row = sqlx::query("SELECT certificate, key FROM tls").fetch_optional(&self.readers).await?;
        row.map(|row| Ok(TlsKeys { certificate: row.try_get("certificate")?, key: row.try_get("key")? })).transpose()
    }

    /// The next stanzas that wait for a companion, after one that was sent.
    pub(crate) async fn queued(&self, to: Device, after: i64, most: i64) -> Result<Vec<(i64, Vec<u8>)>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT seq, stanza FROM queue WHERE account = ? AND device = ? AND seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(to.account)
        .bind(to.device)
        .bind(after)
        .bind(most)
        .fetch_all(&self.readers)
        .await?)
    }

    pub(crate) async fn backlog(&self, to: Device) -> Result<Backlog, LedgerError> {
        let counts: Vec<(String, i64)> =
            sqlx::query_as("SELECT class, count(*) FROM queue WHERE account = ? AND device = ? GROUP BY class")
                .bind(to.account)
                .bind(to.device)
                .fetch_all(&self.readers)
                .await?;
        let of = |class: &str| counts.iter().find(|(name, _)| name == class).map_or(0, |(_, count)| *count);
        Ok(Backlog { messages: of("message"), receipts: of("receipt"), notifications: of("notification") })
    }

    /// The one-time pre-keys of a companion that are still to be had.
    pub(crate) async fn prekeys(&self, device: Device) -> Result<Vec<PreKey>, LedgerError> {
        let batches: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT taken, keys FROM prekey_batch JOIN prekey_blob ON batch = id \
             WHERE account = ? AND device = ? AND taken < total ORDER BY id",
        )
        .bind(device.account)
        .bind(device.device)
        .fetch_all(&self.readers)
        .await?;
        let left = |(taken, keys): &(i64, Vec<u8>)| {
            let gone = usize::try_from(*taken).unwrap_or(0);
            keys.chunks_exact(PREKEY).skip(gone).map(prekey).collect::<Vec<_>>()
        };
        batches.iter().flat_map(left).collect()
    }

    pub(crate) async fn prekey_count(&self, device: Device) -> Result<i64, LedgerError> {
        Ok(sqlx::query_scalar(
            "SELECT coalesce(sum(total - taken), 0) FROM prekey_batch WHERE account = ? AND device = ?",
        )
        .bind(device.account)
        .bind(device.device)
        .fetch_one(&self.readers)
        .await?)
    }

    /// How many one-time pre-keys a phone has given out that nobody has used.
    #[cfg(test)]
    pub(crate) async fn phone_prekey_count(&self, account: AccountId) -> Result<i64, LedgerError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM phone_prekey WHERE account = ?")
            .bind(account)
            .fetch_one(&self.readers)
            .await?)
    }

    pub(crate) async fn patches(
        &self,
        account: AccountId,
        collection: &str,
        after: u64,
        most: i64,
    ) -> Result<Vec<(u64, Vec<u8>)>, LedgerError> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT version, patch FROM patch WHERE account = ? AND collection = ? AND version > ? \
             ORDER BY version LIMIT ?",
        )
        .bind(account)
        .bind(collection)
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.into_iter().map(|(version, patch)| (version.unsigned_abs(), patch)).collect())
    }

    pub(crate) async fn patch_bytes(&self, account: AccountId) -> Result<i64, LedgerError> {
        Ok(sqlx::query_scalar("SELECT coalesce(sum(length(patch)), 0) FROM patch WHERE account = ?")
            .bind(account)
            .fetch_one(&self.readers)
            .await?)
    }

    /// What an account has chosen in a family: names and values.
    pub(crate) async fn settings(
        &self,
        account: AccountId,
        family: &str,
    ) -> Result<Vec<(String, String)>, LedgerError> {
        Ok(sqlx::query_as("SELECT name, value FROM setting WHERE account = ? AND family = ?")
            .bind(account)
            .bind(family)
            .fetch_all(&self.readers)
            .await?)
    }

    pub(crate) async fn patch_version(&self, account: AccountId, collection: &str) -> Result<u64, LedgerError> {
        let version: i64 =
            sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM patch WHERE account = ? AND collection = ?")
                .bind(account)
                .bind(collection)
                .fetch_one(&self.readers)
                .await?;
        Ok(version.unsigned_abs())
    }
}

pub(super) async fn waiting(connection: &mut SqliteConnection, to: Device) -> Result<(i64, i64), LedgerError> {
    Ok(sqlx::query_as("SELECT count(*), coalesce(sum(length(stanza)), 0) FROM queue WHERE account = ? AND device = ?")
        .bind(to.account)
        .bind(to.device)
        .fetch_one(connection)
        .await?)
}

pub(super) async fn account_by_phone(
    connection: &mut SqliteConnection,
    phone: &str,
) -> Result<Option<AccountRow>, LedgerError> {
    let row = sqlx::query("SELECT * FROM account WHERE phone = ?").bind(phone).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let id: AccountId = row.try_get("id")?;
    let companions = sqlx::query("SELECT * FROM companion WHERE account = ? ORDER BY device")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    let settings: Vec<(String, String)> =
        sqlx::query_as("SELECT family, name FROM setting WHERE account = ? AND family IN (?, ?)")
            .bind(id)
            .bind(BLOCKED)
            .bind(PHONE)
            .fetch_all(connection)
            .await?;
    let of_family = |family| settings.iter().filter(move |(kept, _)| kept == family).map(|(_, name)| name);
    let is = |what: &str| of_family(PHONE).any(|name| name == what);
    Ok(Some(AccountRow {
        id,
        phone: row.try_get("phone")?,
        name: row.try_get("name")?,
        identity: row.try_get("identity")?,
        registration: row.try_get("registration")?,
        signed_prekey: row.try_get("signed_prekey")?,
        raw_id: row.try_get("raw_id")?,
        created: row.try_get("created")?,
        next_device: row.try_get("next_device")?,
        next_prekey: row.try_get("next_prekey")?,
        sync_key_id: row.try_get("sync_key_id")?,
        sync_key: row.try_get("sync_key")?,
        blocked: of_family(BLOCKED).filter_map(|id| id.parse().ok()).collect(),
        offline: is(OFFLINE),
        auto_read: is(AUTO_READ),
        companions: companions.iter().map(companion_row).collect::<Result<_, _>>()?,
    }))
}

fn companion_row(row: &SqliteRow) -> Result<CompanionRow, LedgerError> {
    Ok(CompanionRow {
        device: row.try_get("device")?,
        noise: exact(row.try_get("noise")?, "noise key")?,
        identity: exact(row.try_get("identity")?, "identity key")?,
        device_identity: row.try_get("device_identity")?,
        signed: row.try_get("signed")?,
        registration: row.try_get("registration")?,
        signed_prekey: SignedPreKey {
            id: row.try_get("signed_prekey_id")?,
            key: exact(row.try_get("signed_prekey")?, "signed pre-key")?,
            signature: row.try_get("signed_prekey_signature")?,
        },
        linked: row.try_get("linked")?,
    })
}

pub(super) fn prekey(bytes: &[u8]) -> Result<PreKey, LedgerError> {
    let (id, key) = bytes.split_first_chunk::<4>().ok_or(LedgerError::Corrupt("pre-key"))?;
    Ok(PreKey { id: u32::from_be_bytes(*id), key: key.try_into().map_err(|_| LedgerError::Corrupt("pre-key"))? })
}

/// A key has 32 bytes.
pub(crate) fn exact(bytes: Vec<u8>, what: &'static str) -> Result<[u8; 32], LedgerError> {
    bytes.try_into().map_err(|_| LedgerError::Corrupt(what))
}
