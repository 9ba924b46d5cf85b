//! Reading: from a pool of connections that cannot write, and every question ends in bounded time.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::READERS;
use super::pool::Pool;
use super::trouble::Trouble;

/// How long a question may take. PostgreSQL itself gives up a little sooner; this is for one that is not heard of any more.
const WITHIN: Duration = Duration::from_secs(10);
/// The same for a sign of life.
const SIGN_WITHIN: Duration = Duration::from_secs(4);
/// How long a question waits for its turn while others are answered, which says nothing of the connections.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Committed data.
pub struct Reader {
    pool: Arc<Pool>,
    backend: DbBackend,
    /// As many as there are connections: who has one of these waits for no other question.
    turns: Arc<Semaphore>,
    /// Signs of life have a connection of their own.
    signs: Arc<Semaphore>,
    turn_within: Duration,
}

impl Reader {
    pub(in crate::store) fn new(pool: Pool) -> Self {
        let backend = pool.present().1.get_database_backend();
        Self {
            pool: Arc::new(pool),
            backend,
            turns: Arc::new(Semaphore::new(READERS as usize)),
            signs: Arc::new(Semaphore::new(1)),
            turn_within: TURN_WITHIN,
        }
    }

    pub(in crate::store) async fn ping(&self) -> Result<(), DbErr> {
        self.ask(&self.signs, SIGN_WITHIN, |db| async move { db.ping().await }).await
    }

    pub(in crate::store) async fn close(&self) {
        self.pool.close().await;
    }

    async fn question<T, F>(&self, question: impl FnOnce(DatabaseConnection) -> F) -> Result<T, DbErr>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        self.ask(&self.turns, WITHIN, question).await
    }

    async fn ask<T, F>(
        &self,
        turns: &Arc<Semaphore>,
        within: Duration,
        question: impl FnOnce(DatabaseConnection) -> F,
    ) -> Result<T, DbErr>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let turn = timeout(self.turn_within, Arc::clone(turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(late()) };
        let (number, db) = self.pool.present();
        let (asked, pool) = (question(db), Arc::clone(&self.pool));
        // Whoever asked may leave; the connection is busy with the question all the same, and so is the turn.
        let answer = tokio::spawn(async move {
            let answer = timeout(within, asked).await.unwrap_or_else(|_| Err(late()));
            if let Err(error) = &answer
                && Trouble::of(error).is_some_and(|trouble| trouble.spoils_connections())
            {
                pool.renew(number).await;
            }
            drop(turn);
            answer
        });
        answer.await.unwrap_or_else(|ended| Err(DbErr::Custom(format!("a question came to no end: {ended}"))))
    }
}

fn late() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.question(|db| async move { db.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = sql.to_owned();
        self.question(|db| async move { db.execute_unprepared(&sql).await }).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.question(|db| async move { db.query_one_raw(statement).await }).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.question(|db| async move { db.query_all_raw(statement).await }).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use sea_orm::{ConnectOptions, Database};

    use super::*;

    async fn reader(folder: &std::path::Path) -> Reader {
        let options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", folder.join("any.db").display()));
        Reader::new(Pool::new(Database::connect(options.clone()).await.unwrap(), options))
    }

    #[tokio::test]
    async fn a_reader_that_is_busy_has_no_time_for_more_and_is_as_good_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = reader(folder.path()).await;
        reader.turn_within = Duration::ZERO;
        reader.execute_unprepared("SELECT 1").await.unwrap();
        for _ in 0..READERS {
            // Whoever asks leaves at once, and the question goes on.
            let asked = reader.question(|_| pending::<Result<(), DbErr>>());
            assert!(timeout(Duration::ZERO, asked).await.is_err());
        }
        assert!(matches!(reader.execute_unprepared("SELECT 1").await, Err(DbErr::ConnectionAcquire(_))));
        reader.ping().await.unwrap();
        assert_eq!(reader.pool.present().0, 0);
    }

    #[tokio::test]
    async fn a_reader_whose_connections_are_spoilt_gets_others_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let reader = reader(folder.path()).await;
        let spoilt = |_| async { Err::<(), _>(late()) };
        reader.question(spoilt).await.unwrap_err();
        assert_eq!(reader.pool.present().0, 1);
        reader.execute_unprepared("SELECT 1").await.unwrap();
        reader.close().await;
        reader.question(spoilt).await.unwrap_err();
        assert_eq!(reader.pool.present().0, 1);
        reader.execute_unprepared("SELECT 1").await.unwrap_err();
    }
}
