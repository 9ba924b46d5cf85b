//! The accept loop: bounded connections, time limits, an id for every request, and an end that waits only so long.

mod unread;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;
use tracing::field::Empty;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use warp::http::{HeaderMap, HeaderValue, Request, Version};

use super::reply::{self, Response};
use crate::actors::System;
use crate::clock::{Clock, instant};
use crate::domain::error::Refusal;
use crate::domain::request::{RequestId, TraceParent};
use crate::telemetry::traces;
use unread::Explained;

const CONNECTIONS: usize = 8192;
/// How long a request's head may take, and with it how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// The first byte of a TLS connection; no HTTP request begins with it.
const TLS_HANDSHAKE: [u8; 1] = [0x16];
/// When an idle connection is asked whether its other end is there, and how soon again if nothing answers.
const ALIVE: Duration = Duration::from_mins(1);
const ALIVE_AGAIN: Duration = Duration::from_secs(15);
const HEAD_BYTES: usize = 64 * 1024;
/// How long requests that were begun may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Begins the end: whoever holds a `Stopping` hears of it. Dropping this is the same as stopping.
pub struct Stop(watch::Sender<bool>);

#[derive(Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stop {
    pub fn new() -> (Self, Stopping) {
        let (tell, told) = watch::channel(false);
        (Self(tell), Stopping(told))
    }

    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    pub fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut told = self.0.clone();
        async move {
            let _ = told.wait_for(|begun| *begun).await;
        }
    }
}

/// The caller's own id, or a new one.
fn request_id(headers: &HeaderMap, clock: &Clock) -> RequestId {
    let given = headers.get(RequestId::HEADER).and_then(|id| id.to_str().ok()?.parse().ok());
    given.unwrap_or_else(|| new_request_id(clock))
}

fn new_request_id(clock: &Clock) -> RequestId {
    clock.id().to_string().parse().unwrap_or_else(|_| RequestId::none())
}

/// What the connection knows of a request.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) id: RequestId,
    pub(super) peer: Option<SocketAddr>,
    /// It came as HTTP/1.0: no browser or tool of today speaks that, but a proxy with nothing set does, and names neither itself nor
    /// whom it asks for (nginx, `proxy_http_version`).
    pub(super) is_old: bool,
}

impl Default for Arrival {
    fn default() -> Self {
        Self { id: RequestId::none(), peer: None, is_old: false }
    }
}

/// The template of the route that answered, as an extension of its answer.
#[derive(Clone, Debug)]
pub(super) struct Route(pub(super) Arc<str>);

/// Serves until `stopping` begins, then lets what was begun end, but not for long. The answers are counted where a system counts.
pub async fn serve(
    listener: TcpListener,
    routes: BoxedFilter<(Response,)>,
    system: Option<System>,
    clock: Clock,
    stopping: Stopping,
) {
    accept(listener, Entry { routes, system, clock, tls: None }, stopping).await;
}

/// The same, with TLS on the same port for whoever begins with it.
pub async fn serve_tls_too(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    routes: BoxedFilter<(Response,)>,
    clock: Clock,
    stopping: Stopping,
) {
    accept(listener, Entry { routes, system: None, clock, tls: Some(tls.into()) }, stopping).await;
}

async fn accept(listener: TcpListener, entry: Entry, stopping: Stopping) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let entry = Arc::new(entry);
    let accepting = async {
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, Arc::clone(&entry), stopping.clone());
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file handles, most likely: some connection has to close first.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stopping.begun() => {}
    }
    drop(listener);
    // All places are free again when the last connection has closed; each of them gives up after DRAIN.
    let _ = places.acquire_many(u32::try_from(CONNECTIONS).unwrap_or(u32::MAX)).await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, entry: Arc<Entry>, stopping: Stopping) {
    // Small answers must not wait for more of them.
    let _ = stream.set_nodelay(true);
    // Whoever vanished without a word, with its machine say, is found out.
    let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(ALIVE).with_interval(ALIVE_AGAIN));
    let Some(tls) = &entry.tls else { return talk(stream, peer, entry, stopping).await };
    let opened = async {
        let mut first = [0];
        match stream.peek(&mut first).await? {
            1 if first == TLS_HANDSHAKE => tls.accept(stream).await.map(Either::Right),
            _ => Ok(Either::Left(stream)),
        }
    };
    let opened = tokio::select! {
        opened = timeout(HEAD, opened) => opened,
        () = stopping.begun() => return,
    };
    match opened {
        Ok(Ok(Either::Left(plain))) => talk(plain, peer, entry, stopping).await,
        Ok(Ok(Either::Right(secure))) => Box::pin(talk(secure, peer, entry, stopping)).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended before its first request"),
        Err(_) => tracing::debug!("a connection said nothing"),
    }
}

async fn talk<S>(stream: S, peer: SocketAddr, entry: Arc<Entry>, stopping: Stopping)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = Explained::new(stream, entry.clock.clone());
    let service = service_fn(move |request| {
        let entry = Arc::clone(&entry);
        async move { Ok::<_, Infallible>(entry.answer(request, peer).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        ended = connection.as_mut() => return log_end(ended),
        () = stopping.begun() => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(DRAIN, connection).await {
        log_end(ended);
    } else {
        tracing::warn!("a request did not end in time and was cut off");
    }
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

struct Entry {
    routes: BoxedFilter<(Response,)>,
    system: Option<System>,
    clock: Clock,
    tls: Option<TlsAcceptor>,
}

impl Entry {
    async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response {
        let id = request_id(request.headers(), &self.clock);
        let began = instant();
        let (method, path) = (request.method().clone(), loggable(request.uri().path()));
        let is_old = request.version() < Version::HTTP_11;
        request.extensions_mut().insert(Arrival { id: id.clone(), peer: Some(peer), is_old });
        let (kind, request_id) = ("server", id.as_str());
        let span = tracing::info_span!(
            "request",
            otel.kind = kind,
            request = request_id,
            %method,
            route = Empty,
            status = Empty
        );
        let given = request.headers().get(TraceParent::HEADER).and_then(|place| place.to_str().ok()?.parse().ok());
        traces::under(&span, given.as_ref());
        let mut response = self.handle(request, &id).instrument(span.clone()).await;
        dress(&mut response, &id);
        let (status, took) = (response.status().as_u16(), began.elapsed());
        let route = response.extensions_mut().remove::<Route>();
        let route = route.map_or_else(|| Arc::from("other"), |Route(route)| route);
        span.record("route", &*route).record("status", status);
        if let Some(system) = &self.system {
            system.counts().answered(method.as_str(), &route, status, took);
        }
        tracing::debug!(parent: &span, %method, path, status, ?took, "a request was answered");
        response
    }

    async fn handle(&self, request: Request<Incoming>, id: &RequestId) -> Response {
        if request.uri().path_and_query().is_none() {
            // CONNECT, which names a host and no path; warp panics without one.
            return reply::refused(&Refusal::not_found(), id);
        }
        let routes = TowerToHyperService::new(warp::service(self.routes.clone()));
        let handling = async { routes.call(request).await };
        match AssertUnwindSafe(handling).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a handler panicked");
                reply::refused(&Refusal::internal(), id)
            }
        }
    }
}

/// What every answer carries.
fn dress(response: &mut Response, id: &RequestId) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(RequestId::HEADER, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The path without phone numbers, which are personal data: a segment that is mostly digits, and no UUID, is blanked.
fn loggable(path: &str) -> String {
    let shown = |segment: &str| {
        let digits = segment.bytes().filter(u8::is_ascii_digit).count();
        if digits >= 6 && uuid::Uuid::parse_str(segment).is_err() { "…".to_owned() } else { segment.to_owned() }
    };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
