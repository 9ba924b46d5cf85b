//! Traces: a text's way from the request to its receipt as one trace, across a crash, for a collector that is there or is not.

use std::net::TcpListener as Port;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use warp::Filter;

use crate::ground::app::{Caller, until};
use crate::ground::process::Process;
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const BOB: &str = "+237622222222";
const EMAIL: &str = "somebody@example.com";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Takes what is exported.
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start() -> Self {
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let taken = Arc::clone(&spans);
        let take =
            warp::path!("v1" / "traces").and(warp::post()).and(warp::body::bytes()).map(move |body: bytes::Bytes| {
                let exported = ExportTraceServiceRequest::decode(body).unwrap();
                let of_server =
                    exported.resource_spans.iter().all(|spans| format!("{spans:?}").contains("service.name"));
                assert!(of_server, "{exported:?}");
                let all = exported.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
                taken.lock().unwrap().extend(all.flat_map(|spans| spans.spans));
                warp::reply()
            });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(warp::serve(take).incoming(listener).run());
        Self { url, spans }
    }

    /// The spans of the one trace, as far as they have come.
    fn trace(&self) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        spans.iter().filter(|span| hex(&span.trace_id) == TRACE).cloned().collect()
    }

    async fn until_named(&self, names: &[&str]) -> Vec<Span> {
        until("the spans come to the collector", async || {
            let trace = self.trace();
            names.iter().all(|name| trace.iter().any(|span| span.name == *name))
        })
        .await;
        self.trace()
    }
}

fn hex(id: &[u8]) -> String {
    use std::fmt::Write;
    id.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn named<'s>(trace: &'s [Span], name: &str) -> &'s Span {
    trace.iter().find(|span| span.name == name).unwrap()
}

async fn send(caller: &Caller, text: &str) {
    let asked = caller.request(Method::POST, "/messages").header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    caller.send(asked.json(&json!({ "to": BOB, "message": text }))).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_one_trace_from_its_request_to_its_receipt() {
    let (collector, place) = (Collector::start().await, Place::new(Ground::Sqlite));
    let server = Process::start_with(&place, &[("WAMUX_OTLP_ENDPOINT", &collector.url)]);
    let caller = server.caller(&server.key(EMAIL));
    caller.link("one", OWN).await;
    send(&caller, "a secret for Bob").await;
    let trace = collector.until_named(&["request", "accept", "send", "ack", "receipt"]).await;
    let (request, accept) = (named(&trace, "request"), named(&trace, "accept"));
    assert_eq!(hex(&request.parent_span_id), CALLER, "the caller's trace goes on");
    assert!(format!("{request:?}").contains("/api/v1/messages"), "{request:?}");
    assert_eq!(accept.parent_span_id, request.span_id);
    for name in ["send", "ack", "receipt"] {
        assert_eq!(named(&trace, name).parent_span_id, accept.span_id, "{name}");
    }
    let all = format!("{:?}", collector.spans.lock().unwrap());
    for secret in [OWN.trim_start_matches('+'), BOB.trim_start_matches('+'), "a secret for Bob", EMAIL] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    // What waits for the collector when the server stops is handed over before it ends.
    caller.get("/sessions").await.expect(200);
    let (status, took) = server.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
    let all = format!("{:?}", collector.spans.lock().unwrap());
    assert!(all.contains("StringValue(\"/api/v1/sessions\")"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_after_a_crash_joins_the_trace_of_its_request() {
    let (collector, place) = (Collector::start().await, Place::new(Ground::Sqlite));
    let variables = [("WAMUX_OTLP_ENDPOINT", collector.url.as_str()), ("WAMUX_LOG", "info,wamux=debug")];
    let server = Process::start_with(&place, &variables);
    let key = server.key(EMAIL);
    let caller = server.caller(&key);
    caller.link("one", OWN).await;
    for fault in ["lose_acks", "lose_receipts"] {
        caller.post("/sandbox/faults", json!({ "fault": fault, "phone": BOB })).await.expect(201);
    }
    send(&caller, "hello").await;
    until("it is on the wire", async || server.log().contains("a message was handed to the network")).await;
    server.kill();
    assert!(collector.trace().iter().all(|span| span.name != "ack"));
    let _server = Process::start_with(&place, &variables);
    let trace = collector.until_named(&["send", "ack", "receipt"]).await;
    assert_eq!(named(&trace, "send").parent_span_id, named(&trace, "ack").parent_span_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nothing_up_and_is_told_of_once() {
    // A port that nobody listens at.
    let nobody = Port::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new(Ground::Sqlite);
    let server = Process::start_with(&place, &[("WAMUX_OTLP_ENDPOINT", &format!("http://{nobody}"))]);
    let caller = server.caller(&server.key(EMAIL));
    caller.link("one", OWN).await;
    let told = || server.log().matches("the collector does not take traces").count();
    until("the log tells of it", async || told() > 0).await;
    caller.text(BOB, "hello").await;
    caller.until_count("status=delivered", 1).await;
    assert_eq!(told(), 1);
    let (status, took) = server.terminate();
    assert!(status.success() && took.as_secs() < 10, "{status} after {took:?}");
}
