//! A way to PostgreSQL that can be stopped up: nothing passes, and nobody is told so, as when a host vanishes or a firewall forgets.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    stopped: bool,
    /// Counts the resets, each of which ends the connections of before.
    era: u64,
}

pub struct Tunnel {
    pub addr: SocketAddr,
    state: watch::Sender<State>,
}

impl Tunnel {
    pub async fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (state, at) = watch::channel(State { stopped: false, era: 0 });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) =
                    (tokio::io::split(client), tokio::io::split(server));
                tokio::spawn(pass(from_client, to_server, at.clone()));
                tokio::spawn(pass(from_server, to_client, at.clone()));
            }
        });
        Self { addr, state }
    }

    /// From now on nothing passes. New connections are taken, and nothing passes there either.
    pub fn stop_up(&self) {
        self.state.send_modify(|state| state.stopped = true);
    }

    /// What was on its way goes on.
    pub fn open(&self) {
        self.state.send_modify(|state| state.stopped = false);
    }

    /// The same, but the connections of before are at an end.
    pub fn reset(&self) {
        self.state.send_modify(|state| *state = State { stopped: false, era: state.era + 1 });
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut at: watch::Receiver<State>) {
    let era = at.borrow().era;
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(count) = from.read(&mut bytes).await else { return };
        let passes = at.wait_for(|state| !state.stopped || state.era != era).await;
        if !passes.is_ok_and(|state| state.era == era) {
            return;
        }
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}
