//! Sessions that meet another network than the one they were linked on: they say so, and keep their keys.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wamux::config::Config;
use wamux::server::Server;
use wamux::store::seal::KeyFile;

use super::Network;
use crate::ground::app::{Answer, App, Caller, tenant, until};
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

/// Waits until a session stands like this; what it says is wrong.
async fn until_it_is(caller: &Caller, id: &str, status: &str) -> Value {
    let mut session = Value::Null;
    until(status, async || {
        session = caller.get(&format!("/sessions/{id}")).await.expect(200);
        session["status"] == status
    })
    .await;
    session["errorCode"].clone()
}

async fn ask(caller: &Caller, id: &str) -> Answer {
    caller.send(caller.request(reqwest::Method::POST, &format!("/sessions/{id}/restart"))).await
}

async fn restart(caller: &Caller, id: &str) {
    ask(caller, id).await.expect(202);
}

/// Carries the files of a network that is closed from one folder to another, where they take the place of what was there.
fn carry(from: &Path, to: &Path) {
    for file in ["sandbox.db", "sandbox.db-wal", "sandbox.db-shm"] {
        let _ = fs::remove_file(to.join(file));
        if from.join(file).exists() {
            fs::rename(from.join(file), to.join(file)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_whose_file_is_gone_is_another_one_and_a_restart_links_the_session_there() {
    let place = Place::new(Ground::Sqlite);
    let kept = tempfile::tempdir().unwrap();
    let key = tenant(&place.config(), "you@example.com", "pro").await;
    let start = async || {
        let server = Server::start(place.config()).await.unwrap();
        let caller = Caller::new(format!("http://{}", server.addr), Some(key.clone()));
        (server, caller)
    };
    let (server, caller) = start().await;
    let id = caller.link("one", OWN).await;
    server.stop().await;
    carry(place.folder(), kept.path());

    let (server, caller) = start().await;
    let error = caller.stream(&id, None).await.until("error").await;
    assert_eq!((error["code"].as_str(), error["final"].as_bool()), (Some("other_network"), Some(true)), "{error}");
    assert_eq!(caller.get(&format!("/sessions/{id}")).await.expect(200)["phoneNumber"], OWN);
    server.stop().await;
    carry(kept.path(), place.folder());

    let (server, caller) = start().await;
    assert_eq!(until_it_is(&caller, &id, "connected").await, Value::Null);
    caller.text(PHONE, "with the same keys").await;
    caller.until_count("status=delivered", 1).await;
    server.stop().await;
    // This time only the file itself goes, as by hand.
    fs::remove_file(place.folder().join("sandbox.db")).unwrap();

    let (server, caller) = start().await;
    assert_eq!(until_it_is(&caller, &id, "failed").await, "other_network");
    restart(&caller, &id).await;
    caller.scan(&id, OWN).await;
    caller.text(PHONE, "on the new network").await;
    caller.until_count("status=delivered", 2).await;
    assert_eq!(caller.screen(PHONE).await, ["on the new network"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_with_a_network_of_its_own_leaves_the_keys_of_the_first_ones_sessions() {
    let place = Place::new(Ground::Sqlite);
    let key = tenant(&place.config(), "you@example.com", "pro").await;
    let first = Server::start(place.config()).await.unwrap();
    let caller = Caller::new(format!("http://{}", first.addr), Some(key.clone()));
    let id = caller.link("one", OWN).await;

    let other = tempfile::tempdir().unwrap();
    let master = KeyFile::in_folder(place.folder()).load_or_make().unwrap().key();
    let beside = Config { data_dir: other.path().to_owned(), master: Some(master), ..place.config() };
    let second = Server::start(beside).await.unwrap();
    let there = Caller::new(format!("http://{}", second.addr), Some(key));
    assert_eq!(until_it_is(&there, &id, "failed").await, "other_network");
    second.stop().await;

    // It learns only now that the session was taken from it, and takes it back when it is asked again.
    until("taken back", async || ask(&caller, &id).await.status == 202).await;
    caller.stream(&id, None).await.until("connected").await;
    caller.text(PHONE, "still here").await;
    caller.until_count("status=delivered", 1).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_elsewhere_that_another_took_the_place_of_is_not_taken_for_a_logout() {
    let network = Network::start("127.0.0.1:0").await;
    let at = network.at();
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    let id = app.caller.link("one", OWN).await;
    let folder = network.stop().await;
    let another = Network::start(&at).await;
    assert_eq!(until_it_is(&app.caller, &id, "failed").await, "other_network");
    another.stop().await;
    let network = Network::start_in(folder, &at).await;
    restart(&app.caller, &id).await;
    assert_eq!(until_it_is(&app.caller, &id, "connected").await, Value::Null);
    app.stop().await;
    network.stop().await;
}
