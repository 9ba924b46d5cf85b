//! What pages load: files that are part of the binary, each under a name that changes with its content, so that browsers keep them.

use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;

use super::super::call::{Answered, Call};
use super::super::reply;
use crate::domain::error::Refusal;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset { name: "wamux.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/wamux.css") },
    Asset { name: "actors.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/actors.css") },
    Asset { name: "actors.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/actors.js") },
    Asset { name: "rooms.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/rooms.css") },
    Asset { name: "live.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/live.js") },
    Asset { name: "pairing.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/pairing.css") },
    Asset { name: "pairing.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/pairing.js") },
    #[cfg(feature = "sandbox")]
    Asset { name: "phones.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/phones.css") },
    #[cfg(feature = "sandbox")]
    Asset { name: "phones.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/phones.js") },
    Asset { name: "start.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/start.css") },
    Asset { name: "messages.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/messages.css") },
    Asset { name: "messages.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/messages.js") },
    Asset { name: "console.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/console.css") },
    Asset { name: "console.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/console.js") },
    Asset { name: "docs.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/docs.css") },
    Asset { name: "docs.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/docs.js") },
    Asset { name: "operator.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("assets/operator.css") },
    Asset { name: "logo.svg", kind: "image/svg+xml", bytes: include_bytes!("assets/logo.svg") },
];

/// A year: what is asked for with its version never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const A_WHILE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The version of all assets together: a browser that has one version has no use for parts of another.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        for asset in ASSETS {
            digest.update(asset.bytes);
        }
        BASE64_URL_SAFE_NO_PAD.encode(&digest.finish().as_ref()[..9])
    })
}

/// The asset of this name and kind, and whether there is one; a name may say its kind itself, and is of no other then.
pub(super) fn named(name: &str, kind: &str) -> (String, bool) {
    let name = if name.contains('.') { name.to_owned() } else { format!("{name}.{kind}") };
    let there = name.ends_with(kind) && ASSETS.iter().any(|asset| asset.name == name);
    (name, there)
}

/// Where a page finds an asset.
pub(super) fn href(name: &str) -> String {
    format!("/assets/{name}?v={}", version())
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn asset<D>(call: Call<D>, name: String) -> Answered {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(Refusal::not_found)?;
    let mut response = reply::shown(asset.kind, asset.bytes.to_vec());
    let named = call.query.iter().any(|(name, value)| name == "v" && value == version());
    response.headers_mut().insert(CACHE_CONTROL, if named { FOR_EVER } else { A_WHILE });
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_there_under_its_version() {
        for asset in ASSETS {
            assert!(!asset.bytes.is_empty() && asset.bytes.len() < 100_000, "{}", asset.name);
            assert!(href(asset.name).ends_with(version()));
        }
    }
}
