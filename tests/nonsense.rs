//! Two hundred requests a second of nonsense at every route, against a process of its own: no answer is a 500, and neither its
//! memory nor its open files grow.

use std::fs;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::ground::app::until;
use crate::ground::process::Process;
use crate::ground::surface::paths;

/// Requests before the first look, and between it and the last.
const WARM: u64 = 1500;
const MEASURED: u64 = 4500;
const A_SECOND: u64 = 200;
/// How much memory it may have more at the end than when it was warm: caches fill, and allocators keep what they had.
const GROWTH_KB: u64 = 24 * 1024;
/// Open files and connections that may come and go while nobody calls: the database's, a session's.
const FILES: usize = 12;

const METHODS: [&str; 12] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G\u{e9}T"];
const SEGMENTS: [&str; 12] = [
    "0198f000-0000-7000-8000-000000000000",
    "0198F000-0000-7000-8000-000000000000",
    "%2B237600000001",
    "+15550000001",
    "%00",
    "%ff%fe",
    "%zz",
    "..",
    "%2e%2e%2f",
    "{id}",
    "'%20OR%201=1--",
    "\u{1f600}",
];
const TEXTS: [&str; 14] = [
    "",
    "null",
    "\0",
    "-1",
    "9999999999999999999999999",
    "1e308",
    "NaN",
    "+237600000001",
    "\u{202e}abc",
    "\u{feff}",
    "a\r\nb",
    "'; DROP TABLE message; --",
    "https://127.0.0.1:1/",
    "socks5://127.0.0.1:1",
];
const FIELDS: [&str; 16] = [
    "to",
    "message",
    "sessionId",
    "session_key",
    "sessionKey",
    "proxyUrl",
    "messagesPerMinute",
    "simulateTyping",
    "name",
    "expiresInDays",
    "phone",
    "fault",
    "qr",
    "limit",
    "cursor",
    "nonsense",
];
const HEADERS: [&str; 14] = [
    "content-type: application/json",
    "content-type: text/plain",
    "content-type: multipart/form-data; boundary=x",
    "content-type: application/json; charset=utf-16",
    "content-encoding: gzip",
    "accept: image/*;q=oops",
    "accept: text/html",
    "idempotency-key: once",
    "idempotency-key: ",
    "last-event-id: -1-x",
    "x-request-id: \u{e9}",
    "if-none-match: \", W/",
    "expect: 100-continue",
    "range: bytes=0-",
];

/// Draws nonsense, the same for the same seed.
struct Dice(StdRng);

impl Dice {
    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all.choose(&mut self.0).unwrap()
    }

    fn once_in(&mut self, n: u32) -> bool {
        self.0.random_range(0..n) == 0
    }

    fn value(&mut self, depth: u32) -> String {
        match self.0.random_range(0..if depth > 3 { 5 } else { 8 }) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => self.0.random::<i64>().to_string(),
            3 => format!("{:e}", self.0.random::<f64>() * 1e300),
            4 | 5 => serde_json::to_string(self.of(&TEXTS)).unwrap(),
            6 => format!("[{}]", self.value(depth + 1)),
            _ => self.object(depth + 1),
        }
    }

    fn object(&mut self, depth: u32) -> String {
        let fields = (0..self.0.random_range(0..5)).map(|_| format!("{:?}:{}", self.of(&FIELDS), self.value(depth)));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }

    fn body(&mut self) -> Vec<u8> {
        match self.0.random_range(0..10) {
            0 => Vec::new(),
            1 => (0..self.0.random_range(0..2000)).map(|_| self.0.random()).collect(),
            2 => "[".repeat(5000).into_bytes(),
            // Most of these are over the limit, and most calls are turned away for their number before that is looked at.
            3 | 4 => format!("{{\"to\":\"{}\"}}", "x".repeat(self.0.random_range(200_000..400_000))).into_bytes(),
            _ => self.object(0).into_bytes(),
        }
    }

    fn path(&mut self, template: &str) -> String {
        let filled = template.split('/').map(|part| if part.starts_with('{') { self.of(&SEGMENTS) } else { part });
        let mut path = filled.collect::<Vec<_>>().join("/");
        if self.once_in(3) {
            for n in 0..self.0.random_range(1..4) {
                let field = self.of(&FIELDS);
                let text = self.of(&SEGMENTS);
                path.push(if n == 0 { '?' } else { '&' });
                path.extend([field, "=", text]);
            }
        }
        path
    }

    /// A request as it goes over the wire, and whether the connection is left before the answer.
    fn request(&mut self, template: &str, known: &[Method], key: &str) -> (Vec<u8>, bool) {
        let body = self.body();
        let method = match known.choose(&mut self.0) {
            Some(known) if !self.once_in(3) => known.as_str(),
            _ => self.of(&METHODS),
        };
        let mut head = format!("{method} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", self.path(template));
        if !self.once_in(5) {
            head.extend(["authorization: Bearer ", key, "\r\n"]);
        }
        if !self.once_in(4) {
            head.push_str("content-type: application/json\r\n");
        }
        for _ in 0..self.0.random_range(0..3) {
            head.push_str(self.of(&HEADERS));
            head.push_str("\r\n");
        }
        let mut bytes = match self.0.random_range(0..6) {
            // Chunks whose sizes may lie.
            0 => {
                let size = if self.once_in(2) { body.len() } else { body.len() + 7 };
                [format!("{head}transfer-encoding: chunked\r\n\r\n{size:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"]
                    .concat()
            }
            1 => [format!("{head}content-length: {}\r\n\r\n", body.len() + 100).as_bytes(), &body].concat(),
            _ => [format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat(),
        };
        if self.once_in(10) {
            bytes.truncate(self.0.random_range(0..bytes.len()));
        }
        (bytes, self.once_in(10))
    }
}

/// Sends it, and reads the status that it is answered with, if it is.
async fn ask(address: &str, bytes: &[u8], leaves: bool) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let _ = timeout(Duration::from_secs(2), stream.write_all(bytes)).await;
    if leaves {
        return None;
    }
    // What was cut off is waited for by the server, and by nobody here. A stream's head is enough.
    let _ = stream.shutdown().await;
    let mut head = [0; 64];
    let read = timeout(Duration::from_secs(3), stream.read(&mut head)).await.ok()?.ok()?;
    std::str::from_utf8(&head[..read]).ok()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// So many requests, each drawn by its number, two hundred a second or as many as the machine can.
async fn nonsense(server: &Process, key: &str, numbers: std::ops::Range<u64>) -> Vec<(u64, String, u16)> {
    let routes = paths();
    let mut pace = interval(Duration::from_millis(1000 / A_SECOND));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let (routes, pace) = (&routes, tokio::sync::Mutex::new(pace));
    let pace = &pace;
    let asked = iter(numbers).map(|number| async move {
        pace.lock().await.tick().await;
        let mut dice = Dice(StdRng::seed_from_u64(number));
        let (template, known) = routes.choose(&mut dice.0).unwrap();
        let (bytes, leaves) = dice.request(template, known, key);
        let status = ask(server.address(), &bytes, leaves).await?;
        let shown = String::from_utf8_lossy(&bytes).chars().take(300).collect();
        Some((number, shown, status))
    });
    asked.buffer_unordered(64).filter_map(async |answer| answer).collect().await
}

fn resident_kb(server: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn open_files(server: &Process) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_never_a_500_and_leaves_nothing_behind() {
    let folder = tempdir().unwrap();
    let server = Process::start(folder.path());
    let key = server.key("you@example.com");
    let caller = server.caller(&key);
    until("ready", async || caller.get("/health/ready").await.status == 200).await;
    let mut answers = nonsense(&server, &key, 0..WARM).await;
    // What was left half-open is given up after some seconds; then only what lasts is open.
    until("quiet", async || open_files(&server) < 120).await;
    let (memory, files) = (resident_kb(&server), open_files(&server));
    answers.extend(nonsense(&server, &key, WARM..WARM + MEASURED).await);
    for (number, request, status) in &answers {
        assert!(*status < 500 || *status == 503, "request {number} was answered {status}: {request}");
    }
    assert!(answers.len() as u64 > u64::midpoint(WARM, MEASURED), "only {} were answered", answers.len());
    for wanted in [200, 400, 401, 404, 405, 413, 415, 422, 429] {
        assert!(answers.iter().any(|(_, _, status)| *status == wanted), "none was answered {wanted}");
    }
    until("closed", async || open_files(&server) <= files + FILES).await;
    let grown = resident_kb(&server).saturating_sub(memory);
    assert!(grown < GROWTH_KB, "it had {memory} KB, and has {grown} KB more");
    caller.get("/sessions").await;
    until("ready", async || caller.get("/health/ready").await.status == 200).await;
}
