//! The lines of screens as SQL: written within the writer's transaction, read beside it. Screens have an end, and are read in pages.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::apply::Applied;
use super::row::{AccountId, ScreenRow, Showing};
use super::{Ledger, LedgerError, medium};
use crate::sandbox::screen::{self, Status};

/// Lines that a phone keeps. What is older than the latest hundred thousand goes, some at a time.
const KEPT: i64 = if cfg!(test) { 2_000 } else { 100_000 };
const AT_A_TIME: i64 = if cfg!(test) { 100 } else { 1_000 };
/// The most lines that are read at once, and about the most bytes of texts and thumbnails in them: as JSON it is a few times that.
pub(crate) const PAGE_LINES: u32 = 10_000;
const PAGE_BYTES: usize = 4 << 20;

/// How many lines each screen has, counted once and kept up from there; and whether media came since it was asked last.
#[derive(Default)]
pub(super) struct Lines {
    of: HashMap<AccountId, i64>,
    media: bool,
}

impl Lines {
    pub(super) fn media_came(&mut self) -> bool {
        std::mem::take(&mut self.media)
    }
}

/// Some lines of a screen, oldest first, and whether there are more.
pub(crate) struct Part {
    pub(crate) rows: Vec<ScreenRow>,
    pub(crate) more: bool,
}

pub(super) async fn show(
    connection: &mut SqliteConnection,
    account: AccountId,
    row: ScreenRow,
    lines: &mut Lines,
) -> Result<Showing, LedgerError> {
    let inserted = sqlx::query(
        "INSERT INTO screen (id, account, message_id, chat, sender, from_me, device, kind, text, status, timestamp) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, sender, message_id) DO NOTHING",
    )
    .bind(&row.id)
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
    .await?;
    if inserted.rows_affected() == 1 {
        if let Some(medium) = &row.medium {
            medium::add(connection, account, inserted.last_insert_rowid(), &row.id, medium).await?;
            lines.media = true;
        }
        grow(connection, account, lines).await?;
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

/// One line more; of too many, the oldest go.
async fn grow(connection: &mut SqliteConnection, account: AccountId, lines: &mut Lines) -> Applied {
    let count = match lines.of.get(&account) {
        Some(count) => count + 1,
        None => {
            sqlx::query_scalar("SELECT count(*) FROM screen WHERE account = ?")
                .bind(account)
                .fetch_one(&mut *connection)
                .await?
        }
    };
    lines.of.insert(account, count);
    if count < KEPT + AT_A_TIME {
        return Ok(());
    }
    let last: i64 = sqlx::query_scalar("SELECT seq FROM screen WHERE account = ? ORDER BY seq DESC LIMIT 1 OFFSET ?")
        .bind(account)
        .bind(KEPT)
        .fetch_one(&mut *connection)
        .await?;
    for statement in
        ["DELETE FROM medium WHERE account = ? AND screen <= ?", "DELETE FROM screen WHERE account = ? AND seq <= ?"]
    {
        sqlx::query(statement).bind(account).bind(last).execute(&mut *connection).await?;
    }
    lines.of.insert(account, KEPT);
    Ok(())
}

/// A line reads otherwise from now on. One that is no medium any more has none.
pub(super) async fn alter(
    connection: &mut SqliteConnection,
    account: AccountId,
    sender: &str,
    message_id: &str,
    kind: &str,
    text: &str,
) -> Applied {
    let changed: Option<i64> = sqlx::query_scalar(
        "UPDATE screen SET kind = ?, text = ? WHERE account = ? AND sender = ? AND message_id = ? RETURNING seq",
    )
    .bind(kind)
    .bind(text)
    .bind(account)
    .bind(sender)
    .bind(message_id)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(seq) = changed.filter(|_| !screen::is_medium(kind)) {
        sqlx::query("DELETE FROM medium WHERE screen = ?").bind(seq).execute(connection).await?;
    }
    Ok(())
}

impl Ledger {
    /// Lines of a screen, from after one of them or from the oldest, and maybe no more than the latest so many; none if there is
    /// no such one.
    pub(crate) async fn screen(
        &self,
        account: AccountId,
        after: Option<&str>,
        latest: Option<u32>,
        most: u32,
    ) -> Result<Option<Part>, LedgerError> {
        let mut from: i64 = match after {
            None => 0,
            Some(id) => {
                let found = sqlx::query_scalar("SELECT seq FROM screen WHERE account = ? AND id = ?");
                let Some(seq) = found.bind(account).bind(id).fetch_optional(&self.readers).await? else {
                    return Ok(None);
                };
                seq
            }
        };
        if let Some(latest) = latest {
            // The line before the first of the latest, if there is one.
            let before =
                sqlx::query_scalar("SELECT seq FROM screen WHERE account = ? ORDER BY seq DESC LIMIT 1 OFFSET ?");
            let before = before.bind(account).bind(latest).fetch_optional(&self.readers).await?;
            from = from.max(before.unwrap_or(0));
        }
        let mut part = Part { rows: Vec::new(), more: false };
        let mut bytes = 0;
        let mut rows = sqlx::query(
            "SELECT screen.*, facts, fetched, sha256, size, problem FROM screen \
             LEFT JOIN medium ON medium.screen = screen.seq \
             WHERE screen.account = ? AND screen.seq > ? ORDER BY screen.seq LIMIT ?",
        )
        .bind(account)
        .bind(from)
        .bind(i64::from(most) + 1)
        .fetch(&self.readers);
        while let Some(row) = rows.try_next().await? {
            let row = ScreenRow { medium: medium::read(&row)?.map(Box::new), ..line(&row)? };
            let thumbnail = row.medium.as_ref().and_then(|medium| medium.facts.thumbnail.as_ref());
            bytes += row.text.len() + thumbnail.map_or(0, String::len);
            if part.rows.len() >= most as usize || (bytes > PAGE_BYTES && !part.rows.is_empty()) {
                part.more = true;
                break;
            }
            part.rows.push(row);
        }
        Ok(Some(part))
    }

    /// What a screen showed last, the latest first.
    pub(crate) async fn latest(&self, account: AccountId, most: i64) -> Result<Vec<ScreenRow>, LedgerError> {
        let rows = sqlx::query(
            "SELECT screen.*, facts, fetched, sha256, size, problem, family, path, media_key, plain_sha256, \
             sealed_sha256 FROM screen LEFT JOIN medium ON medium.screen = screen.seq \
             WHERE screen.account = ? ORDER BY screen.seq DESC LIMIT ?",
        )
        .bind(account)
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        let whole = |row: &SqliteRow| Ok(ScreenRow { medium: medium::whole(row)?.map(Box::new), ..line(row)? });
        rows.iter().map(whole).collect()
    }

    /// Messages of others in a chat that nobody has read yet, oldest first.
    pub(crate) async fn unread(&self, account: AccountId, chat: &str) -> Result<Vec<ScreenRow>, LedgerError> {
        let rows = sqlx::query(
            "SELECT * FROM screen WHERE account = ? AND chat = ? AND from_me = 0 AND status < 3 ORDER BY seq",
        )
        .bind(account)
        .bind(chat)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(line).collect()
    }

    /// The numbers a phone has chats with, the latest first.
    pub(crate) async fn chats(&self, account: AccountId, most: i64) -> Result<Vec<String>, LedgerError> {
        Ok(sqlx::query_scalar("SELECT chat FROM screen WHERE account = ? GROUP BY chat ORDER BY max(seq) DESC LIMIT ?")
            .bind(account)
            .bind(most)
            .fetch_all(&self.readers)
            .await?)
    }

    /// An own message, for sending it again.
    pub(crate) async fn own_message(&self, account: AccountId, id: &str) -> Result<Option<ScreenRow>, LedgerError> {
        let row = sqlx::query("SELECT * FROM screen WHERE account = ? AND message_id = ? AND from_me = 1")
            .bind(account)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(line).transpose()
    }

    /// The line of a message that came in.
    pub(crate) async fn received_message(&self, account: AccountId, id: &str) -> Result<Option<String>, LedgerError> {
        let line = sqlx::query_scalar("SELECT id FROM screen WHERE account = ? AND message_id = ? AND from_me = 0");
        Ok(line.bind(account).bind(id).fetch_optional(&self.readers).await?)
    }

    /// Whether a phone shows a message of this sender.
    pub(crate) async fn shows(&self, account: AccountId, sender: &str, id: &str) -> Result<bool, LedgerError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM screen WHERE account = ? AND sender = ? AND message_id = ?")
                .bind(account)
                .bind(sender)
                .bind(id)
                .fetch_optional(&self.readers)
                .await?;
        Ok(found.is_some())
    }
}

fn line(row: &SqliteRow) -> Result<ScreenRow, LedgerError> {
    let kind: String = row.try_get("kind")?;
    Ok(ScreenRow {
        id: row.try_get("id")?,
        message_id: row.try_get("message_id")?,
        chat: row.try_get("chat")?,
        sender: row.try_get("sender")?,
        from_me: row.try_get("from_me")?,
        device: row.try_get("device")?,
        kind: screen::kind(&kind),
        text: row.try_get("text")?,
        medium: None,
        status: Status::from_number(row.try_get("status")?).ok_or(LedgerError::Corrupt("status"))?,
        timestamp: row.try_get("timestamp")?,
    })
}
