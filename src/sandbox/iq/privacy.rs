//! Privacy (`wacore/src/iq/privacy.rs`): an account keeps what its companions choose; at first everyone sees everything.
//! Nothing here is shown to anyone yet that these choices would hide.

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::ledger::{Change, Setting};
use crate::sandbox::stanza::{self, child, children, text};
use crate::sandbox::{SandboxError, device_list};

const FAMILY: &str = "privacy";

/// The categories, what each begins with, and what else it can be.
const CATEGORIES: [(&str, &[&str]); 9] = [
    ("last", &["all", "contacts", "contact_blacklist", "none"]),
    ("online", &["all", "match_last_seen"]),
    ("profile", &["all", "contacts", "contact_blacklist", "none"]),
    ("status", &["all", "contacts", "contact_blacklist", "none"]),
    ("groupadd", &["all", "contacts", "contact_blacklist", "none"]),
    ("readreceipts", &["all", "none"]),
    ("calladd", &["all", "known", "contacts"]),
    ("messages", &["all", "contacts"]),
    ("defense", &["off", "on_standard"]),
];

pub(super) async fn answer(ask: &Ask<'_>, kind: &str, tag: &str) -> Result<Node, SandboxError> {
    match (kind, tag) {
        ("get", _) => settings(ask).await,
        // Tokens by which one vouches for another: nobody here asks for them before a first message.
        ("set", "tokens") => Ok(stanza::result(ask.id).build()),
        _ => choose(ask).await,
    }
}

async fn settings(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let chosen = ask.network.ledger.settings(ask.account.id, FAMILY).await?;
    let categories = CATEGORIES.map(|(name, values)| {
        let value = chosen.iter().find(|(chosen, _)| chosen == name).map_or(values[0], |(_, value)| value);
        NodeBuilder::new("category").attr("name", name).attr("value", value).build()
    });
    Ok(stanza::result(ask.id).children([NodeBuilder::new("privacy").children(categories).build()]).build())
}

async fn choose(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let asked = child(ask.iq, "privacy").map(children).unwrap_or_default();
    let (mut changes, mut chosen) = (Vec::new(), Vec::new());
    for category in asked.iter().filter(|node| node.tag == "category").take(CATEGORIES.len()) {
        let (name, value) = (text(category, "name"), text(category, "value"));
        if !CATEGORIES.iter().any(|(known, values)| *known == name && values.contains(&value.as_str())) {
            return Ok(stanza::error(ask.id, 400, "bad-request"));
        }
        chosen.push(NodeBuilder::new("category").attr("name", name.as_str()).attr("value", value.as_str()).build());
        changes.push(Change::Set(Setting { account: ask.account.id, family: FAMILY, name, value: Some(value) }));
    }
    if changes.is_empty() {
        return Ok(stanza::error(ask.id, 400, "bad-request"));
    }
    let word = NodeBuilder::new("privacy").children(chosen).build();
    let state = ask.account.lock().await;
    changes.extend(device_list::account_sync(ask.network, ask.account, &state, ask.me.device, word.clone())?);
    let ticket = ask.network.ledger.submit(changes).await?;
    drop(state);
    ticket.committed().await?;
    Ok(stanza::result(ask.id).children([word]).build())
}
