//! Sends on their way: marks that only move a message forward, sends that come too late for their session, and those that expire.

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use wamux::domain::error::Code;
use wamux::domain::expiry::Expiry;
use wamux::domain::id::TenantId;
use wamux::domain::message::{Filter, Mark, Message, Status};
use wamux::domain::session::{Lease, Status as SessionStatus};
use wamux::store::Store;
use wamux::store::accept::{Outcome, Sender};
use wamux::store::sessions::Record;

use super::{accept, accepting, accepting_from, filter, lease, tenant};

pub(super) async fn all(store: &Store) {
    marks_move_a_message_forward_only(store).await;
    many_receipts_at_once_reach_every_message(store).await;
    nothing_is_accepted_for_an_account_that_is_not_linked_any_more(store).await;
    what_an_account_did_not_send_fails_when_another_is_linked(store).await;
    what_is_unsent_fails_a_part_at_a_time(store).await;
    what_nobody_took_in_time_expires(store).await;
}

async fn only(store: &Store, lease: Lease) -> Message {
    store.messages(lease.tenant, &filter()).await.unwrap().messages.remove(0)
}

/// A write that is committed was preceded by everything queued before it.
async fn settled(store: &Store) {
    store.write(|_| Box::pin(async { Ok(()) })).await.unwrap();
}

async fn marks_move_a_message_forward_only(store: &Store) {
    let lease = lease(store, tenant(store, "marks@example.com").await, "one").await;
    accept(store, lease, "MARK", None).await;
    let at = store.clock().now();
    let mark = |status| Mark { wire_id: "MARK".to_owned(), status, at, error: None };
    for status in [Status::Read, Status::Sent, Status::Delivered, Status::Failed, Status::Sent] {
        store.mark(lease, mark(status)).await.unwrap();
    }
    settled(store).await;
    let message = only(store, lease).await;
    assert_eq!(message.status, Status::Read);
    assert_eq!((message.sent_at, message.delivered_at, message.read_at), (Some(at), Some(at), Some(at)));
}

/// More than one statement takes, of messages that are acknowledged only afterwards, and some of nobody's; and the same once more.
async fn many_receipts_at_once_reach_every_message(store: &Store) {
    let tenant = tenant(store, "many@example.com").await;
    assert!(store.set_plan(&"many@example.com".parse().unwrap(), "pro").await.unwrap());
    let lease = lease(store, tenant, "one").await;
    for n in 0..90 {
        accept(store, lease, &format!("MANY{n}"), None).await;
    }
    let at = store.clock().now();
    for status in [Status::Delivered, Status::Sent, Status::Delivered] {
        for n in (0..1500).rev() {
            store.mark(lease, Mark { wire_id: format!("MANY{n}"), status, at, error: None }).await.unwrap();
        }
    }
    settled(store).await;
    let page = store.messages(tenant, &filter()).await.unwrap();
    assert_eq!(page.total, 90);
    assert!(page.messages.iter().all(|message| message.status == Status::Delivered && message.sent_at == Some(at)));
}

pub(super) fn record(store: &Store, phone: Option<&str>) -> Record {
    let phone = phone.map(|phone| phone.parse().unwrap());
    let status = if phone.is_some() { SessionStatus::Connected } else { SessionStatus::Failed };
    Record { status, phone, fault: None, event: None, attempts: 0, at: store.clock().now() }
}

async fn send_from(store: &Store, lease: Lease, wire_id: &str, phone: Option<&str>) -> Outcome {
    let phone = phone.map(|phone| phone.parse().unwrap());
    accepting_from(store, lease, Sender { session: lease.session, phone }, wire_id, None).await.unwrap().unwrap()
}

const ALICE: &str = "+237600000001";
const ANNA: &str = "+237600000002";

async fn nothing_is_accepted_for_an_account_that_is_not_linked_any_more(store: &Store) {
    let lease = lease(store, tenant(store, "unlinked@example.com").await, "one").await;
    let refused = |outcome| match outcome {
        Outcome::Refused(why) => why.code == Code::SessionNotConnected,
        _ => false,
    };
    store.record(lease, record(store, Some(ALICE))).await.unwrap().unwrap();
    assert!(matches!(send_from(store, lease, "LINKED", Some(ALICE)).await, Outcome::Accepted(_)));
    // Its tenant's actor has not heard of it yet; in one batch with the end or after it.
    let unlinking = store.record(lease, record(store, None));
    let (unlinked, sent) = tokio::join!(unlinking, send_from(store, lease, "LATE", Some(ALICE)));
    assert!(unlinked.unwrap().is_some() && refused(sent));
    assert!(refused(send_from(store, lease, "LATER", Some(ALICE)).await));
    store.record(lease, record(store, Some(ANNA))).await.unwrap().unwrap();
    assert!(refused(send_from(store, lease, "RELINKED", Some(ALICE)).await));
    assert!(matches!(send_from(store, lease, "ANNA", Some(ANNA)).await, Outcome::Accepted(usage) if usage.used == 2));
    assert!(store.bury_session(lease.tenant, lease.session).await.unwrap());
    assert!(refused(send_from(store, lease, "DELETED", Some(ANNA)).await));
    let page = store.messages(lease.tenant, &filter()).await.unwrap();
    assert_eq!(page.total, 2);
    assert!(page.messages.iter().all(|message| message.status == Status::Failed), "nobody is left to send them");
}

async fn what_an_account_did_not_send_fails_when_another_is_linked(store: &Store) {
    let lease = lease(store, tenant(store, "relinked@example.com").await, "one").await;
    store.record(lease, record(store, Some(ALICE))).await.unwrap().unwrap();
    send_from(store, lease, "ALICE", Some(ALICE)).await;
    store.record(lease, record(store, Some(ALICE))).await.unwrap().unwrap();
    assert_eq!(only(store, lease).await.status, Status::Pending, "it only came back");
    store.record(lease, record(store, Some(ANNA))).await.unwrap().unwrap();
    let failed = only(store, lease).await;
    assert_eq!((failed.status, failed.error_code.as_deref()), (Status::Failed, Some("session_logged_out")));
}

async fn how_many_failed(store: &Store, tenant: TenantId) -> u64 {
    store.messages(tenant, &Filter { status: Some(Status::Failed), ..filter() }).await.unwrap().total
}

/// What is accepted while the rest fails is none of it; and a part that is left is found by the next start.
async fn what_is_unsent_fails_a_part_at_a_time(store: &Store) {
    let tenant = tenant(store, "parts@example.com").await;
    assert!(store.set_plan(&"parts@example.com".parse().unwrap(), "pro").await.unwrap());
    let lease = lease(store, tenant, "one").await;
    store.record(lease, record(store, Some(ALICE))).await.unwrap().unwrap();
    let alice = || Sender { session: lease.session, phone: Some(ALICE.parse().unwrap()) };
    let accepted: Vec<_> = (0..1300).map(|n| accepting_from(store, lease, alice(), &format!("P{n}"), None)).collect();
    for outcome in accepted {
        assert!(matches!(outcome.await.unwrap().unwrap(), Outcome::Accepted(_)));
    }
    store.record(lease, record(store, None)).await.unwrap().unwrap();
    assert!(how_many_failed(store, tenant).await >= 500);
    store.record(lease, record(store, Some(ALICE))).await.unwrap().unwrap();
    assert!(matches!(send_from(store, lease, "ANEW", Some(ALICE)).await, Outcome::Accepted(_)));
    while how_many_failed(store, tenant).await < 1300 {
        settled(store).await;
    }
    let due: Vec<_> = store.due(lease, 0, 9).await.unwrap().into_iter().map(|due| due.wire_id).collect();
    assert_eq!(due, ["ANEW"]);
    // A server that ended may have left some.
    let row = format!("UPDATE session SET phone = NULL WHERE session_key = 'one' AND epoch = {}", lease.epoch);
    store.write(|batch| Box::pin(async move { batch.execute_unprepared(&row).await })).await.unwrap();
    store.lease(tenant, lease.session).await.unwrap().unwrap();
    assert_eq!(how_many_failed(store, tenant).await, 1301);
}

/// Whatever becomes of the session: this one belongs to nobody who runs it. Moves the clock, so it comes last.
async fn what_nobody_took_in_time_expires(store: &Store) {
    let tenant = tenant(store, "expiry@example.com").await;
    assert!(store.set_plan(&"expiry@example.com".parse().unwrap(), "pro").await.unwrap());
    let lease = lease(store, tenant, "one").await;
    let expiry: Expiry = "2h".parse().unwrap();
    let accepted: Vec<_> = (0..600).map(|n| accepting(store, lease, &format!("OLD{n}"), None)).collect();
    for outcome in accepted {
        assert!(matches!(outcome.await.unwrap().unwrap(), Outcome::Accepted(_)));
    }
    let mark = |wire_id: &str| Mark {
        wire_id: wire_id.to_owned(),
        status: Status::Sent,
        at: store.clock().now(),
        error: None,
    };
    store.mark(lease, mark("OLD1")).await.unwrap();
    settled(store).await;
    // It may have gone out in its last moment: its acknowledgement still counts.
    store.clock().shift(TimeDelta::minutes(124));
    while store.expire(expiry).await.unwrap() {}
    assert_eq!(how_many_failed(store, tenant).await, 0);
    store.mark(lease, mark("OLD2")).await.unwrap();
    accept(store, lease, "YOUNG", None).await;
    store.clock().shift(TimeDelta::minutes(2));
    assert!(store.expire(expiry).await.unwrap(), "a part at a time");
    while store.expire(expiry).await.unwrap() {}
    assert_eq!(how_many_failed(store, tenant).await, 598);
    let due: Vec<_> = store.due(lease, 0, 9).await.unwrap().into_iter().map(|due| due.wire_id).collect();
    assert_eq!(due, ["YOUNG"]);
    store.mark(lease, mark("OLD3")).await.unwrap();
    settled(store).await;
    let page = store.messages(tenant, &Filter { offset: 560, ..filter() }).await.unwrap();
    for message in page.messages {
        let sent = ["OLD1", "OLD2"].contains(&message.whatsapp_message_id.as_str());
        assert_eq!(message.status, if sent { Status::Sent } else { Status::Failed });
        assert_eq!(message.error_code.as_deref(), (!sent).then_some("expired"));
        let why = message.error_message.unwrap_or_default();
        assert!(sent || why.contains("within 2 hours"), "{why}");
    }
    store.clock().shift(TimeDelta::minutes(-126));
}
