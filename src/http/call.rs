//! A call: what was asked, by whom, and the way to what answers it.

use std::net::IpAddr;
use std::sync::{Arc, Once};

use futures_util::StreamExt;
use warp::http::header::AUTHORIZATION;
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::{Buf, Filter, Rejection};

use super::Door;
use super::body::{self, Chunks};
use super::fields::Fields;
use super::origin;
use super::pages;
use super::reply::Response;
use super::serve::Arrival;
use crate::actors::{Sending, System};
use crate::domain::access::{Access, ApiKey};
use crate::domain::error::{Code, Refusal};

/// What a handler gives back.
pub(super) type Answered = Result<Response, Refusal>;

/// `D` is what stands behind the door: the server, or the simulated network alone.
pub(super) struct Call<D = Door> {
    pub(super) door: Arc<D>,
    pub(super) arrival: Arrival,
    /// GET where HEAD was asked: the server leaves the body out.
    pub(super) method: Method,
    /// HEAD was asked: whatever would go into the body need not be fetched.
    pub(super) is_head: bool,
    pub(super) path: FullPath,
    pub(super) headers: HeaderMap,
    pub(super) query: Vec<(String, String)>,
    body: Chunks,
}

/// Makes a call of any request. Nothing is judged here, so it rejects nothing.
pub(super) fn called<D: Send + Sync + 'static>(
    door: &Arc<D>,
) -> impl Filter<Extract = (Call<D>,), Error = Rejection> + Clone + use<D> {
    let door = Arc::clone(door);
    let door = warp::any().map(move || Arc::clone(&door));
    let body = warp::body::stream().map(|chunks| -> Chunks { Box::pin(StreamExt::map(chunks, plain)) });
    door.and(warp::ext::optional::<Arrival>())
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and(warp::query::<Vec<(String, String)>>())
        .and(body)
        .map(|door, arrival: Option<Arrival>, method, path, headers, query, body| {
            let is_head = method == Method::HEAD;
            let method = if is_head { Method::GET } else { method };
            Call { door, arrival: arrival.unwrap_or_default(), method, is_head, path, headers, query, body }
        })
}

/// Whether an address is one that proxies of an operator's own network have.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

pub(super) fn plain(chunk: Result<impl Buf, warp::Error>) -> Result<hyper::body::Bytes, warp::Error> {
    chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))
}

impl Call {
    pub(super) fn system(&self) -> &System {
        &self.door.system
    }

    /// Lets the bearer of a valid key in; nothing else of the call is looked at before. Where a page reads, which changes nothing,
    /// the cookie of somebody who is signed in is as good as a key: no other site gets to see what is answered.
    pub(super) async fn enter(&self) -> Result<Access, Refusal> {
        let reads = self.method == Method::GET && !self.headers.contains_key(AUTHORIZATION);
        match pages::token(self).filter(|_| reads) {
            Some(token) => self.system().enter_by_cookie(&token).await,
            None => self.system().enter(&self.key()?).await,
        }
    }

    /// The same for a send, which is told how the tenant's day stands even if it is refused here.
    pub(super) async fn enter_to_send(&self) -> Result<Access, Sending> {
        let key = self.key().map_err(|refusal| Sending { usage: None, answer: Err(refusal) })?;
        self.system().enter_to_send(&key).await
    }

    fn key(&self) -> Result<ApiKey, Refusal> {
        self.bearer().and_then(|key| key.parse().ok()).ok_or_else(|| {
            Refusal::new(Code::InvalidApiKey, "Give a valid API key as `Authorization: Bearer <api key>`.")
        })
    }

    /// Who asks, as far as can be told: limits by address are by this one.
    pub(super) fn client(&self) -> IpAddr {
        let peer = self.arrival.peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
        let proxies = &self.door.proxies;
        if !proxies.trusts(peer) && is_private(peer) && origin::asked_for(&self.headers).next().is_some() {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::warn!(
                    address = %peer,
                    "a proxy says for whom it asks, and is not believed: if it is yours, name it in WAMUX_TRUSTED_PROXIES, \
                     or sign-in attempts are limited for all who come through it together"
                );
            });
        }
        proxies.client(peer, origin::asked_for(&self.headers))
    }
}

impl<D> Call<D> {
    /// What the `Authorization` header bears, if there is one such header and it reads `Bearer …`.
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(AUTHORIZATION.as_str()).ok()??.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// A header that may be there once; an error if it is there twice, or is not ASCII.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, &'static str> {
        let mut given = self.headers.get_all(name).iter();
        match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| "must be visible ASCII characters"),
            (Some(_), Some(_)) => Err("is given more than once"),
        }
    }

    /// The body's fields, and the bytes they were read from.
    pub(super) async fn body(self) -> Result<(Vec<u8>, Fields), Refusal> {
        body::json(&self.headers, self.body).await
    }

    /// The fields that a page's form sent.
    pub(super) async fn form(&mut self) -> Result<Fields, Refusal> {
        let (headers, body) = self.take_body();
        body::form(headers, body).await
    }

    /// The body on its way in, and what it is. The call goes on without a body.
    pub(super) fn take_body(&mut self) -> (&HeaderMap, Chunks) {
        let body: Chunks = Box::pin(futures_util::stream::empty());
        (&self.headers, std::mem::replace(&mut self.body, body))
    }

    pub(super) async fn fields(self) -> Result<Fields, Refusal> {
        self.body().await.map(|(_, fields)| fields)
    }
}

/// An id from a path. What is no id is as unknown as an id that nobody has.
pub(super) fn id<T: std::str::FromStr>(segment: &str) -> Result<T, Refusal> {
    segment.parse().map_err(|_| Refusal::not_found())
}
