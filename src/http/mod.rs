//! The door: every route on this page, one file per resource, status numbers in `reply` alone.
//!
//! A handler asks the `System` and answers with what it says. Refusals are return values, never warp's rejections, so what a
//! caller is told does not depend on the order of the routes.

mod body;
mod call;
mod fields;
mod health;
mod keys;
mod messages;
mod origin;
mod pairing_code;
mod qr;
mod reply;
#[cfg(feature = "sandbox")]
mod sandbox;
pub mod serve;
mod sessions;
mod stream;

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::{Filter, path};

use crate::actors::System;
use crate::domain::access::OperatorToken;
use call::{Call, called};
use reply::Response;
#[cfg(feature = "sandbox")]
pub use sandbox::{Alone, Far, Phones};
use serve::Stopping;

/// What stands behind the door.
pub struct Door {
    pub system: System,
    pub operator: Option<OperatorToken>,
    /// Streams end when this begins.
    pub stopping: Stopping,
    #[cfg(feature = "sandbox")]
    pub phones: Phones,
}

/// One path, and a handler for each of its methods. GET answers HEAD too, and OPTIONS lists them all.
macro_rules! at {
    ($door:ident, $path:expr, [$($segment:ident)?]
     $($verb:ident $file:ident::$handler:ident($($given:ident)?)),+) => {
        $path.and(called($door)).then(|$($segment: String,)? call: Call<_>| async move {
            let request = call.arrival.id.clone();
            let answer = match call.method {
                $(Method::$verb => $file::$handler(call $(, $given)?).await,)+
                Method::OPTIONS => Ok(reply::options(&[$(Method::$verb),+])),
                _ => Ok(reply::method_not_allowed(&[$(Method::$verb),+], &request)),
            };
            answer.unwrap_or_else(|refusal| reply::refused(&refusal, &request))
        }).boxed()
    };
}

/// What the server answers.
pub fn routes(door: &Arc<Door>) -> BoxedFilter<(Response,)> {
    joined(all(door))
}

fn joined(all: Vec<BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    any_of(all).recover(reply::rejected).unify().boxed()
}

fn any_of(
    all: impl IntoIterator<Item = BoxedFilter<(Response,)>, IntoIter: DoubleEndedIterator>,
) -> BoxedFilter<(Response,)> {
    let none = warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed();
    all.into_iter().rev().fold(none, |rest, one| one.or(rest).unify().boxed())
}

#[rustfmt::skip]
fn all(door: &Arc<Door>) -> Vec<BoxedFilter<(Response,)>> {
    vec![
        at!(door, path!("api" / "v1" / "messages"), [] POST messages::send(), GET messages::list()),
        at!(door, path!("api" / "v1" / "messages" / String), [id] GET messages::show(id)),

        at!(door, path!("api" / "v1" / "sessions"), [] POST sessions::create(), GET sessions::list()),
        at!(door, path!("api" / "v1" / "sessions" / String), [id] GET sessions::show(id), DELETE sessions::delete(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "stream"), [id] GET stream::open(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "pairing-code"), [id] POST pairing_code::create(id)),

        at!(door, path!("api" / "v1" / "keys"), [] POST keys::create(), GET keys::list()),
        at!(door, path!("api" / "v1" / "keys" / String), [id] DELETE keys::delete(id)),

        #[cfg(feature = "sandbox")]
        control(door, &path!("api" / "v1" / "sandbox" / ..).boxed()),

        at!(door, path!("health" / "live"), [] GET health::live()),
        at!(door, path!("health" / "ready"), [] GET health::ready()),
        at!(door, path!("health" / "actors"), [] GET health::actors()),
        at!(door, path::end(), [] GET health::welcome()),
    ]
}

/// What the simulated network answers where it has a door of its own.
#[cfg(feature = "sandbox")]
pub fn alone(network: &Arc<Alone>) -> BoxedFilter<(Response,)> {
    joined(vec![
        sandbox::chat(network),
        control(network, &path!("sandbox" / ..).boxed()),
        at!(network, path!("health" / "live"), [] GET health::live()),
    ])
}

/// The control API of the simulated phones, under the path that it has on this host.
#[cfg(feature = "sandbox")]
#[rustfmt::skip]
fn control<H: sandbox::Host>(host: &Arc<H>, root: &BoxedFilter<()>) -> BoxedFilter<(Response,)> {
    let at = || root.clone();
    let all = [
        at!(host, at().and(path!("phones")), [] POST sandbox::create()),
        at!(host, at().and(path!("phones" / String / "scan")), [phone] POST sandbox::scan(phone)),
        at!(host, at().and(path!("phones" / String / "messages")), [phone]
            POST sandbox::write(phone), GET sandbox::screen(phone)),
        at!(host, at().and(path!("phones" / String / "read")), [phone] POST sandbox::read(phone)),
        at!(host, at().and(path!("faults")), []
            POST sandbox::inject(), GET sandbox::faults(), DELETE sandbox::heal_all()),
        at!(host, at().and(path!("faults" / String)), [fault] DELETE sandbox::heal(fault)),
    ];
    any_of(all)
}
