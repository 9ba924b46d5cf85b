//! Errands to the phones of a network elsewhere: carried over HTTP to its own API, and its answer handed back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use hyper::body::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::errand::Errand;
use super::streamed::streamed;
use super::{Alone, Host};
use crate::domain::elsewhere::SandboxUrl;
use crate::domain::error::{Code, Refusal};
use crate::domain::request::RequestId;
use crate::http::call::Answered;
use crate::http::reply::{self, Response};

const CONNECT: Duration = Duration::from_secs(5);
/// Longer than a device may take to sign its link (30 s), which a scan waits for.
const ANSWER: Duration = Duration::from_secs(45);
/// What a medium may take, and how long it may stand still.
const MEDIUM: Duration = Duration::from_mins(30);
const QUIET: Duration = Duration::from_secs(30);
/// The longest answer: a page of a screen. Media stream.
const ANSWER_MAX: usize = 32 << 20;
const AGAIN: Duration = Duration::from_secs(2);

/// The way to a network's own API.
#[derive(Clone)]
pub struct Far {
    client: reqwest::Client,
    root: Arc<str>,
}

impl Far {
    pub fn new(url: &SandboxUrl, tls: ClientConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .tls_backend_preconfigured(tls)
            .build()?;
        Ok(Self { client, root: url.control().into() })
    }

    pub(super) async fn run(&self, errand: &Errand, root: &str, id: &RequestId) -> Answered {
        let (method, path, body) = errand.request();
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.root))
            // A network answers no name with dots, which a page may have registered; ours may have dots, and we are no page.
            .header(HOST, "localhost")
            .header(RequestId::HEADER, id.as_str());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let streams = matches!(errand, Errand::Copy { .. });
        if streams {
            request = request.timeout(MEDIUM);
        }
        let answer =
            timeout(ANSWER, request.send()).await.map_err(|_| self.late())?.map_err(|error| self.away(&error))?;
        self.hand_back(answer, root, streams).await
    }

    async fn hand_back(&self, mut answer: reqwest::Response, root: &str, streams: bool) -> Result<Response, Refusal> {
        let (status, mut headers) = (answer.status(), HeaderMap::new());
        if answer.headers().get(RequestId::HEADER).is_none() || status == StatusCode::FORBIDDEN {
            // It is no network of ours that answers here, or one that does not answer us: no caller can do anything about it.
            let (address, status) = (&self.root, status.as_u16());
            tracing::warn!(%address, status, "what answers there is not a simulated network that lets us in");
            let detail = format!("What stands at {} is not a simulated network that answers this server.", self.root);
            return Err(Refusal::new(Code::SandboxUnreachable, detail).after(AGAIN));
        }
        for name in [CONTENT_TYPE, RETRY_AFTER] {
            headers.extend(answer.headers().get(&name).map(|value| (name, value.clone())));
        }
        if streams && status.is_success() {
            for name in [CONTENT_LENGTH, CONTENT_SECURITY_POLICY] {
                headers.extend(answer.headers().get(&name).map(|value| (name, value.clone())));
            }
            return Ok(streamed(status, headers, reqwest::Body::wrap_stream(pieces(answer))));
        }
        // What was made stands there under its root, and here under ours.
        let made = answer.headers().get(LOCATION).and_then(|made| made.to_str().ok()?.strip_prefix(Alone::ROOT));
        headers.extend(made.and_then(|made| Some((LOCATION, format!("{root}{made}").parse().ok()?))));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.away(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                tracing::warn!(address = %self.root, limit = ANSWER_MAX, "the simulated network answered with too many bytes");
                return Err(Refusal::internal());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(reply::relayed(status, headers, body))
    }

    fn away(&self, error: &reqwest::Error) -> Refusal {
        let why: &dyn std::error::Error = error;
        let root = std::iter::successors(Some(why), |error| error.source()).last().unwrap_or(why);
        if error.is_timeout() && !error.is_connect() {
            return self.late();
        }
        let detail = format!("The simulated network at {} cannot be reached: {root}.", self.root);
        Refusal::new(Code::SandboxUnreachable, detail).after(AGAIN)
    }

    fn late(&self) -> Refusal {
        let detail =
            format!("The simulated network at {} did not answer in time; what was asked may still happen.", self.root);
        Refusal::new(Code::SandboxUnreachable, detail).after(AGAIN)
    }
}

/// The body of an answer, as long as it moves.
fn pieces(answer: reqwest::Response) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(answer, |mut answer| async move {
        let piece = timeout(QUIET, answer.chunk()).await?.map_err(io::Error::other)?;
        Ok(piece.map(|piece| (piece, answer)))
    })
}
