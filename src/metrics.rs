//! What is counted and timed while a server runs, for Prometheus. Each server has its own: a system is a value, two of them live in one
//! process, and a recorder that is global to the process, as the crate `metrics` has one, would mix them up. So the registry here is
//! `prometheus-client`'s, which is a value too.
//!
//! It stands beside the clock and not in a layer: whoever has the store has its metrics. On the way of a message there are only atomics
//! and short reads of a lock; everything that can be read when somebody asks (`now`) is read then. No label can be made of what came from
//! outside: their values are words of this program (`&'static str`), the routes' templates, and the numbers of HTTP's statuses.

mod form;
mod now;
mod process;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::clock;
pub use form::Form;
pub use now::{Kind, Now};

/// One label and its value.
type Label = [(&'static str, &'static str); 1];
/// A number for each value of one label.
type Counters = Family<Label, Counter>;
type Times = Family<Label, Histogram, fn() -> Histogram>;
type OfRoute = [(&'static str, Arc<str>); 1];
type OfRequest = [(&'static str, Arc<str>); 3];

const PROMPT: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// A message that waits for its session may wait for a day.
const PATIENT: [f64; 14] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0];
const COMMITS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
const BATCHES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
const WORK: [f64; 12] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Everything that one server counts.
pub struct Metrics {
    registry: Registry,
    accepted: Counters,
    marked: Counters,
    failed: Counters,
    accept_to_sent: Histogram,
    send_to_ack: Histogram,
    requests: Family<OfRequest, Counter>,
    request_seconds: Family<OfRoute, Histogram, fn() -> Histogram>,
    attempts: Counters,
    ended: Counters,
    batch_size: Histogram,
    commit_seconds: Histogram,
    commit_failures: Counter,
    media_jobs: Counters,
    media_seconds: Times,
    media_waiting: Gauge,
    media_running: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("wamux"),
            accepted: Family::default(),
            marked: Family::default(),
            failed: Family::default(),
            accept_to_sent: Histogram::new(PATIENT),
            send_to_ack: Histogram::new(PATIENT),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(PROMPT)),
            attempts: Family::default(),
            ended: Family::default(),
            batch_size: Histogram::new(BATCHES),
            commit_seconds: Histogram::new(COMMITS),
            commit_failures: Counter::default(),
            media_jobs: Family::default(),
            media_seconds: Family::new_with_constructor(|| Histogram::new(WORK)),
            media_waiting: Gauge::default(),
            media_running: Gauge::default(),
        };
        metrics.register_messages();
        metrics.register_work();
        metrics
    }
}

impl Metrics {
    fn register_messages(&mut self) {
        let all = &mut self.registry;
        all.register("messages_accepted", "Messages accepted to be sent, by type", self.accepted.clone());
        all.register("messages_marked", "Steps of sent messages, by the status that they came to", self.marked.clone());
        all.register("messages_failed", "Messages that failed, by their error code", self.failed.clone());
        all.register(
            "accept_to_sent_seconds",
            "From a message's acceptance until WhatsApp had it",
            self.accept_to_sent.clone(),
        );
        let about = "From a message's hand-over to the network until its acknowledgement, on one connection";
        all.register("send_to_ack_seconds", about, self.send_to_ack.clone());
        all.register("http_requests", "Requests answered, by method, route and status", self.requests.clone());
        all.register("http_request_seconds", "Until the head of an answer, by route", self.request_seconds.clone());
    }

    fn register_work(&mut self) {
        let all = &mut self.registry;
        all.register("connection_attempts", "Attempts to connect a session, by how they ended", self.attempts.clone());
        all.register("connections_ended", "Connections that ended unasked, by why", self.ended.clone());
        all.register("writer_batch_size", "Jobs in a transaction of the store's writer", self.batch_size.clone());
        let about = "How long the writer's transactions took";
        all.register("writer_commit_seconds", about, self.commit_seconds.clone());
        all.register("writer_failures", "Transactions of the writer that failed", self.commit_failures.clone());
        all.register("media_jobs", "Media that were worked on, by how it ended", self.media_jobs.clone());
        all.register("media_step_seconds", "How long the steps of media took", self.media_seconds.clone());
        all.register("media_jobs_waiting", "Media that wait for a worker", self.media_waiting.clone());
        all.register("media_jobs_running", "Media that are being worked on", self.media_running.clone());
    }

    pub fn accepted(&self, kind: &'static str) {
        self.accepted.get_or_create(&[("type", kind)]).inc();
    }

    /// A sent message came to this status.
    pub fn marked(&self, status: &'static str) {
        self.marked.get_or_create(&[("status", status)]).inc();
    }

    pub fn failed(&self, code: &'static str) {
        self.failed.get_or_create(&[("code", code)]).inc();
    }

    /// WhatsApp has a message that was accepted so long ago.
    pub fn sent(&self, since: Duration) {
        self.accept_to_sent.observe(since.as_secs_f64());
    }

    /// WhatsApp acknowledged a message that was handed over so long ago.
    pub fn acknowledged(&self, since: Duration) {
        self.send_to_ack.observe(since.as_secs_f64());
    }

    /// A request was answered. A method that HTTP does not have is not named.
    pub fn answered(&self, method: &str, route: &Arc<str>, status: u16, took: Duration) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
        let method = if known.contains(&method) { method } else { "other" };
        let labels = [("method", method.into()), ("route", Arc::clone(route)), ("status", status.to_string().into())];
        self.requests.get_or_create(&labels).inc();
        let route = [("route", Arc::clone(route))];
        self.request_seconds.get_or_create(&route).observe(took.as_secs_f64());
    }

    pub fn connection_attempt(&self, outcome: &'static str) {
        self.attempts.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub fn connection_ended(&self, why: &'static str) {
        self.ended.get_or_create(&[("why", why)]).inc();
    }

    pub fn committed(&self, jobs: usize, took: Duration) {
        self.batch_size.observe(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
        self.commit_seconds.observe(took.as_secs_f64());
    }

    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    pub fn medium(&self, outcome: &'static str) {
        self.media_jobs.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Times one step of a medium's way, however it ends.
    pub async fn media_step<T>(&self, step: &'static str, work: impl Future<Output = T>) -> T {
        let began = clock::instant();
        let done = work.await;
        self.media_seconds.get_or_create(&[("step", step)]).observe(began.elapsed().as_secs_f64());
        done
    }

    pub fn media_standing(&self, waiting: usize, running: usize) {
        self.media_waiting.set(waiting.try_into().unwrap_or(i64::MAX));
        self.media_running.set(running.try_into().unwrap_or(i64::MAX));
    }

    /// All of it, with how things stand now, as text. What goes into it cannot fail to be written.
    pub fn text(&self, now: &Now, form: Form) -> String {
        let mut text = String::new();
        let written = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &now.registry()))
            .and_then(|()| encode_registry(&mut text, &process::registry()))
            .and_then(|()| encode_eof(&mut text));
        if written.is_err() {
            tracing::error!("the metrics could not be written");
        }
        form.of(text)
    }
}

#[cfg(test)]
mod tests;
