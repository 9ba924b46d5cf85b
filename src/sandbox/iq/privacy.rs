//! Privacy: everyone sees everything, and nobody is blocked (`wacore/src/iq/privacy.rs`, `blocklist.rs`).

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use crate::sandbox::stanza;

const SETTINGS: [(&str, &str); 9] = [
    ("last", "all"),
    ("online", "all"),
    ("profile", "all"),
    ("status", "all"),
    ("groupadd", "all"),
    ("readreceipts", "all"),
    ("calladd", "all"),
    ("messages", "all"),
    ("defense", "off"),
];

pub(super) fn settings(id: &str) -> Node {
    let categories =
        SETTINGS.map(|(name, value)| NodeBuilder::new("category").attr("name", name).attr("value", value).build());
    stanza::result(id).children([NodeBuilder::new("privacy").children(categories).build()]).build()
}

pub(super) fn blocklist(id: &str) -> Node {
    stanza::result(id).children([NodeBuilder::new("list").build()]).build()
}

pub(super) fn disappearing(id: &str) -> Node {
    let mode = NodeBuilder::new("disappearing_mode").attr("duration", "0").attr("t", "0").build();
    stanza::result(id).children([mode]).build()
}
