//! The door: every route on this page, one file per resource, status numbers in `reply` alone.
//!
//! A handler asks the `System` and answers with what it says. Refusals are return values, never warp's rejections, so what a
//! caller is told does not depend on the order of the routes.

mod accept;
mod body;
mod call;
mod fields;
mod health;
mod keys;
mod messages;
mod metrics;
mod once;
mod openapi;
mod origin;
mod pages;
mod pairing_code;
mod qr;
mod reply;
#[cfg(feature = "sandbox")]
mod sandbox;
pub mod serve;
mod sessions;
mod stream;
mod tickets;

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::{Filter, path};

use crate::actors::System;
use crate::domain::access::OperatorToken;
use crate::domain::error::Refusal;
use crate::domain::forwarded::TrustedProxies;
use call::{Call, called};
use openapi::Described;
pub use openapi::document;
use reply::Response;
#[cfg(feature = "sandbox")]
pub use sandbox::{Alone, Far, Phones};
use serve::{Route, Stopping};

/// What stands behind the door.
pub struct Door {
    pub system: System,
    pub operator: Option<OperatorToken>,
    /// Whether strangers may make accounts.
    pub sign_up_open: bool,
    /// Who may say for whom they ask.
    pub proxies: TrustedProxies,
    /// Streams end when this begins.
    pub stopping: Stopping,
    #[cfg(feature = "sandbox")]
    pub phones: Phones,
}

/// One line of a table: what stands at a path, and the filter that answers for it behind a door `D`, below the path's root.
struct At<D> {
    /// The path as it is written in the table, and the names of what stands for something in it.
    path: &'static str,
    names: &'static [&'static str],
    methods: &'static [Method],
    /// What is said of each of them, beside its handler.
    described: fn() -> Vec<Described>,
    filter: fn(&Arc<D>, BoxedFilter<()>) -> BoxedFilter<(Response,)>,
}

/// One path of the API, and a handler for each of its methods. GET answers HEAD too, and OPTIONS lists them all.
macro_rules! at {
    ($door:ident, $path:expr, [$($segment:ident),*]
     $($verb:ident $file:ident::$handler:ident($($given:ident),*)),+) => {
        line!($door, $path, [$($segment),*] || vec![$($file::described::$handler()),+],
              $($verb $file::$handler($($given),*)),+)
    };
}

/// One path of the pages for people, which the API's document says nothing of.
macro_rules! page {
    ($door:ident, $path:expr, [$($segment:ident),*] $($verb:ident $handler:ident($($given:ident),*)),+) => {
        shown!($door, $path, [$($segment),*] call, $($verb pages::$handler(call $(, $given)*)),+)
    };
}

/// The same for who is signed in; anybody else is asked to sign in first.
macro_rules! room {
    ($door:ident, $path:expr, [$($segment:ident),*] $($verb:ident $($handler:ident)::+($($given:ident),*)),+) => {
        shown!($door, $path, [$($segment),*] call, $($verb async {
            match pages::Visit::of(call).await {
                Ok(visit) => pages::$($handler)::+(visit $(, $given)*).await,
                Err(instead) => instead,
            }
        }),+)
    };
}

/// What is answered here is for people, refusals too.
macro_rules! shown {
    ($door:ident, $path:expr, [$($segment:ident),*] $call:ident, $($verb:ident $answer:expr),+) => {
        At {
            path: stringify!($path),
            names: &[$(stringify!($segment)),*],
            methods: &[$(Method::$verb),+],
            described: Vec::new,
            filter: |$door, root| root.and($path).and(called($door)).then(|$($segment: String,)* $call: Call<_>| async move {
                let look = pages::Look::of(&$call);
                let answer = match $call.method {
                    $(Method::$verb => $answer.await,)+
                    Method::OPTIONS => Ok(reply::options(&[$(Method::$verb),+])),
                    _ => Ok(reply::method_not_allowed(&[$(Method::$verb),+], |refusal| look.refused(refusal))),
                };
                answer.unwrap_or_else(|refusal| look.refused(&refusal))
            }).boxed(),
        }
    };
}

macro_rules! line {
    ($door:ident, $path:expr, [$($segment:ident),*] $described:expr,
     $($verb:ident $file:ident::$handler:ident($($given:ident),*)),+) => {
        At {
            path: stringify!($path),
            names: &[$(stringify!($segment)),*],
            methods: &[$(Method::$verb),+],
            described: $described,
            filter: |$door, root| root.and($path).and(called($door)).then(|$($segment: String,)* call: Call<_>| async move {
                let request = call.arrival.id.clone();
                let answer = match call.method {
                    $(Method::$verb => $file::$handler(call $(, $given)*).await,)+
                    Method::OPTIONS => Ok(reply::options(&[$(Method::$verb),+])),
                    _ => Ok(reply::method_not_allowed(&[$(Method::$verb),+], |refusal| reply::refused(refusal, &request))),
                };
                answer.unwrap_or_else(|refusal| reply::refused(&refusal, &request))
            }).boxed(),
        }
    };
}

impl<D> At<D> {
    /// The path as callers write it: `/api/v1/sessions/{id}`.
    fn template(&self) -> String {
        let mut names = self.names.iter();
        let segments = self.path.trim_start_matches("path!").split('/').filter_map(|part| {
            let part = part.trim_matches(|c: char| c.is_whitespace() || "()\"".contains(c));
            match part {
                "String" => names.next().map(|name| format!("/{{{name}}}")),
                "" | "path::end" => None,
                word => Some(format!("/{word}")),
            }
        });
        let path: String = segments.collect();
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// Each of its calls, below a root.
    fn calls(self, root: &str) -> Vec<(Method, String)> {
        let path = format!("{root}{}", self.template());
        self.methods.iter().map(|method| (method.clone(), path.clone())).collect()
    }

    /// Each of its calls, below a root, with what is said of it.
    fn descriptions(self, root: &str) -> Vec<(Method, String, Described)> {
        let described = (self.described)();
        self.calls(root).into_iter().zip(described).map(|((method, path), said)| (method, path, said)).collect()
    }
}

/// Every call that the server answers, as data: from the very lines that answer it, so that no test can forget one.
pub fn surface() -> Vec<(Method, String)> {
    let surface = all().into_iter().flat_map(|at| at.calls(""));
    #[cfg(feature = "sandbox")]
    let surface = surface.chain(control::<Door>().into_iter().flat_map(|at| at.calls(<Door as sandbox::Host>::ROOT)));
    surface.collect()
}

/// The paths of the pages for people, as data. Two of them answer programs, too.
pub fn pages() -> Vec<String> {
    let pages = for_people().into_iter().flat_map(|at| at.calls("")).filter(|(method, _)| *method == Method::GET);
    let both = ["/", "/health/actors"].map(str::to_owned);
    both.into_iter().chain(pages.map(|(_, path)| path)).filter(|path| !path.starts_with("/assets/")).collect()
}

/// The paths of the forms of those who are signed in, as data: no other page's form may be taken at any of them.
pub fn forms() -> Vec<String> {
    let forms = for_people().into_iter().flat_map(|at| at.calls("")).filter(|(method, _)| *method == Method::POST);
    let to_enter = ["/signup", "/login", "/confirm", "/forgot", "/reset"];
    forms
        .map(|(_, path)| path)
        .filter(|path| !path.starts_with("/operator") && !to_enter.contains(&path.as_str()))
        .collect()
}

/// The same with what is said of each call, beside its handler.
fn described() -> Vec<(Method, String, Described)> {
    let described = all().into_iter().flat_map(|at| at.descriptions(""));
    #[cfg(feature = "sandbox")]
    let described =
        described.chain(control::<Door>().into_iter().flat_map(|at| at.descriptions(<Door as sandbox::Host>::ROOT)));
    described.collect()
}

/// What the server answers.
pub fn routes(door: &Arc<Door>) -> BoxedFilter<(Response,)> {
    let any = || warp::any().boxed();
    let routes = built(all(), door, "", any()).chain(built(for_people(), door, "", any()));
    #[cfg(feature = "sandbox")]
    let routes = routes.chain(built(
        control(),
        door,
        <Door as sandbox::Host>::ROOT,
        path!("api" / "v1" / "sandbox" / ..).boxed(),
    ));
    joined(routes.chain([lost(door)]).collect())
}

/// A path to nothing is a page for whoever looks at pages; a program is told so as the API tells it.
fn lost(door: &Arc<Door>) -> BoxedFilter<(Response,)> {
    let page = |call: Call| async move {
        let is_read = pages::is_wanted(&call.headers) && !call.path.as_str().starts_with("/api/");
        let look = pages::Look::of(&call);
        is_read.then(|| look.refused(&Refusal::not_found())).ok_or_else(warp::reject::not_found)
    };
    called(door).and_then(page).boxed()
}

/// The filters of a table's lines, for this door and below this root, which is written so. Each answer says which line it came from.
fn built<D>(
    table: Vec<At<D>>,
    door: &Arc<D>,
    written: &str,
    root: BoxedFilter<()>,
) -> impl Iterator<Item = BoxedFilter<(Response,)>> {
    table.into_iter().map(move |at| {
        let route = Route(format!("{written}{}", at.template()).into());
        let named = move |mut response: Response| {
            response.extensions_mut().insert(route.clone());
            response
        };
        (at.filter)(door, root.clone()).map(named).boxed()
    })
}

fn joined(all: Vec<BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    let none = warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed();
    let any = all.into_iter().rev().fold(none, |rest, one| one.or(rest).unify().boxed());
    any.recover(reply::rejected).unify().boxed()
}

#[rustfmt::skip]
fn all() -> Vec<At<Door>> {
    vec![
        at!(door, path!("api" / "v1" / "messages"), [] POST messages::send(), GET messages::list()),
        at!(door, path!("api" / "v1" / "messages" / "media"), [] POST messages::send_media()),
        at!(door, path!("api" / "v1" / "messages" / "audio"), [] POST messages::send_audio()),
        at!(door, path!("api" / "v1" / "messages" / String), [id] GET messages::show(id)),
        at!(door, path!("api" / "v1" / "messages" / String / "media"), [id] GET messages::download(id)),

        at!(door, path!("api" / "v1" / "sessions"), [] POST sessions::create(), GET sessions::list()),
        at!(door, path!("api" / "v1" / "sessions" / String), [id]
            GET sessions::show(id), PATCH sessions::change(id), DELETE sessions::delete(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "health"), [id] GET sessions::health(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "restart"), [id] POST sessions::restart(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "logout"), [id] POST sessions::log_out(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "stream"), [id] GET stream::open(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "pairing-code"), [id] POST pairing_code::create(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "qr"), [id] GET qr::show(id)),
        at!(door, path!("api" / "v1" / "stream-tickets"), [] POST tickets::create()),

        at!(door, path!("api" / "v1" / "keys"), [] POST keys::create(), GET keys::list()),
        at!(door, path!("api" / "v1" / "keys" / String), [id] DELETE keys::delete(id)),

        at!(door, path!("api" / "v1" / "openapi.json"), [] GET openapi::show()),

        at!(door, path!("health" / "live"), [] GET health::live()),
        at!(door, path!("health" / "ready"), [] GET health::ready()),
        at!(door, path!("health" / "actors"), [] GET health::actors()),
        at!(door, path!("metrics"), [] GET metrics::show()),
        at!(door, path::end(), [] GET health::welcome()),
    ]
}

/// The pages. `/` is in the table above: it answers programs too.
#[rustfmt::skip]
fn for_people() -> Vec<At<Door>> {
    vec![
        page!(door, path!("docs"), [] GET docs()),
        page!(door, path!("docs" / String), [group] GET reference(group)),
        page!(door, path!("assets" / String), [name] GET asset(name)),

        page!(door, path!("operator"), [] GET operator(), POST operate()),
        page!(door, path!("operator" / "tenants"), [] GET operated_tenants(), POST change_plan()),
        page!(door, path!("operator" / "sessions"), [] GET operated_sessions()),
        page!(door, path!("operator" / "leave"), [] POST leave()),

        page!(door, path!("signup"), [] GET signup(), POST sign_up()),
        page!(door, path!("login"), [] GET login(), POST sign_in()),
        page!(door, path!("confirm"), [] GET confirm(), POST make_account()),
        page!(door, path!("forgot"), [] GET forgot(), POST ask_reset()),
        page!(door, path!("reset"), [] GET reset(), POST set_password()),
        room!(door, path!("logout"), [] POST entry::sign_out()),
        room!(door, path!("dashboard"), [] GET overview::show()),
        room!(door, path!("dashboard" / "start"), [] GET start::show(), POST start::step()),
        room!(door, path!("dashboard" / "sessions"), [] GET sessions::show(), POST sessions::create()),
        room!(door, path!("dashboard" / "sessions" / String), [id]
            GET sessions::one::show(id), POST sessions::one::change(id)),
        room!(door, path!("dashboard" / "sessions" / String / "pairing-code"), [id]
            GET sessions::one::show(id), POST sessions::one::pair(id)),
        room!(door, path!("dashboard" / "sessions" / String / "restart"), [id]
            GET sessions::one::show(id), POST sessions::one::restart(id)),
        room!(door, path!("dashboard" / "sessions" / String / "logout"), [id]
            GET sessions::one::show(id), POST sessions::one::log_out(id)),
        room!(door, path!("dashboard" / "sessions" / String / "delete"), [id] POST sessions::one::delete(id)),
        room!(door, path!("dashboard" / "keys"), [] GET keys::show(), POST keys::create()),
        room!(door, path!("dashboard" / "keys" / String / "revoke"), [id] POST keys::revoke(id)),
        #[cfg(feature = "sandbox")]
        room!(door, path!("dashboard" / "phones"), [] GET phones::show(), POST phones::act()),
        #[cfg(feature = "sandbox")]
        room!(door, path!("dashboard" / "phones" / "file"), [] POST phones::send_file()),
        room!(door, path!("dashboard" / "messages"), [] GET messages::list()),
        room!(door, path!("dashboard" / "messages" / String), [id] GET messages::show(id)),
        room!(door, path!("dashboard" / "console"), [] GET console::show(), POST console::send()),
        room!(door, path!("dashboard" / "console" / "code"), [] POST console::follow()),
        room!(door, path!("dashboard" / "account"), [] GET account::show()),
        room!(door, path!("dashboard" / "account" / "password"), [] GET account::show(), POST account::password()),
        room!(door, path!("dashboard" / "account" / "delete"), [] GET account::show(), POST account::delete()),
    ]
}

/// What the simulated network answers where it has a door of its own.
#[cfg(feature = "sandbox")]
pub fn alone(network: &Arc<Alone>) -> BoxedFilter<(Response,)> {
    let health = vec![at!(network, path!("health" / "live"), [] GET health::live())];
    let routes = [sandbox::chat(network), sandbox::media(network)]
        .into_iter()
        .chain(built(control(), network, <Alone as sandbox::Host>::ROOT, path!("sandbox" / ..).boxed()))
        .chain(built(health, network, "", warp::any().boxed()));
    joined(routes.collect())
}

/// The control API of the simulated phones, below the path that it has on this host.
#[cfg(feature = "sandbox")]
#[rustfmt::skip]
fn control<H: sandbox::Host>() -> Vec<At<H>> {
    vec![
        at!(host, path!("phones"), [] POST sandbox::create()),
        at!(host, path!("phones" / String), [phone] GET sandbox::look(phone)),
        at!(host, path!("phones" / String / "scan"), [phone] POST sandbox::scan(phone)),
        at!(host, path!("phones" / String / "messages"), [phone] POST sandbox::write(phone), GET sandbox::screen(phone)),
        at!(host, path!("phones" / String / "messages" / String / "media"), [phone, message]
            GET sandbox::copy(phone, message)),
        at!(host, path!("phones" / String / "messages" / String / "media" / "expire"), [phone, message]
            POST sandbox::expire(phone, message)),
        at!(host, path!("phones" / String / "read"), [phone] POST sandbox::read(phone)),
        at!(host, path!("phones" / String / "block"), [phone] POST sandbox::block(phone)),
        at!(host, path!("phones" / String / "unblock"), [phone] POST sandbox::unblock(phone)),
        at!(host, path!("phones" / String / "offline"), [phone] POST sandbox::offline(phone)),
        at!(host, path!("phones" / String / "online"), [phone] POST sandbox::online(phone)),
        at!(host, path!("faults"), [] POST sandbox::inject(), GET sandbox::faults(), DELETE sandbox::heal_all()),
        at!(host, path!("faults" / String), [fault] DELETE sandbox::heal(fault)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_readable_as_data() {
        let surface = surface();
        let has = |method: Method, path: &str| surface.iter().any(|(m, p)| *m == method && p == path);
        assert!(has(Method::GET, "/"));
        assert!(has(Method::POST, "/api/v1/messages"));
        assert!(has(Method::DELETE, "/api/v1/sessions/{id}"));
        assert!(has(Method::GET, "/api/v1/sessions/{id}/stream"));
        assert!(cfg!(not(feature = "sandbox")) || has(Method::POST, "/api/v1/sandbox/phones/{phone}/scan"));
        for at in all() {
            let template = at.template();
            assert_eq!(at.path.matches("String").count(), at.names.len(), "{template}");
            assert!(template.starts_with('/') && !template.contains(['"', '!', ':', ' ']), "{template}");
        }
    }
}
