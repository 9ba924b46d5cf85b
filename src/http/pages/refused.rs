//! A refusal as a page: what is the matter, and where to go on.

use maud::html;
use warp::http::HeaderValue;
use warp::http::header::CONTENT_TYPE;

use super::super::reply::{self, Response};
use super::frame::{Part, framed};
use super::look::Look;
use super::said::refused;
use crate::domain::error::{Code, Refusal};
use crate::domain::request::RequestId;

pub(super) fn page(look: &Look, refusal: &Refusal, request: &RequestId) -> Response {
    let said = look.words().refused;
    let title = match refusal.code {
        Code::NotFound | Code::PhoneNotFound => said.not_found,
        Code::FormRefused => said.form_not_taken,
        Code::RateLimited | Code::Overloaded | Code::NotReady | Code::Stopping => said.later,
        _ => said.failed,
    };
    let body = html! {
        section.narrow {
            h1 { (title) }
            @if *refusal == Refusal::not_found() { p { (said.no_page) } } @else { (refused(look.language, refusal)) }
            p.acts {
                @if look.signed_in { a.button.first href="/dashboard" { (said.to_dashboard) } }
                @else { a.button.first href="/" { (said.to_front) } }
                a.button href="/docs" { (look.words().docs) }
            }
            p.muted.small { (said.code) " " code { (refusal.code.as_str()) } " · " (said.request) " " code { (request.as_str()) } }
        }
    };
    let page = super::page(look, &framed(look, Part::None, &format!("{title} · Wamux"), &body));
    let mut response = reply::refused(refusal, request);
    let kind = page.headers().clone();
    *response.body_mut() = page.into_body();
    response.headers_mut().remove(CONTENT_TYPE);
    response.headers_mut().remove(warp::http::header::WWW_AUTHENTICATE);
    response.headers_mut().extend(kind);
    response.headers_mut().insert(warp::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
