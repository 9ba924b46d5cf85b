//! The machine by table and by property.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn phone() -> Phone {
    "+237612345678".parse().unwrap()
}

fn new() -> Life {
    Life::remembered(Status::Initializing, None, None)
}

fn run(life: Life, inputs: impl IntoIterator<Item = (i64, Input)>) -> (Life, Vec<Effect>) {
    inputs.into_iter().fold((life, vec![]), |(life, _), (t, input)| life.apply(input, at(t)))
}

fn qr(n: u8) -> Input {
    Input::Qr { qr: QrCode::new(format!("code{n}")), expires_at: at(60) }
}

fn lost() -> Input {
    Input::Lost { why: "eof".into() }
}

#[test]
fn a_new_session_shows_codes_and_connects_when_one_is_scanned() {
    let (life, effects) = new().apply(Input::Started, at(0));
    assert_eq!(effects, [Effect::Record, Effect::Open]);
    let (life, effects) = life.apply(qr(1), at(1));
    assert_eq!((life.status(), effects), (Status::QrReady, vec![Effect::Record, Effect::ShowQr]));
    let (life, effects) = life.apply(qr(2), at(61));
    assert_eq!(effects, [Effect::ShowQr], "a renewed code changes no status");
    let (life, _) = life.apply(Input::Paired { phone: phone() }, at(62));
    assert_eq!(life.status(), Status::Connecting);
    let (life, effects) = life.apply(Input::Connected { phone: phone() }, at(63));
    assert_eq!((life.status(), effects), (Status::Connected, vec![Effect::Record, Effect::Deliver]));
    assert_eq!(life.phone, Some(phone()));
}

#[test]
fn the_back_off_grows_until_a_connection_has_held() {
    let linked = Life::remembered(Status::Connected, Some(phone()), None);
    let up = Input::Connected { phone: phone() };
    let (life, effects) = run(linked, [(0, Input::Started), (0, up.clone()), (1, lost())]);
    assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 1 }]);
    let (life, effects) = run(life, [(2, Input::RetryDue), (3, up.clone()), (4, lost())]);
    assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 2 }], "a second of connection resets nothing");
    let (_, effects) = run(life, [(6, Input::RetryDue), (7, up), (7 + 30, lost())]);
    assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 1 }]);
}

#[test]
fn codes_that_run_out_end_the_session_and_say_so() {
    let (life, effects) = run(new(), [(0, Input::Started), (1, qr(1)), (160, Input::Ended(End::QrExhausted))]);
    assert_eq!((life.status(), effects), (Status::Failed, vec![Effect::Record]));
    assert_eq!(life.fault.unwrap().code, "qr_codes_expired");
}

#[test]
fn a_logout_on_the_phone_destroys_the_keys_and_being_replaced_does_not() {
    let linked = || Life::remembered(Status::Connected, Some(phone()), None);
    let (life, effects) = run(linked(), [(0, Input::Started), (1, Input::Ended(End::LoggedOut))]);
    assert_eq!((life.phone, effects), (None, vec![Effect::Record, Effect::Forget]));
    let (life, effects) = run(linked(), [(0, Input::Started), (1, Input::Ended(End::Replaced))]);
    assert_eq!((life.phone, effects), (Some(phone()), vec![Effect::Record]));
}

#[test]
fn a_failed_session_stays_failed_at_the_next_start_unless_time_may_have_mended_it() {
    for (code, linked, status) in [
        ("replaced", true, Status::Failed),
        ("qr_codes_expired", false, Status::Failed),
        ("refused", false, Status::Failed),
        ("client_outdated", true, Status::Connecting),
        ("banned", true, Status::Connecting),
    ] {
        let (phone, fault) = (linked.then(phone), Some(Fault::new(code, "…")));
        let (life, _) = Life::remembered(Status::Failed, phone, fault).apply(Input::Started, at(0));
        assert_eq!(life.status(), status, "{code}");
    }
}

#[test]
fn waits_double_to_five_minutes_and_spread_over_their_upper_half() {
    for (attempt, full) in [(0, 1), (1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (u32::MAX, 300)] {
        assert_eq!(back_off(attempt, 1.0), Duration::from_secs(full), "attempt {attempt}");
        assert_eq!(back_off(attempt, 0.0), Duration::from_secs(full) / 2);
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Started),
        Just(qr(1)),
        Just(Input::Paired { phone: phone() }),
        Just(Input::Connected { phone: phone() }),
        Just(lost()),
        Just(Input::RetryDue),
        Just(Input::Ended(End::Replaced)),
        Just(Input::Ended(End::LoggedOut)),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_session_is_connected_only_with_an_account_and_failed_only_with_a_reason(
        inputs in proptest::collection::vec(any_input(), 0..60)
    ) {
        let mut life = new();
        for (t, input) in inputs.into_iter().enumerate() {
            let before = life.clone();
            let (next, effects) = life.apply(input, at(0) + TimeDelta::seconds(t.try_into().unwrap()));
            if next.status() == Status::Connected { prop_assert!(next.phone.is_some()); }
            if next.status() == Status::Failed { prop_assert!(next.fault.is_some()); }
            if next.status() != before.status() { prop_assert!(effects.contains(&Effect::Record), "a change is recorded"); }
            let retries = effects.iter().filter(|e| matches!(e, Effect::Retry { .. })).count();
            prop_assert_eq!(retries, usize::from(next.status() == Status::Disconnected && before.status() != Status::Disconnected));
            life = next;
        }
    }
}
