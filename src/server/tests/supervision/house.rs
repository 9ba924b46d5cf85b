//! A server on the sandbox with tenants who call it over HTTP, each through a session of its own.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::super::{Place, place};
use crate::actors::system::health::Vitals;
use crate::commands::{create_key, set_plan};
use crate::domain::access::Email;
use crate::server::Server;

pub(super) struct House {
    place: Place,
    pub(super) server: Server,
}

#[derive(Clone)]
pub(super) struct Tenant {
    http: reqwest::Client,
    base: String,
    pub(super) key: String,
    /// The number of the session's account, and the session.
    pub(super) own: String,
    pub(super) session: String,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::open_at(place()).await
    }

    /// The same, where media may come from this block though it is private.
    pub(super) async fn open_to(block: &str) -> Self {
        let mut place = place();
        place.config.egress = block.parse().unwrap();
        Self::open_at(place).await
    }

    async fn open_at(place: Place) -> Self {
        let server = Server::start(place.config.clone()).await.unwrap();
        Self { place, server }
    }

    /// Another server on the same folder, once this one has ended.
    pub(super) async fn restart(self) -> Self {
        self.server.stop().await;
        let server = Server::start(self.place.config.clone()).await.unwrap();
        Self { server, ..self }
    }

    /// The actor of a kind that has this name, or stands above or below one that has.
    pub(super) fn actor(&self, kind: &str, near: &str) -> Arc<Vitals> {
        self.server.system().vitals().find(kind, near).unwrap_or_else(|| panic!("no {kind} near {near}"))
    }

    /// A tenant on the Pro plan, who has done nothing yet.
    pub(super) async fn key(&self, email: &str) -> Tenant {
        let email: Email = email.parse().unwrap();
        let key = create_key(&self.place.config, &email, "test".into()).await.unwrap().reveal().to_owned();
        set_plan(&self.place.config, &email, "pro").await.unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
        let base = format!("http://{}", self.server.addr);
        Tenant { http, base, key, own: String::new(), session: String::new() }
    }

    /// The same on the Free plan, with a session that a phone is linked to.
    pub(super) async fn free(&self, email: &str, own: &str) -> Tenant {
        let tenant = self.key(email).await;
        set_plan(&self.place.config, &email.parse().unwrap(), "free").await.unwrap();
        tenant.link("one", own).await
    }

    /// A tenant with a session that a phone is linked to.
    pub(super) async fn tenant(&self, email: &str, own: &str) -> Tenant {
        self.key(email).await.link("one", own).await
    }
}

impl Tenant {
    /// The same tenant at another server.
    pub(super) fn at(&self, house: &House) -> Self {
        Self { base: format!("http://{}", house.server.addr), ..self.clone() }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, HeaderMap, Value) {
        let path = if path.starts_with("/health") { path.to_owned() } else { format!("/api/v1{path}") };
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        if !path.starts_with("/health") {
            request = request.bearer_auth(&self.key);
        }
        let answer = request.send().await.unwrap();
        let (status, head) = (answer.status().as_u16(), answer.headers().clone());
        (status, head, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        let (status, _, answer) = self.ask("GET", path, None).await;
        (status, answer)
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let (status, _, answer) = self.ask("POST", path, Some(body)).await;
        (status, answer)
    }

    /// The same tenant through another session, which this phone is linked to.
    pub(super) async fn link(&self, key: &str, own: &str) -> Self {
        let (status, session) = self.post("/sessions", json!({ "session_key": key })).await;
        assert_eq!(status, 201, "{session}");
        let session = session["id"].as_str().unwrap().to_owned();
        assert_eq!(self.post("/sandbox/phones", json!({ "phone": own })).await.0, 201);
        let scan = format!("/sandbox/phones/{own}/scan");
        until("a code is scanned", async || self.post(&scan, json!({ "sessionId": session })).await.0 == 204).await;
        let linked = Self { own: own.to_owned(), session, ..self.clone() };
        linked.until_connected().await;
        linked
    }

    /// What the session's stream says first, and the stream.
    pub(super) async fn first_told(&self) -> (reqwest::Response, String) {
        let path = format!("{}/api/v1/sessions/{}/stream", self.base, self.session);
        let mut stream = self.http.get(path).bearer_auth(&self.key).send().await.unwrap();
        assert_eq!(stream.status().as_u16(), 200);
        let mut told = String::new();
        while !told.contains("data:") || !told.ends_with("\n\n") {
            told.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        }
        (stream, told)
    }

    pub(super) async fn until_connected(&self) {
        let path = format!("/sessions/{}", self.session);
        until("connected", async || self.get(&path).await.1["status"] == "connected").await;
    }

    pub(super) async fn send(&self, to: &str, text: &str) -> (u16, Value) {
        self.post("/messages", json!({ "to": to, "message": text, "sessionId": self.session })).await
    }

    /// A phone writes to this session's number.
    pub(super) async fn receives(&self, from: &str, text: &str) {
        let _ = self.post("/sandbox/phones", json!({ "phone": from })).await;
        let path = format!("/sandbox/phones/{from}/messages");
        let body = json!({ "to": self.own, "message": text });
        until("it is written", async || self.post(&path, body.clone()).await.0 == 201).await;
    }

    /// How many messages of this session match.
    pub(super) async fn count(&self, query: &str) -> u64 {
        let (_, found) = self.get(&format!("/messages?limit=1&sessionId={}&{query}", self.session)).await;
        found["total"].as_u64().unwrap_or_default()
    }

    /// Waits until a phone shows these texts from this session's number, in this order, each once.
    pub(super) async fn until_shown(&self, phone: &str, texts: &[String]) {
        let shown = async || -> Vec<String> {
            let (_, screen) = self.get(&format!("/sandbox/phones/{phone}/messages")).await;
            let messages = screen["messages"].as_array().cloned().unwrap_or_default();
            let from_us = messages.iter().filter(|message| message["from"] == self.own.as_str());
            from_us.map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
        };
        until(&format!("{texts:?} are shown"), async || shown().await.len() >= texts.len()).await;
        assert_eq!(shown().await, texts);
    }
}

/// Asks again and again until the answer is yes.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
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
