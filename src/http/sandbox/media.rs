//! The media servers of the simulated network, on its own port: where they stand on the real one there is a host for them.

use std::sync::Arc;

use futures_util::StreamExt;
use hyper::Request;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::{Filter, Rejection};

use super::Alone;
use super::streamed::streamed;
use crate::domain::error::{Code, Refusal};
use crate::domain::request::RequestId;
use crate::http::call::plain;
use crate::http::origin::is_client;
use crate::http::reply::{self, Response};
use crate::sandbox::Sandbox;

/// What their paths begin with: uploads, and two kinds of places that files are fetched from.
const ROOTS: [&str; 3] = ["/mms/", "/product/", "/v/"];

pub(in crate::http) fn media(alone: &Arc<Alone>) -> BoxedFilter<(Response,)> {
    let sandbox = alone.sandbox.clone();
    let here = warp::path::full().and_then(|path: FullPath| async move {
        let here = ROOTS.iter().any(|root| path.as_str().starts_with(root));
        if here { Ok(path) } else { Err::<FullPath, Rejection>(warp::reject::not_found()) }
    });
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let body = warp::body::stream().map(|chunks| reqwest::Body::wrap_stream(StreamExt::map(chunks, plain)));
    here.and(query)
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(body)
        .then(move |path: FullPath, query: String, method, headers, body| {
            let (sandbox, target) = (sandbox.clone(), format!("{}?{query}", path.as_str()));
            async move { asked(&sandbox, method, &target, headers, body).await }
        })
        .boxed()
}

async fn asked(sandbox: &Sandbox, method: Method, target: &str, headers: HeaderMap, body: reqwest::Body) -> Response {
    if !is_client(&headers) {
        let refusal = Refusal::new(Code::OperatorOnly, "The network answers clients, and no page of another place.");
        return reply::refused(&refusal, &RequestId::none());
    }
    let request = Request::builder().method(method).uri(target).body(body);
    let Ok(mut request) = request else { return reply::refused(&Refusal::not_found(), &RequestId::none()) };
    *request.headers_mut() = headers;
    let (parts, body) = sandbox.media(request).await.into_parts();
    streamed(parts.status, parts.headers, body)
}
