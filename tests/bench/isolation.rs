//! Isolation: what the texts of well-behaved tenants take from the POST to the phone's confirmation, alone and beside a tenant that
//! floods and one that writes to dead phones, in turns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use wamux::clock::instant;

use super::ground::app::Caller;
use super::ground::process::Process;
use super::ground::{Ground, Place};
use super::{CONNECTIONS, folder};

const TENANTS: usize = 4;
const TURNS: usize = 3;
/// Texts of one tenant in a turn, at this pace.
const TEXTS: usize = 100;
const PACE: Duration = Duration::from_millis(50);
/// Numbers that stand for trouble: one whose phone never answers, one whose acks come after five seconds.
const DEAD: [&str; 2] = ["+15550000002", "+15550000003"];

struct Tenant {
    caller: Caller,
    session: String,
    friend: String,
}

impl Tenant {
    async fn new(server: &Process, n: usize) -> Self {
        let email = format!("tenant{n}@example.com");
        let caller = server.caller(&server.key(&email));
        server.set_plan(&email, "pro");
        let session = caller.link("one", &format!("+23760000000{n}")).await;
        Self { caller, session, friend: format!("+23761000000{n}") }
    }

    async fn post(&self, to: &str) -> Option<String> {
        let body = json!({ "to": to, "message": "hello", "sessionId": self.session });
        let answer = self.caller.post("/messages", body).await;
        (answer.status == 202).then(|| answer.json()["id"].as_str().unwrap().to_owned())
    }

    /// Until the phone has confirmed it.
    async fn delivered(&self) -> Duration {
        let began = instant();
        let path = format!("/messages/{}", self.post(&self.friend).await.unwrap());
        while self.caller.get(&path).await.expect(200)["status"] != "delivered" {
            assert!(began.elapsed() < Duration::from_secs(40), "not delivered");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }
}

async fn turn(good: &[Tenant], what: &str) {
    let all = good.iter().map(async |tenant| {
        let (mut pace, mut took) = (tokio::time::interval(PACE), Vec::with_capacity(TEXTS));
        for _ in 0..TEXTS {
            pace.tick().await;
            took.push(tenant.delivered().await);
        }
        took
    });
    let mut took: Vec<Duration> = join_all(all).await.concat();
    took.sort_unstable();
    let of = |part: usize| took[took.len() * part / 100];
    println!("isolation: {what}: median {:.1?}, p95 {:.1?}, p99 {:.1?}", of(50), of(95), of(99));
}

async fn flood(tenant: &Tenant, over: &AtomicBool) {
    let lanes = (0..CONNECTIONS).map(async |_| {
        let (mut accepted, mut refused) = (0, 0);
        while !over.load(Ordering::Acquire) {
            match tenant.post(&tenant.friend).await {
                Some(_) => accepted += 1,
                None => refused += 1,
            }
        }
        (accepted, refused)
    });
    let (accepted, refused) = join_all(lanes).await.into_iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    println!("isolation: the flood: {accepted} accepted, {refused} turned away");
}

pub async fn isolation() {
    let kept = folder();
    let network = Process::sandbox(kept.path(), "127.0.0.1:0");
    let place = Place::new(Ground::Sqlite).kept_in(folder()).beside(&network.network());
    let server = Process::start_on(&place);
    let mut good = Vec::new();
    for n in 0..TENANTS {
        good.push(Tenant::new(&server, n).await);
    }
    let (flooding, waiting) = (Tenant::new(&server, 8).await, Tenant::new(&server, 9).await);
    turn(&good, "warm").await;
    for _ in 0..TURNS {
        turn(&good, "alone").await;
        let over = AtomicBool::new(false);
        for dead in DEAD {
            waiting.post(dead).await.unwrap();
        }
        let measured = async {
            turn(&good, "beside a flood and dead phones").await;
            over.store(true, Ordering::Release);
        };
        tokio::join!(measured, flood(&flooding, &over));
    }
}
