//! Whom an account has blocked (`wacore/src/iq/blocklist.rs`): what they send is acknowledged and reaches none of its devices.

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::SandboxError;
use crate::sandbox::ledger::{BLOCKED as FAMILY, Change, Setting};
use crate::sandbox::stanza::{self, address, child, text};

/// People on one list.
const MOST: usize = 1000;

pub(super) async fn answer(ask: &Ask<'_>, kind: &str) -> Result<Node, SandboxError> {
    if kind == "set" {
        let Some(item) = child(ask.iq, "item") else { return Ok(stanza::error(ask.id, 400, "bad-request")) };
        if let Some(refused) = change(ask, item).await? {
            return Ok(refused);
        }
    }
    let mut items = Vec::new();
    for (id, since) in ask.network.ledger.settings(ask.account.id, FAMILY).await? {
        let Ok(id) = id.parse() else { continue };
        let Some(blocked) = ask.network.by_id(id).await? else { continue };
        let item = NodeBuilder::new("item").attr("jid", blocked.lid(0)).attr("pn_jid", blocked.pn(0)).attr("t", since);
        items.push(item.build());
    }
    Ok(stanza::result(ask.id).children([NodeBuilder::new("list").children(items).build()]).build())
}

/// Blocks, or lets in again; a refusal, if that cannot be.
async fn change(ask: &Ask<'_>, item: &Node) -> Result<Option<Node>, SandboxError> {
    let person = match address(item, "jid") {
        Some(jid) => ask.network.resolve(&jid).await?.filter(|person| person.id != ask.account.id),
        None => None,
    };
    let Some(person) = person else { return Ok(Some(stanza::error(ask.id, 404, "item-not-found"))) };
    let value = match text(item, "action").as_str() {
        "block" => Some(ask.network.seconds().to_string()),
        "unblock" => None,
        _ => return Ok(Some(stanza::error(ask.id, 400, "bad-request"))),
    };
    let mut state = ask.account.lock().await;
    if value.is_some() {
        if state.blocked.len() >= MOST {
            return Ok(Some(stanza::error(ask.id, 406, "not-acceptable")));
        }
        state.blocked.insert(person.id);
    } else {
        state.blocked.remove(&person.id);
    }
    let setting = Setting { account: ask.account.id, family: FAMILY, name: person.id.to_string(), value };
    let ticket = ask.network.ledger.submit(vec![Change::Set(setting)]).await?;
    drop(state);
    ticket.committed().await?;
    Ok(None)
}
