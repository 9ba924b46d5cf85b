//! Many sessions in one server, and their network in another process: what was accepted is on the phones' screens, each text once
//! and in the order of its chat, whatever happens to the server meanwhile.

use crate::ground::app::until;
use crate::ground::fleet::{Fleet, Size};
use crate::ground::process::Process;
use crate::ground::{Ground, Place, on_both_databases};

/// All sessions write to all phones, so that every phone has many first contacts at once and every session as well.
const SIZE: Size = Size { tenants: 2, keys: 2, sessions: 20, phones: 5, chats: 5, texts: 5, lanes: 20 };

on_both_databases![
    what_many_sessions_send_is_shown_once_while_the_phones_write_back,
    what_many_sessions_send_is_shown_once_though_the_server_is_killed,
];

async fn what_many_sessions_send_is_shown_once_while_the_phones_write_back(on: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let place = Place::new(on).beside(&network.network());
    let server = Process::start_on(&place);
    let fleet = Fleet::linked(&server, SIZE).await;
    tokio::join!(fleet.send(), fleet.write_back(&network));
    fleet.until_all("delivered").await;
    fleet.judge().await;
    fleet.judge_written_back().await;
}

async fn what_many_sessions_send_is_shown_once_though_the_server_is_killed(on: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let place = Place::new(on).beside(&network.network());
    let server = Process::start_on(&place);
    let fleet = Fleet::linked(&server, SIZE).await;
    let killed = async {
        let mut running = server;
        // Once while texts are taken, once while they go out.
        for query in ["direction=outbound", "direction=outbound&status=delivered"] {
            let half = SIZE.all() as u64 / 2;
            until(&format!("half are there: {query}"), async || fleet.count(query).await >= half).await;
            running.kill();
            running = Process::start_on(&place);
            fleet.moved(&running);
        }
        running
    };
    let ((), server) = tokio::join!(fleet.send(), killed);
    fleet.until_all("delivered").await;
    fleet.judge().await;
    let (status, took) = server.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
}
