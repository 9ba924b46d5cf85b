//! Groups: every account here is in none (`wacore/src/iq/groups.rs`).

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::stanza;

pub(super) fn answer(ask: &Ask<'_>, kind: &str, tag: &str) -> Node {
    match (kind, tag) {
        ("get", "participating") => {
            // The children are named after what was asked: groups, or communities.
            stanza::result(ask.id).children([NodeBuilder::new("groups").build()]).build()
        }
        // There is no group to look at, or to be let into.
        ("get", _) => {
            tracing::info!(stanza = %stanza::brief(ask.iq), "asked for a group, and there is none");
            stanza::error(ask.id, 404, "item-not-found")
        }
        _ => super::unknown(ask),
    }
}
