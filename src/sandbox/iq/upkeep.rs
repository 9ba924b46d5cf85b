//! Signs of life, reports, and what else keeps a connection in order: an empty answer says that it was heard.

use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::stanza;

/// Whether a namespace is one of these.
pub(super) fn is(namespace: &str) -> bool {
    matches!(
        namespace,
        "w:p" | "urn:xmpp:ping" | "w:stats" | "spam" | "tos" | "urn:xmpp:whatsapp:dirty" | "urn:xmpp:whatsapp:push"
    )
}

pub(super) fn answer(ask: &Ask<'_>) -> Node {
    stanza::result(ask.id).build()
}
