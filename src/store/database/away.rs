//! Which failures say nothing of the request: the database does not answer just now, or asks for another try.

use sea_orm::sqlx::Error;
use sea_orm::{DbErr, RuntimeErr};

/// Whether the same call may succeed when the database is back.
pub(in crate::store) fn is_away(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => match error.as_ref() {
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed
            | Error::BeginFailed => true,
            Error::Database(error) => error.code().is_some_and(|code| passes(&code)),
            _ => false,
        },
        _ => false,
    }
}

/// PostgreSQL's five characters, and SQLite's numbers.
fn passes(code: &str) -> bool {
    match code.len() {
        // Connections (08), resources such as connections, memory and room on the disk (53), the operator who stops it (57P).
        5 => {
            ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
            // A deadlock or a lock that did not come, of which another server had its part; a standby that is not primary yet.
            || ["40001", "40P01", "55P03", "25P03", "25006"].contains(&code)
        }
        // SQLITE_BUSY and its kinds, SQLITE_LOCKED, SQLITE_FULL.
        _ => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13)),
    }
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn what_passes_is_told_from_what_is_wrong() {
        for code in ["08006", "53300", "57P01", "40P01", "5", "517", "13"] {
            assert!(passes(code), "{code}");
        }
        for code in ["23505", "42P01", "22021", "1", "19", "2067"] {
            assert!(!passes(code), "{code}");
        }
    }
}
