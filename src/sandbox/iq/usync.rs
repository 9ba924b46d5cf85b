//! Who is on the network, under which LID, with which devices (`wacore/src/iq/usync.rs`).

use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::{Jid, NodeBuilder};

use super::{Ask, profile};
use crate::sandbox::SandboxError;
use crate::sandbox::device_list;
use crate::sandbox::stanza::{self, address, child, children};

/// Users in one question.
const USERS: usize = 512;

pub(super) async fn answer(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let asked = child(ask.iq, "usync");
    let query = asked.and_then(|usync| child(usync, "query")).map(children).unwrap_or_default();
    let wanted: Vec<&str> = query.iter().map(|query| query.tag.as_ref()).collect();
    let list = asked.and_then(|usync| child(usync, "list")).map(children).unwrap_or_default();
    let mut users = Vec::with_capacity(list.len());
    for asked in list.iter().take(USERS) {
        if let Some(jid) = named(asked) {
            users.push(user(ask, &jid, &wanted).await?);
        }
    }
    let usync = NodeBuilder::new("usync").children([NodeBuilder::new("list").children(users).build()]).build();
    Ok(stanza::result(ask.id).children([usync]).build())
}

/// A user is named by address, or by the number a person typed.
fn named(asked: &Node) -> Option<Jid> {
    address(asked, "jid").map(|jid| jid.to_non_ad()).or_else(|| {
        let typed = child(asked, "contact")?.content_as_string()?;
        Some(Jid::pn(typed.trim_start_matches('+')))
    })
}

async fn user(ask: &Ask<'_>, jid: &Jid, wanted: &[&str]) -> Result<Node, SandboxError> {
    // Who only asks whether somebody is there makes nobody: only an account has a LID and devices.
    let makes = wanted.iter().any(|wanted| matches!(*wanted, "lid" | "devices"));
    let account = match ask.network.look_up(jid).await? {
        None if makes && ask.account.may_make() => ask.network.resolve(jid).await?,
        known => known,
    };
    let mut user = NodeBuilder::new("user").attr("jid", jid);
    let mut answers = Vec::new();
    if wanted.contains(&"contact") {
        let there = account.is_some() || ask.network.is_somebody(jid).await?;
        let known = if there { "in" } else { "out" };
        answers.push(NodeBuilder::new("contact").attr("type", known).build());
    }
    if let Some(account) = account {
        if jid.is_lid() {
            user = user.attr("pn_jid", account.pn(0));
        }
        if wanted.contains(&"lid") {
            answers.push(NodeBuilder::new("lid").attr("val", account.lid(0)).build());
        }
        if wanted.contains(&"devices") {
            let state = account.lock().await;
            answers.push(device_list::nodes(&account, &state, jid)?);
        }
        if wanted.contains(&"status") {
            answers.push(profile::line(ask.network, account.id).await?);
        }
        if wanted.contains(&"disappearing_mode") {
            answers.push(profile::lasts(ask.network, account.id).await?);
        }
    } else if wanted.contains(&"devices") {
        answers.push(NodeBuilder::new("devices").children([stanza::fault(404, "item-not-found")]).build());
    }
    Ok(user.children(answers).build())
}
