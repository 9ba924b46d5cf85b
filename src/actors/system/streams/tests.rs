//! Places, tickets and their ends, on a clock that the test moves.

use chrono::TimeDelta;
use futures_util::{FutureExt, stream};
use uuid::Uuid;

use super::*;
use crate::domain::id::KeyId;
use crate::domain::quota::Plan;

fn access(tenant: u128, key: u128) -> Access {
    let plan = Plan { name: "free".into(), sessions: None, messages_per_day: 1, calls_per_second: 1, calls_burst: 1 };
    let hash = [u8::try_from(key).unwrap(); 32];
    Access {
        tenant: TenantId(Uuid::from_u128(tenant)),
        bearer: Bearer::Key(KeyId(Uuid::from_u128(key))),
        hash,
        plan,
        expires_at: None,
    }
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

fn new() -> (Arc<Streams>, Clock) {
    let clock = Clock::default();
    (Streams::new(clock.clone()), clock)
}

/// Whether a stream that says nothing has ended.
fn has_ended(stream: &mut (impl Stream<Item = ()> + Unpin)) -> bool {
    matches!(stream.next().now_or_never(), Some(None))
}

#[test]
fn a_tenant_has_so_many_streams_open_and_no_other_notices() {
    let (streams, _) = new();
    let mut open: Vec<_> = (0..STREAMS_MAX).map(|_| streams.open(&access(1, 1), None).unwrap()).collect();
    let refusal = streams.open(&access(1, 2), None).err().unwrap();
    assert_eq!(refusal.code, Code::StreamLimitReached);
    assert!(refusal.retry_after.is_some());
    assert!(streams.open(&access(2, 3), None).is_ok());
    open.pop();
    assert!(streams.open(&access(1, 2), None).is_ok(), "a stream that was closed leaves its place");
}

#[test]
fn a_stream_ends_with_its_key_and_others_go_on() {
    let (streams, _) = new();
    let silent = |key| Box::pin(streams.open(&access(1, key), None).unwrap().holding(stream::pending::<()>()));
    let (mut first, mut second, mut other) = (silent(1), silent(1), silent(2));
    assert!(!has_ended(&mut first));
    streams.end(access(1, 1).bearer);
    assert!(has_ended(&mut first) && has_ended(&mut second) && !has_ended(&mut other));
    // What is opened under the same key after that is not ended by what ended before.
    let mut third = silent(1);
    drop((first, second));
    streams.sweep();
    assert!(!has_ended(&mut third) && !has_ended(&mut other));
}

#[test]
fn a_stream_ends_when_its_key_expires() {
    let (streams, clock) = new();
    let access = Access { expires_at: Some(clock.now() + TimeDelta::days(1)), ..access(1, 1) };
    let mut stream = Box::pin(streams.open(&access, None).unwrap().holding(stream::pending::<()>()));
    streams.sweep();
    assert!(!has_ended(&mut stream));
    clock.shift(TimeDelta::hours(25));
    streams.sweep();
    assert!(has_ended(&mut stream));
}

#[test]
fn a_ticket_is_good_for_a_minute_and_for_one_stream() {
    let (streams, clock) = new();
    let (ticket, until) = streams.issue(&access(1, 7), session(1)).unwrap();
    assert!(until > clock.now() && until <= clock.now() + TICKET_LIFE);
    let behind = |n| streams.key_behind(&ticket.hash(), session(n));
    assert_eq!(behind(1), Some(access(1, 7).hash));
    assert_eq!(behind(2), None);
    assert_eq!(streams.key_behind(&StreamTicket::new([0; 32]).hash(), session(1)), None);
    clock.shift(TICKET_LIFE);
    assert_eq!(behind(1), None);
}

#[test]
fn a_ticket_that_was_used_is_good_again_for_a_minute_after_its_last_stream() {
    let (streams, clock) = new();
    let (ticket, _) = streams.issue(&access(1, 1), session(1)).unwrap();
    let hash = ticket.hash();
    let opened = |streams: &Arc<Streams>| streams.open(&access(1, 1), Some(hash)).unwrap();
    let (first, second) = (opened(&streams), opened(&streams));
    clock.shift(TimeDelta::hours(5));
    streams.sweep();
    drop(first);
    clock.shift(TimeDelta::minutes(5));
    streams.sweep();
    assert!(streams.key_behind(&hash, session(1)).is_some(), "one stream is still open");
    drop(second);
    clock.shift(TimeDelta::seconds(59));
    streams.sweep();
    assert!(streams.key_behind(&hash, session(1)).is_some());
    clock.shift(TimeDelta::seconds(2));
    assert!(streams.key_behind(&hash, session(1)).is_none());
}

#[test]
fn tickets_are_bounded_and_forgotten() {
    let (streams, clock) = new();
    for _ in 0..TICKETS_MAX {
        streams.issue(&access(1, 1), session(1)).unwrap();
    }
    assert_eq!(streams.issue(&access(1, 1), session(1)).unwrap_err().code, Code::StreamLimitReached);
    assert!(streams.issue(&access(2, 2), session(1)).is_ok());
    clock.shift(TICKET_LIFE);
    streams.sweep();
    assert!(streams.issue(&access(1, 1), session(1)).is_ok());
    clock.shift(TICKET_LIFE);
    streams.sweep();
    let memory = streams.memory();
    assert!(memory.tickets.is_empty() && memory.tenants.is_empty() && memory.bearers.is_empty());
}
