//! Experiments: what this network has switched on (`wacore/src/iq/props.rs`).

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use crate::sandbox::stanza;

/// `lid_one_on_one_migration_enabled`: chats are addressed by LID (`wacore/src/iq/abprops.rs`).
const LID_MIGRATION: u32 = 9435;

pub(super) fn props(id: &str) -> Node {
    let prop = NodeBuilder::new("prop").attr("config_code", LID_MIGRATION).attr("config_value", "true").build();
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "sandbox")
        .attr("hash", "sandbox-1")
        .attr("refresh", "86400")
        .attr("refresh_id", "1")
        .children([prop]);
    stanza::result(id).children([props.build()]).build()
}
