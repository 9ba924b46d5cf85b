//! The ways an exchange can go: over the internet, to a simulated network elsewhere, or to one in this process.
//!
//! Over the internet it goes through no proxy of the environment, and trusts the roots that are compiled in, as the protocol
//! crate's own connections do: a client that trusts WhatsApp over the one trusts it over the other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use futures_util::future::BoxFuture;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Response};
use rustls::ClientConfig;
use url::{Position, Url};
use whatsapp_rust::http::HttpRequest;

use super::body::Outgoing;
use crate::domain::elsewhere::SandboxUrl;
use crate::trust;

const CONNECT: Duration = Duration::from_secs(10);

/// A request to the media servers of a network in this process, and their answer. Both bodies stream.
pub type Exchange = BoxFuture<'static, hyper::Response<Body>>;
/// The media servers of a network in this process.
pub type MediaServers = Arc<dyn Fn(hyper::Request<Body>) -> Exchange + Send + Sync>;

#[derive(Clone)]
pub(super) enum Way {
    Internet(Client),
    /// Whatever host a request names, it goes to this one.
    Elsewhere(Client, Arc<Url>),
    Here(MediaServers),
    Closed,
}

impl Way {
    pub(super) fn internet() -> Result<Self, reqwest::Error> {
        Ok(Self::Internet(client(trust::tls()).https_only(true).build()?))
    }

    pub(super) fn elsewhere(url: &SandboxUrl, tls: ClientConfig) -> Result<Self, reqwest::Error> {
        Ok(Self::Elsewhere(client(tls).redirect(Policy::none()).build()?, Arc::new(url.media())))
    }

    pub(super) fn here(servers: MediaServers) -> Self {
        Self::Here(servers)
    }

    pub(super) async fn send(&self, request: HttpRequest, body: Option<Outgoing>) -> anyhow::Result<Response> {
        let url: Url = request.url.parse()?;
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let answer = match self {
            Self::Internet(client) => dress(client.request(request.method.parse()?, url), headers, body).send().await,
            Self::Elsewhere(client, there) => {
                let url = moved(there, &url);
                dress(client.request(request.method.parse()?, url), headers, body).send().await
            }
            Self::Here(servers) => {
                let mut asked = hyper::Request::builder().method(request.method.as_str()).uri(url.as_str());
                asked = asked.header(HOST, &url[Position::BeforeHost..Position::AfterPort]);
                asked = headers.fold(asked, |asked, (name, value)| asked.header(name, value));
                let length = body.as_ref().map_or(0, |body| body.length);
                let body = body.map_or_else(Body::default, |body| body.body);
                return Ok(servers(asked.header(CONTENT_LENGTH, length).body(body)?).await.into());
            }
            Self::Closed => bail!("nothing is reached from here over HTTP"),
        };
        answer.map_err(|error| explained(&error))
    }
}

fn client(tls: ClientConfig) -> reqwest::ClientBuilder {
    Client::builder().tls_backend_preconfigured(tls).no_proxy().connect_timeout(CONNECT)
}

fn dress<'h>(
    request: reqwest::RequestBuilder,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body: Option<Outgoing>,
) -> reqwest::RequestBuilder {
    let own = |name: &str| HeaderName::try_from(name).is_ok_and(|name| name == CONTENT_LENGTH);
    let request =
        headers.filter(|(name, _)| !own(name)).fold(request, |request, (name, value)| request.header(name, value));
    match body {
        Some(Outgoing { length, body }) => request.header(CONTENT_LENGTH, length).body(body),
        None => request,
    }
}

/// The same path and query at another place.
fn moved(there: &Url, url: &Url) -> Url {
    let mut moved = there.clone();
    moved.set_path(url.path());
    moved.set_query(url.query());
    moved
}

/// What went wrong, for a person: where, and the cause at the bottom of what the libraries tell.
pub(super) fn explained(error: &reqwest::Error) -> anyhow::Error {
    let host = error.url().and_then(|url| url.host_str()).unwrap_or("the server").to_owned();
    if error.is_timeout() {
        return anyhow!("{host} did not answer in time");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    anyhow!("{host} cannot be reached: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_host_is_asked_for_the_request_goes_to_the_one_place() {
        let there = "ws://127.0.0.1:9080/ws/chat".parse::<SandboxUrl>().unwrap().media();
        for (asked, goes) in [
            ("https://mmg.whatsapp.net/mms/image/x?auth=a", "http://127.0.0.1:9080/mms/image/x?auth=a"),
            ("https://evil.example:444//other.example/x", "http://127.0.0.1:9080//other.example/x"),
            ("https://user:secret@evil.example/#there", "http://127.0.0.1:9080/"),
        ] {
            assert_eq!(moved(&there, &asked.parse().unwrap()).as_str(), goes);
        }
        let secure = "wss://sandbox/ws/chat".parse::<SandboxUrl>().unwrap().media();
        assert_eq!(moved(&secure, &"http://x/y".parse().unwrap()).as_str(), "https://sandbox/y");
    }
}
