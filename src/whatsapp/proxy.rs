//! Through a session's proxy: the address is chosen and judged here, the tunnel through it is hyper-util's.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tower_service::Service;

use crate::domain::egress::{Egress, Forbidden};
use crate::domain::proxy::{Login, Proxy, Scheme};

/// How many addresses of one name are tried.
const ADDRESSES_MAX: usize = 4;

#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("the proxy's name {0} does not resolve: {1}")]
    Name(String, io::Error),
    #[error("the proxy's name {0} has no address")]
    NoAddress(String),
    #[error("the proxy's address {0}")]
    Forbidden(#[from] Forbidden),
    #[error(
        "the proxy's name {0} leads to what is not a public address, and this server's operator has not allowed it"
    )]
    ForbiddenName(String),
    #[error("the proxy at {0} does not answer: {1}")]
    Connect(String, io::Error),
    #[error("the proxy at {0} refused: {1}")]
    Refused(String, String),
    #[error("the proxy's user or password cannot be written in a request")]
    Login,
    #[error("no proxy can be asked for {0}")]
    Target(#[from] hyper::http::uri::InvalidUri),
}

/// A connection to `host` as the proxy sees it: it resolves the name. The caller bounds the time this takes.
pub(super) async fn through(proxy: &Proxy, egress: &Egress, host: &str, port: u16) -> Result<TcpStream, ProxyError> {
    let stream = connect(proxy, egress).await?;
    let (stream, target) = (Dialled(Some(TokioIo::new(stream))), format!("https://{host}:{port}").parse::<Uri>()?);
    // The tunnels ask their connector for this place, and ours is there already.
    let there = Uri::from_static("http://proxy");
    let refused = |why: String| ProxyError::Refused(place(proxy), why);
    let stream = match (proxy.scheme, &proxy.login) {
        (Scheme::Socks5, login) => {
            let mut tunnel = SocksV5::new(there, stream);
            if let Some(Login { user, password }) = login {
                tunnel = tunnel.with_auth(user.clone(), password.clone());
            }
            tunnel.call(target).await.map_err(|error| refused(error.to_string()))?
        }
        (Scheme::Http, login) => {
            let mut tunnel = Tunnel::new(there, stream);
            if let Some(login) = login {
                tunnel = tunnel.with_auth(basic(login)?);
            }
            tunnel.call(target).await.map_err(|error| refused(error.to_string()))?
        }
    };
    Ok(stream.into_inner())
}

/// Dials the proxy. Each address is judged as it is dialled: what a name meant a moment ago proves nothing.
/// What a name means in the operator's network is not its tenants' to know: the address goes to the log alone.
async fn connect(proxy: &Proxy, egress: &Egress) -> Result<TcpStream, ProxyError> {
    let addresses: Vec<SocketAddr> = match proxy.address() {
        Some(address) => vec![(address, proxy.port).into()],
        None => match lookup_host((proxy.host(), proxy.port)).await {
            Ok(found) => found.take(ADDRESSES_MAX).collect(),
            Err(error) => return Err(ProxyError::Name(proxy.host(), error)),
        },
    };
    let mut failed = ProxyError::NoAddress(proxy.host());
    for address in addresses {
        if let Err(forbidden) = egress.check(address.ip()) {
            tracing::warn!(host = place(proxy), address = %address.ip(), "a tenant's proxy is not where it may be");
            failed = proxy.address().map_or_else(|| ProxyError::ForbiddenName(proxy.host()), |_| forbidden.into());
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = ProxyError::Connect(place(proxy), error),
        }
    }
    Err(failed)
}

/// Where the URL says it is.
fn place(proxy: &Proxy) -> String {
    match proxy.address() {
        Some(address) => SocketAddr::from((address, proxy.port)).to_string(),
        None => format!("{}:{}", proxy.host(), proxy.port),
    }
}

fn basic(login: &Login) -> Result<HeaderValue, ProxyError> {
    let login = BASE64_STANDARD.encode(format!("{}:{}", login.user, login.password));
    HeaderValue::try_from(format!("Basic {login}")).map_err(|_| ProxyError::Login)
}

/// Hands over a connection that is there already.
struct Dialled(Option<TokioIo<TcpStream>>);

impl Service<Uri> for Dialled {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
