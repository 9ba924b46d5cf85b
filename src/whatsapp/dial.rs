//! Opening connections: to WhatsApp over the internet, or to a simulated network, in this process or elsewhere; one per run of a link.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use hyper::Uri;
use hyper::header::{HeaderValue, ORIGIN};
use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio_websockets::ClientBuilder;
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::transport::{
    Connector, Transport, TransportEvent, TransportFactory, default_tls_connector, from_websocket,
};
use whatsapp_rust::wacore::net::{WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL};

use super::home::{Home, Identity};
use super::link::State;
use super::proxy;
use super::signal::Ears;
use crate::domain::egress::Egress;
use crate::domain::elsewhere::SandboxUrl;
use crate::domain::proxy::Proxy;
use crate::domain::session::life::{End, Loss};

/// Opens a byte stream to a network in this process.
pub type Dial = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// Where the upgrade request to it says it goes: nobody resolves it.
const SANDBOX_URL: &str = "ws://sandbox/ws/chat";
/// What an attempt may take. The protocol crate would give up after 20 s, and not say why.
const DIAL_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 15 });

/// When the kernel begins to ask a silent network whether it is there, and how often.
const SILENT_FOR: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_secs(10);
/// How long what was written may go unacknowledged before the connection counts as dead.
#[cfg(target_os = "linux")]
const UNHEARD_FOR: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) enum Network {
    /// In this process. There is nothing to go through a proxy to, so a session's proxy is not used.
    Sandbox(Dial),
    SandboxAt(Arc<Remote>),
    WhatsApp(Arc<Remote>),
}

impl Network {
    /// One TLS configuration serves all sessions: its roots are parsed once.
    pub(super) fn whatsapp() -> Self {
        let origin = Some(HeaderValue::from_static(WHATSAPP_WEB_ORIGIN));
        let (url, connector) = (WHATSAPP_WEB_WS_URL.to_owned(), default_tls_connector());
        Self::WhatsApp(Arc::new(Remote { url, origin, connector }))
    }

    pub(super) fn sandbox_at(url: &SandboxUrl, tls: ClientConfig) -> Self {
        let connector = if url.is_secure() { Connector::Rustls(Arc::new(tls).into()) } else { Connector::Plain };
        Self::SandboxAt(Arc::new(Remote { url: url.chat().to_owned(), origin: None, connector }))
    }
}

/// A network behind a TCP port.
pub(super) struct Remote {
    url: String,
    origin: Option<HeaderValue>,
    connector: Connector,
}

impl Remote {
    async fn dial(&self, way: &Way) -> anyhow::Result<Opened> {
        let url: Uri = self.url.parse()?;
        let host = url.host().unwrap_or_default();
        let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("wss") { 443 } else { 80 });
        let plain_host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = match &way.proxy {
            Some(proxy) => proxy::through(proxy, &way.egress, host, port).await?,
            None => TcpStream::connect((plain_host, port)).await?,
        };
        steady(&stream)?;
        let stream = self.connector.wrap(plain_host, stream).await?;
        let mut upgrade = ClientBuilder::from_uri(url.clone());
        if let Some(origin) = &self.origin {
            upgrade = upgrade.add_header(ORIGIN, origin.clone())?;
        }
        let (socket, answer) = upgrade.connect_on(stream).await?;
        Ok(Opened { connection: from_websocket(socket), network: Identity::said(answer.headers()) })
    }
}

/// Makes a connection quick to write and quick to notice that nobody is there any more.
fn steady(stream: &TcpStream) -> std::io::Result<()> {
    // A stanza is a write of its own, and what answers it waits for it.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(SILENT_FOR).with_interval(PROBE_EVERY);
    socket.set_tcp_keepalive(&probes)?;
    // Without this a write into a black hole ends after a quarter of an hour, and holds up the end of its run so long.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNHEARD_FOR))?;
    Ok(())
}

/// The way of one session's connections: through its proxy if it has one, as far as the operator lets it.
#[derive(Clone, Default)]
pub(super) struct Way {
    pub(super) proxy: Option<Arc<Proxy>>,
    pub(super) egress: Arc<Egress>,
}

type Connection = (Arc<dyn Transport>, Receiver<TransportEvent>);

/// A connection, and which network it leads to, if that is known.
struct Opened {
    connection: Connection,
    network: Option<Identity>,
}

/// The protocol crate's way to a connection. The crate reports no failed attempt, so their reason is kept here.
pub(super) struct Dialler {
    network: Network,
    way: Way,
    state: Arc<State>,
    ears: Arc<Ears>,
    home: Home,
}

impl Dialler {
    pub(super) fn new(network: Network, way: Way, state: Arc<State>, ears: Arc<Ears>, home: Home) -> Self {
        Self { network, way, state, ears, home }
    }

    /// What went wrong on the way to the network, and where.
    async fn dial(&self) -> Result<Opened, (Loss, anyhow::Error)> {
        let (loss, dialled) = match &self.network {
            Network::Sandbox(dial) => (Loss::Unreachable, upgrade_here(dial()).await),
            Network::WhatsApp(remote) | Network::SandboxAt(remote) => self.dial_remote(remote).await,
        };
        let mut opened = dialled.map_err(|error| (loss, error))?;
        if matches!(self.network, Network::WhatsApp(_)) {
            opened.network = Some(Identity::whatsapp());
        }
        Ok(opened)
    }

    /// Shows the device to no network that it is not linked on.
    async fn enter(&self, opened: Opened, linked: bool) -> anyhow::Result<Connection> {
        let Opened { connection, network } = opened;
        let at_home = match &network {
            Some(network) => self.home.is(network, linked).await,
            None => Ok(true),
        };
        let error = match at_home {
            Ok(true) => return Ok(connection),
            Ok(false) => {
                self.state.ended(End::OtherNetwork);
                anyhow::anyhow!("the device is linked on another network")
            }
            Err(error) => {
                self.state.because(error.to_string());
                error.into()
            }
        };
        self.ears.stop_reconnecting();
        connection.0.disconnect().await;
        Err(error)
    }

    async fn dial_remote(&self, remote: &Remote) -> (Loss, anyhow::Result<Opened>) {
        let loss = if self.way.proxy.is_some() { Loss::Proxy } else { Loss::Unreachable };
        let late = |_| Err(anyhow::anyhow!("no answer within {} seconds", DIAL_WITHIN.as_secs()));
        let dialled = tokio::time::timeout(DIAL_WITHIN, remote.dial(&self.way)).await.unwrap_or_else(late);
        (loss, dialled.with_context(|| remote.url.clone()))
    }
}

async fn upgrade_here(stream: DuplexStream) -> anyhow::Result<Opened> {
    let builder = ClientBuilder::from_uri(SANDBOX_URL.parse()?);
    let (socket, answer) = builder.connect_on(stream).await?;
    Ok(Opened { connection: from_websocket(socket), network: Identity::said(answer.headers()) })
}

#[async_trait]
impl TransportFactory for Dialler {
    async fn create_transport(&self) -> anyhow::Result<Connection> {
        let linked = self.ears.is_linked();
        if !self.state.may_dial(linked) {
            // The run's connection is spent. The crate would go on by itself; when to try again is our session's decision.
            self.ears.stop_reconnecting();
            anyhow::bail!("this run has had its connection");
        }
        let opened = self.dial().await.map_err(|(loss, error)| {
            self.state.unreachable(loss, format!("{error:#}"));
            self.ears.stop_reconnecting();
            error
        })?;
        self.enter(opened, linked).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_dead_when_nothing_that_is_written_is_heard() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        steady(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap() && stream.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNHEARD_FOR));
    }
}
