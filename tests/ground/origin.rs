//! A web server of somebody else's: what media URLs of tests lead to. It counts who comes, and answers as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What one path answers.
#[derive(Clone)]
pub enum Page {
    /// These bytes, announced with this type, which may lie.
    Bytes(&'static str, Arc<Vec<u8>>),
    /// A status, and a header line of it.
    Status(u16, &'static str),
    /// So many bytes after these, with no length announced.
    Long(Arc<Vec<u8>>, u64),
    /// A byte now and then, for as long as somebody listens: slow, and never silent.
    Drip,
    /// The bytes, once the gate is open.
    Held(Gate, Arc<Vec<u8>>),
    /// Half of what was announced, then the end.
    CutOff(Arc<Vec<u8>>),
    /// The first answers, one each time; then the last of them.
    InTurn(Vec<Page>),
}

/// Keeps an answer back until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn shut() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

#[derive(Default)]
struct Book {
    pages: HashMap<String, Page>,
    visits: HashMap<String, usize>,
}

pub struct Origin {
    address: std::net::SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Origin {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::<Mutex<Book>>::default();
        let shared = Arc::clone(&book);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, book }
    }

    /// Puts a page at a path, and says its URL.
    pub fn put(&self, path: &str, page: Page) -> String {
        self.book.lock().unwrap().pages.insert(path.to_owned(), page);
        format!("http://{}{path}", self.address)
    }

    pub fn bytes(&self, path: &str, kind: &'static str, bytes: Vec<u8>) -> String {
        self.put(path, Page::Bytes(kind, Arc::new(bytes)))
    }

    /// How often a path was asked for.
    pub fn visits(&self, path: &str) -> usize {
        self.book.lock().unwrap().visits.get(path).copied().unwrap_or(0)
    }
}

async fn serve(mut stream: TcpStream, book: Arc<Mutex<Book>>) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut byte).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&byte[..read]);
    }
    let line = String::from_utf8_lossy(&head);
    let path = line.split(' ').nth(1)?.split('?').next()?.to_owned();
    let page = {
        let mut book = book.lock().unwrap();
        let visit = book.visits.entry(path.clone()).or_default();
        *visit += 1;
        let visit = *visit;
        match book.pages.get(&path) {
            Some(Page::InTurn(pages)) => pages.get(visit - 1).or(pages.last()).cloned(),
            page => page.cloned(),
        }
    };
    answer(&mut stream, page.unwrap_or(Page::Status(404, ""))).await;
    let _ = stream.shutdown().await;
    Some(())
}

/// Whoever asked may leave at any time, so nothing here minds a write that fails.
async fn answer(stream: &mut TcpStream, page: Page) {
    let head = |kind: &str, length: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    match page {
        Page::Bytes(kind, bytes) => {
            let _ = stream.write_all(head(kind, bytes.len()).as_bytes()).await;
            let _ = stream.write_all(&bytes).await;
        }
        Page::Drip => {
            let _ = stream.write_all(head("audio/ogg", 10_000_000).as_bytes()).await;
            let mut pause = tokio::time::interval(Duration::from_millis(200));
            while stream.write_all(b"OggS").await.is_ok() {
                pause.tick().await;
            }
        }
        Page::Held(gate, bytes) => {
            gate.passed().await;
            let _ = stream.write_all(head("application/octet-stream", bytes.len()).as_bytes()).await;
            let _ = stream.write_all(&bytes).await;
        }
        Page::CutOff(bytes) => {
            let _ = stream.write_all(head("application/octet-stream", bytes.len()).as_bytes()).await;
            let _ = stream.write_all(&bytes[..bytes.len() / 2]).await;
        }
        Page::Status(status, line) => {
            let line = if line.is_empty() { String::new() } else { format!("{line}\r\n") };
            let head = format!("HTTP/1.1 {status} So\r\n{line}Content-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
        }
        Page::Long(first, mut more) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
            let _ = stream.write_all(&first).await;
            let block = vec![0_u8; 64 * 1024];
            while more > 0 && stream.write_all(&block).await.is_ok() {
                more = more.saturating_sub(block.len() as u64);
            }
        }
        Page::InTurn(_) => {}
    }
}
