//! Every route: the tables of what the server answers, to programs and to people.

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::{Filter, path};

use super::call::{Call, called};
use super::openapi::{self, Described};
use super::reply::{self, Response};
#[cfg(feature = "sandbox")]
use super::sandbox::{self, Alone};
use super::table::{At, built};
use super::{Door, health, keys, messages, metrics, pages, pairing_code, qr, sessions, stream, tickets};
use crate::domain::error::Refusal;

/// Every call that the server answers, as data: from the very lines that answer it, so that no test can forget one.
pub fn surface() -> Vec<(Method, String)> {
    let surface = all().into_iter().flat_map(|at| at.calls(""));
    #[cfg(feature = "sandbox")]
    let surface = surface.chain(control::<Door>().into_iter().flat_map(|at| at.calls(<Door as sandbox::Host>::ROOT)));
    surface.collect()
}

/// The paths of the pages for people, as data. Two of them answer programs, too.
pub fn page_paths() -> Vec<String> {
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
pub(super) fn described() -> Vec<(Method, String, Described)> {
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
        #[cfg(feature = "sandbox")]
        room!(door, path!("dashboard" / "sessions" / String / "scan"), [id]
            GET sessions::one::show(id), POST sessions::scan::scan(id)),
        room!(door, path!("dashboard" / "sessions" / String / "restart"), [id]
            GET sessions::one::show(id), POST sessions::one::restart(id)),
        room!(door, path!("dashboard" / "sessions" / String / "logout"), [id]
            GET sessions::one::show(id), POST sessions::one::log_out(id)),
        room!(door, path!("dashboard" / "sessions" / String / "delete"), [id]
            GET sessions::one::show(id), POST sessions::one::delete(id)),
        room!(door, path!("dashboard" / "keys"), [] GET keys::show(), POST keys::create()),
        room!(door, path!("dashboard" / "keys" / String / "revoke"), [id] GET keys::show_all(id), POST keys::revoke(id)),
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
