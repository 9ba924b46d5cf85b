//! Errands to the phones of a network elsewhere: carried over HTTP to its own API, and its answer handed back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use hyper::body::Bytes;
use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, LOCATION,
    RANGE, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::errand::Errand;
use super::streamed::streamed;
use super::{Alone, Host};
use crate::domain::elsewhere::SandboxUrl;
use crate::domain::error::{Code, FieldError, Refusal};
use crate::domain::request::RequestId;
use crate::http::call::Answered;
use crate::http::reply;

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
        let streams = matches!(errand, Errand::Copy { .. });
        self.hand_back(self.ask(errand, id, streams).await?, root, streams).await
    }

    /// What came of an errand: the body of a good answer, or the refusal that another one tells.
    pub(super) async fn told(&self, errand: &Errand, id: &RequestId) -> Result<Vec<u8>, Refusal> {
        let answer = self.ask(errand, id, false).await?;
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        let body = self.whole(answer).await?;
        if status.is_success() {
            return Ok(body);
        }
        let refusal = serde_json::from_slice::<Problem>(&body).ok().and_then(Problem::refusal).unwrap_or_else(|| {
            tracing::warn!(address = %self.root, status = status.as_u16(), "the simulated network refuses and does not say why");
            Refusal::internal()
        });
        Err(Refusal { retry_after: wait.map(Duration::from_secs), ..refusal })
    }

    /// The same with what a good answer says.
    pub(super) async fn read<T: DeserializeOwned>(&self, errand: &Errand, id: &RequestId) -> Result<T, Refusal> {
        serde_json::from_slice(&self.told(errand, id).await?).map_err(|error| {
            tracing::warn!(address = %self.root, %error, "the simulated network's answer cannot be read; is it of another version?");
            Refusal::internal()
        })
    }

    /// Asks, and has the answer of a network that lets us in.
    async fn ask(&self, errand: &Errand, id: &RequestId, streams: bool) -> Result<reqwest::Response, Refusal> {
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
        if streams {
            request = request.timeout(MEDIUM);
        }
        if let Errand::Copy { part: Some(part), .. } = errand {
            request = request.header(RANGE, part.to_string());
        }
        let answer =
            timeout(ANSWER, request.send()).await.map_err(|_| self.late())?.map_err(|error| self.away(&error))?;
        let status = answer.status();
        if answer.headers().get(RequestId::HEADER).is_none() || status == StatusCode::FORBIDDEN {
            // It is no network of ours that answers here, or one that does not answer us: no caller can do anything about it.
            let (address, status) = (&self.root, status.as_u16());
            tracing::warn!(%address, status, "what answers there is not a simulated network that lets us in");
            let detail = format!("What stands at {} is not a simulated network that answers this server.", self.root);
            return Err(Refusal::new(Code::SandboxUnreachable, detail).after(AGAIN));
        }
        Ok(answer)
    }

    async fn hand_back(&self, answer: reqwest::Response, root: &str, streams: bool) -> Answered {
        let (status, mut headers) = (answer.status(), HeaderMap::new());
        for name in [CONTENT_TYPE, RETRY_AFTER] {
            headers.extend(answer.headers().get(&name).map(|value| (name, value.clone())));
        }
        if streams && status.is_success() {
            for name in [CONTENT_LENGTH, CONTENT_SECURITY_POLICY, ACCEPT_RANGES, CONTENT_RANGE] {
                headers.extend(answer.headers().get(&name).map(|value| (name, value.clone())));
            }
            return Ok(streamed(status, headers, reqwest::Body::wrap_stream(pieces(answer))));
        }
        // What was made stands there under its root, and here under ours.
        let made = answer.headers().get(LOCATION).and_then(|made| made.to_str().ok()?.strip_prefix(Alone::ROOT));
        headers.extend(made.and_then(|made| Some((LOCATION, format!("{root}{made}").parse().ok()?))));
        Ok(reply::relayed(status, headers, self.whole(answer).await?))
    }

    async fn whole(&self, mut answer: reqwest::Response) -> Result<Vec<u8>, Refusal> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.away(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                tracing::warn!(address = %self.root, limit = ANSWER_MAX, "the simulated network answered with too many bytes");
                return Err(Refusal::internal());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
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

/// A refusal as the network's own API writes it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

impl Problem {
    fn refusal(self) -> Option<Refusal> {
        let code = Code::ALL.into_iter().find(|code| code.as_str() == self.code)?;
        Some(Refusal { fields: self.errors, ..Refusal::new(code, self.detail) })
    }
}

/// The body of an answer, as long as it moves.
fn pieces(answer: reqwest::Response) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(answer, |mut answer| async move {
        let piece = timeout(QUIET, answer.chunk()).await?.map_err(io::Error::other)?;
        Ok(piece.map(|piece| (piece, answer)))
    })
}
