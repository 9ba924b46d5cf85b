//! The accept loop: slow, silent and broken clients, and the end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use warp::{Filter, Reply};

use super::*;

struct Running {
    addr: SocketAddr,
    stop: Stop,
    ended: JoinHandle<()>,
}

async fn running(routes: BoxedFilter<(Response,)>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopping) = Stop::new();
    let ended = tokio::spawn(serve(listener, routes, None, Clock::default(), stopping));
    Running { addr, stop, ended }
}

fn hello() -> BoxedFilter<(Response,)> {
    warp::any().map(|| "hello".into_response()).boxed()
}

async fn ask(addr: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn answer(addr: SocketAddr, request: &str) -> String {
    let mut text = String::new();
    ask(addr, request).await.read_to_string(&mut text).await.unwrap();
    text
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 1024]);
    while !text.contains(end) {
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
    text
}

#[tokio::test]
async fn every_answer_has_an_id_the_caller_s_own_if_it_is_sane() {
    let server = running(hello()).await;
    for (given, kept) in
        [("mine-1.2:3_4", true), ("", false), ("a b", false), ("x\"y", false), (&*"x".repeat(129), false)]
    {
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: {given}\r\n\r\n");
        let answer = answer(server.addr, &request).await;
        let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
        assert_eq!(id == given, kept, "{given}: {answer}");
        assert!(kept || uuid::Uuid::parse_str(id).is_ok(), "{answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
        assert!(answer.contains("cache-control: no-store"), "{answer}");
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_is_an_answer_that_says_only_where_to_look() {
    fn broken() -> Response {
        panic!("the caller must not see this")
    }
    let server = running(warp::any().map(broken).boxed()).await;
    let answer =
        answer(server.addr, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: r1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains(r#""code":"internal_error""#) && answer.contains(r#""requestId":"r1""#), "{answer}");
    assert!(!answer.contains("must not see"), "{answer}");
}

#[tokio::test]
async fn stopping_lets_what_was_begun_end_and_closes_the_idle() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go));
    let slow = warp::any().then(move || {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.notified().await;
            "done".into_response()
        }
    });
    let server = running(warp::path("slow").and(slow).or(hello()).unify().boxed()).await;
    let mut idle = ask(server.addr, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut idle, "hello").await;
    let mut busy = ask(server.addr, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    begun.notified().await;
    server.stop.begin();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "the idle connection is closed");
    assert!(!server.ended.is_finished());
    go.notify_one();
    read_until(&mut busy, "done").await;
    server.ended.await.unwrap();
    assert!(TcpStream::connect(server.addr).await.is_err(), "the port is free");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off() {
    let begun = Arc::new(Notify::new());
    let tell = Arc::clone(&begun);
    let stuck = warp::any().then(move || {
        tell.notify_one();
        std::future::pending::<Response>()
    });
    let server = running(stuck.boxed()).await;
    let _open = ask(server.addr, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    begun.notified().await;
    server.stop.begin();
    server.ended.await.unwrap();
}

#[test]
fn no_phone_number_gets_into_the_log() {
    let id = "0199a7b0-0000-7000-8000-000000000000";
    for (path, shown) in [
        ("/api/v1/sandbox/phones/+237612345678/scan", "/api/v1/sandbox/phones/…/scan".to_owned()),
        ("/api/v1/sandbox/phones/%2B237612345678/scan", "/api/v1/sandbox/phones/…/scan".to_owned()),
        (&format!("/api/v1/sessions/{id}"), format!("/api/v1/sessions/{id}")),
    ] {
        assert_eq!(loggable(path), shown);
    }
}

#[tokio::test]
async fn a_request_without_a_path_is_answered_too() {
    let server = running(hello()).await;
    let mut stream = ask(server.addr, "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = read_until(&mut stream, "not_found").await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("x-request-id: "), "{answer}");
}

/// What a subscriber that hears everything would have written.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_query_gets_into_the_log_whatever_is_asked_of_it() {
    let log = Log::default();
    let to = log.clone();
    let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || to.clone()).finish();
    // All of this runs on this thread, so nothing of it goes past this subscriber.
    let _heard = tracing::subscriber::set_default(all);
    let query = warp::query::<Vec<(String, String)>>().map(|query: Vec<_>| format!("{query:?}").into_response());
    let server = running(query.boxed()).await;
    for query in ["ticket=st_secret", "ticket=%ff%zzst_secret", "a&&=st_secret"] {
        let request = format!("GET /stream?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(answer(server.addr, &request).await.contains("st_secret"), "{query}");
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered") && log.contains("/stream"), "{log}");
    assert!(!log.contains("st_secret"), "{log}");
}
