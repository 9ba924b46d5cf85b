//! The list of faults by itself: who is struck, how often, until when. With clients on the network: `sandbox::tests`.

use chrono::TimeDelta;

use super::fault::{Count, Fault, FaultError, FaultId, FaultKind, Probability, Seconds};
use super::list::{Active, Aim, Faults, Holds};
use crate::clock::Clock;
use crate::sandbox::ledger::Device;

const ME: Device = Device { account: 1, device: 1 };
const OTHER: Device = Device { account: 2, device: 1 };

fn add(faults: &Faults, clock: &Clock, fault: Fault, aim: Aim) -> Result<FaultId, FaultError> {
    let id = FaultId(clock.id());
    faults.add(Active::new(id, fault, aim, None, clock.now())).map(|_| id)
}

fn network() -> (Faults, Clock) {
    let clock = Clock::default();
    (Faults::new(clock.clone()), clock)
}

fn strikes(faults: &Faults, kind: FaultKind, device: Device) -> bool {
    faults.strike(kind, device, None).is_some()
}

#[test]
fn a_fault_strikes_whom_it_is_aimed_at_and_nobody_else() {
    let (faults, clock) = network();
    assert!(!faults.any());
    add(&faults, &clock, Fault::new(FaultKind::LoseAcks), Aim::Account(ME.account)).unwrap();
    assert!(strikes(&faults, FaultKind::LoseAcks, ME));
    assert!(!strikes(&faults, FaultKind::LoseAcks, OTHER));
    assert!(!strikes(&faults, FaultKind::DelayAcks, ME));
    add(&faults, &clock, Fault::new(FaultKind::DelayAcks), Aim::Devices([OTHER].into())).unwrap();
    assert!(!strikes(&faults, FaultKind::DelayAcks, ME));
    assert!(strikes(&faults, FaultKind::DelayAcks, OTHER));
    add(&faults, &clock, Fault::new(FaultKind::Ban), Aim::Everyone).unwrap();
    assert!(strikes(&faults, FaultKind::Ban, ME) && strikes(&faults, FaultKind::Ban, OTHER));
}

#[test]
fn a_counted_fault_strikes_so_often_and_is_gone() {
    let (faults, clock) = network();
    let counted = Fault { count: Count::try_from(2).ok(), ..Fault::new(FaultKind::LoseAcks) };
    add(&faults, &clock, counted, Aim::Everyone).unwrap();
    assert_eq!(faults.infos(None)[0].left, Some(2));
    let struck = (0..5).filter(|_| strikes(&faults, FaultKind::LoseAcks, ME)).count();
    assert_eq!(struck, 2);
    assert!(!faults.any());
}

#[test]
fn a_fault_that_is_over_is_gone_without_anyone_ending_it() {
    let (faults, clock) = network();
    let short = Fault { seconds: Seconds::try_from(60).ok(), ..Fault::new(FaultKind::Silence) };
    add(&faults, &clock, short, Aim::Everyone).unwrap();
    let Some(Holds::Until(end)) = faults.holds(FaultKind::Silence, ME) else { panic!("not silent") };
    assert!(end > clock.now());
    clock.shift(TimeDelta::seconds(61));
    assert_eq!(faults.holds(FaultKind::Silence, ME), None);
    assert!(!faults.any());
    add(&faults, &clock, Fault::new(FaultKind::RefuseConnections), Aim::Everyone).unwrap();
    clock.shift(TimeDelta::seconds(29));
    assert!(strikes(&faults, FaultKind::RefuseConnections, ME));
    clock.shift(TimeDelta::seconds(2));
    assert!(!strikes(&faults, FaultKind::RefuseConnections, ME));
}

#[test]
fn a_likely_fault_strikes_about_as_often_as_it_is_likely() {
    let (faults, clock) = network();
    let likely = Fault { probability: Probability::try_from(0.3).ok(), ..Fault::new(FaultKind::LoseAcks) };
    add(&faults, &clock, likely, Aim::Everyone).unwrap();
    let struck = (0..10_000).filter(|_| strikes(&faults, FaultKind::LoseAcks, ME)).count();
    // Fourteen standard deviations.
    assert!((2350..3650).contains(&struck), "{struck}");
}

#[test]
fn an_owner_heals_only_what_is_his() {
    let (faults, clock) = network();
    let of = |owner: &str| Fault { owner: Some(owner.to_owned()), ..Fault::new(FaultKind::LoseAcks) };
    let mine = add(&faults, &clock, of("me"), Aim::Everyone).unwrap();
    let second = add(&faults, &clock, of("me"), Aim::Everyone).unwrap();
    let theirs = add(&faults, &clock, of("them"), Aim::Everyone).unwrap();
    assert_eq!(faults.infos(Some("me")).iter().map(|info| info.id).collect::<Vec<_>>(), [mine, second]);
    assert_eq!(faults.heal(Some(theirs), Some("me")), 0);
    assert_eq!(faults.heal(Some(mine), Some("me")), 1);
    assert_eq!(faults.heal(Some(mine), Some("me")), 0);
    assert_eq!(faults.heal(None, Some("me")), 1);
    assert_eq!(faults.infos(None).len(), 1);
    assert_eq!(faults.heal(None, None), 1);
    assert!(!faults.any());
}

#[test]
fn faults_are_bounded_for_each_owner_and_in_all() {
    let (faults, clock) = network();
    let inject = |owner: String| {
        let fault = Fault { owner: Some(owner), ..Fault::new(FaultKind::LoseAcks) };
        add(&faults, &clock, fault, Aim::Devices([OTHER].into()))
    };
    let taken = (0..200).filter(|_| inject("greedy".into()).is_ok()).count();
    assert_eq!(taken, 128);
    assert!(inject("modest".into()).is_ok());
    let owners = (0..5000).take_while(|n| inject(format!("owner {n}")).is_ok()).count();
    assert_eq!(owners, 2048 - 129);
}
