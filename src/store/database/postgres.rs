//! PostgreSQL: looked at before it is used, so that what is wrong with it is said in a sentence; then a writer and readers.
//!
//! The writer's connection holds an advisory lock for as long as it lives, so whoever seals everything anew, and takes the lock alone,
//! can be sure that nobody writes beside it: without the connection there is no lock, and without the lock no connection.

use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr};

use super::url::place;
use super::{Company, DatabaseUrl, READERS, options, up};
use crate::store::StoreError;
use crate::store::seal::Guard;

/// How long a call may wait for a connection before its caller is told that the database does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a start waits for an answer.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Any numbers that no other user of the same database is likely to lock: "wamux" in ASCII, and the next.
const MIGRATION_LOCK: i64 = 0x0077_616d_7578;
const COMPANY_LOCK: i64 = MIGRATION_LOCK + 1;

/// Connects once, and says what stands in the way.
pub(super) async fn examine(url: &DatabaseUrl, company: Company) -> Result<(), StoreError> {
    let options = url.postgres().map_err(|error| StoreError::Unusable(format!("the URL {error}")))?;
    let late = |_| StoreError::Unusable(format!("{} did not answer within {FIRST_ANSWER:?}", place(&options)));
    let looking = async {
        let mut connection = options.connect().await?;
        let facts = "SELECT current_setting('server_encoding'), pg_is_in_recovery()";
        let facts = connection.fetch_one(facts).await?;
        let (encoding, standby): (String, bool) = (facts.try_get(0)?, facts.try_get(1)?);
        let free = lock(&mut connection, company).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>((encoding, standby, free))
    };
    let looked = tokio::time::timeout(FIRST_ANSWER, looking).await.map_err(late)?;
    match looked.map_err(|error| StoreError::Unusable(explain(&error, &options)))? {
        (encoding, ..) if encoding != "UTF8" => Err(StoreError::Unusable(format!(
            "its encoding is {encoding}, which cannot hold every message; make one with CREATE DATABASE … ENCODING 'UTF8' \
             TEMPLATE template0"
        ))),
        (_, true, _) => {
            Err(StoreError::Unusable("it is a standby, which cannot be written to; give its primary".into()))
        }
        (_, _, false) => Err(StoreError::in_use(company)),
        (_, false, true) => Ok(()),
    }
}

fn explain(error: &sqlx::Error, options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
    match (error, code.as_deref()) {
        // A certificate that is not to be trusted comes as a failure of the connection.
        (sqlx::Error::Io(error), _) if error.kind() == std::io::ErrorKind::InvalidData => {
            format!("TLS failed ({error}); check sslmode and sslrootcert in its URL")
        }
        (sqlx::Error::Io(error), _) => {
            format!(
                "nothing answers at {} ({error}); check the host and the port, and that PostgreSQL runs",
                place(options)
            )
        }
        (sqlx::Error::Tls(error), _) => format!("TLS failed ({error}); check sslmode and sslrootcert in its URL"),
        (_, Some("28P01" | "28000")) => {
            format!("PostgreSQL refuses the user or the password ({error}); check both in its URL")
        }
        (_, Some("3D000")) => format!("there is no database \"{database}\"; make it with: createdb {database}"),
        (_, Some("53300")) => format!("PostgreSQL has no connection free ({error}); a server takes {}", READERS + 2),
        _ => error.to_string(),
    }
}

/// Brings the database up to date, alone: two processes may start at the same moment.
pub(super) async fn migrate(url: &DatabaseUrl) -> Result<(), DbErr> {
    // The pool holds a single connection, so the lock, the migration and the unlocking are on the same one.
    let db = Database::connect(options(url, 1, PATIENCE)).await?;
    db.execute_unprepared(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
    let done = up(&db).await;
    db.close().await?;
    done
}

/// The one connection that writes. A new one, when the old is lost, has to find the key still good: it may have been rotated meanwhile.
pub(super) fn writing(url: &DatabaseUrl, company: Company, guard: Guard) -> ConnectOptions {
    let mut options = options(url, 1, PATIENCE);
    options.max_lifetime(None::<Duration>).idle_timeout(None::<Duration>);
    options.map_sqlx_postgres_opts(|postgres| {
        // Whatever the database's own setting: a commit is on the disk before its caller hears of it.
        let durable = ("synchronous_commit", "on");
        session(postgres).options([durable, ("lock_timeout", "8s"), ("statement_timeout", "10s")])
    });
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let guard = guard.clone();
        pool.after_connect(move |connection, _| {
            let guard = guard.clone();
            async move {
                if !lock(connection, company).await? {
                    return Err(sqlx::Error::Protocol("the master key is being rotated".into()));
                }
                let proof = proof(connection).await?;
                if guard.allows(proof.as_deref()) {
                    Ok(())
                } else {
                    Err(sqlx::Error::Protocol(
                        "the master key was rotated; restart this server with the new one".into(),
                    ))
                }
            }
            .boxed()
        })
    });
    options
}

async fn proof(connection: &mut PgConnection) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let row = connection.fetch_optional("SELECT proof FROM vault WHERE id = 1").await?;
    row.map(|row| row.try_get(0)).transpose()
}

pub(super) fn reading(url: &DatabaseUrl) -> ConnectOptions {
    let mut options = options(url, READERS + 1, PATIENCE);
    options.map_sqlx_postgres_opts(|postgres| {
        session(postgres).options([("default_transaction_read_only", "on"), ("statement_timeout", "8s")])
    });
    options
}

/// A server that is cut off must not keep its locks for long, nor may a slow statement hold up all others. What is not heard of at all
/// is given up on this side: the writer and the reader have limits of their own, a little above these.
fn session(postgres: PgConnectOptions) -> PgConnectOptions {
    postgres.application_name("wamux").options([
        ("idle_in_transaction_session_timeout", "15s"),
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
    ])
}

async fn lock(connection: &mut PgConnection, company: Company) -> Result<bool, sqlx::Error> {
    let how = match company {
        Company::Shared => "pg_try_advisory_lock_shared",
        Company::Alone => "pg_try_advisory_lock",
    };
    let asked = sqlx::AssertSqlSafe(format!("SELECT {how}({COMPANY_LOCK})"));
    connection.fetch_one(asked).await?.try_get(0)
}
