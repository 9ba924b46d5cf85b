//! Rotating the master key: everything that is sealed is sealed anew, in batches, with the database to ourselves.
//!
//! The new key goes into the vault first, sealed under the old; then every value; then the new key is put in force. A rotation
//! that was cut short goes on where it was: what is under the new key already is left alone.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait};

use super::database::{self, Company, Opened};
use super::seal::vault::{self, Standing};
use super::seal::{After, COLUMNS, Guard, MasterKey, MasterSecret, Turn};
use super::{DatabaseUrl, StoreError};

pub struct Rotation {
    opened: Opened,
    old: MasterKey,
    new: MasterSecret,
    /// Everything was sealed anew before.
    over: bool,
}

/// How far a rotation is: values looked at, of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub all: u64,
    /// Values that opened under neither key, and were left as they were.
    pub broken: u64,
}

impl Rotation {
    /// Takes the database for itself and hands over to `new`, or to a fresh key. A rotation that was cut short goes on, to its own key.
    pub async fn begin(url: &DatabaseUrl, old: MasterKey, new: Option<MasterSecret>) -> Result<Self, StoreError> {
        let opened = database::open(url, Company::Alone, &Guard::default()).await?;
        match Self::enter(&opened.write.present().1, &old, new).await {
            Ok((new, over)) => Ok(Self { opened, old, new, over }),
            Err(error) => {
                opened.close().await;
                Err(error)
            }
        }
    }

    async fn enter(
        db: &DatabaseConnection,
        old: &MasterKey,
        wanted: Option<MasterSecret>,
    ) -> Result<(MasterSecret, bool), StoreError> {
        match vault::standing(db, old).await? {
            Standing::Beside => Err(StoreError::RotationElsewhere),
            Standing::Foreign => Err(StoreError::WrongMasterKey),
            Standing::Leaving(new) | Standing::Past(new) if wanted.as_ref().is_some_and(|wanted| *wanted != new) => {
                Err(StoreError::OtherRotation)
            }
            Standing::Leaving(new) => Ok((new, false)),
            Standing::Past(new) => Ok((new, true)),
            Standing::InForce | Standing::Arrived => {
                let new = match wanted {
                    Some(wanted) => wanted,
                    None => MasterSecret::fresh().map_err(|_| StoreError::Corrupt("no entropy"))?,
                };
                if vault::is_in_force(db, &new.key()).await? {
                    return Err(StoreError::SameMasterKey);
                }
                vault::hand_over(db, old, &new).await?;
                Ok((new, false))
            }
        }
    }

    /// The key that will be in force.
    pub const fn new_secret(&self) -> &MasterSecret {
        &self.new
    }

    /// Seals everything anew and puts the new key in force.
    pub async fn run(&self, mut tell: impl FnMut(Progress)) -> Result<Progress, StoreError> {
        let db = &self.opened.write.present().1;
        let mut progress = Progress { done: 0, all: 0, broken: 0 };
        if self.over {
            return Ok(progress);
        }
        for column in &COLUMNS {
            progress.all += count(db, column.table, column.column).await?;
        }
        let turn = Turn { old: self.old.clone(), new: self.new.key() };
        for column in &COLUMNS {
            let mut after: After = None;
            loop {
                let txn = db.begin_with_options(immediate()).await?;
                let batch = (column.again)(&txn, &turn, after).await?;
                txn.commit().await?;
                progress.done += batch.values;
                progress.broken += batch.broken;
                if batch.broken > 0 {
                    tracing::warn!(table = column.table, count = batch.broken, "sealed values open under neither key");
                }
                tell(progress);
                match batch.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        vault::enforce(db, &turn.new).await?;
        Ok(progress)
    }

    /// The new key is where it will be found: from now on the old one opens nothing.
    pub async fn forget_old(&self) -> Result<(), StoreError> {
        Ok(vault::forget_old(&self.opened.write.present().1).await?)
    }

    pub async fn close(self) {
        self.opened.close().await;
    }
}

async fn count(db: &DatabaseConnection, table: &'static str, column: &'static str) -> Result<u64, StoreError> {
    let filled = Query::select().expr(Expr::col(column).count()).from(table).to_owned();
    let row = db.query_one(&filled).await?.ok_or(StoreError::Corrupt("count"))?;
    Ok(u64::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(0))
}

fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

#[cfg(test)]
mod tests;
