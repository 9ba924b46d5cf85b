//! Whole exchanges: with servers in this process, and over TCP.

use std::io::{self, Read};
use std::sync::Arc;

use futures_util::FutureExt;
use hyper::body::Body as _;
use reqwest::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use whatsapp_rust::bytes::Bytes;

use super::*;

const LONG: u64 = 5 << 20;

fn zeros(length: u64) -> UploadBody {
    Box::new(io::repeat(0).take(length))
}

async fn read(body: &mut Body) -> u64 {
    let mut read = 0;
    while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await {
        let Ok(frame) = frame else { return 0 };
        read += frame.into_data().map_or(0, |data| data.len() as u64);
    }
    read
}

/// Media servers that say what was asked, and how much came with it.
fn echoing() -> Web {
    Web::sandbox(Arc::new(|request| {
        async move {
            let (parts, mut body) = request.into_parts();
            let length = parts.headers["content-length"].to_str().unwrap().to_owned();
            let read = read(&mut body).await;
            let host = parts.headers["host"].to_str().unwrap().to_owned();
            hyper::Response::new(format!("{} {host} {} {length} {read}", parts.method, parts.uri.path()).into())
        }
        .boxed()
    }))
}

/// Media servers that answer at once, and look at nothing.
fn refusing() -> Web {
    let answer = || hyper::Response::builder().status(401).body(Body::from("no")).unwrap();
    Web::sandbox(Arc::new(move |_| std::future::ready(answer()).boxed()))
}

async fn uploads(web: Web, body: UploadBody, length: u64) -> anyhow::Result<HttpResponse> {
    let request = HttpRequest::post("https://mmg.whatsapp.net/mms/image/x");
    spawn_blocking(move || web.execute_upload(request, body, length)).await.unwrap()
}

#[tokio::test]
async fn an_upload_says_its_length_and_arrives_whole() {
    let answer = uploads(echoing(), zeros(LONG), LONG).await.unwrap();
    assert_eq!(answer.body_string().unwrap(), format!("POST mmg.whatsapp.net /mms/image/x {LONG} {LONG}"));
    let whole = HttpRequest::post("https://h/x").with_body(Bytes::from(vec![0; 1 << 20]));
    let answer = echoing().execute(whole).await.unwrap().body_string().unwrap();
    assert_eq!(answer, format!("POST h /x {0} {0}", 1 << 20));
}

#[tokio::test]
async fn what_ends_before_its_length_is_no_upload_and_what_goes_on_is_cut() {
    let short = uploads(echoing(), zeros(10), LONG).await;
    assert!(short.is_err() || short.unwrap().body_string().unwrap().ends_with(" 0"), "the reader failed");
    let long = uploads(echoing(), zeros(LONG), 10).await.unwrap();
    assert!(long.body_string().unwrap().ends_with(" 10 10"));
}

#[tokio::test]
async fn an_answer_before_the_end_is_an_answer() {
    let answer = uploads(refusing(), zeros(u64::MAX), 1 << 40).await.unwrap();
    assert_eq!((answer.status_code, answer.body.as_slice()), (401, &b"no"[..]));
}

#[tokio::test]
async fn a_download_streams_whatever_its_status() {
    let streamed = |web: Web, url: &str| {
        let request = HttpRequest::get(url);
        spawn_blocking(move || {
            let mut answer = web.execute_streaming(request).unwrap();
            let mut text = String::new();
            answer.body.read_to_string(&mut text).unwrap();
            (answer.status_code, text)
        })
    };
    assert_eq!(streamed(refusing(), "https://h/x").await.unwrap(), (401, "no".to_owned()));
    assert_eq!(streamed(echoing(), "https://h/x?auth=1").await.unwrap(), (200, "GET h /x 0 0".to_owned()));
}

#[tokio::test]
async fn over_tcp_the_length_is_said_and_silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: SandboxUrl = format!("ws://{}/ws/chat", listener.local_addr().unwrap()).parse().unwrap();
    let roots = rustls::RootCertStore::empty();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let web = Web { quiet: Duration::from_millis(300), ..Web::sandbox_at(&url, tls).unwrap() };
    let one = tokio::spawn(uploads(web.clone(), zeros(LONG), LONG));
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut said = Vec::new();
    while !said.windows(4).any(|end| end == b"\r\n\r\n") {
        said.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(said).unwrap().to_lowercase();
    assert!(head.starts_with("post /mms/image/x http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("content-length: {LONG}\r\n")) && !head.contains("transfer-encoding"), "{head}");
    let mut left = vec![0; usize::try_from(LONG).unwrap()];
    socket.read_exact(&mut left).await.unwrap();
    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    assert_eq!(one.await.unwrap().unwrap().body, b"{}");
    // The next one is never read.
    let error = uploads(web, zeros(LONG * 20), LONG * 20).await.unwrap_err().to_string();
    assert!(error.contains("nothing moved"), "{error}");
}
