//! The life and the keys of linked devices as SQL, within the writer's transaction.

use sqlx::SqliteConnection;

use super::apply::{Applied, PREKEY};
use super::row::{AccountId, Change, CompanionRow, Device};
use super::{LedgerError, PreKey, read};

/// The life and the keys of a companion.
pub(super) async fn companion(connection: &mut SqliteConnection, change: Change) -> Applied {
    match change {
        Change::Root(keys) => {
            sqlx::query("INSERT OR IGNORE INTO root (id, root_key, server_key, chain) VALUES (1, ?, ?, ?)")
                .bind(keys.root.as_slice())
                .bind(keys.server.as_slice())
                .bind(keys.chain)
                .execute(connection)
                .await?;
        }
        Change::Tls(keys) => {
            sqlx::query("INSERT OR IGNORE INTO tls (id, certificate, key) VALUES (1, ?, ?)")
                .bind(keys.certificate)
                .bind(keys.key)
                .execute(connection)
                .await?;
        }
        #[cfg(test)]
        Change::ForgetQueue(device) => {
            sqlx::query("DELETE FROM queue WHERE account = ? AND device = ?")
                .bind(device.account)
                .bind(device.device)
                .execute(connection)
                .await?;
        }
        #[cfg(test)]
        Change::ForgetRoot => {
            sqlx::query("DELETE FROM root").execute(connection).await?;
        }
        Change::Link { account, companion } => link(connection, account, *companion).await?,
        Change::Sign { device, device_identity } => {
            sqlx::query("UPDATE companion SET device_identity = ?, signed = 1 WHERE account = ? AND device = ?")
                .bind(device_identity)
                .bind(device.account)
                .bind(device.device)
                .execute(connection)
                .await?;
        }
        Change::RotateKey { device, key } => {
            sqlx::query(
                "UPDATE companion SET signed_prekey_id = ?, signed_prekey = ?, signed_prekey_signature = ? \
                 WHERE account = ? AND device = ?",
            )
            .bind(key.id)
            .bind(key.key.as_slice())
            .bind(key.signature)
            .bind(device.account)
            .bind(device.device)
            .execute(connection)
            .await?;
        }
        Change::Bundle { device, registration, key, total, prekeys } => {
            sqlx::query(
                "UPDATE companion SET registration = ?, signed_prekey_id = ?, signed_prekey = ?, \
                 signed_prekey_signature = ? WHERE account = ? AND device = ?",
            )
            .bind(registration)
            .bind(key.id)
            .bind(key.key.as_slice())
            .bind(key.signature)
            .bind(device.account)
            .bind(device.device)
            .execute(&mut *connection)
            .await?;
            stock(connection, device, total, prekeys).await?;
        }
        _ => return Err(LedgerError::Corrupt("a change without a place")),
    }
    Ok(())
}

/// Uploads of one-time pre-keys that a device has in stock; clients upload when few are left, so more than two are rare.
const UPLOADS: i64 = 16;

async fn stock(connection: &mut SqliteConnection, device: Device, total: u32, prekeys: Vec<u8>) -> Applied {
    if total == 0 {
        return Ok(());
    }
    let batch = sqlx::query("INSERT INTO prekey_batch (account, device, total) VALUES (?, ?, ?)")
        .bind(device.account)
        .bind(device.device)
        .bind(total)
        .execute(&mut *connection)
        .await?
        .last_insert_rowid();
    sqlx::query("INSERT INTO prekey_blob (batch, keys) VALUES (?, ?)")
        .bind(batch)
        .bind(prekeys)
        .execute(&mut *connection)
        .await?;
    // The oldest go, and those that are used up.
    let gone: Vec<i64> = sqlx::query_scalar(
        "DELETE FROM prekey_batch WHERE account = ?1 AND device = ?2 AND (taken >= total OR id <= (SELECT id \
         FROM prekey_batch WHERE account = ?1 AND device = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)) RETURNING id",
    )
    .bind(device.account)
    .bind(device.device)
    .bind(UPLOADS)
    .fetch_all(&mut *connection)
    .await?;
    for batch in gone {
        sqlx::query("DELETE FROM prekey_blob WHERE batch = ?").bind(batch).execute(&mut *connection).await?;
    }
    Ok(())
}

/// One-time pre-keys that a phone has given out and keeps for who may still use them. Past it the oldest go: a message that
/// names one of those is asked for again, under a fresh one, so that nobody can use up what a phone has for all others.
const UNUSED: u32 = 1000;

pub(super) async fn phone_key(
    connection: &mut SqliteConnection,
    account: AccountId,
    id: u32,
    private: &[u8; 32],
) -> Applied {
    sqlx::query("INSERT OR REPLACE INTO phone_prekey (account, id, private) VALUES (?, ?, ?)")
        .bind(account)
        .bind(id)
        .bind(private.as_slice())
        .execute(&mut *connection)
        .await?;
    // Ids are given in order.
    sqlx::query("DELETE FROM phone_prekey WHERE account = ? AND id <= ?")
        .bind(account)
        .bind(i64::from(id) - i64::from(UNUSED))
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE account SET next_prekey = max(next_prekey, ? + 1) WHERE id = ?")
        .bind(id)
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}

async fn link(connection: &mut SqliteConnection, account: AccountId, companion: CompanionRow) -> Applied {
    sqlx::query(
        "INSERT OR REPLACE INTO companion (account, device, noise, identity, device_identity, signed, registration, \
         signed_prekey_id, signed_prekey, signed_prekey_signature, linked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(account)
    .bind(companion.device)
    .bind(companion.noise.as_slice())
    .bind(companion.identity.as_slice())
    .bind(companion.device_identity)
    .bind(companion.signed)
    .bind(companion.registration)
    .bind(companion.signed_prekey.id)
    .bind(companion.signed_prekey.key.as_slice())
    .bind(companion.signed_prekey.signature)
    .bind(companion.linked)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE account SET next_device = max(next_device, ? + 1) WHERE id = ?")
        .bind(companion.device)
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a companion: its keys, its queue, and its phone's session with it. What other phones have of it stays until
/// its number is given again ([`Change::ForgetPeer`]), and is of no use meanwhile.
pub(super) async fn unlink(connection: &mut SqliteConnection, device: Device) -> Applied {
    for statement in [
        "DELETE FROM companion WHERE account = ? AND device = ?",
        "DELETE FROM queue WHERE account = ? AND device = ?",
        "DELETE FROM prekey_blob WHERE batch IN (SELECT id FROM prekey_batch WHERE account = ? AND device = ?)",
        "DELETE FROM prekey_batch WHERE account = ? AND device = ?",
        "DELETE FROM session WHERE account = ?1 AND peer = ?1 AND device = ?2",
    ] {
        sqlx::query(statement).bind(device.account).bind(device.device).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn take_prekey(
    connection: &mut SqliteConnection,
    device: Device,
) -> Result<Option<PreKey>, LedgerError> {
    let taken: Option<(i64, i64)> = sqlx::query_as(
        "UPDATE prekey_batch SET taken = taken + 1 WHERE id = (SELECT id FROM prekey_batch \
         WHERE account = ? AND device = ? AND taken < total ORDER BY id LIMIT 1) RETURNING id, taken",
    )
    .bind(device.account)
    .bind(device.device)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((batch, taken)) = taken else { return Ok(None) };
    let size = i64::try_from(PREKEY).unwrap_or(0);
    let bytes: Vec<u8> = sqlx::query_scalar("SELECT substr(keys, ?, ?) FROM prekey_blob WHERE batch = ?")
        .bind((taken - 1) * size + 1)
        .bind(size)
        .bind(batch)
        .fetch_one(connection)
        .await?;
    read::prekey(&bytes).map(Some)
}

pub(super) async fn phone_prekey(
    connection: &mut SqliteConnection,
    account: AccountId,
    id: u32,
) -> Result<Option<Vec<u8>>, LedgerError> {
    Ok(sqlx::query_scalar("SELECT private FROM phone_prekey WHERE account = ? AND id = ?")
        .bind(account)
        .bind(id)
        .fetch_optional(connection)
        .await?)
}
