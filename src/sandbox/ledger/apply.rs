//! Changes as SQL, within the writer's transaction.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::row::{AccountId, AccountRow, Change, CompanionRow, Device, NewAccount, Outgoing, ScreenRow, Showing};
use super::{LedgerError, PreKey, read};
use crate::sandbox::screen::Status;
use crate::sandbox::switchboard::Delivery;

/// The most that may wait for one companion. Past it the network drops what comes, as a real one does in the end.
const QUEUE_STANZAS: i64 = 100_000;
const QUEUE_BYTES: i64 = 64 * 1024 * 1024;

/// Bytes of one pre-key in a batch: its id and its key.
pub(super) const PREKEY: usize = 36;

/// How much waits for each companion, counted from the file once and kept up from there.
#[derive(Default)]
pub(super) struct Queues(HashMap<Device, (i64, i64)>);

type Applied = Result<(), LedgerError>;

pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: Vec<Change>,
    queues: &mut Queues,
) -> Result<(Vec<Showing>, Vec<Delivery>), LedgerError> {
    let (mut showings, mut deliveries) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Show { account, row } => showings.push(show(connection, account, *row).await?),
            Change::Enqueue(outgoing) => deliveries.extend(enqueue(connection, outgoing, queues).await?),
            Change::Confirm { device, class, id, kind } => {
                confirm(connection, device, class, &id, kind.as_deref(), queues).await?;
            }
            Change::Session { account, peer, record } => store_session(connection, account, peer, &record).await?,
            Change::Unlink(device) => {
                unlink(connection, device).await?;
                queues.0.remove(&device);
            }
            other => seldom(connection, other).await?,
        }
    }
    Ok((showings, deliveries))
}

/// What does not happen with every message.
async fn seldom(connection: &mut SqliteConnection, change: Change) -> Applied {
    match change {
        Change::Advance { account, chat, ids, status } => {
            for id in ids {
                sqlx::query(
                    "UPDATE screen SET status = max(status, ?) \
                     WHERE account = ? AND message_id = ? AND chat = ? AND from_me = 1",
                )
                .bind(status as i64)
                .bind(account)
                .bind(id)
                .bind(&chat)
                .execute(&mut *connection)
                .await?;
            }
        }
        Change::Read { account, chat, ids } => {
            for id in ids {
                sqlx::query("UPDATE screen SET status = ? WHERE account = ? AND sender = ? AND message_id = ?")
                    .bind(Status::Read as i64)
                    .bind(account)
                    .bind(&chat)
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        Change::DropPhonePreKey { account, id } => {
            sqlx::query("DELETE FROM phone_prekey WHERE account = ? AND id = ?")
                .bind(account)
                .bind(id)
                .execute(connection)
                .await?;
        }
        Change::ForgetSessions { account } => {
            sqlx::query("DELETE FROM session WHERE account = ?").bind(account).execute(connection).await?;
        }
        Change::PhonePreKey { account, id, private } => phone_key(connection, account, id, &private).await?,
        Change::Rename { account, name } => {
            sqlx::query("UPDATE account SET name = ? WHERE id = ?")
                .bind(name)
                .bind(account)
                .execute(connection)
                .await?;
        }
        Change::Patch { account, collection, version, patch } => {
            sqlx::query("INSERT INTO patch (account, collection, version, patch) VALUES (?, ?, ?, ?)")
                .bind(account)
                .bind(collection)
                .bind(i64::try_from(version).map_err(|_| LedgerError::Corrupt("version"))?)
                .bind(patch)
                .execute(connection)
                .await?;
        }
        other => companion(connection, other).await?,
    }
    Ok(())
}

/// The life and the keys of a companion.
async fn companion(connection: &mut SqliteConnection, change: Change) -> Applied {
    match change {
        Change::Root(keys) => {
            sqlx::query("INSERT INTO root (id, root_key, server_key, chain) VALUES (1, ?, ?, ?)")
                .bind(keys.root.as_slice())
                .bind(keys.server.as_slice())
                .bind(keys.chain)
                .execute(connection)
                .await?;
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
        .execute(connection)
        .await?;
    Ok(())
}

async fn phone_key(connection: &mut SqliteConnection, account: AccountId, id: u32, private: &[u8; 32]) -> Applied {
    sqlx::query("INSERT INTO phone_prekey (account, id, private) VALUES (?, ?, ?)")
        .bind(account)
        .bind(id)
        .bind(private.as_slice())
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
        "INSERT INTO companion (account, device, noise, identity, device_identity, signed, registration, \
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

/// Forgets a companion: its keys, its queue, and every phone's session with it.
async fn unlink(connection: &mut SqliteConnection, device: Device) -> Applied {
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

async fn show(connection: &mut SqliteConnection, account: AccountId, row: ScreenRow) -> Result<Showing, LedgerError> {
    let inserted = sqlx::query(
        "INSERT INTO screen (id, account, message_id, chat, sender, from_me, device, kind, text, status, timestamp) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, sender, message_id) DO NOTHING",
    )
    .bind(row.id)
    .bind(account)
    .bind(&row.message_id)
    .bind(row.chat)
    .bind(&row.sender)
    .bind(row.from_me)
    .bind(row.device)
    .bind(row.kind)
    .bind(row.text)
    .bind(row.status as i64)
    .bind(row.timestamp)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if inserted == 1 {
        return Ok(Showing::New);
    }
    let status: i64 =
        sqlx::query_scalar("SELECT status FROM screen WHERE account = ? AND sender = ? AND message_id = ?")
            .bind(account)
            .bind(row.sender)
            .bind(row.message_id)
            .fetch_one(connection)
            .await?;
    Status::from_number(status).map(Showing::Repeated).ok_or(LedgerError::Corrupt("status"))
}

async fn enqueue(
    connection: &mut SqliteConnection,
    outgoing: Outgoing,
    queues: &mut Queues,
) -> Result<Option<Delivery>, LedgerError> {
    let Outgoing { to, class, id, kind, stanza } = outgoing;
    let (count, bytes) = match queues.0.get(&to) {
        Some(waiting) => *waiting,
        None => read::waiting(connection, to).await?,
    };
    let size = i64::try_from(stanza.len()).unwrap_or(i64::MAX);
    if count >= QUEUE_STANZAS || bytes.saturating_add(size) > QUEUE_BYTES {
        queues.0.insert(to, (count, bytes));
        tracing::warn!(account = to.account, device = to.device, "a companion's queue is full; a stanza is dropped");
        return Ok(None);
    }
    let seq =
        sqlx::query("INSERT INTO queue (account, device, class, stanza_id, kind, stanza) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(to.account)
            .bind(to.device)
            .bind(class)
            .bind(id)
            .bind(kind)
            .bind(&stanza)
            .execute(connection)
            .await?
            .last_insert_rowid();
    queues.0.insert(to, (count + 1, bytes + size));
    Ok(Some(Delivery { to, seq, stanza }))
}

async fn confirm(
    connection: &mut SqliteConnection,
    device: Device,
    class: &str,
    id: &str,
    kind: Option<&str>,
    queues: &mut Queues,
) -> Applied {
    let sizes: Vec<i64> = sqlx::query_scalar(
        "DELETE FROM queue WHERE account = ?1 AND device = ?2 AND stanza_id = ?3 AND class = ?4 \
         AND (?5 IS NULL OR kind = ?5) RETURNING length(stanza)",
    )
    .bind(device.account)
    .bind(device.device)
    .bind(id)
    .bind(class)
    .bind(kind)
    .fetch_all(connection)
    .await?;
    if let Some((count, bytes)) = queues.0.get_mut(&device) {
        *count -= i64::try_from(sizes.len()).unwrap_or(0);
        *bytes -= sizes.iter().sum::<i64>();
    }
    Ok(())
}

async fn store_session(connection: &mut SqliteConnection, account: AccountId, peer: Device, record: &[u8]) -> Applied {
    sqlx::query(
        "INSERT INTO session (account, peer, device, record) VALUES (?, ?, ?, ?) \
         ON CONFLICT (account, peer, device) DO UPDATE SET record = excluded.record",
    )
    .bind(account)
    .bind(peer.account)
    .bind(peer.device)
    .bind(record)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn create(connection: &mut SqliteConnection, new: NewAccount) -> Result<AccountRow, LedgerError> {
    let phone = new.phone.digits().to_owned();
    sqlx::query(
        "INSERT INTO account (phone, identity, registration, signed_prekey, raw_id, created, sync_key_id, sync_key) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (phone) DO NOTHING",
    )
    .bind(&phone)
    .bind(new.identity.as_slice())
    .bind(new.registration)
    .bind(new.signed_prekey.as_slice())
    .bind(new.raw_id)
    .bind(new.created)
    .bind(new.sync_key_id.as_slice())
    .bind(new.sync_key.as_slice())
    .execute(&mut *connection)
    .await?;
    read::account_by_phone(connection, &phone).await?.ok_or(LedgerError::Corrupt("account"))
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

pub(super) async fn session(
    connection: &mut SqliteConnection,
    account: AccountId,
    peer: Device,
) -> Result<Option<Vec<u8>>, LedgerError> {
    Ok(sqlx::query_scalar("SELECT record FROM session WHERE account = ? AND peer = ? AND device = ?")
        .bind(account)
        .bind(peer.account)
        .bind(peer.device)
        .fetch_optional(connection)
        .await?)
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
