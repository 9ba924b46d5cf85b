//! Opening connections: to WhatsApp over the internet, or to a simulated network, in this process or elsewhere; one per run of a link.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_websockets::ClientBuilder;
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::transport::{
    TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory, default_tls_connector, from_websocket,
};

use super::link::State;
use super::signal::Ears;
use crate::domain::elsewhere::SandboxUrl;

/// Opens a byte stream to a network in this process.
pub type Dial = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// Where the upgrade request says it goes: nobody resolves it.
const SANDBOX_URL: &str = "ws://sandbox/ws/chat";

#[derive(Clone)]
pub(super) enum Network {
    Sandbox(Dial),
    SandboxAt(Arc<Elsewhere>),
    WhatsApp(Arc<TokioWebSocketTransportFactory>),
}

/// A simulated network behind a TCP port.
pub(super) struct Elsewhere {
    url: SandboxUrl,
    tls: TlsConnector,
}

impl Elsewhere {
    pub(super) fn new(url: SandboxUrl, tls: ClientConfig) -> Self {
        Self { url, tls: Arc::new(tls).into() }
    }

    async fn dial(&self) -> anyhow::Result<Opened> {
        let stream = TcpStream::connect(self.url.authority()).await?;
        // A stanza is a write of its own, and what answers it waits for it.
        stream.set_nodelay(true)?;
        let upgrade = ClientBuilder::from_uri(self.url.chat().parse()?);
        if self.url.is_secure() {
            let name = ServerName::try_from(self.url.host().to_owned())?;
            let stream = self.tls.connect(name, stream).await?;
            return Ok(from_websocket(upgrade.connect_on(stream).await?.0));
        }
        Ok(from_websocket(upgrade.connect_on(stream).await?.0))
    }
}

impl Network {
    /// One TLS configuration serves all sessions: its roots are parsed once.
    pub(super) fn whatsapp() -> Self {
        Self::WhatsApp(Arc::new(TokioWebSocketTransportFactory::new().with_connector(default_tls_connector())))
    }
}

type Opened = (Arc<dyn Transport>, Receiver<TransportEvent>);

/// The protocol crate's way to a connection. The crate reports no failed attempt, so their reason is kept here.
pub(super) struct Dialler {
    network: Network,
    state: Arc<State>,
    ears: Arc<Ears>,
}

impl Dialler {
    pub(super) fn new(network: Network, state: Arc<State>, ears: Arc<Ears>) -> Self {
        Self { network, state, ears }
    }

    async fn dial(&self) -> anyhow::Result<Opened> {
        match &self.network {
            Network::WhatsApp(factory) => factory.create_transport().await,
            Network::SandboxAt(elsewhere) => elsewhere
                .dial()
                .await
                .with_context(|| format!("the simulated network at {} cannot be reached", elsewhere.url.chat())),
            Network::Sandbox(dial) => {
                let builder = ClientBuilder::from_uri(SANDBOX_URL.parse()?);
                let (socket, _) = builder.connect_on(dial()).await?;
                Ok(from_websocket(socket))
            }
        }
    }
}

#[async_trait]
impl TransportFactory for Dialler {
    async fn create_transport(&self) -> anyhow::Result<Opened> {
        if !self.state.may_dial(self.ears.is_linked()) {
            // The run's connection is spent. The crate would go on by itself; when to try again is our session's decision.
            self.ears.stop_reconnecting();
            anyhow::bail!("this run has had its connection");
        }
        let opened = self.dial().await;
        if let Err(error) = &opened {
            self.state.because(format!("{error:#}"));
            self.ears.stop_reconnecting();
        }
        opened
    }
}
