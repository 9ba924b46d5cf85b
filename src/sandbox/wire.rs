//! One socket: WebSocket, frames, and after the handshake encrypted stanzas. Everything here is bounded.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::header::HeaderName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_websockets::{Config, Limits, Message, ServerBuilder, WebSocketStream};
use whatsapp_rust::bytes::{Buf, BytesMut};
use whatsapp_rust::wacore::framing::encode_frame;
use whatsapp_rust::wacore::handshake::NoiseCipher;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::consts::WA_CONN_HEADER;
use whatsapp_rust::wacore_binary::marshal::{marshal, unmarshal_ref};
use whatsapp_rust::wacore_binary::util::unpack_bytes;

use super::noise::{self, Answered, Caller, Greeting};
use super::root::Certificate;
use super::{SandboxError, stanza};
use crate::domain::elsewhere::{Fingerprint, NETWORK};

/// The longest frame from a client. An upload of 812 pre-keys takes 40 kB.
const FRAME: usize = 1024 * 1024;
/// Where clients connect, and the beginning of longer paths that mean the same.
pub const CHAT: &str = "/ws/chat";
/// Routing data that a client may send before the header.
const PRE_INTRO: usize = 4096;
/// A client that does not take what it is sent is gone.
const SEND: Duration = Duration::from_secs(30);

/// Anything that carries bytes both ways: a pipe in this process, a TCP socket, TLS on one.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A socket before its handshake.
pub(crate) struct RawWire {
    socket: WebSocketStream<Box<dyn Stream>>,
    buffer: BytesMut,
    opened: bool,
    /// How the client named this network, if it came over TCP.
    host: Option<Box<str>>,
}

/// A socket that carries stanzas.
pub(crate) struct Wire {
    raw: RawWire,
    inbound: NoiseCipher,
    outbound: NoiseCipher,
    received: u32,
    sent: u32,
}

fn builder() -> ServerBuilder {
    ServerBuilder::new()
        .config(Config::default().frame_size(FRAME).flush_threshold(4096))
        .limits(Limits::default().max_payload_len(Some(FRAME)))
}

impl RawWire {
    /// Answers the WebSocket upgrade of `GET /ws/chat`; clients append queries to it.
    pub(crate) async fn accept(stream: Box<dyn Stream>, certificate: &Certificate) -> Result<Self, SandboxError> {
        let network = Fingerprint(certificate.root).to_string().parse().map_err(SandboxError::wire)?;
        let said = builder().add_header(HeaderName::from_static(NETWORK), network).map_err(SandboxError::wire)?;
        let (request, socket) = said.accept(stream).await.map_err(SandboxError::wire)?;
        if !request.uri().path().starts_with(CHAT) {
            return Err(SandboxError::Wire("not /ws/chat"));
        }
        Ok(Self::on(socket))
    }

    /// Goes on where somebody else has answered the upgrade.
    pub(crate) fn upgraded(stream: Box<dyn Stream>, host: Option<Box<str>>) -> Self {
        Self { host, ..Self::on(builder().serve(stream)) }
    }

    fn on(socket: WebSocketStream<Box<dyn Stream>>) -> Self {
        Self { socket, buffer: BytesMut::new(), opened: false, host: None }
    }

    /// Shakes hands; both sides speak encrypted after it.
    pub(crate) async fn shake(mut self, certificate: &Certificate) -> Result<(Wire, Caller), SandboxError> {
        let hello = self.frame().await?.ok_or(SandboxError::Wire("gone before hello"))?;
        let greeting = match noise::answer(&hello, certificate)? {
            Answered::Done(greeting, reply) => {
                self.put(&reply).await?;
                *greeting
            }
            Answered::Waiting(waiting, reply) => {
                self.put(&reply).await?;
                let finish = self.frame().await?.ok_or(SandboxError::Wire("gone before finish"))?;
                waiting.finish(&finish)?
            }
        };
        let Greeting { caller, inbound, outbound } = greeting;
        Ok((Wire { raw: self, inbound, outbound, received: 0, sent: 0 }, caller))
    }

    /// The next frame; `None` when the client has closed. May be dropped while waiting: nothing is lost.
    async fn frame(&mut self) -> Result<Option<BytesMut>, SandboxError> {
        loop {
            if let Some(frame) = self.split()? {
                return Ok(Some(frame));
            }
            let Some(message) = self.socket.next().await else { return Ok(None) };
            let message = message.map_err(SandboxError::wire)?;
            if message.is_close() {
                return Ok(None);
            }
            if message.is_binary() {
                self.buffer.extend_from_slice(message.as_payload());
            }
        }
    }

    /// Waits until the client has gone. What it says before is kept, up to a limit past which nothing is read any more.
    async fn ended(&mut self) {
        while self.buffer.len() < FRAME {
            match self.socket.next().await {
                Some(Ok(message)) if message.is_binary() => self.buffer.extend_from_slice(message.as_payload()),
                Some(Ok(message)) if !message.is_close() => {}
                _ => return,
            }
        }
        std::future::pending::<()>().await;
    }

    /// A whole frame from what has come: three bytes of length, big end first (`wacore-noise/framing.rs`).
    fn split(&mut self) -> Result<Option<BytesMut>, SandboxError> {
        if !self.opened && !self.header()? {
            return Ok(None);
        }
        let Some(prefix) = self.buffer.first_chunk::<3>() else { return Ok(None) };
        let length = usize::from(prefix[0]) << 16 | usize::from(prefix[1]) << 8 | usize::from(prefix[2]);
        if length > FRAME {
            return Err(SandboxError::Wire("a frame is too long"));
        }
        if self.buffer.len() < length + 3 {
            return Ok(None);
        }
        self.buffer.advance(3);
        let frame = self.buffer.split_to(length);
        // An idle connection keeps no buffer.
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok(Some(frame))
    }

    /// What comes once, before the first frame: optional routing data (`wacore-noise/edge_routing.rs`), then the header.
    fn header(&mut self) -> Result<bool, SandboxError> {
        if self.buffer.starts_with(b"ED") {
            let Some(intro) = self.buffer.first_chunk::<7>() else { return Ok(false) };
            let length = usize::from(intro[4]) << 16 | usize::from(intro[5]) << 8 | usize::from(intro[6]);
            if length > PRE_INTRO {
                return Err(SandboxError::Wire("routing data are too long"));
            }
            if self.buffer.len() < 7 + length {
                return Ok(false);
            }
            self.buffer.advance(7 + length);
        }
        if self.buffer.len() < WA_CONN_HEADER.len() {
            return Ok(false);
        }
        if !self.buffer.starts_with(&WA_CONN_HEADER) {
            return Err(SandboxError::Wire("not the header of this protocol"));
        }
        self.buffer.advance(WA_CONN_HEADER.len());
        self.opened = true;
        Ok(true)
    }

    async fn put(&mut self, payload: &[u8]) -> Result<(), SandboxError> {
        let frame = encode_frame(payload, None).map_err(SandboxError::wire)?;
        let send = self.socket.send(Message::binary(whatsapp_rust::bytes::Bytes::from(frame)));
        timeout(SEND, send).await.map_err(SandboxError::wire)?.map_err(SandboxError::wire)
    }
}

impl Wire {
    /// How the client named this network, if it came over TCP.
    pub(crate) fn host(&self) -> Option<&str> {
        self.raw.host.as_deref()
    }

    /// The next stanza; `None` when the client has closed. May be dropped while waiting.
    pub(crate) async fn receive(&mut self) -> Result<Option<Node>, SandboxError> {
        let Some(mut frame) = self.raw.frame().await? else { return Ok(None) };
        self.inbound.decrypt_in_place_with_counter(self.received, &mut frame).map_err(SandboxError::wire)?;
        self.received = self.received.checked_add(1).ok_or(SandboxError::Wire("a connection has its end"))?;
        let plain = unpack_bytes(frame).map_err(SandboxError::wire)?;
        if plain.len() > FRAME {
            return Err(SandboxError::Wire("a stanza is too long"));
        }
        let node = unmarshal_ref(&plain).map_err(SandboxError::wire)?.to_owned();
        tracing::trace!(stanza = %stanza::brief(&node), "from client");
        Ok(Some(node))
    }

    /// Waits until the client has gone, without listening to it.
    pub(crate) async fn ended(&mut self) {
        self.raw.ended().await;
    }

    pub(crate) async fn send(&mut self, node: &Node) -> Result<(), SandboxError> {
        tracing::trace!(stanza = %stanza::brief(node), "to client");
        let plain = marshal(node).map_err(SandboxError::wire)?;
        self.send_marshalled(plain).await
    }

    /// Sends a stanza in the form the ledger keeps it.
    pub(crate) async fn send_marshalled(&mut self, mut plain: Vec<u8>) -> Result<(), SandboxError> {
        self.outbound.encrypt_in_place_with_counter(self.sent, &mut plain).map_err(SandboxError::wire)?;
        self.sent = self.sent.checked_add(1).ok_or(SandboxError::Wire("a connection has its end"))?;
        self.raw.put(&plain).await
    }

    pub(crate) async fn close(mut self) {
        let _ = timeout(SEND, self.raw.socket.close()).await;
    }
}
