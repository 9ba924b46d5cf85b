//! Whether the server lives, whether it is ready, and how its actors do; the last for the operator alone.

use std::net::{IpAddr, SocketAddr};

use serde_json::json;
use warp::http::HeaderMap;

use super::call::{Answered, Call};
use super::reply;
use crate::domain::error::{Code, Refusal};

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn welcome(_: Call) -> Answered {
    reply::ok(&json!({ "name": "wamux", "version": env!("CARGO_PKG_VERSION"), "api": "/api/v1" }))
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn live(_: Call) -> Answered {
    reply::ok(&json!({ "status": "live" }))
}

pub(super) async fn ready(call: Call) -> Answered {
    match call.system().ready().await {
        Ok(()) => reply::ok(&json!({ "status": "ready" })),
        Err(unready) => Err(Refusal::new(Code::NotReady, format!("Not ready: {unready}."))),
    }
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(super) async fn actors(call: Call) -> Answered {
    operator(&call)?;
    reply::ok(&call.system().health())
}

/// Lets the operator in: whoever bears the token, or, where there is none, whoever asks on this very machine.
fn operator(call: &Call) -> Result<(), Refusal> {
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

/// Whether a request comes from this machine, and neither through a proxy nor from a page that had its name resolve to us.
fn is_here(peer: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    let local = |ip: IpAddr| ip.to_canonical().is_loopback();
    let forwarded = headers.keys().any(|name| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
    });
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |h| h.0);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let named_here = bare.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(local);
    peer.is_some_and(|peer| local(peer.ip())) && !forwarded && named_here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_here() {
        for (peer, name, value, here) in [
            ("127.0.0.1:5000", "host", "127.0.0.1:8080", true),
            ("[::1]:5000", "host", "[::1]:8080", true),
            ("[::ffff:127.0.0.1]:5000", "host", "localhost", true),
            ("192.168.1.7:5000", "host", "127.0.0.1:8080", false),
            ("127.0.0.1:5000", "host", "evil.example:8080", false),
            ("127.0.0.1:5000", "forwarded", "for=192.168.1.7", false),
            ("127.0.0.1:5000", "x-forwarded-for", "192.168.1.7", false),
            ("127.0.0.1:5000", "x-forwarded-proto", "https", false),
            ("127.0.0.1:5000", "via", "1.1 proxy", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:8080".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            assert_eq!(is_here(Some(peer.parse().unwrap()), &headers), here, "{peer} {name}: {value}");
        }
        assert!(!is_here(None, &HeaderMap::new()));
    }
}
