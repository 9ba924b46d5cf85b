//! `wamux backup`: a copy made under load is whole, a server starts from it, and nothing of before is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::ground::app::until;
use crate::ground::process::Process;
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

fn backup(place: &Place, file: &Path) -> Output {
    place.wamux().arg("backup").arg(file).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_from_a_copy_that_was_made_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let network = Process::sandbox(folder.path(), "127.0.0.1:0");
    let place = Place::new(Ground::Sqlite).beside(&network.network());
    let server = Process::start_on(&place);
    let key = server.key("you@example.com");
    server.set_plan("you@example.com", "pro");
    let caller = server.caller(&key);
    let session = caller.link("one", OWN).await;
    caller.text(PHONE, "before").await;
    caller.until_count("status=delivered", 1).await;

    let sending = tokio::spawn({
        let caller = caller.clone();
        async move {
            let mut accepted = Vec::new();
            for n in 0..200 {
                let answer = caller.post("/messages", json!({ "to": PHONE, "message": format!("text {n}") })).await;
                accepted.push(answer.expect(202)["id"].as_str().unwrap().to_owned());
            }
            accepted
        }
    });
    caller.until_count("direction=outbound", 50).await;
    let promised = caller.get("/messages?limit=100").await.expect(200);
    let copy = folder.path().join("copy.db");
    let done = backup(&place, &copy);
    assert!(done.status.success(), "{}", said(&done));
    let size = fs::metadata(&copy).unwrap().len();
    assert!(said(&done).contains(&format!("count={size}")) && said(&done).contains("master.key"), "{}", said(&done));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let drafts = fs::read_dir(folder.path()).unwrap().flatten();
    assert!(drafts.map(|file| file.file_name()).all(|name| !name.to_string_lossy().contains("backup")));
    // It overwrites nothing, itself least of all.
    let again = backup(&place, &copy);
    assert!(!again.status.success() && said(&again).contains("overwrites nothing"), "{}", said(&again));
    assert_eq!(fs::metadata(&copy).unwrap().len(), size);
    sending.await.unwrap();
    // What was accepted after the copy is in no database that runs again, so all of it has to be out.
    caller.until_count("direction=outbound&status=delivered", 201).await;
    // Never two of one.
    server.terminate();

    let restored = Place::new(Ground::Sqlite).beside(&network.network());
    fs::copy(&copy, restored.folder().join("wamux.db")).unwrap();
    fs::copy(place.folder().join("master.key"), restored.folder().join("master.key")).unwrap();
    let server = Process::start_on(&restored);
    let caller = server.caller(&key);
    caller.stream(&session, None).await.until("connected").await;
    for message in promised["messages"].as_array().unwrap() {
        let id = message["id"].as_str().unwrap();
        let kept = caller.get(&format!("/messages/{id}")).await.expect(200);
        assert_eq!(kept["message"], message["message"]);
    }
    caller.text("+237622222222", "to somebody new").await;
    until("it arrives", async || caller.screen("+237622222222").await == ["to somebody new"]).await;
    // The phone has gone on since: it asks again for what it cannot read, under keys that are agreed on anew.
    caller.text(PHONE, "after").await;
    until("it is read", async || caller.screen(PHONE).await.contains(&"after".to_owned())).await;
    let shown = caller.screen(PHONE).await;
    assert_eq!(shown.len(), 202, "what is sent again is shown once");
    server.terminate();
}

#[test]
fn a_backup_that_cannot_be_made_says_why_and_leaves_nothing() {
    let place = Place::new(Ground::Sqlite);
    let file = place.folder().join("copy.db");
    let none = backup(&place, &file);
    assert_eq!(none.status.code(), Some(1));
    assert!(said(&none).contains("there is no database at"), "{}", said(&none));
    assert!(place.wamux().arg("migrate").status().unwrap().success());
    let nowhere = backup(&place, &place.folder().join("no folder/copy.db"));
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(said(&nowhere).contains("cannot be written to"), "{}", said(&nowhere));
    let postgres = Place::new(Ground::Postgres);
    let other = backup(&postgres, &file);
    assert_eq!(other.status.code(), Some(1));
    assert!(said(&other).contains("pg_dump"), "{}", said(&other));
    assert!(!file.exists());
    let help = place.wamux().args(["backup", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("master.key") && help.contains("Never run a copy beside the server"), "{help}");
}
