//! Changes as SQL, within the writer's transaction.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::lines::{self, Lines};
use super::row::{AccountId, AccountRow, Change, Device, NewAccount, Outgoing, Setting, Showing};
use super::{LedgerError, linked, medium, read};
use crate::sandbox::screen::Status;
use crate::sandbox::switchboard::Delivery;

/// The most that may wait for one device. Past it the network drops what comes, as a real one does in the end.
const QUEUE_STANZAS: i64 = 100_000;
const QUEUE_BYTES: i64 = 64 * 1024 * 1024;

/// Bytes of one pre-key in a batch: its id and its key.
pub(super) const PREKEY: usize = 36;

/// What the writer counts from the file once and keeps up from there.
#[derive(Default)]
pub(super) struct Counts {
    queues: Queues,
    pub(super) lines: Lines,
}

/// How much waits for each device.
#[derive(Default)]
struct Queues(HashMap<Device, (i64, i64)>);

impl Queues {
    /// Stanzas of these sizes wait no more.
    fn gone(&mut self, device: Device, sizes: &[i64]) {
        if let Some((count, bytes)) = self.0.get_mut(&device) {
            *count -= i64::try_from(sizes.len()).unwrap_or(0);
            *bytes -= sizes.iter().sum::<i64>();
        }
    }
}

pub(super) type Applied = Result<(), LedgerError>;

pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: Vec<Change>,
    counts: &mut Counts,
) -> Result<(Vec<Showing>, Vec<Delivery>), LedgerError> {
    let Counts { queues, lines } = counts;
    let (mut showings, mut deliveries) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Show { account, row } => showings.push(lines::show(connection, account, *row, lines).await?),
            Change::Enqueue(outgoing) => deliveries.extend(enqueue(connection, outgoing, queues).await?),
            Change::Confirm { device, class, id, kind } => {
                confirm(connection, device, class, &id, kind.as_deref(), queues).await?;
            }
            Change::Received { device, seq } => received(connection, device, seq, queues).await?,
            Change::Session { account, peer, record } => store_session(connection, account, peer, &record).await?,
            Change::Unlink(device) => {
                linked::unlink(connection, device).await?;
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
        Change::Alter { account, sender, message_id, kind, text } => {
            lines::alter(connection, account, &sender, &message_id, kind, &text).await?;
        }
        Change::Fetched { account, id, fetched } => medium::fetched(connection, account, &id, &fetched).await?,
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
        Change::Set(setting) => set(connection, setting).await?,
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
        Change::ForgetPeer(device) => {
            sqlx::query("DELETE FROM session WHERE peer = ? AND device = ?")
                .bind(device.account)
                .bind(device.device)
                .execute(connection)
                .await?;
        }
        Change::PhonePreKey { account, id, private } => linked::phone_key(connection, account, id, &private).await?,
        Change::Rename { account, name } => {
            sqlx::query("UPDATE account SET name = ? WHERE id = ?")
                .bind(name)
                .bind(account)
                .execute(connection)
                .await?;
        }
        Change::Patch { account, collection, version, patch } => {
            sqlx::query("INSERT OR IGNORE INTO patch (account, collection, version, patch) VALUES (?, ?, ?, ?)")
                .bind(account)
                .bind(collection)
                .bind(i64::try_from(version).map_err(|_| LedgerError::Corrupt("version"))?)
                .bind(patch)
                .execute(connection)
                .await?;
        }
        other => linked::companion(connection, other).await?,
    }
    Ok(())
}

async fn set(connection: &mut SqliteConnection, setting: Setting) -> Applied {
    let Setting { account, family, name, value } = setting;
    let statement = match value {
        Some(_) => "INSERT OR REPLACE INTO setting (account, family, name, value) VALUES (?, ?, ?, ?)",
        None => "DELETE FROM setting WHERE account = ? AND family = ? AND name = ?",
    };
    let mut query = sqlx::query(statement).bind(account).bind(family).bind(name);
    if let Some(value) = value {
        query = query.bind(value);
    }
    query.execute(connection).await?;
    Ok(())
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
        tracing::warn!(account = to.account, device = to.device, "a device's queue is full; a stanza is dropped");
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
    queues.gone(device, &sizes);
    Ok(())
}

async fn received(connection: &mut SqliteConnection, device: Device, seq: i64, queues: &mut Queues) -> Applied {
    let sizes: Vec<i64> = sqlx::query_scalar("DELETE FROM queue WHERE seq = ? RETURNING length(stanza)")
        .bind(seq)
        .fetch_all(connection)
        .await?;
    queues.gone(device, &sizes);
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
