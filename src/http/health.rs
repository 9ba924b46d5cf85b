//! Whether the server lives, whether it is ready, and how its actors do; the last for the operator alone.

pub(super) mod described;

use serde::Serialize;
use utoipa::ToSchema;
use warp::http::HeaderValue;
use warp::http::header::VARY;

use super::call::{Answered, Call};
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

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn actors(call: Call) -> Answered {
    operator(&call)?;
    reply::ok(&call.system().health())
}

/// Lets the operator in: whoever bears the token, or, where there is none, whoever asks on this very machine.
pub(super) fn operator(call: &Call) -> Result<(), Refusal> {
    match &call.door.operator {
        Some(token) if call.bearer().is_some_and(|given| token.is(given)) => Ok(()),
        Some(_) => {
            Err(Refusal::new(Code::OperatorOnly, "Give the operator's token as `Authorization: Bearer <token>`."))
        }
        None if is_here(call.arrival.peer, &call.headers) => Ok(()),
        None => Err(Refusal::new(
            Code::OperatorOnly,
            "Without WAMUX_OPERATOR_TOKEN this answers only on the server's own machine, and not through a proxy.",
        )),
    }
}
