//! `wamux keys rotate-master`: as an operator runs it, and as a power cut interrupts it.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use wamux::clock::Clock;
use wamux::domain::session::Lease;
use wamux::store::Store;
use wamux::store::device_keys::{DeviceKeys, Entry, Kind};
use wamux::store::seal::KeyFile;

use crate::ground::process::Process;
use crate::ground::{Ground, Place, on_both_databases};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";
const EMAIL: &str = "you@example.com";

on_both_databases![
    after_a_rotation_sessions_connect_without_pairing,
    a_rotation_that_is_killed_goes_on_with_the_next_one_or_with_the_server,
];

fn rotate(place: &Place, variables: &[(&str, &str)]) -> Output {
    place.wamux().args(["keys", "rotate-master"]).envs(variables.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn connects_and_sends(server: &Process, key: &str, session: &str, texts: u64) {
    let caller = server.caller(key);
    caller.stream(session, None).await.until("connected").await;
    caller.text(PHONE, "hello").await;
    caller.until_count("status=delivered", texts).await;
}

async fn after_a_rotation_sessions_connect_without_pairing(on: Ground) {
    let place = Place::new(on);
    let file = KeyFile::in_folder(place.folder());
    let server = Process::start_on(&place);
    let key = server.key(EMAIL);
    let session = server.caller(&key).link("one", OWN).await;
    let beside = rotate(&place, &[]);
    assert!(!beside.status.success() && said(&beside).contains("stop every wamux"), "{}", said(&beside));
    server.terminate();

    let first = file.load_or_make().unwrap();
    let done = rotate(&place, &[]);
    assert!(done.status.success() && done.stdout.is_empty(), "{}", said(&done));
    assert!(said(&done).contains("secrets under the new master key"), "{}", said(&done));
    let second = file.load_or_make().unwrap();
    assert!(first != second);
    assert_eq!(std::fs::read_to_string(file.old()).unwrap(), first.reveal());
    let server = Process::start_on(&place);
    connects_and_sends(&server, &key, &session, 1).await;
    server.terminate();

    // From the file to a variable: the new key is printed, alone, and the old one opens nothing any more once the new was given.
    let given = second.reveal();
    let done = rotate(&place, &[("WAMUX_MASTER_KEY", &given)]);
    assert!(done.status.success(), "{}", said(&done));
    let third = String::from_utf8(done.stdout).unwrap().trim().to_owned();
    let again = rotate(&place, &[("WAMUX_MASTER_KEY", &given)]);
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), third, "who asks again is told the same key again");
    let server = Process::start_with(&place, &[("WAMUX_MASTER_KEY", &third)]);
    connects_and_sends(&server, &key, &session, 2).await;
    server.terminate();
    for wrong in [&first.reveal(), &given] {
        let refused = rotate(&place, &[("WAMUX_MASTER_KEY", wrong)]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("another master key"), "{}", said(&refused));
    }
    // To a key of the operator's own: nothing is printed.
    let own = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let done = rotate(&place, &[("WAMUX_MASTER_KEY", &third), ("WAMUX_NEW_MASTER_KEY", own)]);
    assert!(done.status.success() && done.stdout.is_empty(), "{}", said(&done));
    let malformed = rotate(&place, &[("WAMUX_MASTER_KEY", own), ("WAMUX_NEW_MASTER_KEY", "short")]);
    assert!(!malformed.status.success() && said(&malformed).contains("32 bytes"), "{}", said(&malformed));
    let server = Process::start_with(&place, &[("WAMUX_MASTER_KEY", own)]);
    connects_and_sends(&server, &key, &session, 3).await;
}

/// Secrets enough that a rotation takes a while.
const MANY: i64 = 12_000;

async fn fill(place: &Place) {
    let (store, keys) = opened(place).await;
    let rows = (0..MANY).map(|n| Entry { name: n.to_string(), value: vec![7; 600], mark: n });
    keys.put_many(Kind::SentMessage, rows.collect()).await.unwrap();
    store.close().await;
}

async fn opened(place: &Place) -> (Store, DeviceKeys) {
    let master = KeyFile::in_folder(place.folder()).load_or_make().unwrap().key();
    let store = Store::open(&place.config().database, master, Clock::default()).await.unwrap();
    let tenant = store.tenant_of(&EMAIL.parse().unwrap()).await.unwrap();
    let session = store.sessions(tenant).await.unwrap().remove(0).id;
    let lease: Lease = store.lease(tenant, session).await.unwrap().unwrap().0;
    (store.clone(), DeviceKeys::new(store, lease))
}

/// kill -9 after so many lines of progress; false if it was over before.
fn killed_in_the_middle(place: &Place, lines: usize) -> bool {
    let mut child = place.wamux().args(["keys", "rotate-master"]).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut progress =
        log.lines().map_while(Result::ok).filter(|line| line.contains("secrets under the new master key"));
    let seen = progress.by_ref().take(lines).count();
    let _ = child.kill();
    seen == lines && !child.wait().unwrap().success()
}

async fn a_rotation_that_is_killed_goes_on_with_the_next_one_or_with_the_server(on: Ground) {
    let place = Place::new(on);
    let server = Process::start_on(&place);
    let key = server.key(EMAIL);
    let session = server.caller(&key).link("one", OWN).await;
    server.terminate();
    fill(&place).await;
    let file = KeyFile::in_folder(place.folder());
    let first = file.load_or_make().unwrap();

    assert!(killed_in_the_middle(&place, 2) && killed_in_the_middle(&place, 5));
    assert!(file.load_or_make().unwrap() == first, "until it is over the old key is the key");
    let done = rotate(&place, &[]);
    assert!(done.status.success(), "{}", said(&done));
    let second = file.load_or_make().unwrap();
    assert!(second != first);

    assert!(killed_in_the_middle(&place, 3));
    let server = Process::start_on(&place);
    connects_and_sends(&server, &key, &session, 1).await;
    server.terminate();
    let third = file.load_or_make().unwrap();
    assert!(third != second && third != first);
    let (store, keys) = opened(&place).await;
    let opened = keys.list(Kind::SentMessage).await.unwrap();
    let whole = opened.iter().filter(|entry| entry.value == [7; 600]).count();
    assert_eq!(i64::try_from(whole).unwrap(), MANY);
    store.close().await;
}
