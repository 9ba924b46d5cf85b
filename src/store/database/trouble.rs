//! Which failures say nothing of the request: the database does not do its work just now, or asks for another try.

use std::fmt;

use sea_orm::sqlx::Error;
use sea_orm::{DbErr, RuntimeErr};

/// What is wrong with the database, in words for callers and operators, and what it said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    kind: Kind,
    said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NoAnswer,
    Locked,
    Slow,
    Full,
    Disk,
    ReadOnly,
}

impl Trouble {
    /// The same call may succeed when it has passed. None if the failure is one of the request.
    pub(in crate::store) fn of(error: &DbErr) -> Option<Self> {
        let kind = match error {
            DbErr::ConnectionAcquire(_) => Kind::NoAnswer,
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => match error.as_ref() {
                Error::Io(_)
                | Error::Tls(_)
                | Error::Protocol(_)
                | Error::PoolTimedOut
                | Error::PoolClosed
                | Error::WorkerCrashed
                | Error::BeginFailed => Kind::NoAnswer,
                Error::Database(error) => error.code().and_then(|code| passes(&code))?,
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { kind, said: error.to_string() })
    }

    /// It was given up waiting for.
    pub(in crate::store) fn no_answer() -> Self {
        Self { kind: Kind::NoAnswer, said: "no answer in time".to_owned() }
    }

    pub const fn why(&self) -> &'static str {
        match self.kind {
            Kind::NoAnswer => "does not answer",
            Kind::Locked => "is held by another program",
            Kind::Slow => "takes too long",
            Kind::Full => "has no room left on its disk",
            Kind::Disk => "cannot use its disk",
            Kind::ReadOnly => "takes no writes",
        }
    }

    /// Whether a connection that met with this is of no use any more. `SQLite` rolls back by itself when its disk fails, and the
    /// connection above it does not know.
    pub(in crate::store) const fn spoils_connections(&self) -> bool {
        !matches!(self.kind, Kind::Locked | Kind::Slow)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database {}: {}", self.why(), self.said)
    }
}

/// PostgreSQL's five characters, and SQLite's numbers.
fn passes(code: &str) -> Option<Kind> {
    if code.len() == 5 {
        return match code {
            "53100" => Some(Kind::Full),
            // A standby that is not primary yet.
            "25006" => Some(Kind::ReadOnly),
            // A deadlock or a lock that did not come, of which another server had its part.
            "40001" | "40P01" | "55P03" => Some(Kind::Locked),
            // Its time was over.
            "57014" => Some(Kind::Slow),
            // Left alone in a transaction for too long.
            "25P03" => Some(Kind::NoAnswer),
            // Connections (08), resources such as connections and memory (53), the operator who stops it (57P).
            _ => ["08", "53", "57P"].iter().any(|class| code.starts_with(class)).then_some(Kind::NoAnswer),
        };
    }
    // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN, and their kinds.
    match code.parse::<u32>().ok()? & 0xff {
        5 | 6 => Some(Kind::Locked),
        8 => Some(Kind::ReadOnly),
        10 | 14 => Some(Kind::Disk),
        13 => Some(Kind::Full),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_is_wrong() {
        for (code, kind) in [
            ("08006", Kind::NoAnswer),
            ("53300", Kind::NoAnswer),
            ("57P01", Kind::NoAnswer),
            ("53100", Kind::Full),
            ("40P01", Kind::Locked),
            ("57014", Kind::Slow),
            ("5", Kind::Locked),
            ("517", Kind::Locked),
            ("8", Kind::ReadOnly),
            ("778", Kind::Disk),
            ("13", Kind::Full),
        ] {
            assert_eq!(passes(code), Some(kind), "{code}");
        }
        for code in ["23505", "42P01", "22021", "1", "11", "19", "26", "2067"] {
            assert_eq!(passes(code), None, "{code}");
        }
    }
}
