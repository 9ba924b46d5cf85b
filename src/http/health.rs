//! Whether the server lives, whether it is ready, and how its actors do; the last for the operator alone.

pub(super) mod described;

use serde::Serialize;
use utoipa::ToSchema;
use warp::http::HeaderValue;
use warp::http::header::VARY;

use super::call::{Answered, Call};
use super::fields::{Fields, yes_or_no_in_words};
use super::origin::is_here;
use super::{pages, reply};
use crate::actors::Health;
use crate::domain::error::{Code, Refusal};

/// What this is.
#[derive(Serialize, ToSchema)]
struct Welcome {
    name: &'static str,
    version: &'static str,
    /// Where the API begins.
    api: &'static str,
}

/// How the server is, in a word.
#[derive(Serialize, ToSchema)]
#[schema(as = ServerState)]
struct State {
    status: &'static str,
}

/// That the server is ready, and what of it is not.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: &'static str,
    /// What does not work here though the rest does, each with what its operator can do about it; left out when all of it works.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    off: Vec<String>,
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn welcome(call: Call) -> Answered {
    if pages::is_wanted(&call.headers) {
        return pages::landing(&call);
    }
    let mut response = reply::ok(&Welcome { name: "wamux", version: env!("CARGO_PKG_VERSION"), api: "/api/v1" })?;
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn live<D>(_: Call<D>) -> Answered {
    reply::ok(&State { status: "live" })
}

pub(super) async fn ready(call: Call) -> Answered {
    #[cfg(feature = "sandbox")]
    if call.door.phones.have_failed() {
        return Err(Refusal::new(Code::NotReady, "Not ready: the simulated network cannot write its file."));
    }
    match call.system().ready().await {
        Ok(()) => reply::ok(&Readiness { status: "ready", off: call.system().off() }),
        Err(unready) => Err(Refusal::new(Code::NotReady, format!("Not ready: {unready}."))),
    }
}

/// As JSON, or as a page for those who would rather have that. The page is there for everybody, and shows nothing to most.
pub(super) async fn actors(call: Call) -> Answered {
    let page = pages::is_wanted(&call.headers);
    let entry = operator(&call);
    if let (false, Err(refusal)) = (page, &entry) {
        return Err(refusal.clone());
    }
    // A page may be asked for in a language, too.
    let query = call.query.iter().filter(|(name, _)| !(page && (name == "lang" || name == "theme")));
    let probe = match asked(Fields::of_query(query.cloned().collect())) {
        Ok(probe) => probe,
        // People get the page whatever an address says; it has a link that asks as it should.
        Err(_) if page => false,
        Err(refusal) => return Err(refusal),
    };
    let health = match &entry {
        Err(_) => None,
        Ok(()) if probe => Some(call.system().probed_health().await),
        Ok(()) => Some(call.system().health()),
    };
    match (page, health, entry) {
        (false, Some(health), _) => {
            let mut answer = reply::ok(&health)?;
            answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
            Ok(answer)
        }
        (_, health, entry) => {
            let shown = health.ok_or_else(|| entry.err().unwrap_or_else(Refusal::not_found));
            Ok(pages::actors::page(&call, shown.as_ref(), probe, call.system().clock().now()))
        }
    }
}

/// Whether each actor is to be asked, too.
fn asked(mut query: Fields) -> Result<bool, Refusal> {
    let probe = query.optional("probe", yes_or_no_in_words);
    query.finish(Some(probe.unwrap_or(false)))
}

/// Lets the operator in: whoever bears the token, or, where there is none, whoever asks on this very machine.
pub(super) fn operator(call: &Call) -> Result<(), Refusal> {
    match &call.door.operator {
        Some(token) if call.bearer().is_some_and(|given| token.is(given)) => Ok(()),
        Some(_) => {
            Err(Refusal::new(Code::OperatorOnly, "Give the operator's token as `Authorization: Bearer <token>`."))
        }
        None if is_here(&call.arrival, &call.headers) => Ok(()),
        None => Err(Refusal::new(
            Code::OperatorOnly,
            "Without WAMUX_OPERATOR_TOKEN this answers only on the server's own machine, and not through a proxy.",
        )),
    }
}
