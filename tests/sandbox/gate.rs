//! Proxies, real ones of both kinds, in front of a network whose name only they know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// The network behind them; nobody else resolves this name.
pub(crate) const URL: &str = "ws://network.invalid:9080/ws/chat";

/// A proxy for one user, and how many connections it has let through.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    knocks: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
}

impl Gate {
    /// Whoever it lets through talks to `network`, under the one name that it knows.
    pub(crate) async fn open(network: SocketAddr, kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, passed) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let (knocks, through) = (Arc::<AtomicUsize>::default(), Arc::clone(&passed));
        let knocking = Arc::clone(&knocks);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                knocking.fetch_add(1, Ordering::Relaxed);
                let through = Arc::clone(&through);
                tokio::spawn(async move {
                    let lets_through = match kind {
                        Kind::Socks5 => socks5(&mut stream).await,
                        Kind::Connect => connect(&mut stream).await,
                        // Takes the connection, and never says a word.
                        Kind::Silent => std::future::pending().await,
                    };
                    if lets_through {
                        through.fetch_add(1, Ordering::Relaxed);
                        let mut network = TcpStream::connect(network).await.unwrap();
                        let _ = copy_bidirectional(&mut stream, &mut network).await;
                    }
                });
            }
        });
        Self { address, knocks, passed }
    }

    /// The user, the password and the address, as a URL has them.
    pub(crate) fn login(&self) -> String {
        format!("me:p%40ss%3Aword@{}", self.address)
    }

    /// How many have come, whatever became of them.
    #[allow(dead_code, reason = "the link's own tests ask who passed")]
    pub(crate) fn knocks(&self) -> usize {
        self.knocks.load(Ordering::Relaxed)
    }

    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Socks5,
    Connect,
    Silent,
}

async fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn counted(stream: &mut TcpStream) -> Vec<u8> {
    let [length] = read(stream).await;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// RFC 1928 and RFC 1929, as far as one user and one place go.
async fn socks5(stream: &mut TcpStream) -> bool {
    assert_eq!(read(stream).await, [5]);
    if !counted(stream).await.contains(&2) {
        stream.write_all(&[5, 0xff]).await.unwrap();
        return false;
    }
    stream.write_all(&[5, 2]).await.unwrap();
    assert_eq!(read(stream).await, [1]);
    let login = (counted(stream).await, counted(stream).await);
    let known = login == (b"me".to_vec(), b"p@ss:word".to_vec());
    stream.write_all(&[1, u8::from(!known)]).await.unwrap();
    if !known {
        return false;
    }
    assert_eq!(read(stream).await, [5, 1, 0, 3], "connect, by name");
    let place = (counted(stream).await, u16::from_be_bytes(read(stream).await));
    let known = place == (b"network.invalid".to_vec(), 9080);
    stream.write_all(&[5, if known { 0 } else { 4 }, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    known
}

async fn connect(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read::<1>(stream).await);
    }
    let head = String::from_utf8(head).unwrap();
    let login = format!("\r\nProxy-Authorization: Basic {}\r\n", BASE64_STANDARD.encode("me:p@ss:word"));
    let answer = match (head.contains(&login), head.starts_with("CONNECT network.invalid:9080 HTTP/1.1\r\n")) {
        (false, _) => "407 Proxy Authentication Required",
        (true, false) => "502 Bad Gateway",
        (true, true) => "200 Connection established",
    };
    stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
    answer.starts_with("200")
}
