//! What the media servers answer over HTTP, whether it comes over TCP or from a client in this process.

use std::fs::File;
use std::sync::Arc;

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use reqwest::Body;
use serde_json::{Value, json};

use super::pass::parameter;
use super::upload::{Upload, waste};
use super::{Refused, chunks};
use crate::sandbox::SandboxError;
use crate::sandbox::network::Network;

/// The host that clients are sent to where nothing else leads back to the network, and the real one's.
pub(crate) const USUAL_HOST: &str = "mmg.whatsapp.net";

/// Answers to the end, also when whoever asks hangs up meanwhile: what came of a file is kept.
pub(crate) async fn answer(network: Arc<Network>, request: Request<Body>) -> Response<Body> {
    let answered = tokio::spawn(async move {
        let (parts, mut body) = request.into_parts();
        let head = Head::of(&parts);
        let answered = match parts.method {
            Method::POST => match head.take(&network, &mut body).await {
                Ok(done) => Ok(said(200, &done)),
                Err(refused) => {
                    waste(&mut body).await;
                    Err(refused)
                }
            },
            Method::GET => network.media.at(&head.path_and_query()).map(sent),
            _ => Err(Refused::NotFound),
        };
        answered.unwrap_or_else(|refused| {
            tracing::debug!(%refused, method = %parts.method, "the media servers refuse");
            let (code, message) = (refused.status(), refused.to_string());
            said(code, &json!({ "error": { "code": code, "message": message } }))
        })
    });
    answered.await.unwrap_or_else(|_| said(Refused::Broken.status(), &Value::Null))
}

/// What a request says before its body.
struct Head<'h> {
    path: &'h str,
    query: &'h str,
    host: &'h str,
    length: Option<u64>,
}

impl<'h> Head<'h> {
    fn of(parts: &'h hyper::http::request::Parts) -> Self {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            host: text(HOST).filter(|host| is_host(host)).unwrap_or(USUAL_HOST),
            length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        }
    }

    fn path_and_query(&self) -> String {
        format!("{}?{}", self.path, self.query)
    }

    async fn take(&self, network: &Network, body: &mut Body) -> Result<Value, Refused> {
        let (folder, name) = self.path.rsplit_once('/').ok_or(Refused::NotFound)?;
        let family = folder.strip_prefix("/mms/").or_else(|| folder.strip_prefix("/product/"));
        let family = family.filter(|family| !family.contains('/')).ok_or(Refused::NotFound)?;
        let device = network.media.passes.device(parameter(self.query, "auth"), network.seconds())?;
        if !is_linked(network, device).await.map_err(|_| Refused::Broken)? {
            return Err(Refused::Unauthorized);
        }
        let (query, length, host) = (self.query, self.length, self.host);
        Upload { family, name, query, length, host }.take(&network.media, body).await
    }
}

async fn is_linked(network: &Network, device: crate::sandbox::ledger::Device) -> Result<bool, SandboxError> {
    let Some(account) = network.by_id(device.account).await? else { return Ok(false) };
    Ok(account.lock().await.companions.contains_key(&device.device))
}

/// Whether this can stand in a URL as a host, with its port.
pub(crate) fn is_host(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
}

fn said(status: u16, what: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(what.to_string()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn sent((file, size): (File, u64)) -> Response<Body> {
    let mut response = Response::new(Body::wrap_stream(chunks(file, size)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, size.into());
    response
}
