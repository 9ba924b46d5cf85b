//! Plans and what they allow: the day's messages, the sessions, the calls a second.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::error::{Code, Refusal};

/// What a tenant may use. A row of a table, never code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    /// None is no limit.
    pub sessions: Option<u32>,
    pub messages_per_day: u64,
    pub calls_per_second: u32,
    pub calls_burst: u32,
}

/// Why there can be no more sessions.
pub fn sessions_used_up(plan: &str, max: u32) -> Refusal {
    let detail = format!("The {plan} plan has {max} sessions; delete one or move to a larger plan.");
    Refusal::new(Code::SessionLimitReached, detail).after(Duration::from_mins(1))
}

/// The most keys a tenant may have at once.
pub const KEYS_MAX: u64 = 50;

/// Why there can be no more keys.
pub fn keys_used_up() -> Refusal {
    let detail = format!("A tenant may have {KEYS_MAX} keys at once; revoke one first.");
    Refusal::new(Code::KeyLimitReached, detail).after(Duration::from_mins(1))
}

/// The most files a tenant may be uploading at once: what belongs to no message yet takes at most 8 times 64 MB of the disk.
pub const UPLOADS_MAX: usize = 8;

/// The most uploaded files of a tenant that may wait to be made ready and sent on: at most 256 times 64 MB of the disk.
pub const UPLOADS_WAITING_MAX: u64 = 256;

/// What may lie on the disk of one tenant, ready to be uploaded to media servers, before its other media wait to be made ready:
/// 1 GB, and what was begun before that: at most four files (a quarter of the pool's workers, on the smallest machine) of 64 MB.
pub const READY_OF_TENANT: u64 = 1 << 30;
/// The same of all tenants of a database together: 8 GB.
pub const READY_OF_ALL: u64 = 8 << 30;

/// Whether another medium may be made ready.
pub const fn has_room(of_tenant: u64, of_all: u64) -> bool {
    of_tenant < READY_OF_TENANT && of_all < READY_OF_ALL
}

/// Why no other file can be uploaded just now.
pub fn uploads_used_up() -> Refusal {
    let detail = format!("A tenant may upload {UPLOADS_MAX} files at once; wait until one is done.");
    Refusal::new(Code::UploadLimitReached, detail).after(Duration::from_secs(1))
}

pub fn uploads_wait() -> Refusal {
    let detail = format!(
        "A tenant may have {UPLOADS_WAITING_MAX} uploaded files that wait to be sent; see that the sessions are connected, or give \
         URLs."
    );
    Refusal::new(Code::UploadLimitReached, detail).after(Duration::from_secs(30))
}

/// The most media that one session, all of a tenant's and all of a server's may be downloading at once: what is under way takes at
/// most 16 times 200 MB of the disk.
pub const DOWNLOADS_MAX: usize = 4;
pub const DOWNLOADS_OF_TENANT_MAX: usize = 8;
pub const DOWNLOADS_OF_ALL_MAX: usize = 16;

/// Why no other medium can be downloaded just now.
pub fn downloads_used_up() -> Refusal {
    let detail = format!(
        "A session may download {DOWNLOADS_MAX} media at once, and all of yours {DOWNLOADS_OF_TENANT_MAX}; wait until one is done."
    );
    Refusal::new(Code::DownloadLimitReached, detail).after(Duration::from_secs(1))
}

/// The most streams a tenant may have open at once: a process has 8192 connections for all.
pub const STREAMS_MAX: usize = 256;

/// The most stream tickets that a tenant may hold at once.
pub const TICKETS_MAX: usize = 4 * STREAMS_MAX;

/// A tenant's day: it runs from 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub limit: u64,
    pub used: u64,
    /// Seconds until the count starts again.
    pub reset_seconds: u64,
}

impl Usage {
    pub const fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The day that a send counts for.
pub fn day(now: DateTime<Utc>) -> NaiveDate {
    now.date_naive()
}

/// Whole seconds until the next day begins; at least one.
pub fn seconds_to_midnight(now: DateTime<Utc>) -> u64 {
    let tomorrow = now.date_naive().checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX).and_time(NaiveTime::MIN);
    let left = (tomorrow - now.naive_utc()).num_milliseconds();
    u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_midnight_utc() {
        for (now, seconds) in [
            ("2026-11-22T00:00:00Z", 86_400),
            ("2026-11-22T23:59:59Z", 1),
            ("2026-11-22T23:59:59.999Z", 1),
            ("2026-12-31T12:00:00Z", 43_200),
            ("2028-02-28T12:00:00Z", 43_200),
        ] {
            assert_eq!(seconds_to_midnight(now.parse().unwrap()), seconds, "{now}");
        }
    }

    #[test]
    fn nothing_remains_when_a_smaller_plan_came_after_the_sends() {
        assert_eq!(Usage { limit: 100, used: 120, reset_seconds: 1 }.remaining(), 0);
    }
}
