//! A server as a value: two at once, started, stopped, refused.

mod supervision;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::commands::create_key;
use crate::domain::access::ApiKey;
use crate::store::seal::KeyFile;

struct Place {
    _folder: tempfile::TempDir,
    config: Config,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::in_folder(folder.path().join("data"));
    Place { _folder: folder, config }
}

/// Sends one request and reads all of the answer: its status, its head in lower case, its body.
async fn ask(server: &Server, head: &str, body: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let length = body.len();
    let request = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

async fn with_key(place: &Place) -> (Server, ApiKey) {
    let key = create_key(&place.config, &"you@example.com".parse().unwrap(), "test".into()).await.unwrap();
    (Server::start(place.config.clone()).await.unwrap(), key)
}

#[tokio::test]
async fn two_servers_run_in_one_process_and_stop() {
    let (one, two) = (place(), place());
    let servers = [Server::start(one.config.clone()).await.unwrap(), Server::start(two.config.clone()).await.unwrap()];
    for server in servers {
        let (status, _, body) = ask(&server, "GET /health/live HTTP/1.1", "").await;
        assert_eq!((status, &body["status"]), (200, &"live".into()));
        let addr = server.addr;
        server.stop().await;
        assert!(TcpStream::connect(addr).await.is_err());
    }
    // What it held is free again.
    Server::start(one.config.clone()).await.unwrap().stop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_start_is_said_in_a_sentence() {
    let place = place();
    let server = Server::start(place.config.clone()).await.unwrap();
    let again = Server::start(place.config.clone()).await.err().unwrap().to_string();
    assert!(again.contains("another wamux runs its simulated network"), "{again}");

    let mut taken = self::place().config;
    taken.listen = server.addr;
    let taken = Server::start(taken).await.err().unwrap().to_string();
    assert!(taken.contains("taken") && taken.contains(&server.addr.to_string()), "{taken}");
    server.stop().await;

    let mut other = place.config.clone();
    other.master = Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap());
    let other = Server::start(other).await.err().unwrap().to_string();
    assert!(other.contains("another master key"), "{other}");

    let file = place.config.data_dir.join("file");
    fs::write(&file, "").unwrap();
    let folder = Server::start(Config::in_folder(file.join("data"))).await.err().unwrap().to_string();
    assert!(folder.contains("data folder"), "{folder}");
}

#[tokio::test]
async fn without_a_key_there_is_only_401_and_for_unknown_paths_404() {
    let place = place();
    let (server, key) = with_key(&place).await;
    for (head, status, code) in [
        ("GET /api/v1/sessions HTTP/1.1", 401, "invalid_api_key"),
        ("GET /api/v1/sessions/nobody HTTP/1.1", 401, "invalid_api_key"),
        ("POST /api/v1/messages HTTP/1.1", 401, "invalid_api_key"),
        ("GET /api/v1/keys HTTP/1.1\r\nauthorization: Basic eDp5", 401, "invalid_api_key"),
        ("GET /api/v1/keys HTTP/1.1\r\nauthorization: Bearer", 401, "invalid_api_key"),
        ("GET /api/v1/nothing HTTP/1.1", 404, "not_found"),
        ("GET /api/v1/sessions/a/b/c HTTP/1.1", 404, "not_found"),
        ("GET /nothing HTTP/1.1", 404, "not_found"),
        ("PUT /api/v1/sessions HTTP/1.1", 405, "method_not_allowed"),
    ] {
        let (got, head_of, body) = ask(&server, head, "").await;
        assert_eq!((got, &body["code"]), (status, &code.into()), "{head}: {head_of}");
        assert_eq!(head_of.contains("www-authenticate: bearer"), status == 401, "{head_of}");
        assert_eq!(head_of.contains("\r\nallow: "), status == 405, "{head_of}");
        assert!(head_of.contains("application/problem+json"), "{head_of}");
    }
    let other = key.reveal().replace("sk_test_", "sk_live_");
    let (got, ..) = ask(&server, &format!("GET /api/v1/keys HTTP/1.1\r\nauthorization: Bearer {other}"), "").await;
    assert_eq!(got, 401, "a key of the other network");
    server.stop().await;
}

#[tokio::test]
async fn with_a_key_mistakes_are_told_and_ids_of_nobody_are_404() {
    let place = place();
    let (server, key) = with_key(&place).await;
    let bearer = format!("authorization: bearer {}", key.reveal());
    let json = "content-type: application/json";
    for (head, body, status, code) in [
        ("GET /api/v1/sessions/nobody", "", 404, "not_found"),
        ("DELETE /api/v1/keys/nobody", "", 404, "not_found"),
        ("GET /api/v1/sessions/nobody/stream", "", 404, "not_found"),
        ("GET /api/v1/messages?limit=0", "", 422, "validation_failed"),
        ("POST /api/v1/sessions", "{\"session_key\": \"\"}", 422, "validation_failed"),
        ("POST /api/v1/messages", "{", 400, "malformed_json"),
        ("POST /api/v1/messages", "{}", 422, "validation_failed"),
    ] {
        let head = format!("{head} HTTP/1.1\r\n{bearer}\r\n{json}");
        let (got, head_of, body) = ask(&server, &head, body).await;
        assert_eq!((got, &body["code"]), (status, &code.into()), "{head}: {head_of}");
    }
    let (got, _, body) = ask(&server, &format!("POST /api/v1/keys HTTP/1.1\r\n{bearer}"), "{}").await;
    assert_eq!((got, &body["code"]), (415, &"unsupported_media_type".into()));
    server.stop().await;
}

#[tokio::test]
async fn the_actors_are_shown_to_the_operator_alone() {
    let (open, mut shut) = (place(), place());
    shut.config.operator = Some("let-me-in".parse().unwrap());
    let path = "GET /health/actors HTTP/1.1";
    let open = Server::start(open.config.clone()).await.unwrap();
    let shut = Server::start(shut.config.clone()).await.unwrap();
    for (server, head, status) in [
        (&open, path.to_owned(), 200),
        (&open, format!("{path}\r\nx-forwarded-for: 10.0.0.1"), 403),
        (&shut, path.to_owned(), 403),
        (&shut, format!("{path}\r\nauthorization: Bearer let-me-out"), 403),
        (&shut, format!("{path}\r\nauthorization: Bearer let-me-in"), 200),
    ] {
        let (got, head_of, body) = ask(server, &head, "").await;
        assert_eq!(got, status, "{head}: {head_of}");
        assert_eq!(body["kind"] == "root", status == 200, "{body}");
    }
    open.stop().await;
    shut.stop().await;
}

#[tokio::test]
async fn head_and_options_are_answered_for_what_there_is() {
    let place = place();
    let server = Server::start(place.config.clone()).await.unwrap();
    let (status, head, body) = ask(&server, "HEAD /health/live HTTP/1.1", "").await;
    assert_eq!((status, body), (200, Value::Null), "{head}");
    let (status, head, _) = ask(&server, "OPTIONS /api/v1/keys/x HTTP/1.1", "").await;
    assert_eq!(status, 204);
    assert!(head.contains("allow: delete, options"), "{head}");
    server.stop().await;
}

#[tokio::test]
async fn a_rotated_key_that_cannot_be_put_in_its_file_stops_no_start() {
    let place = place();
    let (server, _) = with_key(&place).await;
    server.stop().await;
    let file = KeyFile::in_folder(&place.config.data_dir);
    let old = file.load_or_make().unwrap();
    // Nothing can be drafted where a folder stands.
    let obstacle = place.config.data_dir.join("master.key.new");
    fs::create_dir(&obstacle).unwrap();
    master::rotate(&place.config, None, |_| Ok(())).await.unwrap_err();
    Server::start(place.config.clone()).await.unwrap().stop().await;
    assert!(file.load_or_make().unwrap() == old);
    fs::remove_dir(&obstacle).unwrap();
    Server::start(place.config.clone()).await.unwrap().stop().await;
    assert!(file.load_or_make().unwrap() != old);
}
