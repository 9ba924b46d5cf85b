//! Isolation: what a message takes from its POST to the phone's confirmation, alone and beside tenants in every kind of trouble, in
//! turns within one run. The bound is coarse, since the machine is shared; the bench `isolation` has the figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::house::{House, Tenant, until};
use super::{ActorStatus, FRIEND, Trouble};
use crate::clock::instant;

/// Turns without trouble and with it.
const TURNS: usize = 3;
/// Messages of each good tenant in a turn, one after the other.
const MESSAGES: usize = 60;
/// Calls that the flooding tenant has under way at any time.
const FLOOD: usize = 4;
/// Numbers that stand for trouble: one whose phone never answers, one whose acks come after five seconds.
const NEVER: &str = "+15550000002";
const LATE: &str = "+15550000003";

/// One message, until its phone has confirmed it.
async fn delivered(tenant: &Tenant, text: &str) -> Duration {
    let began = instant();
    let (status, accepted) = tenant.send(FRIEND, text).await;
    assert_eq!(status, 202, "{accepted}");
    let path = format!("/messages/{}", accepted["id"].as_str().unwrap());
    while tenant.get(&path).await.1["status"] != "delivered" {
        assert!(began.elapsed() < Duration::from_secs(40), "{text} is not delivered");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// The 99th of a hundred, of what the good tenants' messages take in one turn.
async fn turn(good: &[Tenant], name: &str) -> Duration {
    let all = good.iter().map(async |tenant| {
        let mut took = Vec::with_capacity(MESSAGES);
        for n in 0..MESSAGES {
            took.push(delivered(tenant, &format!("{name}, number {n}")).await);
        }
        took
    });
    let mut took: Vec<Duration> = join_all(all).await.concat();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

/// Calls as fast as they are answered, far beyond the burst of the plan; how many were turned away.
async fn flood(tenant: &Tenant, over: &AtomicBool) -> usize {
    let lanes = (0..FLOOD).map(async |_| {
        let mut refused = 0;
        while !over.load(Ordering::Acquire) {
            refused += usize::from(tenant.send(FRIEND, "and again").await.0 == 429);
        }
        refused
    });
    join_all(lanes).await.into_iter().sum()
}

/// A session whose actor panics whenever it is told anything.
async fn panic_on(house: &House, tenant: &Tenant, over: &AtomicBool) -> u32 {
    let session = house.actor("session", &tenant.session);
    while !over.load(Ordering::Acquire) {
        session.trouble(Trouble::Panic(1));
        let _ = tenant.post("/messages", json!({ "to": FRIEND, "message": "?", "sessionId": tenant.session })).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    session.read().restarts
}

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort_unstable();
    of[of.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn floods_panics_and_dead_phones_of_others_move_nobodys_p99() {
    let house = House::open().await;
    let good = [
        house.tenant("ada@example.com", "+237600000001").await,
        house.tenant("bob@example.com", "+237600000002").await,
    ];
    let flooding = house.free("carl@example.com", "+237600000003").await;
    let panicking = house.tenant("dora@example.com", "+237600000004").await;
    let waiting = house.tenant("eve@example.com", "+237600000005").await;
    // First contacts cost more, and are not what is measured.
    turn(&good, "warm").await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (mut refused, mut restarts) = (0, 0);
    for n in 0..TURNS {
        alone.push(turn(&good, &format!("alone {n}")).await);
        let over = Arc::new(AtomicBool::new(false));
        for number in [NEVER, LATE] {
            assert_eq!(waiting.send(number, "hello?").await.0, 202);
        }
        let measured = async {
            let took = turn(&good, &format!("beside {n}")).await;
            over.store(true, Ordering::Release);
            took
        };
        let (took, turned_away, failed) =
            tokio::join!(measured, flood(&flooding, &over), panic_on(&house, &panicking, &over));
        beside.push(took);
        refused += turned_away;
        restarts = failed;
    }
    assert!(refused > 100, "it was no flood: {refused} were refused");
    assert!(restarts > 5, "it panicked {restarts} times");
    let quarantined = house.actor("session", &panicking.session);
    until("it is left alone", async || quarantined.read().status == ActorStatus::Quarantined).await;
    let (without, with) = (median(alone.clone()), median(beside.clone()));
    println!("isolation: p99 {alone:.1?} alone, {beside:.1?} beside trouble");
    assert!(with <= without * 3 + Duration::from_millis(250), "{alone:?} alone, {beside:?} beside trouble");
    // And the one who waits for dead phones goes on as well.
    let _ = delivered(&waiting, "to a phone that is there").await;
    house.server.stop().await;
}
