//! Reading: from a pool of connections that cannot write, and every question ends in bounded time.

use std::time::Duration;

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};
use tokio::time::timeout;

use super::pool::Pool;
use super::trouble::Trouble;

/// How long a question may take. PostgreSQL itself gives up a little sooner; this is for one that is not heard of any more.
const WITHIN: Duration = Duration::from_secs(10);
/// The same for a sign of life.
const SIGN_WITHIN: Duration = Duration::from_secs(4);

/// Committed data.
pub struct Reader {
    pool: Pool,
    backend: DbBackend,
}

impl Reader {
    pub(in crate::store) fn new(pool: Pool) -> Self {
        let backend = pool.present().1.get_database_backend();
        Self { pool, backend }
    }

    pub(in crate::store) async fn ping(&self) -> Result<(), DbErr> {
        self.ask(SIGN_WITHIN, |db| async move { db.ping().await }).await
    }

    pub(in crate::store) async fn close(&self) {
        self.pool.close().await;
    }

    async fn ask<T, F>(&self, within: Duration, question: impl FnOnce(DatabaseConnection) -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let (number, db) = self.pool.present();
        let late = |_| Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        let answer = timeout(within, question(db)).await.unwrap_or_else(late);
        if let Err(error) = &answer
            && Trouble::of(error).is_some_and(|trouble| trouble.spoils_connections())
        {
            self.pool.renew(number).await;
        }
        answer
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(WITHIN, |db| async move { db.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.ask(WITHIN, |db| async move { db.execute_unprepared(sql).await }).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(WITHIN, |db| async move { db.query_one_raw(statement).await }).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(WITHIN, |db| async move { db.query_all_raw(statement).await }).await
    }
}
