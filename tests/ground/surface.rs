//! The API's whole surface, as tests walk it: every route, what its path may be filled with, and a good body for those that take one.

use reqwest::Method;
use serde_json::{Value, json};

pub const PHONE: &str = "+237600000001";
/// An id that nothing ever had.
pub const NEVER: &str = "0198f000-0000-7000-8000-000000000000";

/// What a route's path and body are filled with.
#[derive(Clone, Debug)]
pub struct Ids {
    pub session: String,
    pub message: String,
    pub key: String,
    pub fault: String,
}

impl Ids {
    pub fn all(id: &str) -> Self {
        let id = || id.to_owned();
        Self { session: id(), message: id(), key: id(), fault: id() }
    }
}

/// Every route that is called with a key.
pub fn routes() -> Vec<(Method, String)> {
    let open = ["/api/v1/openapi.json"];
    let all = wamux::http::surface().into_iter();
    let routes: Vec<_> = all.filter(|(_, path)| path.starts_with("/api/v1/") && !open.contains(&&**path)).collect();
    assert!(routes.len() > 10);
    routes
}

/// Every path that there is, with the methods that it answers to.
pub fn paths() -> Vec<(String, Vec<Method>)> {
    let mut paths: Vec<(String, Vec<Method>)> = Vec::new();
    for (method, path) in wamux::http::surface() {
        match paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, methods)) => methods.push(method),
            None => paths.push((path, vec![method])),
        }
    }
    paths
}

/// The path with its one name filled in, after `/api/v1`.
pub fn fill(template: &str, ids: &Ids) -> String {
    let Some((before, rest)) = template.split_once('{') else { return template.to_owned() };
    let (name, after) = rest.split_once('}').unwrap();
    let value = match (before, name) {
        (_, "phone") => PHONE,
        // A message on a phone, which no test that walks the routes has any of.
        (_, "message") => NEVER,
        ("/api/v1/sessions/", "id") => &ids.session,
        ("/api/v1/messages/", "id") => &ids.message,
        ("/api/v1/keys/", "id") => &ids.key,
        ("/api/v1/sandbox/faults/", "fault") => &ids.fault,
        _ => panic!("say in tests/ground/surface.rs what {{{name}}} in {template} stands for"),
    };
    fill(&format!("{before}{value}{after}"), ids)
}

/// A body that the route takes; none if it takes none.
pub fn good_body(method: &Method, template: &str, ids: &Ids) -> Option<Value> {
    let path = template.strip_prefix("/api/v1").unwrap();
    let session = &ids.session;
    match (method.as_str(), path) {
        ("GET" | "DELETE", _)
        | (
            "POST",
            "/sessions/{id}/restart"
            | "/sessions/{id}/logout"
            | "/sandbox/phones/{phone}/offline"
            | "/sandbox/phones/{phone}/online"
            | "/sandbox/phones/{phone}/messages/{message}/media/expire",
        ) => None,
        ("POST", "/messages") => Some(json!({ "to": PHONE, "message": "hello", "sessionId": session })),
        ("POST", "/messages/media") => Some(json!({
            "to": PHONE, "mediaUrl": "https://example.com/a.jpg", "mediaType": "image", "caption": "hello", "sessionId": session
        })),
        ("POST", "/messages/audio") => {
            Some(json!({ "to": PHONE, "audioUrl": "https://example.com/a.mp3", "ptt": true, "sessionId": session }))
        }
        ("POST", "/sessions") => Some(json!({ "sessionKey": "another" })),
        ("PATCH", "/sessions/{id}") => Some(json!({ "sessionKey": "renamed" })),
        ("POST", "/sessions/{id}/pairing-code") => Some(json!({ "phone": PHONE })),
        ("POST", "/stream-tickets" | "/sandbox/phones/{phone}/scan") => Some(json!({ "sessionId": session })),
        ("POST", "/keys") => Some(json!({ "name": "ci", "description": "for tests", "expiresInDays": 30 })),
        ("POST", "/sandbox/phones") => Some(json!({ "phone": PHONE, "name": "Ada" })),
        ("POST", "/sandbox/phones/{phone}/messages") => Some(json!({ "to": PHONE, "message": "hello" })),
        ("POST", "/sandbox/phones/{phone}/block" | "/sandbox/phones/{phone}/unblock") => {
            Some(json!({ "phone": "+237611111111" }))
        }
        ("POST", "/sandbox/phones/{phone}/read") => Some(json!({ "chat": PHONE })),
        ("POST", "/sandbox/faults") => Some(json!({ "fault": "lose_receipts", "sessionId": session })),
        _ => panic!("say in tests/ground/surface.rs what a good body of {method} {template} is"),
    }
}

/// The fields of a body that hold ids.
pub fn id_fields(body: &Value) -> Vec<String> {
    body.as_object().unwrap().keys().filter(|name| name.ends_with("Id")).cloned().collect()
}
