//! The WebSocket upgrade of `GET /ws/chat` (RFC 6455, section 4.2), where the clients of the simulated network come in.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::http::header::{HOST, HeaderName};
use warp::http::{HeaderMap, HeaderValue};
use warp::path::FullPath;
use warp::{Filter, Rejection};

use super::Alone;
use crate::domain::elsewhere::{Fingerprint, NETWORK};
use crate::domain::error::{Code, Refusal};
use crate::domain::request::RequestId;
use crate::http::call::Answered;
use crate::http::origin::is_client;
use crate::http::reply::{self, Response};
use crate::sandbox::{CHAT, Sandbox};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Any path that begins like this one, since clients append to it.
pub(in crate::http) fn chat(alone: &Arc<Alone>) -> BoxedFilter<(Response,)> {
    let sandbox = alone.sandbox.clone();
    let here = warp::path::full().and_then(|path: FullPath| async move {
        if path.as_str().starts_with(CHAT) { Ok(()) } else { Err::<(), Rejection>(warp::reject::not_found()) }
    });
    warp::get()
        .and(here.untuple_one())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .map(move |headers, upgrade| {
            let answer = switch(sandbox.clone(), &headers, upgrade);
            answer.unwrap_or_else(|refusal| reply::refused(&refusal, &RequestId::none()))
        })
        .boxed()
}

fn switch(sandbox: Sandbox, headers: &HeaderMap, upgrade: Option<OnUpgrade>) -> Answered {
    let (Some(accept), Some(upgrade)) = (accepted(headers), upgrade) else {
        return Err(Refusal::new(
            Code::NotFound,
            "Here is a WebSocket, version 13: connect as a WhatsApp client does.",
        ));
    };
    if !is_client(headers) {
        return Err(Refusal::new(Code::OperatorOnly, "The network answers clients, and no page of another place."));
    }
    let network = Fingerprint(sandbox.root_key()).to_string();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(stream) => sandbox.serve_upgraded(TokioIo::new(stream), host.as_deref()).await,
            Err(error) => tracing::debug!(%error, "a client left while it was let in"),
        }
    });
    let mut answer = reply::switching(accept);
    // Digits are a header's value.
    let network = HeaderValue::try_from(network).ok().map(|network| (HeaderName::from_static(NETWORK), network));
    answer.headers_mut().extend(network);
    Ok(answer)
}

/// The answer to the client's key, if it asks for a WebSocket of the one version there is.
fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let websocket = text("upgrade")?.split(',').any(|name| name.trim().eq_ignore_ascii_case("websocket"));
    let key = text("sec-websocket-key").filter(|key| BASE64_STANDARD.decode(key).is_ok_and(|key| key.len() == 16))?;
    let accept = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key.as_bytes(), GUID].concat());
    let known = websocket && text("sec-websocket-version")? == "13";
    known.then(|| HeaderValue::from_str(&BASE64_STANDARD.encode(accept)).ok())?
}
