//! A server in this process, on a port and in a folder of its own, and a caller who has a key for it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use wamux::config::Config;
use wamux::domain::access::Email;
use wamux::sandbox::Sandbox;
use wamux::server::Server;

use super::documented;
use super::stream::Events;
use super::{Ground, Place};

/// What one call was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    /// The body, after checking the status: a test's usual next step.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks that this is a problem with a code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text);
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}

/// Whoever calls a server with a key.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    base: String,
    key: Option<String>,
}

impl Caller {
    pub fn new(base: String, key: Option<String>) -> Self {
        // The server may run on another cryptography provider's behalf; the first to say so wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
        Self { client, base, key }
    }

    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// The same caller of a server that is elsewhere now.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    #[allow(dead_code, reason = "the benches speak through a client")]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where the server listens, for whoever speaks to it without a client.
    #[allow(dead_code, reason = "the benches speak through a client")]
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let at_the_root = ["/health", "/assets", "/metrics"].iter().any(|part| path.starts_with(part)) || path == "/";
        let path = if at_the_root { path.to_owned() } else { format!("/api/v1{path}") };
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// What it is answered, which has to be documented.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = self.client.execute(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { status, headers, text: answer.text().await.unwrap() };
        documented::check(&method, &path, &answer);
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn stream(&self, session: &str, after: Option<&str>) -> Events {
        let mut request = self.request(Method::GET, &format!("/sessions/{session}/stream"));
        if let Some(id) = after {
            request = request.header("Last-Event-ID", id);
        }
        Events::new(request.send().await.unwrap())
    }

    /// Makes a session and lets a phone scan its code; its id, once it is connected.
    pub async fn link(&self, key: &str, phone: &str) -> String {
        let session = self.post("/sessions", json!({ "session_key": key })).await.expect(201);
        let id = session["id"].as_str().unwrap().to_owned();
        self.scan(&id, phone).await;
        id
    }

    /// Lets a phone scan the code that a session shows, and waits until it is connected.
    pub async fn scan(&self, id: &str, phone: &str) {
        let mut events = self.stream(id, None).await;
        let qr = events.until("qr").await;
        let _ = self.post("/sandbox/phones", json!({ "phone": phone })).await;
        let scan = self.post(&format!("/sandbox/phones/{phone}/scan"), json!({ "qr": qr["qr"] })).await;
        assert_eq!(scan.status, 204, "{}", scan.text);
        events.until("connected").await;
    }

    pub async fn text(&self, to: &str, text: &str) -> String {
        let accepted = self.post("/messages", json!({ "to": to, "message": text })).await.expect(202);
        accepted["id"].as_str().unwrap().to_owned()
    }

    /// What a simulated phone shows: the texts of its screen, oldest first.
    pub async fn screen(&self, phone: &str) -> Vec<String> {
        let shown = self.get(&format!("/sandbox/phones/{phone}/messages")).await;
        if shown.status == 404 {
            return Vec::new();
        }
        let shown = shown.expect(200);
        shown["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap_or("").to_owned()).collect()
    }

    pub async fn count(&self, query: &str) -> u64 {
        self.get(&format!("/messages?limit=1&{query}")).await.expect(200)["total"].as_u64().unwrap()
    }

    /// Waits until so many messages match.
    pub async fn until_count(&self, query: &str, count: u64) {
        until(&format!("{count} messages with {query}"), async || self.count(query).await >= count).await;
    }
}

/// Asks again and again until the answer is yes; what the network does to a message has no event of its own yet.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if is_so().await {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(40), asking).await.is_ok(), "did not come about: {what}");
}

pub struct App {
    pub place: Place,
    server: Server,
    pub caller: Caller,
}

impl App {
    /// A fresh server, and a tenant on the Pro plan (whose limits no test meets by accident).
    pub async fn start() -> Self {
        Self::start_on(Ground::Sqlite).await
    }

    /// The same on a database of this kind.
    pub async fn start_on(on: Ground) -> Self {
        let app = Self::start_in(Place::new(on), "pro").await;
        until("ready", async || app.caller.get("/health/ready").await.status == 200).await;
        app
    }

    #[allow(dead_code, reason = "stories say on which database they stand")]
    pub async fn free() -> Self {
        Self::free_on(Ground::Sqlite).await
    }

    pub async fn free_on(on: Ground) -> Self {
        Self::start_in(Place::new(on), "free").await
    }

    /// The same on a place that was prepared.
    #[allow(dead_code, reason = "the benches need nothing special")]
    pub async fn start_at(place: Place) -> Self {
        Self::start_in(place, "pro").await
    }

    async fn start_in(place: Place, plan: &str) -> Self {
        let server = Server::start(place.config()).await.unwrap();
        let caller = Caller::new(format!("http://{}", server.addr), None);
        let app = Self { place, server, caller };
        let caller = app.tenant("you@example.com", plan).await;
        Self { caller, ..app }
    }

    /// Another tenant of this server, with a key.
    pub async fn tenant(&self, email: &str, plan: &str) -> Caller {
        self.caller.with_key(Some(&tenant(&self.place.config(), email, plan).await))
    }

    #[allow(dead_code, reason = "the benches look at no files")]
    pub fn folder(&self) -> &std::path::Path {
        self.place.folder()
    }

    /// The file of the database, for whoever looks into it beside the server.
    #[allow(dead_code, reason = "the benches look at no files")]
    pub fn sqlite_url(&self) -> String {
        format!("sqlite://{}", self.folder().join("wamux.db").display())
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The network that this server carries.
    #[allow(dead_code, reason = "the benches leave it in peace")]
    pub fn sandbox(&self) -> &Sandbox {
        self.server.sandbox().unwrap()
    }

    /// Stops the server in order, and starts another on the same folder and database.
    pub async fn restart(self) -> Self {
        let Self { place, server, caller } = self;
        server.stop().await;
        let server = Server::start(place.config()).await.unwrap();
        let caller = Caller { base: format!("http://{}", server.addr), ..caller };
        Self { place, server, caller }
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// A key of this tenant, which is moved to this plan.
pub async fn tenant(config: &Config, email: &str, plan: &str) -> String {
    let email: Email = email.parse().unwrap();
    let key = wamux::commands::create_key(config, &email, "test".into()).await.unwrap();
    wamux::commands::set_plan(config, &email, plan).await.unwrap();
    key.reveal().to_owned()
}
