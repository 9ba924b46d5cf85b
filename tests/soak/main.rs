//! `make soak`: the crash harness for as long as it is wanted, on both databases.
//!
//! `SOAK=10m` (or `90s`, `2h`) plays run after run for so long; without it there is one run of the full size on each database.
//! `SOAK_SEED` gives the seed of the first run, `SOAK_ON=sqlite` or `postgres` keeps to one database, `SOAK_RUN=patient` to the run
//! whose troubles last a minute each, `SOAK_RUN=broken` to the one whose connections break.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a run that cannot go on should stop")]

#[path = "../ground/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
mod ground;
#[path = "mod.rs"]
mod soak;

use std::time::Duration;

use ground::Ground;
use soak::{Size, Trouble, setting};
use wamux::clock::instant;

/// 2,000 messages over 20 sessions with 30 kills while they flow, and everything else that may befall them.
const FULL: Size = Size {
    tenants: 4,
    sessions: 20,
    phones: 8,
    chats: 4,
    texts: 25,
    written: 8,
    kills: 30,
    others: &[
        Trouble::KillTwice,
        Trouble::KillTwice,
        Trouble::Deploy,
        Trouble::Deploy,
        Trouble::KillNetwork,
        Trouble::KillNetwork,
        Trouble::FreezeServer(2),
        Trouble::FreezeNetwork(4),
        Trouble::CutOff(10),
        Trouble::Silence(3),
    ],
};

/// `90s`, `10m`, `2h`.
fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => panic!("SOAK is a number and s, m or h, as in 10m"),
    };
    Duration::from_secs(seconds * number.parse::<u64>().expect("SOAK is a number and s, m or h, as in 10m"))
}

/// Troubles that last longer than a connection that says nothing is believed to be there.
const PATIENT: Size = Size {
    tenants: 2,
    sessions: 10,
    phones: 4,
    chats: 4,
    texts: 10,
    written: 20,
    kills: 2,
    others: &[Trouble::CutOff(60), Trouble::FreezeServer(75), Trouble::FreezeNetwork(75), Trouble::Silence(75)],
};

/// Connections that break while much is on its way to the sessions.
const BROKEN: Size = Size { texts: 5, written: 80, kills: 10, others: &[Trouble::Drop; 10], ..FULL };

#[tokio::main]
async fn main() {
    let wanted = setting("SOAK").map(|text| duration(&text));
    let first = soak::seed();
    let on: &[Ground] = match setting("SOAK_ON").as_deref() {
        Some("sqlite") => &[Ground::Sqlite],
        Some("postgres") => &[Ground::Postgres],
        _ => &[Ground::Sqlite, Ground::Postgres],
    };
    let sizes: &[Size] = match setting("SOAK_RUN").as_deref() {
        Some("patient") => &[PATIENT],
        Some("broken") => &[BROKEN],
        _ if wanted.is_some() => &[FULL, BROKEN, PATIENT],
        _ => &[FULL],
    };
    let began = instant();
    let runs: Vec<(Size, Ground)> = sizes.iter().flat_map(|size| on.iter().map(|on| (*size, *on))).collect();
    for (n, (size, on)) in runs.iter().cycle().enumerate() {
        soak::run(*on, *size, first.wrapping_add(n as u64)).await;
        if wanted.map_or(n + 1 >= runs.len(), |wanted| began.elapsed() >= wanted) {
            return;
        }
    }
}
