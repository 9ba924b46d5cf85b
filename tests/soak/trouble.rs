//! The stage on which a run plays: the network and the server as processes, and what befalls them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use wamux::clock::instant;

use super::cast::{Cast, phone};
use super::plan::{Aim, Round, Trouble};
use crate::ground::process::Process;
use crate::ground::{Ground, Place};

/// How long the moment of a trouble is waited for; what it waits for may have come about in the round before.
const MOMENT: Duration = Duration::from_secs(5);

pub struct Stage {
    folder: TempDir,
    place: Place,
    network: Option<Process>,
    server: Option<Process>,
}

impl Stage {
    pub fn set(on: Ground) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Process::sandbox(folder.path(), &format!("{}:0", own_address()));
        let place = Place::new(on).beside(&network.network());
        let server = Process::start_on(&place);
        Self { folder, place, network: Some(network), server: Some(server) }
    }

    pub fn server(&self) -> &Process {
        self.server.as_ref().unwrap()
    }

    pub fn network(&self) -> &Process {
        self.network.as_ref().unwrap()
    }

    /// Lets the round's trouble come at its moment, and brings back what it took.
    pub async fn suffer(&mut self, cast: &Cast, round: &Round) {
        if let Some((fault, fields)) = round.fault {
            inject(cast, fault, serde_json::from_str(fields).unwrap()).await;
        }
        moment(cast, round).await;
        match round.trouble {
            Trouble::Kill => {
                self.server.take().unwrap().kill();
                self.start_again(cast, round).await;
            }
            Trouble::KillTwice => {
                self.server.take().unwrap().kill();
                self.start_again(cast, round).await;
                // Its sessions are on their way, and callers come back.
                tokio::time::sleep(round.after * 10).await;
                self.server.take().unwrap().kill();
                self.start_again(cast, round).await;
            }
            Trouble::Deploy => {
                let (status, took) = self.server.take().unwrap().terminate();
                assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
                self.start_again(cast, round).await;
            }
            Trouble::KillNetwork => {
                let at = self.network().address().to_owned();
                self.network.take().unwrap().kill();
                self.network = Some(Process::sandbox(self.folder.path(), &at));
            }
            Trouble::FreezeServer(seconds) => freeze(self.server(), seconds).await,
            Trouble::FreezeNetwork(seconds) => freeze(self.network(), seconds).await,
            Trouble::Drop => inject(cast, "drop_connection", json!({})).await,
            Trouble::CutOff(seconds) => {
                inject(cast, "refuse_connections", json!({ "seconds": seconds })).await;
                inject(cast, "drop_connection", json!({})).await;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Trouble::Silence(seconds) => {
                inject(cast, "silence", json!({ "seconds": seconds })).await;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        }
        heal(cast, round).await;
    }

    async fn start_again(&mut self, cast: &Cast, round: &Round) {
        heal(cast, round).await;
        self.server = Some(Process::start_on(&self.place));
        cast.moved(self.server());
    }

    /// The end: both go when they are asked to.
    pub fn close(mut self) {
        for process in [self.server.take(), self.network.take()].into_iter().flatten() {
            let (status, took) = process.terminate();
            assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
        }
    }
}

/// What a failed run left behind stays, to be looked at.
impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            self.place.keep();
            let (network, server) = (self.folder.path().display(), self.place.folder().display());
            eprintln!("soak: the network's file stays in {network}, the server's in {server}");
        }
    }
}

/// An address of this machine that no other socket takes a port of, as it is to be had again.
fn own_address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(10);
    let process = std::process::id();
    format!("127.{}.{}.{}", NEXT.fetch_add(1, Ordering::Relaxed), process >> 8 & 0xff, process & 0xff)
}

async fn inject(cast: &Cast, fault: &str, fields: Value) {
    let mut body = fields;
    body["fault"] = json!(fault);
    assert!(cast.tell_network(Method::POST, "/faults", body).await, "{fault} was not taken");
}

async fn heal(cast: &Cast, round: &Round) {
    if round.fault.is_some() {
        assert!(cast.tell_network(Method::DELETE, "/faults", Value::Null).await, "nothing was healed");
    }
}

async fn freeze(process: &Process, seconds: u64) {
    process.signal("STOP");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    process.signal("CONT");
}

/// Waits for the moment at which the round's trouble is to come.
async fn moment(cast: &Cast, round: &Round) {
    let began = instant();
    let base = reached(cast, round).await;
    let wanted = match round.aim {
        Aim::Accepted(n) | Aim::Shown(n) | Aim::Sent(n) | Aim::Delivered(n) => base + n,
    };
    while reached(cast, round).await < wanted && began.elapsed() < MOMENT {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(round.after).await;
}

async fn reached(cast: &Cast, round: &Round) -> usize {
    let count = match round.aim {
        Aim::Accepted(_) => return *cast.accepted.borrow(),
        Aim::Shown(_) => return cast.screen(&phone(round.phone)).await.len(),
        Aim::Sent(_) => {
            // What moves on between the two is counted with both, and the moment is a little earlier.
            cast.count("direction=outbound&status=sent").await + cast.count("direction=outbound&status=delivered").await
        }
        Aim::Delivered(_) => cast.count("direction=outbound&status=delivered").await,
    };
    usize::try_from(count).unwrap()
}
