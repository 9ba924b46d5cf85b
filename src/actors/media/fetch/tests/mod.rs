//! Downloads against servers of these tests' own, which say any bytes that a test wants, on loopback addresses that a test allows.

mod answers;
mod bodies;
mod hostile;
mod tls;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::names::Names;
use super::{Fetched, Fetcher, PATIENCE, Patience};
use crate::domain::egress::Egress;
use crate::domain::media::{Fault, MediaUrl};
use crate::trust;

const MB: u64 = 1024 * 1024;
/// Stands for a host of the internet: it is the one address that the egress of these tests allows.
const PUBLIC: &str = "127.0.0.77";
/// For servers that should not be reached, and are waited for by those that may not.
const SHORT: Patience = Patience { silence: Duration::from_millis(300), ..PATIENCE };

/// A server: what it was asked goes into a list, and then a test's own hand has the connection.
struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Site {
    /// Each connection is served by a call of its own, with the head of its request.
    async fn serving<F>(serve: impl Fn(String, TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((PUBLIC, 0)).await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let list = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = head(&mut stream).await else { continue };
                list.lock().unwrap().push(head.clone());
                tokio::spawn(serve(head, stream));
            }
        });
        Self { address, asked, serving }
    }

    /// Says the same to everybody, and closes.
    async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::telling(move |_| answer.to_vec()).await
    }

    /// Says what the head of the request calls for, and closes.
    async fn telling(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::serving(move |head, mut stream| {
            let answer = answer(&head);
            async move {
                // The other side may have left in the middle.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    fn url(&self, path: &str) -> MediaUrl {
        url(&format!("http://{}{path}", self.address))
    }

    /// The request lines so far.
    fn asked(&self) -> Vec<String> {
        let first = |head: &String| head.lines().next().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().iter().map(first).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn url(text: &str) -> MediaUrl {
    text.to_owned().try_into().unwrap()
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", headers.as_bytes(), b"\r\n", body].concat()
}

fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// Names with the addresses they have, one set for each time they are asked; the last stays.
#[derive(Default)]
struct Zone {
    answers: Mutex<HashMap<&'static str, Vec<Vec<IpAddr>>>>,
    asked: Mutex<usize>,
}

impl Zone {
    fn with(self, name: &'static str, answers: &[&[&str]]) -> Self {
        let set = |set: &&[&str]| set.iter().map(|address| address.parse().unwrap()).collect();
        self.answers.lock().unwrap().insert(name, answers.iter().map(set).collect());
        self
    }
}

#[async_trait]
impl Names for Zone {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        *self.asked.lock().unwrap() += 1;
        let mut answers = self.answers.lock().unwrap();
        let sets = answers.get_mut(name).ok_or_else(|| io::Error::other("no such name"))?;
        Ok(if sets.len() > 1 { sets.remove(0) } else { sets[0].clone() })
    }
}

/// A fetcher with a folder for what it fetches.
struct Ground {
    fetcher: Fetcher,
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        Self::with(PUBLIC, Zone::default().into(), PATIENCE)
    }

    fn with(allowed: &str, zone: Arc<Zone>, patience: Patience) -> Self {
        let egress: Egress = allowed.parse().unwrap();
        let fetcher = Fetcher::with(egress, zone, trust::tls(), patience).unwrap();
        Self { fetcher, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("fetched")
    }

    /// Fetches at most `limit` bytes; a failure leaves nothing.
    async fn fetch(&self, url: &MediaUrl, limit: u64) -> Result<Fetched, Fault> {
        let fetched = self.fetcher.fetch(url, limit, &self.file()).await;
        assert_eq!(self.file().exists(), fetched.is_ok(), "{fetched:?}");
        fetched
    }

    async fn fault(&self, url: &MediaUrl) -> Fault {
        self.fetch(url, MB).await.expect_err(url.as_str())
    }
}

/// Whether the same may succeed later, and why it failed; only for downloads that failed.
fn failed(fault: Fault) -> (bool, String) {
    match fault {
        Fault::DownloadFailed { why, again, .. } => (again, why),
        other => panic!("{other:?}"),
    }
}
