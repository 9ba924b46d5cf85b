//! The protocol crate's HTTP over reqwest: whole answers, and media that stream in and out in bounded memory (wacore 0.7.0,
//! `src/net.rs`). How long an exchange may take depends on its size; how long it may stand still does not.

mod blocking;
mod body;
mod pulse;
mod way;

#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::bail;
use async_trait::async_trait;
use reqwest::Response;
use rustls::ClientConfig;
use tokio::runtime::Handle;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::wacore::net::{StreamingHttpResponse, UploadBody};

use crate::domain::elsewhere::SandboxUrl;
use body::Outgoing;
use pulse::Pulse;
pub use way::{Exchange, MediaServers};
use way::{Way, explained};

/// How long nothing may move: 64 MB take their time over a slow line, and none of them takes half a minute.
const QUIET: Duration = Duration::from_secs(30);
/// The largest answer that is read into memory.
const BODY_MAX: usize = 16 << 20;

#[derive(Clone)]
pub(super) struct Web {
    way: Way,
    quiet: Duration,
}

impl Web {
    /// To the real network, and whatever else the protocol crate asks for there.
    pub(super) fn whatsapp() -> Result<Self, reqwest::Error> {
        Ok(Self::over(Way::internet()?))
    }

    /// To a simulated network elsewhere, whatever host is asked for, and to nothing else.
    pub(super) fn sandbox_at(url: &SandboxUrl, tls: ClientConfig) -> Result<Self, reqwest::Error> {
        Ok(Self::over(Way::elsewhere(url, tls)?))
    }

    /// To a simulated network in this process, whatever host is asked for: nothing leaves the process.
    pub(super) fn sandbox(servers: MediaServers) -> Self {
        Self::over(Way::here(servers))
    }

    /// To nobody.
    pub(super) fn closed() -> Self {
        Self::over(Way::Closed)
    }

    const fn over(way: Way) -> Self {
        Self { way, quiet: QUIET }
    }

    /// One exchange up to the head of its answer. Any status is an answer; only an exchange that did not happen is an error.
    async fn ask(&self, request: HttpRequest, body: Option<Outgoing>, pulse: Pulse) -> anyhow::Result<Response> {
        pulse.alive(self.way.send(request, body)).await?
    }

    /// Asks for what lies at an address. Any status is an answer; its body comes with `next`.
    pub(super) async fn get(&self, url: String) -> anyhow::Result<Response> {
        self.ask(HttpRequest::get(url), None, Pulse::new(self.quiet)).await
    }

    /// The next piece of an answer's body; none at its end.
    pub(super) async fn next(&self, response: &mut Response) -> anyhow::Result<Option<Bytes>> {
        Pulse::new(self.quiet).alive(response.chunk()).await?.map_err(|error| explained(&error))
    }

    async fn whole(&self, mut response: Response) -> anyhow::Result<HttpResponse> {
        let (status_code, mut body) = (response.status().as_u16(), Vec::new());
        while let Some(chunk) = self.next(&mut response).await? {
            if body.len() + chunk.len() > BODY_MAX {
                bail!("the answer is larger than {BODY_MAX} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status_code, body })
    }
}

#[async_trait]
impl HttpClient for Web {
    async fn execute(&self, mut request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let pulse = Pulse::new(self.quiet);
        let body = request.body.take().map(|body| Outgoing::of_bytes(body, pulse.clone()));
        let response = self.ask(request, body, pulse).await?;
        self.whole(response).await
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        let runtime = Handle::try_current()?;
        let response = runtime.block_on(self.ask(request, None, Pulse::new(self.quiet)))?;
        let status_code = response.status().as_u16();
        Ok(StreamingHttpResponse { status_code, body: blocking::reader(runtime, response, self.quiet) })
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    fn execute_upload(&self, request: HttpRequest, body: UploadBody, length: u64) -> anyhow::Result<HttpResponse> {
        let runtime = Handle::try_current()?;
        let pulse = Pulse::new(self.quiet);
        let (chunks, outgoing) = Outgoing::of_chunks(length, pulse.clone());
        let here = self.clone();
        let exchange = runtime.spawn(async move {
            let response = here.ask(request, Some(outgoing), pulse).await?;
            here.whole(response).await
        });
        // Whoever answers before the end is not sent the rest.
        blocking::pour(body, length, &chunks);
        drop(chunks);
        runtime.block_on(exchange)?
    }
}
