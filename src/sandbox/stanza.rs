//! Reading and writing stanzas: the few forms that every family shares.

use std::borrow::Cow;

use whatsapp_rust::wacore_binary::marshal::unmarshal_ref;
use whatsapp_rust::wacore_binary::{Node, NodeContent, NodeValue};
use whatsapp_rust::{Jid, NodeBuilder};

use super::SandboxError;

/// The network's own address.
pub(crate) const SERVER: &str = "s.whatsapp.net";

pub(crate) fn attr<'n>(node: &'n Node, key: &str) -> Option<Cow<'n, str>> {
    node.attrs.get(key).map(|value| value.as_str())
}

/// An attribute that has to be there to answer at all; absent it is empty.
pub(crate) fn text(node: &Node, key: &str) -> String {
    attr(node, key).map(Cow::into_owned).unwrap_or_default()
}

pub(crate) fn address(node: &Node, key: &str) -> Option<Jid> {
    node.attrs.get(key).and_then(NodeValue::to_jid)
}

pub(crate) fn bytes(node: &Node) -> Option<&[u8]> {
    match &node.content {
        Some(NodeContent::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

pub(crate) fn child<'n>(node: &'n Node, tag: &str) -> Option<&'n Node> {
    node.get_optional_child(tag)
}

/// A number as key ids and registration ids are written: up to four bytes, big end first.
pub(crate) fn number(node: &Node) -> Option<u32> {
    let bytes = bytes(node)?;
    (1..=4).contains(&bytes.len()).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

pub(crate) fn key(node: &Node) -> Option<[u8; 32]> {
    bytes(node)?.try_into().ok()
}

/// A key id as the wire carries it: three bytes.
pub(crate) fn key_id(id: u32) -> Vec<u8> {
    id.to_be_bytes().split_at(1).1.to_vec()
}

pub(crate) fn result(id: &str) -> NodeBuilder {
    NodeBuilder::new("iq").attr("from", SERVER).attr("type", "result").attr("id", id)
}

pub(crate) fn error(id: &str, code: u16, text: &'static str) -> Node {
    NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("type", "error")
        .attr("id", id)
        .children([fault(code, text)])
        .build()
}

pub(crate) fn fault(code: u16, text: &'static str) -> Node {
    NodeBuilder::new("error").attr("code", code.to_string()).attr("text", text).build()
}

/// `<tag>` with bytes in it.
pub(crate) fn leaf(tag: &'static str, bytes: impl Into<Vec<u8>>) -> Node {
    NodeBuilder::new(tag).bytes(bytes).build()
}

/// A stanza as the ledger keeps it, read again.
pub(crate) fn kept(stanza: &[u8]) -> Result<Node, SandboxError> {
    // The first byte says whether the rest is compressed; what the ledger keeps is not.
    let plain = stanza.split_first().map(|(_, plain)| plain).unwrap_or_default();
    Ok(unmarshal_ref(plain).map_err(SandboxError::wire)?.to_owned())
}

/// What a log may say of a stanza: its shape, never who or what.
pub(crate) fn brief(node: &Node) -> String {
    let kind = attr(node, "xmlns").or_else(|| attr(node, "class")).or_else(|| attr(node, "type")).unwrap_or_default();
    let inner = children(node).first().map(|child| child.tag.as_ref()).unwrap_or_default();
    format!("{} {kind} {inner}", node.tag)
}

/// A stanza that waited in the queue says so.
pub(crate) fn waited(stanza: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let mut node = kept(stanza)?;
    node.attrs.insert("offline", "0");
    whatsapp_rust::wacore_binary::marshal::marshal(&node).map_err(SandboxError::wire)
}

/// `<ib>`: what the network says to a connection unasked.
pub(crate) fn information(child: Node) -> Node {
    NodeBuilder::new("ib").attr("from", SERVER).children([child]).build()
}
