//! PostgreSQL that is not there: at the start, where a sentence says what is wrong, and under a running server, which gets over it.

use std::process::Output;

use serde_json::json;
use tempfile::TempDir;
use wamux::config::Config;
use wamux::server::Server;

use crate::ground::app::{Caller, tenant, until};
use crate::ground::postgres::{Cluster, Postgres};
use crate::ground::process::wamux;
use crate::trouble::gets_over_it;

const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";

fn serve(url: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    wamux(folder.path()).env("WAMUX_DATABASE_URL", url).arg("serve").output().unwrap()
}

#[test]
fn a_database_that_cannot_be_used_is_explained_and_no_password_shown() {
    let postgres = Postgres::start();
    let latin = Postgres::start_with("ENCODING 'LATIN1' TEMPLATE template0");
    let url = postgres.url();
    let (start, name) = url.rsplit_once('/').unwrap();
    let guarded = url.replace("wamux@", "guarded:open-barley@");
    for (url, says) in [
        (format!("{start}/nobody"), "createdb nobody"),
        (guarded.clone(), "refuses the user or the password"),
        (format!("{url}?sslmode=require"), "TLS failed"),
        (format!("postgres://me:open-barley@127.0.0.1:1/{name}"), "nothing answers at 127.0.0.1:1"),
        (format!("postgres://me:open-barley@nowhere.invalid/{name}"), "nothing answers at nowhere.invalid:5432"),
        (latin.url(), "ENCODING 'UTF8'"),
    ] {
        let done = serve(&url);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{url}: {said}");
        assert!(said.contains(says) && !said.contains("open-barley"), "{url}: {said}");
    }
    // A URL that cannot be read is a mistake on the command line, as with any other setting.
    let done = serve("postgres://me:open-barley@host:port/db");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("is not a PostgreSQL URL") && !said.contains("open-barley"), "{said}");
}

/// A server on this cluster, its folder, and a caller with a session that a phone is linked to.
async fn served(cluster: &Cluster) -> (TempDir, Server, Caller, String) {
    let folder = tempfile::tempdir().unwrap();
    let plain = Config::in_folder(folder.path().to_owned());
    let config = Config { database: cluster.url("postgres").parse().unwrap(), ..plain };
    let server = Server::start(config.clone()).await.unwrap();
    let key = tenant(&config, "you@example.com", "pro").await;
    let caller = Caller::new(format!("http://{}", server.addr), Some(key));
    let session = caller.link("one", OWN).await;
    (folder, server, caller, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_under_a_server_loses_nothing_that_was_accepted() {
    let mut cluster = Cluster::start();
    let (_folder, server, caller, session) = served(&cluster).await;
    caller.text(PHONE, "before").await;
    caller.until_count("status=delivered", 1).await;

    // It goes away in the middle of sending.
    let sending = tokio::spawn({
        let caller = caller.clone();
        async move {
            let mut accepted = Vec::new();
            for n in 0.. {
                let text = format!("text {n}");
                let body = json!({ "to": PHONE, "message": text, "sessionId": session });
                let answer = caller.post("/messages", body).await;
                match answer.status {
                    202 => accepted.push(text),
                    503 => {
                        assert!(answer.header("retry-after").is_some());
                        answer.problem(503, "not_ready");
                        return accepted;
                    }
                    other => panic!("{other}: {}", answer.text),
                }
            }
            accepted
        }
    });
    caller.until_count("direction=outbound", 20).await;
    let mut cluster = tokio::task::spawn_blocking(move || {
        cluster.pause();
        cluster
    })
    .await
    .unwrap();
    let accepted = sending.await.unwrap();
    assert!(accepted.len() >= 19, "{}", accepted.len());
    let unready = caller.get("/health/ready").await;
    assert!(unready.header("retry-after").is_some());
    unready.problem(503, "not_ready");
    caller.get("/health/live").await.expect(200);
    let read = caller.get("/messages").await;
    assert!(read.header("retry-after").is_some());
    read.problem(503, "not_ready");
    // The network goes on meanwhile: what it brings cannot be kept now, and must come again.
    server
        .sandbox()
        .unwrap()
        .write(&PHONE.parse().unwrap(), &OWN.parse().unwrap(), &"meanwhile".to_owned().try_into().unwrap())
        .await
        .unwrap();

    let cluster = tokio::task::spawn_blocking(move || {
        cluster.resume();
        cluster
    });
    let _cluster = cluster.await.unwrap();
    until("ready again", async || caller.get("/health/ready").await.status == 200).await;
    until("connected again", async || caller.get("/sessions").await.text.contains("\"connected\"")).await;
    gets_over_it(&caller, &accepted, 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_while_a_session_is_deleted_is_asked_again() {
    let cluster = Cluster::start();
    let (_folder, server, caller, session) = served(&cluster).await;
    // Twice the device's keys cannot be destroyed, once because the database stops and once because it fails. A sequence counts
    // what is rolled back, too.
    let refuse = "CREATE SEQUENCE tries; \
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          CASE nextval('tries') WHEN 1 THEN RAISE EXCEPTION 'stopping' USING ERRCODE = '57P01'; \
            WHEN 2 THEN RAISE EXCEPTION 'broken'; ELSE RETURN OLD; END CASE; END $$; \
        CREATE TRIGGER refuse BEFORE DELETE ON device_key FOR EACH ROW WHEN (OLD.kind = 1) EXECUTE FUNCTION refuse()";
    cluster.psql(refuse).unwrap();
    caller.delete(&format!("/sessions/{session}")).await.expect(204);
    until("wiped", async || cluster.psql("SELECT count(*) FROM session WHERE wiped_at IS NULL").unwrap() == "0").await;
    assert_eq!(cluster.psql("SELECT count(*) FROM device_key").unwrap(), "0");
    assert_eq!(cluster.psql("SELECT last_value FROM tries").unwrap(), "3");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_as_a_message_comes_in_does_not_lose_it() {
    let cluster = Cluster::start();
    let (_folder, server, caller, _) = served(&cluster).await;
    // What was decrypted cannot be put aside at first (17), though it can be kept a moment later that its key is used.
    let refuse = "CREATE SEQUENCE tries; \
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          IF nextval('tries') < 3 THEN RAISE EXCEPTION 'stopping' USING ERRCODE = '57P01'; END IF; RETURN NEW; END $$; \
        CREATE TRIGGER refuse BEFORE INSERT ON device_key FOR EACH ROW WHEN (NEW.kind = 17) EXECUTE FUNCTION refuse()";
    cluster.psql(refuse).unwrap();
    caller.post("/sandbox/phones", json!({ "phone": PHONE })).await.expect(201);
    let said = "hello".to_owned().try_into().unwrap();
    server.sandbox().unwrap().write(&PHONE.parse().unwrap(), &OWN.parse().unwrap(), &said).await.unwrap();
    caller.until_count("direction=inbound", 1).await;
    let got = caller.get("/messages?direction=inbound").await.expect(200);
    assert_eq!(got["messages"][0]["message"], "hello", "{got}");
    assert_eq!(cluster.psql("SELECT last_value FROM tries").unwrap(), "3");
    server.stop().await;
}
