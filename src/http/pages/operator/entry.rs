//! Where an operator shows the token, and leaves again.

use std::time::Duration;

use chrono::TimeDelta;
use maud::html;
use warp::http::HeaderValue;
use warp::http::header::{CACHE_CONTROL, SET_COOKIE};

use super::super::super::call::{Answered, Call};
use super::super::super::fields::text;
use super::super::super::{origin, reply};
use super::super::frame::{Part, framed};
use super::super::look::Look;
use super::super::visit::{foreign_form, loses_cookies};
use super::{COOKIE, Operating};
use crate::domain::error::Code;

/// How long a browser is the operator's without the token being shown again.
const PASS_LIFE: TimeDelta = TimeDelta::hours(12);

/// The token, from the form.
pub(in crate::http) async fn operate(mut call: Call) -> Answered {
    let look = Look::of(&call);
    if origin::loses_cookies(&call.headers) {
        return Err(loses_cookies());
    }
    if !origin::is_own_form(&call.headers) {
        return Err(foreign_form());
    }
    let from = call.client();
    let mut fields = call.form().await?;
    let given = fields.optional("token", text(Ok::<_, String>)).unwrap_or_default();
    fields.finish(Some(()))?;
    call.system().try_from_address(from)?;
    let now = call.system().clock().now();
    match call.door.operator.as_ref().filter(|token| token.is(given.trim())) {
        Some(token) => Ok(kept(&token.pass(now + PASS_LIFE), PASS_LIFE.to_std().unwrap_or_default())),
        None => asked(&call, &look, Some(look.words().operator.wrong)),
    }
}

pub(in crate::http) async fn leave(call: Call) -> Answered {
    let mut operating = match Operating::of(call) {
        Ok(operating) => operating,
        Err(instead) => return instead,
    };
    operating.form().await?.finish(Some(()))?;
    Ok(kept("", Duration::ZERO))
}

fn kept(pass: &str, life: Duration) -> reply::Response {
    let mut response = reply::see_other("/operator");
    let cookie = format!("{COOKIE}={pass}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", life.as_secs());
    response.headers_mut().extend(HeaderValue::from_str(&cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// The page that asks for the token; or says that there is none, and so no way in from here.
#[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
pub(super) fn asked(call: &Call, look: &Look, wrong: Option<&str>) -> Answered {
    let words = look.words().operator;
    let body = html! {
        section.narrow {
            h1 { (words.title) }
            @if call.door.operator.is_none() {
                p.note.bad role="status" { (words.no_token) }
            } @else if origin::loses_cookies(&call.headers) {
                p.note.bad role="status" { (look.words().entry.no_cookies_why) }
            } @else {
                p.muted { (words.lead) }
                @if let Some(wrong) = wrong { p.note.bad role="alert" { (wrong) } }
                form.stack method="post" action="/operator" {
                    label for="token" { (words.token) }
                    input id="token" name="token" type="password" required autocomplete="off" spellcheck="false" autofocus;
                    button.button.first { (words.enter) }
                }
            }
        }
    };
    let title = format!("{} · Wamux", words.title);
    let mut page = super::super::page(look, &framed(look, Part::Entry, &title, &body));
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply::not_taken(Code::OperatorOnly, page))
}
