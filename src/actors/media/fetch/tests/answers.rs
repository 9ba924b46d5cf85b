//! Heads of answers: what is asked and how, statuses, waits, redirects that are followed, and nonsense.

use std::time::Duration;

use tokio::net::TcpListener;

use super::{Ground, MB, PUBLIC, Site, Zone, failed, ok, to, url};
use crate::actors::media::fetch::PATIENCE;
use crate::domain::media::Fault;

fn saying(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 4\r\n\r\nfilm").into_bytes()
}

#[tokio::test]
async fn a_request_tells_who_asks_and_nothing_else() {
    let ground = Ground::new();
    let next = "HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    let first = |head: &str| head.starts_with("GET /first");
    let site = Site::telling(move |head| if first(head) { next.into() } else { ok("", b"film") }).await;
    ground.fetch(&site.url("/first?signature=secret#part"), MB).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let want = |path: &str| {
        let mut lines = vec![
            format!("GET {path} HTTP/1.1"),
            "accept: */*".to_owned(),
            "accept-encoding: identity".to_owned(),
            format!("host: {}", site.address),
            format!("user-agent: Wamux/{version}"),
        ];
        lines.sort();
        lines
    };
    let heads: Vec<Vec<String>> = site.asked.lock().unwrap().iter().map(|head| sorted(head)).collect();
    assert_eq!(heads, [want("/first?signature=secret"), want("/next")]);
}

fn sorted(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = head.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_status_says_whether_asking_again_may_help() {
    let minute = Some(Duration::from_mins(1));
    for (status, header, again, after) in [
        ("404 Not Found", "", false, None),
        ("404 Not Found", "Retry-After: 60\r\n", false, None),
        ("401 Unauthorized", "WWW-Authenticate: Basic\r\n", false, None),
        ("403 Forbidden", "", false, None),
        ("410 Gone", "", false, None),
        ("416 Range Not Satisfiable", "", false, None),
        ("408 Request Timeout", "", true, None),
        ("425 Too Early", "", true, None),
        ("429 Too Many Requests", "", true, None),
        ("429 Too Many Requests", "Retry-After: 60\r\n", true, minute),
        ("429 Too Many Requests", "Retry-After: 999999\r\n", true, Some(Duration::from_hours(1))),
        ("429 Too Many Requests", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", true, Some(Duration::ZERO)),
        ("429 Too Many Requests", "Retry-After: soon\r\n", true, None),
        ("500 Internal Server Error", "", true, None),
        ("503 Service Unavailable", "Retry-After: 60\r\n", true, minute),
        ("201 Created", "", false, None),
        ("206 Partial Content", "Content-Range: bytes 0-3/9\r\n", false, None),
        ("300 Multiple Choices", "Location: /a\r\n", false, None),
        ("302 Found", "", false, None),
    ] {
        let site = Site::saying(saying(status, header)).await;
        let fault = Ground::new().fault(&site.url("/a?signature=secret")).await;
        let (number, words) = status.split_once(' ').unwrap();
        let why = format!("{PUBLIC} answered {number} ({words})");
        assert_eq!(fault, Fault::DownloadFailed { why, again, after }, "{status} {header}");
    }
    for status in ["204 No Content", "304 Not Modified"] {
        let site = Site::saying(format!("HTTP/1.1 {status}\r\n\r\n")).await;
        assert!(!failed(Ground::new().fault(&site.url("/")).await).0, "{status}");
    }
    // A number that nobody has heard of, with a reason that is not repeated to the caller.
    let site = Site::saying(saying("499 <script>", "")).await;
    assert_eq!(failed(Ground::new().fault(&site.url("/")).await), (false, format!("{PUBLIC} answered 499")));
}

#[tokio::test]
async fn redirects_are_followed_to_other_paths_and_hosts() {
    let file = Site::saying(ok("Content-Type: video/mp4\r\n", b"film")).await;
    let next = format!("http://cdn.example.com:{}/dir/b", file.address.port());
    let zone = Zone::default().with("cdn.example.com", &[&[PUBLIC]]);
    let ground = Ground::with(PUBLIC, zone.into(), PATIENCE);
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let next = next.clone();
        let site = Site::telling(move |head| match head.split(' ').nth(1) {
            Some("/dir/a") => saying(status, "Location: ../sub/é?c=d\r\n"),
            _ => to(&next),
        })
        .await;
        assert_eq!(ground.fetch(&site.url("/dir/a"), MB).await.unwrap().size, 4, "{status}");
        assert_eq!(site.asked(), ["GET /dir/a HTTP/1.1", "GET /sub/%C3%A9?c=d HTTP/1.1"]);
        std::fs::remove_file(ground.file()).unwrap();
    }
    let host = format!("host: cdn.example.com:{}", file.address.port());
    assert!(file.asked.lock().unwrap().iter().all(|head| head.lines().any(|line| line == host)));
}

#[tokio::test]
async fn what_it_is_said_to_be_comes_from_its_type_or_its_name() {
    for (header, path, want) in [
        ("Content-Type: Image/JPEG; a=b\r\n", "/a.png", Some("image/jpeg")),
        ("Content-Type: application/octet-stream\r\n", "/a.mp4?b=c.png", Some("video/mp4")),
        ("Content-Type: binary/octet-stream\r\n", "/a", None),
        ("Content-Type: nonsense\r\n", "/a.webp", Some("image/webp")),
        ("", "/dir.png/a.ogg", Some("audio/ogg")),
        ("", "/", None),
    ] {
        let (ground, site) = (Ground::new(), Site::saying(ok(header, b"film")).await);
        let claimed = ground.fetch(&site.url(path), MB).await.unwrap().claimed;
        assert_eq!(claimed.as_ref().map(mime_guess::Mime::essence_str), want, "{header} {path}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_may_be_there_later() {
    let ground = Ground::with(PUBLIC, Zone::default().with("none.example.com", &[&[]]).into(), PATIENCE);
    for name in ["gone.example.com", "none.example.com"] {
        let (again, why) = failed(ground.fault(&url(&format!("https://{name}/a?signature=secret"))).await);
        assert!(again && why == format!("the name {name} was not found"), "{why}");
    }
    let nobody = TcpListener::bind((PUBLIC, 0)).await.unwrap().local_addr().unwrap();
    let (again, why) = failed(ground.fault(&url(&format!("http://{nobody}/"))).await);
    assert!(again && why.starts_with(&format!("{PUBLIC} cannot be reached: ")), "{why}");
    let hangs_up = Site::saying("").await;
    let (again, why) = failed(ground.fault(&hangs_up.url("/")).await);
    assert!(again && why.starts_with(&format!("the connection to {PUBLIC} broke off")), "{why}");
}

#[tokio::test]
async fn what_is_not_http_stays_so() {
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(10_000));
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\0\u{1}\u{2}\u{3}\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nfilm",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfilm",
        &long,
        &many,
    ] {
        let (again, why) = failed(Ground::new().fault(&Site::saying(nonsense).await.url("/")).await);
        assert!(
            !again && why == format!("{PUBLIC} does not answer in HTTP"),
            "{why} {}",
            &nonsense[..30.min(nonsense.len())]
        );
    }
}
