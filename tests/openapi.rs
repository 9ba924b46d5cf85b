//! The OpenAPI document: there without a key and without a server, valid by the official schema, and true by schemathesis, which
//! finds no answer that is not documented, nothing valid that is refused and nothing invalid that is taken.

pub mod python;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::task::block_in_place;

use crate::ground::app::App;
use crate::ground::{Ground, Place, process};
use python::installed;

/// How many cases schemathesis has to try at least.
const CASES: u64 = 2000;

fn beside_this(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_needs_no_key_and_is_not_sent_twice_to_whoever_keeps_it() {
    let app = App::start().await;
    let anyone = app.caller.with_key(None);
    let first = anyone.get("/openapi.json").await;
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/json")));
    assert!(first.header("cache-control").unwrap().contains("max-age="));
    let tag = first.header("etag").unwrap();
    let again = anyone.request(Method::GET, "/openapi.json").header("If-None-Match", tag);
    let again = anyone.send(again).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", Some(tag)));
    let older = anyone.send(anyone.request(Method::GET, "/openapi.json").header("If-None-Match", "\"old\"")).await;
    assert_eq!((older.status, &older.text), (200, &first.text));
    // The command line prints the same, without a server and without a folder.
    let folder = tempdir().unwrap();
    let printed = process::wamux(&folder.path().join("none")).arg("openapi").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    assert_eq!(String::from_utf8(printed.stdout).unwrap().trim_end(), first.text);
    assert!(!folder.path().join("none").exists());
    app.stop().await;
}

#[test]
fn the_document_is_valid_and_so_is_every_example_in_it() {
    let judge = Command::new(installed().join("bin/python"))
        .arg(beside_this("judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut judge = judge.unwrap();
    judge.stdin.take().unwrap().write_all(wamux::http::document().as_bytes()).unwrap();
    let said = judge.wait_with_output().unwrap();
    assert!(said.status.success());
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said["wrong"], json!([]));
    assert!(said["judged"].as_u64().unwrap() > 100, "{said}");
}

/// A plan that no limit of ends the run: plans are rows, and an operator adds one like this.
async fn wide_plan(place: &Place) {
    let config = place.config();
    // The tables are made by the first who opens the database.
    wamux::commands::migrate(&config).await.unwrap();
    let database = Database::connect(format!("sqlite://{}/wamux.db", config.data_dir.display())).await.unwrap();
    let row = "INSERT INTO plan VALUES ('wide', NULL, 1000000, 1000000, 1000000)";
    database.execute_unprepared(row).await.unwrap();
    database.close().await.unwrap();
}

/// How many media came with their requests.
async fn uploads(app: &App) -> i64 {
    let database = Database::connect(format!("sqlite://{}/wamux.db", app.folder().display())).await.unwrap();
    let count = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) FROM media WHERE url IS NULL");
    let count = database.query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    database.close().await.unwrap();
    count
}

/// All of schemathesis's checks and phases, on all calls but the stream, which does not end by itself; `tests/streams.rs` is its test.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    let place = Place::new(Ground::Sqlite);
    wide_plan(&place).await;
    let app = App::start_at(place).await;
    let caller = app.tenant("fuzz@example.com", "wide").await;
    caller.link("linked", "+237655500001").await;
    let keys = caller.get("/keys").await.expect(200);
    let folder = tempdir().unwrap();
    let report = folder.path().join("report.json");
    let config = folder.path().join("schemathesis.toml");
    std::fs::write(&config, format!("hooks = {:?}\n", beside_this("hooks.py"))).unwrap();
    let mut schemathesis = Command::new(block_in_place(installed).join("bin/schemathesis"));
    schemathesis
        .current_dir(folder.path())
        .env("OWN_KEY", keys["keys"][0]["id"].as_str().unwrap())
        .arg("--config-file")
        .arg(&config)
        .args(["run", &format!("http://{}/api/v1/openapi.json", caller.address())])
        .args(["--header", &format!("Authorization: Bearer {}", caller.key().unwrap())])
        .args(["--checks", "all", "--exclude-path-regex", "/stream$", "--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", "40", "--workers", "1", "--seed", "1", "--continue-on-failure", "--no-color"])
        .args(["--request-timeout", "20", "--warnings", "off", "--report-json-path"])
        .arg(&report);
    // One worker alone: in Python 3.11, two that parse at once make each other fail (python/cpython issue 106905).
    let ran = block_in_place(|| schemathesis.output()).unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let cases =
        said.split_once("Test cases:").and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u64>().ok());
    assert!(cases.is_some_and(|cases| cases >= CASES), "{cases:?} cases: {said}");
    assert!(uploads(&app).await > 0, "no file was sent in a form");
    // The key that it called with works still, so what it was answered was no row of 401s.
    caller.get("/sessions").await.expect(200);
    app.stop().await;
}
