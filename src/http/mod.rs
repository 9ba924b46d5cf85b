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
use serve::Stopping;

/// What stands behind the door.
pub struct Door {
    pub system: System,
    pub operator: Option<OperatorToken>,
    /// Streams end when this begins.
    pub stopping: Stopping,
    #[cfg(feature = "sandbox")]
    pub sandbox: crate::sandbox::Sandbox,
}

/// One path, and a handler for each of its methods. GET answers HEAD too, and OPTIONS lists them all.
macro_rules! at {
    ($door:ident, $path:expr, [$($segment:ident)?]
     $($verb:ident $file:ident::$handler:ident($($given:ident)?)),+) => {
        $path.and(called($door)).then(|$($segment: String,)? call: Call| async move {
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

pub fn routes(door: &Arc<Door>) -> BoxedFilter<(Response,)> {
    let none = warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed();
    let any = all(door).into_iter().rev().fold(none, |rest, one| one.or(rest).unify().boxed());
    any.recover(reply::rejected).unify().boxed()
}

#[rustfmt::skip]
fn all(door: &Arc<Door>) -> Vec<BoxedFilter<(Response,)>> {
    vec![
        at!(door, path!("api" / "v1" / "messages"), [] POST messages::send(), GET messages::list()),
        at!(door, path!("api" / "v1" / "messages" / String), [id] GET messages::show(id)),

        at!(door, path!("api" / "v1" / "sessions"), [] POST sessions::create(), GET sessions::list()),
        at!(door, path!("api" / "v1" / "sessions" / String), [id] GET sessions::show(id), DELETE sessions::delete(id)),
        at!(door, path!("api" / "v1" / "sessions" / String / "stream"), [id] GET stream::open(id)),

        at!(door, path!("api" / "v1" / "keys"), [] POST keys::create(), GET keys::list()),
        at!(door, path!("api" / "v1" / "keys" / String), [id] DELETE keys::delete(id)),

        #[cfg(feature = "sandbox")]
        at!(door, path!("api" / "v1" / "sandbox" / "phones"), [] POST sandbox::create()),
        #[cfg(feature = "sandbox")]
        at!(door, path!("api" / "v1" / "sandbox" / "phones" / String / "scan"), [phone] POST sandbox::scan(phone)),
        #[cfg(feature = "sandbox")]
        at!(door, path!("api" / "v1" / "sandbox" / "phones" / String / "messages"), [phone]
            POST sandbox::write(phone), GET sandbox::screen(phone)),
        #[cfg(feature = "sandbox")]
        at!(door, path!("api" / "v1" / "sandbox" / "phones" / String / "read"), [phone] POST sandbox::read(phone)),

        at!(door, path!("health" / "live"), [] GET health::live()),
        at!(door, path!("health" / "ready"), [] GET health::ready()),
        at!(door, path!("health" / "actors"), [] GET health::actors()),
        at!(door, path::end(), [] GET health::welcome()),
    ]
}
