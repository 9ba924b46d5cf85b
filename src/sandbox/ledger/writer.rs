//! The one writer: collects what is waiting, commits it in one transaction, then tells who waited, in order.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::apply::{self, Counts};
use super::row::{AccountRow, Showing};
use super::{Command, LedgerError, PreKey, linked};
use crate::sandbox::switchboard::{Delivery, Switchboard};

/// The most that one transaction holds.
const BATCH: usize = 256;

/// How long a change may wait for another one to share its commit.
const LINGER: Duration = Duration::from_millis(100);

/// What is told after the commit.
enum Settled {
    Write { showings: Vec<Showing>, done: oneshot::Sender<Vec<Showing>>, deliveries: Vec<Delivery> },
    Created(Box<AccountRow>, oneshot::Sender<AccountRow>),
    PreKey(Option<PreKey>, oneshot::Sender<Option<PreKey>>),
}

/// Who hears of what was committed.
pub(super) struct Outward {
    pub(super) switchboard: Arc<Switchboard>,
    /// Whoever fetches media for phones.
    pub(super) due: mpsc::Sender<()>,
}

pub(super) async fn run(
    mut connection: SqliteConnection,
    mut inbox: mpsc::Receiver<Command>,
    outward: Outward,
    failed: watch::Sender<bool>,
) {
    let Outward { switchboard, due } = outward;
    let mut batch = Vec::with_capacity(BATCH);
    let mut counts = Counts::default();
    loop {
        if inbox.recv_many(&mut batch, BATCH).await == 0 {
            break;
        }
        // A commit costs a sync of the disk; what nobody waits for shares one.
        while batch.len() < BATCH && batch.iter().all(|command| matches!(command, Command::Note { .. })) {
            let room = BATCH - batch.len();
            if !matches!(timeout(LINGER, inbox.recv_many(&mut batch, room)).await, Ok(1..)) {
                break;
            }
        }
        let closing = batch.iter().any(|command| matches!(command, Command::Close));
        match commit(&mut connection, &mut batch, &mut counts).await {
            Ok(settled) => {
                for one in settled {
                    tell(one, &switchboard);
                }
                if counts.lines.media_came() {
                    // Told already, or nobody is there.
                    let _ = due.try_send(());
                }
            }
            // Phones have gone on in memory with what was not stored: nothing may be acknowledged from here on,
            // and a restart begins from the last commit.
            Err(error) => {
                tracing::error!(%error, "the sandbox cannot write its file and stops");
                failed.send_replace(true);
                break;
            }
        }
        if closing {
            break;
        }
    }
    inbox.close();
    switchboard.close_all();
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the sandbox's file");
    }
}

async fn commit(
    connection: &mut SqliteConnection,
    batch: &mut Vec<Command>,
    counts: &mut Counts,
) -> Result<Vec<Settled>, LedgerError> {
    let mut settled = Vec::with_capacity(batch.len());
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    for command in batch.drain(..) {
        match command {
            Command::Write { changes, done } => {
                let (showings, deliveries) = apply::write(connection, changes, counts).await?;
                settled.push(Settled::Write { showings, done, deliveries });
            }
            Command::Note { changes } => {
                apply::write(connection, changes, counts).await?;
            }
            Command::Create { account, done } => {
                settled.push(Settled::Created(Box::new(apply::create(connection, *account).await?), done));
            }
            Command::TakePreKey { device, done } => {
                settled.push(Settled::PreKey(linked::take_prekey(connection, device).await?, done));
            }
            Command::Session { account, peer, answer } => {
                let _ = answer.send(apply::session(connection, account, peer).await?);
            }
            Command::PhonePreKey { account, id, answer } => {
                let _ = answer.send(linked::phone_prekey(connection, account, id).await?);
            }
            Command::Close => break,
        }
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(settled)
}

fn tell(settled: Settled, switchboard: &Switchboard) {
    // Who waited may have gone; its changes are stored all the same.
    match settled {
        Settled::Write { showings, done, deliveries } => {
            let _ = done.send(showings);
            for delivery in deliveries {
                switchboard.deliver(delivery);
            }
        }
        Settled::Created(row, done) => {
            let _ = done.send(*row);
        }
        Settled::PreKey(key, done) => {
            let _ = done.send(key);
        }
    }
}
