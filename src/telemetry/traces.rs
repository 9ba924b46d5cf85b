//! Traces, for whoever runs a collector: a message's way from the request to its last receipt, as one trace.
//!
//! # How a trace goes on over what is durable
//!
//! The place in the trace where a message was accepted is kept with the message as the W3C writes it (`traceparent`), beside its request
//! id: not the request id itself, since callers choose theirs, and since what an incoming `traceparent` says, its span and whether it is
//! sampled at all, would be lost. Whoever sends the message, or hears of it, after a pause or after a crash, makes its spans under that
//! place. Without an exporter none is kept.
//!
//! # What it costs
//!
//! Without `--otlp-endpoint` nothing is listening to these spans, and they are not made. With it, what is finished waits in a queue with
//! an end, and what finds no place there is dropped: a collector that is away holds up nothing, and the log says so once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use crate::domain::request::TraceParent;
use crate::trust;

/// The target of spans that are for traces alone: the log leaves them out.
pub const TARGET: &str = "wamux_trace";
/// Where the spans of requests are made, which are for both.
const REQUESTS: &str = "wamux::http::serve";

/// Spans that wait for the collector at most.
const QUEUE: usize = 4096;
const EVERY: Duration = Duration::from_secs(2);
/// How long the collector may take to answer, and how long the last spans may take at the end.
const ANSWER: Duration = Duration::from_secs(5);
const LAST: Duration = Duration::from_millis(800);

#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("the way to the collector cannot be prepared: {0}")]
    Web(#[from] reqwest::Error),
    #[error("the exporter of traces cannot be made: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The exporter of this process.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Exports to this collector, over the connections of this runtime.
    pub(super) fn start(endpoint: &Url, runtime: Handle) -> Result<Self, TracesError> {
        // The collector is the operator's, and reached directly.
        let client = Client::builder()
            .tls_backend_preconfigured(trust::tls())
            .no_proxy()
            .redirect(Policy::none())
            .timeout(ANSWER)
            .build()?;
        let away = Arc::new(AtomicBool::new(false));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Way { client, runtime, away })
            .with_endpoint(traces_of(endpoint))
            .with_timeout(ANSWER)
            .build()?;
        let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(EVERY).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let resource = Resource::builder()
            .with_service_name("wamux")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor).build()))
    }

    /// What hands our spans over, and nobody else's.
    pub(super) fn layer<S: Subscriber + for<'s> LookupSpan<'s>>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("wamux"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_ours))
    }

    /// Hands over what waits, and ends; in bounded time.
    pub fn end(self) {
        if self.0.shutdown_with_timeout(LAST).is_err() {
            tracing::warn!("the last traces were not exported");
        }
    }
}

fn is_ours(meta: &Metadata<'_>) -> bool {
    meta.is_span() && (meta.target() == TARGET || meta.target() == REQUESTS)
}

/// Where a collector takes traces, by OTLP's rule for an endpoint that is for all signals.
fn traces_of(endpoint: &Url) -> String {
    format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'))
}

/// The place of this span in its trace; none if nobody exports it.
pub fn place(span: &Span) -> Option<TraceParent> {
    let context = span.context();
    let span = context.span();
    let place = span.span_context();
    let flags = place.trace_flags().to_u8();
    place.is_valid().then(|| format!("00-{}-{}-{flags:02x}", place.trace_id(), place.span_id()).parse().ok())?
}

/// Puts a span that was just made under a place in a trace, if one is known.
pub fn under(span: &Span, place: Option<&TraceParent>) {
    let Some(place) = place.filter(|_| !span.is_disabled()) else { return };
    let parts: Vec<&str> = place.as_str().split('-').collect();
    let [_, trace, parent, flags] = parts[..] else { return };
    let ids = TraceId::from_hex(trace).ok().zip(SpanId::from_hex(parent).ok());
    if let (Some((trace, parent)), Ok(flags)) = (ids, u8::from_str_radix(flags, 16)) {
        let remote = SpanContext::new(trace, parent, TraceFlags::new(flags), true, TraceState::default());
        // Without an exporter there is nothing to put anywhere.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}

/// To the collector by our own client, from the exporter's thread, which has no runtime.
#[derive(Debug)]
struct Way {
    client: Client,
    runtime: Handle,
    away: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Way {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let request = reqwest::Request::try_from(request)?;
        let asked = self.runtime.spawn(async move {
            let answer = client.execute(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        });
        let answer = asked.await?.map_err(reqwest::Error::without_url);
        let why = match &answer {
            Ok((status, ..)) if status.is_success() => None,
            Ok((status, ..)) => Some(format!("it answered {status}")),
            Err(error) => Some(error.to_string()),
        };
        match (why, self.away.load(Ordering::Relaxed)) {
            (Some(error), false) => {
                self.away.store(true, Ordering::Relaxed);
                tracing::warn!(error, "the collector does not take traces; until it does, they are dropped");
            }
            (None, true) => {
                self.away.store(false, Ordering::Relaxed);
                tracing::info!("the collector takes traces again");
            }
            (Some(_), true) | (None, false) => {}
        }
        let (status, headers, body) = answer?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_takes_traces_at_a_path_of_its_own() {
        for (endpoint, goes) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://collector.example/otlp", "https://collector.example/otlp/v1/traces"),
        ] {
            assert_eq!(traces_of(&endpoint.parse().unwrap()), goes);
        }
    }

    #[test]
    fn without_an_exporter_a_span_has_no_place_and_can_be_put_nowhere() {
        let span = tracing::info_span!(target: TARGET, "send");
        under(&span, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok().as_ref());
        assert_eq!(place(&span), None);
    }
}
