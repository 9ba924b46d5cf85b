//! A visit: somebody who is signed in asks for a page, or sends one of its forms. What is not theirs to ask for ends here.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use maud::{Markup, html};
use ring::digest::{SHA256, digest};
use uuid::Uuid;
use warp::http::header::{CACHE_CONTROL, ETAG, HOST, REFERER, SET_COOKIE};
use warp::http::{HeaderValue, Method};

use super::super::call::{Answered, Call};
use super::super::fields::{Fields, text};
use super::super::{origin, reply};
use super::frame::{self, Own, Room};
use super::look::{Look, cookie};
use super::words::{Language, Words};
use crate::actors::System;
use crate::domain::access::{Access, Email};
use crate::domain::account::{SIGN_IN_LIFE, SignInToken};
use crate::domain::error::{Code, Refusal};

/// The cookie of a browser in which somebody is signed in. Browsers take it from this host alone, over https or on this machine.
pub(super) const COOKIE: &str = "__Host-wamux";
/// What forms hold so that no other site can have one sent.
pub(super) const FORM_TOKEN: &str = "formToken";
/// What tells one form from another, in those that are to be done once however often they are sent.
pub(super) const ONCE: &str = "once";

pub(in crate::http) struct Visit {
    pub(super) call: Call,
    pub(super) access: Access,
    pub(super) email: Email,
    pub(super) look: Look,
    token: SignInToken,
    /// Of the forms that this visit is shown.
    once: Uuid,
}

impl Visit {
    /// Lets somebody in who is signed in; anybody else is asked to sign in first, and comes back here then.
    pub(in crate::http) async fn of(call: Call) -> Result<Self, Answered> {
        let look = Look::of(&call);
        let Some(token) = token(&call) else { return Err(to_sign_in(&call)) };
        let entered = async {
            let access = call.system().enter_by_cookie(&token).await?;
            let email = call.system().email(&access).await?;
            Ok((access, email))
        };
        match entered.await {
            Ok((access, email)) => {
                let once = call.system().clock().id();
                Ok(Self { call, access, email, look, token, once })
            }
            // The cookie is worth nothing any more, so the browser need not show it again.
            Err(Refusal { code: Code::InvalidApiKey, .. }) => Err(to_sign_in(&call).map(|mut response| {
                forget(&mut response);
                response
            })),
            Err(refusal) => Err(Err(refusal)),
        }
    }

    pub(super) fn system(&self) -> &System {
        self.call.system()
    }

    pub(super) const fn words(&self) -> &'static Words {
        self.look.words()
    }

    /// The hidden field that every form holds.
    pub(super) fn csrf(&self) -> Markup {
        html! { input type="hidden" name=(FORM_TOKEN) value=(self.token.form_token()); }
    }

    /// The hidden field of a form that is to be done once however often it is sent.
    pub(super) fn once(&self) -> Markup {
        html! { input type="hidden" name=(ONCE) value=(self.once); }
    }

    /// The same as `csrf` for forms that send files, whose token stands in the address that they are sent to: `?formToken=…`.
    #[cfg(feature = "sandbox")]
    pub(super) fn csrf_query(&self) -> String {
        format!("?{FORM_TOKEN}={}", self.token.form_token())
    }

    /// The fields of a form, which one of our own pages sent. A field that was left blank is not given.
    pub(super) async fn form(&mut self) -> Result<Fields, Refusal> {
        let mut fields = self.call.form().await?;
        let given = fields.optional(FORM_TOKEN, text(Ok::<_, String>)).unwrap_or_default();
        self.vouch(&given)?;
        Ok(fields)
    }

    /// Whether one of our own pages sent a form with files, as far as its head says. Its token is its first field, so a body of
    /// another site's is not read.
    pub(super) fn is_own_form(&self) -> Result<(), Refusal> {
        if origin::is_own_form(&self.call.headers) { Ok(()) } else { Err(foreign_form()) }
    }

    /// The same for its fields, once they were read.
    pub(super) fn has_own_token(&self, fields: &[(String, String)]) -> Result<(), Refusal> {
        let given = fields.iter().find(|(name, _)| name == FORM_TOKEN).map(|(_, token)| token.as_str());
        self.vouch(given.unwrap_or_default())
    }

    /// Whether one of our own pages sent a form whose token stands in the address. Its body was not read.
    #[cfg(feature = "sandbox")]
    pub(super) fn form_with_files(&self) -> Result<(), Refusal> {
        let given = self.call.query.iter().find(|(name, _)| name == FORM_TOKEN).map(|(_, token)| token.as_str());
        self.vouch(given.unwrap_or_default())
    }

    fn vouch(&self, given: &str) -> Result<(), Refusal> {
        if origin::is_own_form(&self.call.headers) && self.token.is_of_form(given) {
            return Ok(());
        }
        Err(foreign_form())
    }

    /// A room of the dashboard.
    #[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
    pub(super) fn page(&self, room: Room, title: &str, body: &Markup) -> Answered {
        Ok(self.shown(room, title, Own::default(), body))
    }

    /// The same with styles and scripts of its own, by their common names.
    #[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
    pub(super) fn alive(&self, room: Room, title: &str, name: &str, body: &Markup) -> Answered {
        Ok(self.shown(room, title, Own { assets: Some(name), again: false }, body))
    }

    /// The same where something is waited for that comes in moments: where no script runs, it is read again by itself until then.
    #[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
    pub(super) fn waiting(&self, room: Room, title: &str, name: &str, body: &Markup) -> Answered {
        Ok(self.shown(room, title, Own { assets: Some(name), again: true }, body))
    }

    fn shown(&self, room: Room, title: &str, own: Own<'_>, body: &Markup) -> reply::Response {
        let framed = frame::room(&self.look, room, title, own, &self.email, &self.csrf(), body);
        let mut response = super::page(&self.look, &framed);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.call.method == Method::GET {
            // What is read again and again is sent when it is another one; what tells forms apart makes no difference.
            let same = framed.0.replace(&self.once.to_string(), "");
            let tag = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, same.as_bytes()).as_ref()[..12]);
            let tag = HeaderValue::try_from(format!("\"{tag}\"")).ok();
            response.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
        }
        response
    }
}

/// What a browser shows as its cookie.
pub(in crate::http) fn token(call: &Call) -> Option<SignInToken> {
    cookie(call, COOKIE)?.parse().ok()
}

pub(super) fn foreign_form() -> Refusal {
    let detail = "This form was not sent by a page of this site, or you signed out and in since. Load the page again and send it once more.";
    Refusal::new(Code::FormRefused, detail)
}

/// Why nobody can sign in here: the browser would throw away what says who they are.
pub(super) fn loses_cookies() -> Refusal {
    Refusal::new(Code::FormRefused, Language::English.words().entry.no_cookies_why)
}

/// Has a browser keep who is signed in there.
pub(super) fn keep(response: &mut reply::Response, token: &SignInToken) {
    set(response, token.reveal(), SIGN_IN_LIFE.num_seconds());
}

/// Has a browser forget it.
pub(super) fn forget(response: &mut reply::Response) {
    set(response, "", 0);
}

fn set(response: &mut reply::Response, value: &str, seconds: i64) {
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    response.headers_mut().extend(HeaderValue::from_str(&cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
}

/// To where people sign in, and from there to the page that was asked for, or on which the form stood that was sent. What it sent is
/// not sent again, and they are told so.
#[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
fn to_sign_in(call: &Call) -> Answered {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let next = if call.method == Method::GET {
        Some(place(call.path.as_str(), &call.query))
    } else {
        query.append_pair("ended", "1");
        stood_on(call)
    };
    if let Some(next) = next.filter(|next| next.as_str() != "/dashboard") {
        query.append_pair("next", &next);
    }
    let query = query.finish();
    let to = if query.is_empty() { "/login".to_owned() } else { format!("/login?{query}") };
    Ok(reply::see_other(&to))
}

/// A path with its query, in which no token stands.
fn place(path: &str, query: &[(String, String)]) -> String {
    let query = query.iter().filter(|(name, _)| name != FORM_TOKEN);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{path}{separator}{query}")
}

/// The page of ours on which the form stood that was sent, as the browser says.
fn stood_on(call: &Call) -> Option<String> {
    let page = url::Url::parse(call.header(REFERER.as_str()).ok()??).ok()?;
    let host = call.header(HOST.as_str()).ok()??;
    let port = page.port().map(|port| format!(":{port}")).unwrap_or_default();
    let own = format!("{}{port}", page.host_str()?).eq_ignore_ascii_case(host);
    let query: Vec<(String, String)> = page.query_pairs().into_owned().collect();
    own.then(|| place(page.path(), &query))
}
