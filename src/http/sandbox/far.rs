//! Errands to the phones of a network elsewhere: carried over HTTP to its own API, and its answer handed back.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use super::errand::Errand;
use super::{Alone, Host};
use crate::domain::elsewhere::SandboxUrl;
use crate::domain::error::{Code, Refusal};
use crate::http::call::Answered;
use crate::http::reply::{self, Response};
use crate::http::serve::RequestId;

const CONNECT: Duration = Duration::from_secs(5);
/// Longer than a device may take to sign its link (30 s), which a scan waits for.
const ANSWER: Duration = Duration::from_secs(45);
/// The longest answer: a screen with a hundred thousand short messages.
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
        let answer = request.send().await.map_err(|error| self.away(&error))?;
        self.hand_back(answer, root).await
    }

    async fn hand_back(&self, mut answer: reqwest::Response, root: &str) -> Result<Response, Refusal> {
        let (status, mut headers) = (answer.status(), HeaderMap::new());
        if answer.headers().get(RequestId::HEADER).is_none() || status == StatusCode::FORBIDDEN {
            // It is no network of ours that answers here, or one that does not answer us: no caller can do anything about it.
            tracing::warn!(
                "what stands at {} answered {status} and is not a simulated network that lets us in",
                self.root
            );
            let detail = format!("What stands at {} is not a simulated network that answers this server.", self.root);
            return Err(Refusal::new(Code::SandboxUnreachable, detail).after(AGAIN));
        }
        for name in [CONTENT_TYPE, RETRY_AFTER] {
            headers.extend(answer.headers().get(&name).map(|value| (name, value.clone())));
        }
        // What was made stands there under its root, and here under ours.
        let made = answer.headers().get(LOCATION).and_then(|made| made.to_str().ok()?.strip_prefix(Alone::ROOT));
        headers.extend(made.and_then(|made| Some((LOCATION, format!("{root}{made}").parse().ok()?))));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.away(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                tracing::warn!("the simulated network at {} answered with more than {ANSWER_MAX} bytes", self.root);
                return Err(Refusal::internal());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(reply::relayed(status, headers, body))
    }

    fn away(&self, error: &reqwest::Error) -> Refusal {
        let why: &dyn std::error::Error = error;
        let root = std::iter::successors(Some(why), |error| error.source()).last().unwrap_or(why);
        let detail = if error.is_timeout() && !error.is_connect() {
            format!("The simulated network at {} did not answer in time; what was asked may still happen.", self.root)
        } else {
            format!("The simulated network at {} cannot be reached: {root}.", self.root)
        };
        Refusal::new(Code::SandboxUnreachable, detail).after(AGAIN)
    }
}
