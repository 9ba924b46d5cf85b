//! Messages and events that are older than they are to be kept.

use chrono::TimeDelta;
use wamux::domain::message::{Filter, Mark, Status};
use wamux::domain::retention::Retention;
use wamux::store::Store;
use wamux::store::accept::Outcome;

use super::{accepting, filter, lease, tenant};

/// Moves the clock, so it comes last.
pub(super) async fn all(store: &Store) {
    let tenant = tenant(store, "retention@example.com").await;
    assert!(store.set_plan(&"retention@example.com".parse().unwrap(), "pro").await.unwrap());
    let lease = lease(store, tenant, "one").await;
    let accepted: Vec<_> = (0..700).map(|n| accepting(store, lease, &format!("KEEP{n}"), None)).collect();
    for outcome in accepted {
        assert!(matches!(outcome.await.unwrap().unwrap(), Outcome::Accepted(_)));
    }
    let mark = async |n: usize, status| {
        let mark = Mark { wire_id: format!("KEEP{n}"), status, at: store.clock().now(), error: None };
        store.mark(lease, mark).await.unwrap();
    };
    for n in 2..700 {
        mark(n, Status::Read).await;
    }
    mark(1, Status::Sent).await;
    store.write(|_| Box::pin(async { Ok(()) })).await.unwrap();
    let count = async |status| store.messages(tenant, &Filter { status, ..filter() }).await.unwrap().total;
    let forget = async |retention: &str| {
        let before = retention.parse::<Retention>().unwrap().before(store.clock().now());
        let mut after = Some(0);
        while let Some(place) = after {
            after = store.forget_messages(before, place).await.unwrap();
        }
        while store.forget_events(before).await.unwrap() {}
    };
    let position = async || store.stream_position(tenant, lease.session).await.unwrap().0;
    let before = position().await;
    forget("10days").await;
    assert_eq!((count(None).await, position().await), (700, before), "nothing is so old");
    store.clock().shift(TimeDelta::days(11));
    forget("forever").await;
    assert_eq!(count(None).await, 700);
    forget("10days").await;
    assert_eq!((count(Some(Status::Pending)).await, count(Some(Status::Sent)).await, count(None).await), (1, 1, 2));
    store.clock().shift(TimeDelta::days(30));
    forget("10days").await;
    assert_eq!((count(Some(Status::Pending)).await, count(None).await), (1, 1), "what is pending stays");
    store.clock().shift(TimeDelta::days(-41));
}
