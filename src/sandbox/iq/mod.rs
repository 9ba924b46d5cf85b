//! What companions ask the network: one file per family of stanzas.

mod app_state;
pub(crate) mod companion;
mod prekeys;
mod privacy;
mod props;
mod usync;

use std::sync::Arc;

use whatsapp_rust::NodeBuilder;
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
}

pub(crate) async fn answer(
    network: &Network,
    account: &Arc<Account>,
    me: Device,
    iq: &Node,
) -> Result<Answer, SandboxError> {
    let kind = attr(iq, "type").unwrap_or_default();
    if kind != "get" && kind != "set" {
        // An answer to a question; the network asks none of a companion that is logged in.
        return Ok(Answer::default());
    }
    let id = text(iq, "id");
    let ask = Ask { network, account, me, iq, id: &id };
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
        ("abt", "get", "props") => props::props(&id),
        ("privacy", "get", _) => privacy::settings(&id),
        ("blocklist", "get", _) => privacy::blocklist(&id),
        ("disappearing_mode", "get", _) => privacy::disappearing(&id),
        // Is anyone there; and settings, tokens and reports that nobody here asks for again.
        (
            "privacy" | "blocklist" | "status" | "passive" | "spam" | "urn:xmpp:whatsapp:dirty" | "disappearing_mode",
            "set",
            _,
        )
        | ("w:p" | "urn:xmpp:ping" | "w:stats" | "urn:xmpp:whatsapp:push", ..) => stanza::result(&id).build(),
        ("w:g2", "get", "participating") => stanza::result(&id).children([NodeBuilder::new("groups").build()]).build(),
        ("w:profile:picture", "get", _) => stanza::error(&id, 404, "item-not-found"),
        _ => {
            tracing::warn!(stanza = %stanza::brief(iq), "unknown iq");
            stanza::error(&id, 501, "feature-not-implemented")
        }
    };
    Ok(Answer::now(stanza))
}
