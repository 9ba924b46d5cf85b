//! The operator's pages: the live tree of actors with the versions of what runs, tenants and their plans, sessions across tenants.
//! Whoever bears the operator's token gets in; where there is none, whoever asks on the server's own machine.

mod entry;
mod map;
mod sessions;
mod tenants;

use maud::{Markup, html};
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;

use super::super::call::{Answered, Call};
use super::super::fields::{Fields, text};
use super::super::{health, origin};
use super::actors::Drawing;
use super::frame;
use super::look::{Look, cookie};
use super::visit::foreign_form;
use crate::actors::System;
use crate::domain::access::{Mode, OperatorToken};
use crate::domain::error::Refusal;
pub(in crate::http) use entry::{leave, operate};
pub(in crate::http) use sessions::operated_sessions;
pub(in crate::http) use tenants::{change_plan, operated_tenants};

/// What an operator's browser keeps.
const COOKIE: &str = "__Host-wamux-operator";
const FORM_TOKEN: &str = "formToken";

/// The operator asks for a page, or sends one of its forms.
struct Operating {
    call: Call,
    look: Look,
}

/// The halls of the operator's pages, in the order in which they are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hall {
    Actors,
    Tenants,
    Sessions,
}

impl Operating {
    /// Lets the operator in; anybody else is asked for the token.
    #[allow(clippy::result_large_err, reason = "it is answered at once")]
    fn of(call: Call) -> Result<Self, Answered> {
        let look = Look::of(&call);
        if is_operator(&call) { Ok(Self { call, look }) } else { Err(entry::asked(&call, &look, None)) }
    }

    fn system(&self) -> &System {
        self.call.system()
    }

    fn csrf(&self) -> Markup {
        let token = self.call.door.operator.as_ref().map(OperatorToken::form_token);
        html! { @if let Some(token) = token { input type="hidden" name=(FORM_TOKEN) value=(token); } }
    }

    /// The fields of a form, which one of our own pages sent.
    async fn form(&mut self) -> Result<Fields, Refusal> {
        let mut fields = self.call.form().await?;
        let given = fields.optional(FORM_TOKEN, text(Ok::<_, String>)).unwrap_or_default();
        let vouched = self.call.door.operator.as_ref().is_none_or(|token| token.is_of_form(&given));
        if vouched && origin::is_own_form(&self.call.headers) { Ok(fields) } else { Err(foreign_form()) }
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
    fn page(&self, hall: Hall, title: &str, body: &Markup) -> Answered {
        let words = self.look.words().operator;
        let halls = [
            (Hall::Actors, "/operator", words.actors),
            (Hall::Tenants, "/operator/tenants", words.tenants),
            (Hall::Sessions, "/operator/sessions", words.sessions),
        ];
        let listed: Vec<_> = halls.into_iter().map(|(other, href, name)| (href, name, other == hall)).collect();
        let leave = self.call.door.operator.is_some().then_some("/operator/leave");
        let framed = frame::halls(&self.look, title, words.title, &listed, leave, &self.csrf(), body);
        let mut response = super::page(&self.look, &framed);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

fn is_operator(call: &Call) -> bool {
    let now = call.system().clock().now();
    let pass = call.door.operator.as_ref().zip(cookie(call, COOKIE));
    pass.is_some_and(|(token, pass)| token.is_pass(pass, now)) || health::operator(call).is_ok()
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn operator(call: Call) -> Answered {
    let operating = match Operating::of(call) {
        Ok(operating) => operating,
        Err(instead) => return instead,
    };
    let words = operating.look.words().operator;
    let root = operating.system().health();
    let drawing = Drawing { words: &operating.look.words().actors };
    let body = html! {
        h1 { (words.actors) }
        (versions(&operating))
        div.actors id="actors" data-live="2000" {
            (map::map(&operating.look, &root))
            (drawing.attention(&root))
            (drawing.tree(&root))
        }
    };
    operating.page(Hall::Actors, words.actors, &body)
}

/// What runs here.
fn versions(operating: &Operating) -> Markup {
    let words = operating.look.words().operator;
    let network = match operating.system().mode() {
        Mode::Live => words.real,
        Mode::Test => words.simulated,
    };
    html! {
        dl.facts.versions {
            dt { "Wamux" } dd { (env!("CARGO_PKG_VERSION")) }
            dt { (words.protocol) } dd { "whatsapp-rust " (protocol_version()) }
            dt { (words.network) } dd { (network) }
            dt { (words.database) } dd { (operating.system().database()) }
        }
    }
}

/// The version of the protocol crate, as the manifest pins it.
fn protocol_version() -> &'static str {
    const MANIFEST: &str = include_str!("../../../Cargo.toml");
    let line = MANIFEST.lines().find(|line| line.starts_with("whatsapp-rust "));
    line.and_then(|line| line.split('"').nth(1)).map_or("", |version| version.trim_start_matches('='))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_protocol_crate_says_its_version() {
        let version = super::protocol_version();
        assert!(version.split('.').count() == 3 && version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
    }
}
