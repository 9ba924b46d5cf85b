//! Questions in `GraphQL` (`wacore/src/iq/mex.rs`), each known by a number. Those that this network cannot answer get the
//! error that a `GraphQL` server gives.

use serde_json::{Value, json};
use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::stanza::{self, child, text};

/// Whether an account is kept from writing to strangers for a while.
const REACHOUT_TIMELOCK: &str = "23983697327930364";

pub(super) fn answer(ask: &Ask<'_>) -> Node {
    let query = child(ask.iq, "query").map(|query| text(query, "query_id")).unwrap_or_default();
    let answer = known(&query).unwrap_or_else(|| {
        tracing::warn!(%query, "unknown mex query");
        json!({"data": null, "errors": [{"message": "Bad Request", "extensions": {
            "error_code": 400, "is_summary": false, "is_retryable": false, "severity": "CRITICAL"}}]})
    });
    stanza::result(ask.id).children([stanza::leaf("result", answer.to_string())]).build()
}

fn known(query: &str) -> Option<Value> {
    let data = match query {
        REACHOUT_TIMELOCK => json!({"xwa2_fetch_account_reachout_timelock": {"is_active": false}}),
        _ => return None,
    };
    Some(json!({ "data": data }))
}
