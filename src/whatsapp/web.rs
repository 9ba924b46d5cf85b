//! The protocol crate's HTTP over reqwest: short requests and bounded answers, never through a proxy of the environment.
//!
//! It trusts the roots that are compiled in, as the protocol crate's own connections do: a client that trusts WhatsApp over the
//! one trusts it over the other.

use std::time::Duration;

use anyhow::{anyhow, bail};
use async_trait::async_trait;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

use crate::trust;

const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const BODY_MAX: usize = 16 << 20;

pub(super) struct Web(reqwest::Client);

impl Web {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().tls_backend_preconfigured(trust::tls()).no_proxy().https_only(true);
        Ok(Self(client.connect_timeout(CONNECT).timeout(TIMEOUT).build()?))
    }
}

/// What went wrong, for a person: where, and the cause at the bottom of what the libraries tell.
fn explained(error: &reqwest::Error) -> anyhow::Error {
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

#[async_trait]
impl HttpClient for Web {
    /// Any status is an answer; only an exchange that did not happen is an error (wacore 0.7.0, `src/net.rs`).
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut builder = self.0.request(request.method.parse()?, &request.url);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut response = builder.send().await.map_err(|error| explained(&error))?;
        let status_code = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| explained(&error))? {
            if body.len() + chunk.len() > BODY_MAX {
                bail!("the answer is larger than {BODY_MAX} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status_code, body })
    }
}

/// No HTTP at all: a client of a network in this process never reaches the internet.
pub(super) struct Closed;

#[async_trait]
impl HttpClient for Closed {
    async fn execute(&self, _request: HttpRequest) -> anyhow::Result<HttpResponse> {
        bail!("a client of the sandbox has no web")
    }
}
