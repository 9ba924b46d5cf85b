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

fn linked() -> Life {
    Life::remembered(Status::Connected, Some(phone()), None)
}

fn up() -> Input {
    Input::Connected { phone: phone() }
}

fn run(life: Life, inputs: impl IntoIterator<Item = (i64, Input)>) -> (Life, Vec<Effect>) {
    inputs.into_iter().fold((life, vec![]), |(life, _), (t, input)| life.apply(input, at(t)))
}

fn qr(n: u8) -> Input {
    Input::Qr { qr: QrCode::new(format!("code{n}")), expires_at: at(60) }
}

fn lost() -> Input {
    Input::Lost { loss: Loss::Dropped, why: "eof".into() }
}

fn code(life: &Life) -> &str {
    life.fault.as_ref().map_or("", |fault| &fault.code)
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
    let (life, effects) = life.apply(up(), at(63));
    assert_eq!((life.status(), effects), (Status::Connected, vec![Effect::Record, Effect::Deliver]));
    assert_eq!(life.phone, Some(phone()));
}

#[test]
fn a_remembered_phone_over_keys_that_are_not_linked_gives_way_to_codes() {
    let failed = Some(End::QrExhausted.fault());
    for life in [linked(), Life::remembered(Status::Failed, Some(phone()), failed)] {
        let (life, effects) = run(life, [(0, Input::Restart), (1, qr(1))]);
        assert_eq!((life.status(), &life.phone), (Status::QrReady, &None));
        assert_eq!(effects, [Effect::Record, Effect::ShowQr]);
        let (life, _) = run(life, [(2, Input::Paired { phone: phone() }), (3, up())]);
        assert_eq!((life.status(), life.phone), (Status::Connected, Some(phone())));
    }
}

#[test]
fn a_code_that_comes_after_the_scan_takes_no_phone_away() {
    let (life, effects) =
        run(new(), [(0, Input::Started), (1, qr(1)), (2, Input::Paired { phone: phone() }), (2, qr(2))]);
    assert_eq!((life.status(), life.phone, effects), (Status::Connecting, Some(phone()), vec![]));
}

#[test]
fn the_back_off_grows_until_a_connection_has_held() {
    let (life, effects) = run(linked(), [(0, Input::Started), (0, up()), (1, lost())]);
    assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 1 }]);
    let (life, effects) = run(life, [(2, Input::RetryDue), (3, up()), (4, lost())]);
    assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 2 }], "a second of connection resets nothing");
    let (_, effects) = run(life, [(6, Input::RetryDue), (7, up()), (7 + 30, lost())]);
    assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 1 }]);
}

#[test]
fn failed_attempts_are_counted_until_one_succeeds() {
    let (life, _) = run(linked(), [(0, Input::Started), (1, lost()), (2, Input::RetryDue), (3, lost())]);
    assert_eq!(life.failed_attempts(), 2);
    let (life, _) = run(life, [(4, Input::RetryDue), (5, up())]);
    assert_eq!((life.failed_attempts(), life.fault), (0, None));
}

#[test]
fn each_way_to_lose_the_network_has_its_own_code_and_is_tried_again() {
    for (loss, want) in
        [(Loss::Dropped, "connection_lost"), (Loss::Unreachable, "network_unreachable"), (Loss::Proxy, "proxy_failed")]
    {
        let down = Input::Lost { loss, why: "no route".into() };
        for life in [new(), linked()] {
            let (life, effects) = run(life, [(0, Input::Started), (1, down.clone())]);
            assert_eq!((life.status(), code(&life)), (Status::Disconnected, want));
            assert!(life.fault.as_ref().unwrap().message.contains("no route"));
            assert_eq!(effects, [Effect::Record, Effect::Retry { attempt: 1 }]);
        }
    }
}

#[test]
fn codes_that_run_out_end_the_session_and_say_so() {
    let (life, effects) = run(new(), [(0, Input::Started), (1, qr(1)), (160, Input::Ended(End::QrExhausted))]);
    assert_eq!((life.status(), effects), (Status::Failed, vec![Effect::Record]));
    assert_eq!(code(&life), "qr_codes_expired");
}

#[test]
fn a_logout_on_the_phone_destroys_the_keys_and_being_replaced_does_not() {
    let (life, effects) = run(linked(), [(0, Input::Started), (1, Input::Ended(End::LoggedOut))]);
    assert_eq!((life.phone, effects), (None, vec![Effect::Record, Effect::Forget]));
    let (life, effects) = run(linked(), [(0, Input::Started), (1, Input::Ended(End::Replaced))]);
    assert_eq!((life.phone, effects), (Some(phone()), vec![Effect::Record]));
}

#[test]
fn a_logout_that_was_asked_for_unlinks_whatever_the_session_was_doing() {
    let scanned = [(0, Input::Started), (1, qr(1))];
    for (life, before) in [
        (linked(), vec![(0, Input::Started), (1, up())]),
        (linked(), vec![(0, Input::Started), (1, lost())]),
        (linked(), vec![(0, Input::Started), (1, Input::Ended(End::Banned))]),
        (new(), scanned.to_vec()),
    ] {
        let (life, _) = run(life, before);
        let (life, effects) = life.apply(Input::Logout, at(2));
        assert_eq!(effects, [Effect::Record, Effect::Unlink]);
        assert_eq!((life.status(), code(&life), &life.phone), (Status::Failed, "logged_out", &None));
        let (again, effects) = life.clone().apply(Input::Logout, at(3));
        assert_eq!((again, effects), (life, vec![]), "to log out twice is to log out once");
    }
}

#[test]
fn a_logout_that_a_crash_cut_short_goes_on_at_the_next_start() {
    let (life, _) = run(linked(), [(0, Input::Started), (1, Input::Logout)]);
    let remembered = Life::remembered(life.status(), life.phone, life.fault);
    let (life, effects) = remembered.apply(Input::Started, at(9));
    assert_eq!((life.status(), effects), (Status::Failed, vec![Effect::Unlink]));
}

#[test]
fn a_restart_connects_a_linked_session_and_shows_new_codes_of_any_other() {
    use Effect::{Close, Forget, Open, Record};
    let end = |end| Input::Ended(end);
    for (life, then, status, want) in [
        (linked(), vec![up()], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![lost()], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![end(End::Banned)], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![end(End::Outdated)], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![end(End::Replaced)], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![end(End::Refused("?".into()))], Status::Connecting, vec![Close, Record, Open]),
        (linked(), vec![end(End::LoggedOut)], Status::Initializing, vec![Close, Forget, Record, Open]),
        (linked(), vec![Input::Logout], Status::Initializing, vec![Close, Forget, Record, Open]),
        (new(), vec![end(End::QrExhausted)], Status::Initializing, vec![Close, Forget, Record, Open]),
        (new(), vec![end(End::PairingFailed("?".into()))], Status::Initializing, vec![Close, Forget, Record, Open]),
        (new(), vec![lost()], Status::Initializing, vec![Close, Forget, Record, Open]),
        (new(), vec![qr(1)], Status::Initializing, vec![Close, Forget, Record, Open]),
    ] {
        let (before, _) = run(life, [(0, Input::Started)].into_iter().chain(then.into_iter().map(|i| (1, i))));
        let (life, effects) = before.clone().apply(Input::Restart, at(2));
        assert_eq!((life.status(), effects), (status, want), "{before:?}");
        assert_eq!((life.attempt, &life.fault), (0, &None));
    }
}

#[test]
fn on_another_network_the_keys_are_kept_until_a_restart_meets_it_too() {
    use Effect::{Close, Forget, Open, Record};
    let other = || Input::Ended(End::OtherNetwork);
    let (life, effects) = run(linked(), [(0, Input::Started), (1, other())]);
    assert_eq!((life.status(), code(&life), &life.phone), (Status::Failed, "other_network", &Some(phone())));
    assert_eq!(effects, [Record]);
    let (asked, effects) = run(life, [(2, Input::Restart)]);
    assert_eq!(
        (asked.status(), effects),
        (Status::Connecting, vec![Close, Record, Open]),
        "it may be the right one again"
    );
    let (back, _) = run(asked.clone(), [(3, up()), (4, lost()), (5, Input::RetryDue), (6, other())]);
    assert_eq!((back.status(), &back.phone), (Status::Failed, &Some(phone())), "nobody has asked for this one");
    for patience in [vec![], vec![(3, lost()), (4, Input::RetryDue)], vec![(3, Input::Restart), (5, Input::TurnDue)]] {
        let (life, effects) = run(asked.clone(), patience.into_iter().chain([(6, other())]));
        assert_eq!(
            (life.status(), &life.phone, effects),
            (Status::Initializing, &None, vec![Close, Forget, Record, Open])
        );
    }
}

#[test]
fn a_new_way_to_the_network_is_taken_at_once_by_whoever_is_not_done_with_it() {
    use Effect::{Close, Open, Record};
    for (life, then, want) in [
        (linked(), up(), vec![Close, Record, Open]),
        (linked(), lost(), vec![Close, Record, Open]),
        (new(), qr(1), vec![Close, Record, Open]),
        (linked(), Input::Ended(End::Replaced), vec![]),
        (new(), Input::Ended(End::QrExhausted), vec![]),
    ] {
        let (before, _) = run(life, [(0, Input::Started), (1, then)]);
        let (_, effects) = before.clone().apply(Input::Rerouted, at(2));
        assert_eq!(effects, want, "{before:?}");
    }
}

#[test]
fn whoever_asks_again_and_again_has_two_attempts_of_it_and_what_was_asked_last() {
    use Effect::{AwaitTurn, Close, Forget, Open, Record};
    let (life, effects) = run(linked(), [(0, Input::Started), (1, up()), (2, Input::Restart)]);
    assert_eq!(effects, [Close, Record, Open]);
    let (life, effects) = run(life, [(3, Input::Rerouted)]);
    assert_eq!((life.status(), effects), (Status::Connecting, vec![Close, Record, AwaitTurn { until: at(5) }]));
    let (life, effects) = run(life, [(3, Input::Restart), (4, Input::Rerouted), (4, up()), (4, Input::Started)]);
    assert_eq!((life.status(), effects), (Status::Connecting, vec![]), "what runs no more says nothing");
    let (life, effects) = run(life, [(4, Input::TurnDue)]);
    assert_eq!(effects, [AwaitTurn { until: at(5) }], "too early");
    let (life, effects) = run(life, [(5, Input::TurnDue)]);
    assert_eq!(effects, [Close, Record, Open]);
    let (_, effects) = run(life.clone(), [(6, Input::TurnDue)]);
    assert_eq!(effects, [], "it was its turn before");
    let (_, effects) = run(life.clone(), [(8, Input::Restart)]);
    assert_eq!(effects, [Close, Record, Open], "whoever waits has it at once");
    let (_, effects) = run(life.clone(), [(-1000, Input::Restart)]);
    assert_eq!(effects, [Close, Record, Open], "a clock that was put back makes nobody wait");
    // New codes are for new keys, whatever else was asked for beside them.
    let (_, effects) = run(
        new(),
        [(0, Input::Started), (1, Input::Rerouted), (2, Input::Rerouted), (3, Input::Restart), (4, Input::TurnDue)],
    );
    assert_eq!(effects, [Close, Forget, Record, Open]);
    // A logout is not undone by what was asked for before it.
    let (life, effects) = run(life, [(6, Input::Restart), (7, Input::Logout), (8, Input::TurnDue)]);
    assert_eq!((life.status(), effects), (Status::Failed, vec![]));
    let (_, effects) = run(life, [(8, Input::Restart)]);
    assert_eq!(effects, [Close, Forget, Record, Open]);
}

#[test]
fn a_failed_session_stays_failed_at_the_next_start_unless_time_may_have_mended_it() {
    for (code, linked, status) in [
        ("replaced", true, Status::Failed),
        ("qr_codes_expired", false, Status::Failed),
        ("refused", false, Status::Failed),
        ("client_outdated", true, Status::Connecting),
        ("banned", true, Status::Connecting),
        ("other_network", true, Status::Connecting),
    ] {
        let (phone, fault) = (linked.then(phone), Some(Fault::new(code, "…")));
        let (life, _) = Life::remembered(Status::Failed, phone, fault).apply(Input::Started, at(0));
        assert_eq!(life.status(), status, "{code}");
    }
}

#[test]
fn waits_double_to_a_minute_and_spread_over_their_upper_half() {
    for (attempt, full) in [(0, 1), (1, 1), (2, 2), (5, 16), (6, 32), (7, 60), (u32::MAX, 60)] {
        assert_eq!(back_off(attempt, 1.0), Duration::from_secs(full), "attempt {attempt}");
        assert_eq!(back_off(attempt, 0.0), Duration::from_secs(full) / 2);
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    let loss = prop_oneof![Just(Loss::Dropped), Just(Loss::Unreachable), Just(Loss::Proxy)];
    let end = prop_oneof![
        Just(End::QrExhausted),
        Just(End::PairingFailed("x".into())),
        Just(End::LoggedOut),
        Just(End::Replaced),
        Just(End::Banned),
        Just(End::Outdated),
        Just(End::OtherNetwork),
        Just(End::OtherNetwork),
        Just(End::Refused("x".into())),
    ];
    let code = prop_oneof![
        Just(Typed::Asked),
        Just(Typed::Given { expires_at: at(180) }),
        Just(Typed::Over),
        Just(Typed::ScansOver),
    ];
    prop_oneof![
        Just(Input::Started),
        Just(qr(1)),
        Just(Input::Paired { phone: phone() }),
        Just(up()),
        Just(up()),
        loss.prop_map(|loss| Input::Lost { loss, why: "x".into() }),
        Just(Input::RetryDue),
        Just(Input::RetryDue),
        end.prop_map(Input::Ended),
        Just(Input::Restart),
        Just(Input::Rerouted),
        Just(Input::TurnDue),
        Just(Input::Logout),
        code.prop_map(Input::Code),
    ]
}

/// What the actor would have made of the effects: whether a client runs, and when the last connection came up.
#[derive(Default)]
struct World {
    client: bool,
    up_since: Option<DateTime<Utc>>,
    attempt: u32,
    /// When the last attempt began that the tenant had asked for, and whether one waits.
    asked: Option<DateTime<Utc>>,
    waits: bool,
}

proptest! {
    #[test]
    fn whatever_happens_the_life_stays_sound(
        was_linked in any::<bool>(),
        inputs in proptest::collection::vec((any_input(), 0..60i64), 0..80)
    ) {
        let mut life = if was_linked { linked() } else { new() };
        let mut world = World::default();
        let mut now = at(0);
        for (input, passed) in inputs {
            now += TimeDelta::seconds(passed);
            let before = life.clone();
            let (next, effects) = life.apply(input.clone(), now);
            let has = |effect: &Effect| effects.contains(effect);

            // A device never has two clients, and a client is told to go before its keys are.
            if world.client && matches!(input, Input::Lost { .. } | Input::Ended(_)) { world.client = false; }
            for effect in &effects {
                match effect {
                    Effect::Open => { prop_assert!(!world.client, "two clients"); world.client = true; }
                    // To unlink takes the client that runs.
                    Effect::Close | Effect::Unlink => world.client = false,
                    Effect::Forget => prop_assert!(!world.client, "keys destroyed under a client"),
                    _ => {}
                }
            }
            prop_assert_eq!(world.client, next.open);

            // Every status says what is so.
            if next.status() == Status::Connected { prop_assert!(next.phone.is_some()); }
            if matches!(next.status(), Status::Failed | Status::Disconnected) {
                prop_assert!(next.fault.is_some() && !next.open);
            }
            if next.status() != before.status() { prop_assert!(has(&Effect::Record), "a change is recorded"); }
            if before.status() == Status::Failed && next.status() != Status::Failed {
                prop_assert_eq!(&input, &Input::Restart);
            }

            // Attempts that are asked for are apart, and none is forgotten: it begins, or waits, or the session was logged out.
            let by_request = matches!(input, Input::Restart | Input::Rerouted | Input::TurnDue);
            if by_request && has(&Effect::Open) {
                prop_assert!(world.asked.is_none_or(|last| now - last >= TimeDelta::from_std(ASKED_GAP).unwrap()));
                (world.asked, world.waits) = (Some(now), false);
            }
            world.waits |= effects.iter().any(|effect| matches!(effect, Effect::AwaitTurn { .. }));
            world.waits &= next.status() != Status::Failed;
            prop_assert_eq!(world.waits, next.asked.is_waiting());
            let on_its_way = matches!(next.status(), Status::Initializing | Status::Connecting);
            prop_assert!(!on_its_way || next.open || world.waits || before == next);

            // Each loss is tried again once; the wait grows, and starts over only where it may.
            let retry = effects.iter().find_map(|e| match e { Effect::Retry { attempt } => Some(*attempt), _ => None });
            let lost = next.status() == Status::Disconnected && before.status() != Status::Disconnected;
            prop_assert_eq!(retry.is_some(), lost);
            if let Some(attempt) = retry {
                let held = world.up_since.is_some_and(|since| now - since >= TimeDelta::seconds(30));
                prop_assert_eq!(attempt, if held { 1 } else { world.attempt + 1 });
                world.attempt = attempt;
            }
            if next.attempt == 0 { world.attempt = 0; }
            if next.status() != Status::Connected { world.up_since = None; }
            else if before.status() != Status::Connected { world.up_since = Some(now); }
            life = next;
        }
    }

    #[test]
    fn what_the_store_remembers_can_always_be_started(
        inputs in proptest::collection::vec(any_input(), 0..40)
    ) {
        let life = inputs.into_iter().fold(new(), |life, input| life.apply(input, at(0)).0);
        let again = Life::remembered(life.status(), life.phone.clone(), life.fault.clone());
        let (started, _) = again.apply(Input::Started, at(1));
        prop_assert_eq!(&started.phone, &life.phone);
        // A session is either on its way or has failed for a reason.
        prop_assert!(started.open != (started.status() == Status::Failed));
    }
}
