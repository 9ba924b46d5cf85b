//! What companions ask the network: one file per family of stanzas.

mod app_state;
pub(crate) mod blocklist;
pub(crate) mod companion;
mod groups;
mod media;
mod mex;
mod prekeys;
mod privacy;
mod profile;
mod props;
mod upkeep;
mod usync;

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;

use super::SandboxError;
use super::account::Account;
use super::ledger::Device;
use super::login::{Answer, Then};
use super::network::Network;
use super::stanza::{self, attr, children, text};

/// Who asks, and what.
pub(crate) struct Ask<'a> {
    pub(crate) network: &'a Network,
    pub(crate) account: &'a Arc<Account>,
    pub(crate) me: Device,
    pub(crate) iq: &'a Node,
    pub(crate) id: &'a str,
    /// How the companion named this network when it came over TCP.
    pub(crate) host: Option<&'a str>,
}

pub(crate) async fn answer(
    network: &Network,
    account: &Arc<Account>,
    me: Device,
    iq: &Node,
    host: Option<&str>,
) -> Result<Answer, SandboxError> {
    let kind = attr(iq, "type").unwrap_or_default();
    if kind != "get" && kind != "set" {
        // An answer to a question; the network asks none of a companion that is logged in.
        return Ok(Answer::default());
    }
    let id = text(iq, "id");
    let ask = Ask { network, account, me, iq, id: &id, host };
    let namespace = attr(iq, "xmlns").unwrap_or_default();
    let tag = children(iq).first().map(|child| child.tag.as_ref()).unwrap_or_default();
    let stanza = match (namespace.as_ref(), kind.as_ref(), tag) {
        ("passive", "set", "active") => {
            return Ok(Answer { then: Then::Activate, ..Answer::now(stanza::result(&id).build()) });
        }
        ("usync", ..) => usync::answer(&ask).await?,
        ("encrypt", ..) => prekeys::answer(&ask, &kind, tag).await?,
        ("w:sync:app:state", "set", "sync") => return app_state::sync(&ask).await,
        ("md", "set", "remove-companion-device") => companion::remove(&ask).await?,
        ("passive", "set", "passive") => stanza::result(&id).build(),
        ("abt" | "w", "get", "props") => props::props(&id),
        ("privacy", ..) => privacy::answer(&ask, &kind, tag).await?,
        ("blocklist", ..) => blocklist::answer(&ask, &kind).await?,
        ("status", ..) => profile::about(&ask, &kind).await?,
        ("disappearing_mode", ..) => profile::disappearing(&ask, &kind).await?,
        ("w:profile:picture", ..) => profile::picture(&ask, &kind),
        ("w:m", "set" | "get", "media_conn") => media::connection(&ask),
        ("w:biz", ..) => profile::business(&ask, &kind, tag),
        ("w:g2", ..) => groups::answer(&ask, &kind, tag),
        ("w:mex", ..) => mex::answer(&ask),
        (family, ..) if upkeep::is(family) => upkeep::answer(&ask),
        _ => unknown(&ask),
    };
    Ok(Answer::now(stanza))
}

/// What this network does not know, or does not do: the log names it, and who asked can tell.
fn unknown(ask: &Ask<'_>) -> Node {
    tracing::warn!(stanza = %stanza::brief(ask.iq), "unknown iq");
    stanza::error(ask.id, 501, "feature-not-implemented")
}
