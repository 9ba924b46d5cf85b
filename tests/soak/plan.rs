//! What a run is made of: how many of what, and what befalls it, round after round, as a seed has it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

/// How many of what.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub tenants: usize,
    pub sessions: usize,
    /// Phones that are written to, and write back.
    pub phones: usize,
    /// Chats of one session.
    pub chats: usize,
    /// Messages in one chat.
    pub texts: usize,
    /// What phones write to sessions in one round.
    pub written: usize,
    /// Rounds that end with kill -9 of the server.
    pub kills: usize,
    /// What befalls the other rounds.
    pub others: &'static [Trouble],
}

impl Size {
    pub fn all(&self) -> usize {
        self.sessions * self.chats * self.texts
    }
}

/// What befalls a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// kill -9 of the server.
    Kill,
    /// kill -9 of the server, and of the next one while its sessions are still on their way.
    KillTwice,
    /// SIGTERM, and another start.
    Deploy,
    /// kill -9 of the simulated network.
    KillNetwork,
    /// kill -STOP of the server, and -CONT after so many seconds.
    FreezeServer(u64),
    /// The same of the network.
    FreezeNetwork(u64),
    /// Every connection breaks.
    Drop,
    /// No companion gets through to the network for so many seconds.
    CutOff(u64),
    /// Connections look alive for so many seconds, and nothing passes.
    Silence(u64),
}

/// The moment at which it comes: when so many messages of the round have come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Their callers have the 202. At none, before the first.
    Accepted(usize),
    /// A phone shows them.
    Shown(usize),
    /// The server has marked them: sent, or more.
    Sent(usize),
    Delivered(usize),
}

#[derive(Debug, Clone)]
pub struct Round {
    pub trouble: Trouble,
    pub aim: Aim,
    /// And then so much later.
    pub after: Duration,
    /// What goes wrong on the network meanwhile, which makes moments longer that are too short to be hit. In the network's own terms.
    pub fault: Option<Fault>,
    /// Which phone is looked at.
    pub phone: usize,
    pub seed: u64,
}

/// A kind, and its other fields as JSON.
pub type Fault = (&'static str, &'static str);

/// Between the network's word and ours, between the phone's and ours; and the same things in another order, or twice.
const FAULTS: [Fault; 6] = [
    ("lose_acks", r#"{ "probability": 0.5 }"#),
    ("delay_acks", r#"{ "seconds": 1, "probability": 0.5 }"#),
    ("repeat_stanzas", r#"{ "probability": 0.3 }"#),
    ("reorder_stanzas", r#"{ "probability": 0.3 }"#),
    ("drop_connection", r#"{ "count": 3, "probability": 0.2 }"#),
    // For good: only a server that starts again asks for them. So they are lost only where one does.
    ("lose_receipts", r#"{ "probability": 0.5 }"#),
];

/// All rounds of a run.
pub fn rounds(size: &Size, seed: u64) -> Vec<Round> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut troubles: Vec<Trouble> = std::iter::repeat_n(Trouble::Kill, size.kills).collect();
    troubles.extend(size.others);
    troubles.shuffle(&mut dice);
    let quota = size.all().div_ceil(troubles.len()).max(4);
    troubles.into_iter().map(|trouble| round(trouble, quota, size.phones, &mut dice)).collect()
}

fn round(trouble: Trouble, quota: usize, phones: usize, dice: &mut StdRng) -> Round {
    let some = dice.random_range(0..quota * 3 / 4);
    let aim = match dice.random_range(0..4) {
        0 => Aim::Accepted(some),
        1 => Aim::Shown(1 + some / phones),
        2 => Aim::Sent(1 + some),
        _ => Aim::Delivered(1 + some),
    };
    let after = if dice.random() { Duration::ZERO } else { Duration::from_micros(dice.random_range(0..50_000)) };
    let restarts = matches!(trouble, Trouble::Kill | Trouble::KillTwice | Trouble::Deploy);
    let possible = if restarts { &FAULTS[..] } else { &FAULTS[..FAULTS.len() - 1] };
    let fault = if dice.random_ratio(2, 5) { possible.choose(dice).copied() } else { None };
    Round { trouble, aim, after, fault, phone: dice.random_range(0..phones), seed: dice.random() }
}
