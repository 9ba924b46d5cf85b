//! The protocol crate's HTTP over reqwest: short requests and bounded answers, never through a proxy of the environment.

use std::time::Duration;

use anyhow::bail;
use async_trait::async_trait;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const BODY_MAX: usize = 16 << 20;

pub(super) struct Web(reqwest::Client);

impl Web {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // One crypto provider in a process; whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self(reqwest::Client::builder().no_proxy().https_only(true).timeout(TIMEOUT).build()?))
    }
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
        let mut response = builder.send().await?;
        let status_code = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
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
