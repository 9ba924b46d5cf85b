//! Answers: the only place with status numbers. A refusal becomes problem+json (RFC 9457).

use std::convert::Infallible;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use warp::Rejection;
#[cfg(feature = "sandbox")]
use warp::http::HeaderMap;
use warp::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
#[cfg(feature = "sandbox")]
use warp::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use warp::http::{HeaderName, HeaderValue, Method, StatusCode};
pub(super) use warp::reply::Response;

use super::call::Call;
use crate::actors::Sending;
use crate::domain::error::{Code, FieldError, Refusal};
use crate::domain::idempotency::Answer;
use crate::domain::quota::Usage;
use crate::domain::request::RequestId;

pub(super) const fn status(code: Code) -> StatusCode {
    match code {
        Code::MalformedJson | Code::MalformedRequest => StatusCode::BAD_REQUEST,
        Code::InvalidApiKey | Code::InvalidStreamTicket => StatusCode::UNAUTHORIZED,
        Code::FormRefused | Code::OperatorOnly => StatusCode::FORBIDDEN,
        Code::NotFound | Code::PhoneNotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Code::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Code::IdempotencyInProgress
        | Code::PairingCodeNotUsable
        | Code::PairingCodeRefused
        | Code::PhoneOffline
        | Code::QrNotUsable
        | Code::SessionKeyTaken
        | Code::SessionNotConnected
        | Code::SessionNotPairing => StatusCode::CONFLICT,
        Code::MediaExpired => StatusCode::GONE,
        Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UriTooLong => StatusCode::URI_TOO_LONG,
        Code::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::IdempotencyKeyReused | Code::MediaTooLarge | Code::ValidationFailed => StatusCode::UNPROCESSABLE_ENTITY,
        Code::DailyLimitReached
        | Code::DownloadLimitReached
        | Code::KeyLimitReached
        | Code::RateLimited
        | Code::SessionLimitReached
        | Code::StreamLimitReached
        | Code::UploadLimitReached => StatusCode::TOO_MANY_REQUESTS,
        Code::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        Code::MediaCorrupt => StatusCode::BAD_GATEWAY,
        Code::NotReady | Code::Overloaded | Code::SandboxUnreachable | Code::Stopping | Code::WhatsAppUnanswered => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

pub(super) const PROBLEM: &str = "application/problem+json";

/// Why a call was refused, as RFC 9457 writes it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem<'a> {
    /// Where the code is described: an address to be read against this server's.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means, in words. The same for all refusals with this code.
    title: &'static str,
    /// The HTTP status, once more.
    status: u16,
    /// What is the matter in this case, and what to do. For people: the words may change.
    detail: &'a str,
    #[schema(value_type = Code)]
    code: &'static str,
    /// With `validation_failed`: everything that is wrong, field by field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// With `internal_error` alone: what names the failure in the server's log.
    // Only where it is all there is to go by: other answers are the same to the byte whoever asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
}

/// The status and the problem document of a refusal.
fn problem(refusal: &Refusal, request: &RequestId) -> (StatusCode, Vec<u8>) {
    (status(refusal.code), written(refusal, request.as_str()))
}

/// The problem document of a refusal.
pub(super) fn written(refusal: &Refusal, request: &str) -> Vec<u8> {
    let (code, status) = (refusal.code, status(refusal.code));
    let problem = Problem {
        kind: format!("/docs#{}", code.as_str()),
        title: code.title(),
        status: status.as_u16(),
        detail: &refusal.detail,
        code: code.as_str(),
        errors: &refusal.fields,
        request_id: (code == Code::InternalError).then_some(request),
    };
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// What a call to send is answered, for whoever shows the answer: its status, and its body.
pub(super) fn told(sending: &Sending, request: &RequestId) -> (StatusCode, Vec<u8>) {
    match &sending.answer {
        Ok(answer) => (StatusCode::ACCEPTED, answer.body.clone()),
        Err(refusal) => problem(refusal, request),
    }
}

/// A refusal as it is written to a connection that ends with it, for whoever has no request to answer.
pub(super) fn on_the_wire(refusal: &Refusal, request: &RequestId) -> Vec<u8> {
    let (status, body) = problem(refusal, request);
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: {PROBLEM}\r\ncontent-length: {}\r\n{}: {}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\n\r\n",
        body.len(),
        RequestId::HEADER,
        request.as_str(),
    )
    .into_bytes();
    bytes.extend(body);
    bytes
}

/// What a caller is told who was refused.
pub(super) fn refused(refusal: &Refusal, request: &RequestId) -> Response {
    let (status, body) = problem(refusal, request);
    let mut response = with(status, PROBLEM, body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response.headers_mut().extend(retry_after(refusal, status).map(|seconds| (RETRY_AFTER, seconds)));
    response
}

/// When to come back, in seconds.
fn retry_after(refusal: &Refusal, status: StatusCode) -> Option<HeaderValue> {
    let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
    let wait = refusal.retry_after.or(unavailable.then_some(Duration::from_secs(1)))?;
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Some(HeaderValue::from(seconds.max(1)))
}

pub(super) fn ok<T: Serialize>(body: &T) -> Result<Response, Refusal> {
    json(StatusCode::OK, body)
}

/// What a form asked for was done, or is elsewhere: a browser goes there, and asks with GET.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().extend(HeaderValue::from_str(to).ok().map(|to| (LOCATION, to)));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page again whose form was not taken, with the status of what was wrong.
pub(super) fn not_taken(code: Code, mut page: Response) -> Response {
    *page.status_mut() = status(code);
    page
}

/// The same where it is to be said when to come back.
pub(super) fn not_taken_for(refusal: &Refusal, page: Response) -> Response {
    let mut page = not_taken(refusal.code, page);
    let retry = retry_after(refusal, page.status());
    page.headers_mut().extend(retry.map(|seconds| (RETRY_AFTER, seconds)));
    page
}

/// The tag of what a caller has already, as our own scripts say it: one, and as it was given.
pub(super) fn known<D>(call: &Call<D>) -> Option<String> {
    call.header(IF_NONE_MATCH.as_str()).ok().flatten().map(str::to_owned)
}

/// A page, unless the caller has the same already.
pub(super) fn unless_known(known: Option<&str>, page: Response) -> Response {
    let tag = page.headers().get(ETAG);
    if page.status() != StatusCode::OK || tag.is_none_or(|tag| Some(tag.as_bytes()) != known.map(str::as_bytes)) {
        return page;
    }
    let mut response = unchanged();
    response.headers_mut().extend(tag.cloned().map(|tag| (ETAG, tag)));
    response
}

/// The same as the caller has it already.
pub(super) fn unchanged() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Something as it is, in a form of its own.
pub(super) fn shown(kind: &'static str, body: Vec<u8>) -> Response {
    with(StatusCode::OK, kind, body)
}

/// Something was made that is in this answer and can be read nowhere again.
pub(super) fn made<T: Serialize>(body: &T) -> Result<Response, Refusal> {
    json(StatusCode::CREATED, body)
}

/// Something was made, and can be read at `location`.
#[cfg(feature = "sandbox")]
pub(super) fn created<T: Serialize>(location: &str, body: &T) -> Result<Response, Refusal> {
    let mut response = json(StatusCode::CREATED, body)?;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// The same, now or by the same request before, and answered with exactly these bytes of JSON.
pub(super) fn created_once(answer: Answer) -> Response {
    let location = answer.location.and_then(|location| HeaderValue::try_from(location).ok());
    let mut response = once(StatusCode::CREATED, answer.body, answer.replayed);
    response.headers_mut().extend(location.map(|location| (LOCATION, location)));
    response
}

/// Taken on; what was asked for goes on behind the answer.
pub(super) fn taken_on<T: Serialize>(body: &T) -> Result<Response, Refusal> {
    json(StatusCode::ACCEPTED, body)
}

/// Taken on, and answered with exactly these bytes of JSON.
pub(super) fn accepted(body: Vec<u8>, replayed: bool) -> Response {
    once(StatusCode::ACCEPTED, body, replayed)
}

fn once(status: StatusCode, body: Vec<u8>, replayed: bool) -> Response {
    let mut response = with(status, "application/json", body);
    if replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// Done, and nothing to say.
pub(super) fn done() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// From here on the connection speaks WebSocket.
#[cfg(feature = "sandbox")]
pub(super) fn switching(accept: HeaderValue) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let said = [(UPGRADE, HeaderValue::from_static("websocket")), (CONNECTION, HeaderValue::from_static("Upgrade"))];
    response.headers_mut().extend(said);
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// What another server answered, handed on.
#[cfg(feature = "sandbox")]
pub(super) fn relayed(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// What stands here can be called with these methods.
pub(super) fn options(methods: &[Method]) -> Response {
    allowing(done(), &allowed(methods))
}

/// What stands here cannot be called so: a refusal, in the form in which others are told here.
pub(super) fn method_not_allowed(methods: &[Method], told: impl FnOnce(&Refusal) -> Response) -> Response {
    let methods = allowed(methods);
    let refusal = Refusal::new(Code::MethodNotAllowed, format!("What stands here answers to {methods}."));
    allowing(told(&refusal), &methods)
}

fn allowed(methods: &[Method]) -> String {
    let head = methods.contains(&Method::GET).then_some(Method::HEAD);
    let all = methods.iter().chain(&head).chain(&[Method::OPTIONS]).map(Method::as_str);
    all.collect::<Vec<_>>().join(", ")
}

/// Says how much of the day's messages is left.
pub(super) fn with_usage(mut response: Response, usage: Option<Usage>) -> Response {
    if let Some(usage) = usage {
        let figures = [
            ("ratelimit-limit", usage.limit),
            ("ratelimit-remaining", usage.remaining()),
            ("ratelimit-reset", usage.reset_seconds),
        ];
        for (name, figure) in figures {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(figure));
        }
    }
    response
}

/// No route took the request. Handlers return their refusals, so the only rejection there can be is that.
pub(super) async fn rejected(rejection: Rejection) -> Result<Response, Infallible> {
    let refusal = if rejection.is_not_found() {
        Refusal::not_found()
    } else {
        tracing::error!(error = ?rejection, "a route rejects instead of answering");
        Refusal::internal()
    };
    Ok(refused(&refusal, &RequestId::none()))
}

fn allowing(mut response: Response, methods: &str) -> Response {
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Refusal::internal()
    })?;
    Ok(with(status, "application/json", body))
}

fn with(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests;
