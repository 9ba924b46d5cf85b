//! The crash harness: a server and a simulated network as processes of their own, messages both ways, and trouble at moments that a
//! seed chooses. In the end the phones show everything that was accepted, each once and in the order of its chat, all of it is
//! `delivered`, and the sessions have what the phones wrote, each once.
//!
//! The seed is told, and `SOAK_SEED` gives it back: the same troubles come in the same order, aimed at the same events. What the
//! machine does between two events is its own.

mod cast;
mod judge;
mod plan;
mod trouble;

use wamux::clock::{entropy, instant};

use crate::ground::Ground;
use crate::ground::stream::Event;
use cast::Cast;
pub use plan::{Size, Trouble};
use trouble::Stage;

/// A setting of the harness, and not of the program under test.
#[allow(clippy::disallowed_methods, reason = "the program's knobs are in its own configuration")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The seed that was given, or any.
pub fn seed() -> u64 {
    let given = setting("SOAK_SEED").map(|seed| seed.parse().expect("SOAK_SEED is a number"));
    given.unwrap_or_else(|| u64::from_le_bytes(entropy().unwrap()))
}

/// Tells on the way out of a failed run what it was.
struct Told {
    seed: u64,
    round: String,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("soak: it failed in {}; SOAK_SEED={} gives the same again", self.round, self.seed);
        }
    }
}

/// One whole run.
pub async fn run(on: Ground, size: Size, seed: u64) {
    let began = instant();
    let mut told = Told { seed, round: "the beginning".to_owned() };
    println!("soak: {on:?}, seed {seed}: {} messages over {} sessions", size.all(), size.sessions);
    let mut stage = Stage::set(on);
    let cast = Cast::linked(stage.server(), stage.network(), size).await;
    let rounds = plan::rounds(&size, seed);
    let quota = size.all().div_ceil(rounds.len());
    let playing = async {
        for (n, round) in rounds.iter().enumerate() {
            told.round = format!("round {} of {}, {round:?}", n + 1, rounds.len());
            until_connected(&cast).await;
            cast.allow(quota);
            tokio::join!(stage.suffer(&cast, round), cast.write_back(n, round.seed));
            let shown = cast.judge_so_far().await;
            let (accepted, took) = (*cast.accepted.borrow(), began.elapsed());
            println!("soak: {took:6.1?}: {}: {accepted} accepted, {shown} shown", told.round);
        }
        cast.allow(size.all());
    };
    tokio::join!(playing, cast.send());
    "the end".clone_into(&mut told.round);
    until_connected(&cast).await;
    cast.judge().await;
    stage.close();
    println!("soak: {:6.1?}: seed {seed}: nothing is missing, twice or out of order", began.elapsed());
}

/// Waits until all sessions are connected, as their streams tell it: a row may still say so from before.
async fn until_connected(cast: &Cast) {
    let connected = cast.members.iter().map(|member| async move {
        let mut events = cast.caller(member.tenant).stream(&member.id, None).await;
        while let Some(Event { name, data, .. }) = events.next().await {
            assert!(name != "error" || data["final"] != true, "{} is over: {data}", member.number);
            if name == "connected" {
                return;
            }
        }
        panic!("the stream of {} ended", member.number);
    });
    futures_util::future::join_all(connected).await;
}
