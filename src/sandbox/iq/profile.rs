//! What an account says of itself: the line about it, and how long its new chats last. It has no picture and no business.

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::{Node, NodeContent};

use super::Ask;
use crate::sandbox::SandboxError;
use crate::sandbox::ledger::{AccountId, Change, Setting};
use crate::sandbox::network::Network;
use crate::sandbox::stanza::{self, attr, bytes, child, text};

const FAMILY: &str = "profile";
const ABOUT: &str = "about";
const LASTS: &str = "disappearing";
/// Characters of the line about a person; the app takes 139, in bytes that is at most this.
const ABOUT_MAX: usize = 1024;

/// `status`: the line is set here, and read with usync.
pub(super) async fn about(ask: &Ask<'_>, kind: &str) -> Result<Node, SandboxError> {
    let line = child(ask.iq, "status").map(|status| match &status.content {
        Some(NodeContent::String(line)) => line.to_string(),
        _ => String::from_utf8_lossy(bytes(status).unwrap_or_default()).into_owned(),
    });
    match line {
        Some(line) if kind == "set" && line.len() <= ABOUT_MAX => keep(ask, ABOUT, line).await,
        _ => Ok(stanza::error(ask.id, 400, "bad-request")),
    }
}

/// `disappearing_mode`: how long messages of new chats last; zero is for ever.
pub(super) async fn disappearing(ask: &Ask<'_>, kind: &str) -> Result<Node, SandboxError> {
    if kind == "get" {
        let mode = lasts(ask.network, ask.account.id).await?;
        return Ok(stanza::result(ask.id).children([mode]).build());
    }
    let duration = child(ask.iq, "disappearing_mode").map(|mode| text(mode, "duration"));
    match duration.filter(|duration| duration.parse::<u32>().is_ok()) {
        Some(duration) => keep(ask, LASTS, duration).await,
        None => Ok(stanza::error(ask.id, 400, "bad-request")),
    }
}

async fn keep(ask: &Ask<'_>, name: &str, value: String) -> Result<Node, SandboxError> {
    let value = Some(format!("{} {value}", ask.network.seconds()));
    let setting = Setting { account: ask.account.id, family: FAMILY, name: name.to_owned(), value };
    ask.network.ledger.write(vec![Change::Set(setting)]).await?;
    Ok(stanza::result(ask.id).build())
}

/// The line about a person as usync carries it.
pub(super) async fn line(network: &Network, account: AccountId) -> Result<Node, SandboxError> {
    let (at, line) = kept(network, account, ABOUT).await?;
    let status = NodeBuilder::new("status").attr("t", at);
    Ok(if line.is_empty() { status.build() } else { status.bytes(line.into_bytes()).build() })
}

pub(super) async fn lasts(network: &Network, account: AccountId) -> Result<Node, SandboxError> {
    let (at, duration) = kept(network, account, LASTS).await?;
    let duration = if duration.is_empty() { "0".to_owned() } else { duration };
    Ok(NodeBuilder::new("disappearing_mode").attr("duration", duration).attr("t", at).build())
}

/// When something was said, and what.
async fn kept(network: &Network, account: AccountId, name: &str) -> Result<(String, String), SandboxError> {
    let settings = network.ledger.settings(account, FAMILY).await?;
    let value = settings.into_iter().find(|(kept, _)| kept == name).map(|(_, value)| value).unwrap_or_default();
    let (at, value) = value.split_once(' ').unwrap_or(("0", ""));
    Ok((at.to_owned(), value.to_owned()))
}

/// `w:profile:picture`: nobody has one, and none can be stored yet.
pub(super) fn picture(ask: &Ask<'_>, kind: &str) -> Node {
    if kind == "get" { stanza::error(ask.id, 404, "item-not-found") } else { super::unknown(ask) }
}

/// `w:biz`: these are people. Who asks for a business profile gets an answer without one.
pub(super) fn business(ask: &Ask<'_>, kind: &str, tag: &str) -> Node {
    if (kind, tag) != ("get", "business_profile") {
        return super::unknown(ask);
    }
    let version = child(ask.iq, tag).and_then(|profile| attr(profile, "v")).unwrap_or_default().into_owned();
    let profiles = NodeBuilder::new("business_profile").attr("v", version).build();
    stanza::result(ask.id).children([profiles]).build()
}
