//! A gate before a simulated network: it counts the companions that come, and can keep them waiting outside.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use wamux::clock::instant;

/// How a companion's connection begins; whatever else comes is let through.
const COMPANION: &[u8] = b"GET /ws/chat";

/// Who has come so far.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// When each came.
    pub arrivals: Vec<Instant>,
    /// Waiting outside now, and at the most.
    pub waiting: usize,
    pub most_waiting: usize,
    /// Connected now, waiting or inside, and at the most.
    pub connected: usize,
    pub most_connected: usize,
}

#[derive(Clone)]
pub struct Gate {
    pub address: SocketAddr,
    /// Those who may go in.
    places: Arc<Semaphore>,
    seen: Arc<Mutex<Seen>>,
}

impl Gate {
    /// Open to everybody, before the network at this address.
    pub async fn before(network: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let places = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let gate = Self { address: listener.local_addr().unwrap(), places, seen: Arc::default() };
        let (to, own) = (network.to_owned(), gate.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (gate, to) = (own.clone(), to.clone());
                tokio::spawn(async move { gate.pass(stream, &to).await });
            }
        });
        gate
    }

    /// What to give to a server as `WAMUX_SANDBOX_URL`.
    pub fn url(&self) -> String {
        format!("ws://{}/ws/chat", self.address)
    }

    /// From now on nobody goes in who is not let in.
    pub fn close(&self) {
        self.places.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn let_in(&self, companions: usize) {
        self.places.add_permits(companions);
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Forgets who came, but not who is there.
    pub fn forget(&self) {
        let mut seen = self.seen.lock().unwrap();
        seen.arrivals.clear();
        (seen.most_waiting, seen.most_connected) = (seen.waiting, seen.connected);
    }

    async fn pass(&self, mut stream: TcpStream, to: &str) {
        let mut first = vec![0; COMPANION.len()];
        if stream.read_exact(&mut first).await.is_err() {
            return;
        }
        let companion = first == COMPANION;
        if companion {
            self.note(|seen| {
                seen.arrivals.push(instant());
                seen.waiting += 1;
                seen.connected += 1;
                seen.most_waiting = seen.most_waiting.max(seen.waiting);
                seen.most_connected = seen.most_connected.max(seen.connected);
            });
            self.places.acquire().await.unwrap().forget();
            self.note(|seen| seen.waiting -= 1);
        }
        if let Ok(mut inside) = TcpStream::connect(to).await
            && inside.write_all(&first).await.is_ok()
        {
            let _ = copy_bidirectional(&mut stream, &mut inside).await;
        }
        if companion {
            self.note(|seen| seen.connected -= 1);
        }
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
    }
}
