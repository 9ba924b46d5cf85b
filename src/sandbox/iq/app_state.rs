//! Collections of the app state: a companion asks for what is new in some, and adds to others (`wacore-appstate`).

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::waproto::codec::{syncd_patch_decode, syncd_patch_to_vec};
use whatsapp_rust::waproto::whatsapp::SyncdVersion;

use super::Ask;
use crate::sandbox::SandboxError;
use crate::sandbox::device_list;
use crate::sandbox::ledger::Change;
use crate::sandbox::login::Answer;
use crate::sandbox::stanza::{self, attr, bytes, child, children, text};

/// The collections there are (`wacore-appstate/src/patch_decode.rs`).
const COLLECTIONS: [&str; 5] = ["critical_block", "critical_unblock_low", "regular_low", "regular_high", "regular"];
/// Patches in one answer; the rest is asked for again.
const PATCHES: i64 = 50;
/// The same in bytes, all collections together: an answer has to fit into a frame of 16 MiB.
const ANSWER: usize = 8 * 1024 * 1024;
/// Bytes of patches that an account keeps. A real network would have its phone make one snapshot of them long before.
const KEPT: i64 = 64 * 1024 * 1024;

pub(super) async fn sync(ask: &Ask<'_>) -> Result<Answer, SandboxError> {
    let asked = child(ask.iq, "sync").map(children).unwrap_or_default();
    let mut changes = Vec::new();
    let mut collections = Vec::new();
    // Two companions of one account may add to one collection: who comes second hears of it.
    let state = ask.account.lock().await;
    for collection in asked.iter().filter(|node| node.tag == "collection").take(COLLECTIONS.len()) {
        collections.push(one(ask, collection, &mut changes).await?);
    }
    if let Some(news) = news(ask, &changes) {
        for device in state.listed().filter(|device| *device != ask.me.device) {
            changes.push(device_list::notification(ask.account.device(device), &news)?);
        }
    }
    // Held until the commit: versions are read from what is committed.
    ask.network.ledger.write(changes).await?;
    drop(state);
    let sync = NodeBuilder::new("sync").children(collections).build();
    Ok(Answer::now(stanza::result(ask.id).children([sync]).build()))
}

/// What the other companions of the account are told: which collections have something new.
fn news(ask: &Ask<'_>, changes: &[Change]) -> Option<Node> {
    let patched = changes.iter().filter_map(|change| match change {
        Change::Patch { collection, version, .. } => Some((collection, version)),
        _ => None,
    });
    let collections: Vec<_> = patched
        .map(|(name, version)| {
            NodeBuilder::new("collection").attr("name", name.as_str()).attr("version", *version).build()
        })
        .collect();
    let notification = NodeBuilder::new("notification")
        .attr("from", ask.account.pn(0))
        .attr("type", "server_sync")
        .attr("t", ask.network.seconds());
    (!collections.is_empty()).then(|| notification.children(collections).build())
}

async fn one(ask: &Ask<'_>, asked: &Node, changes: &mut Vec<Change>) -> Result<Node, SandboxError> {
    let (ledger, account) = (&ask.network.ledger, ask.account.id);
    let name = text(asked, "name");
    let answer = NodeBuilder::new("collection").attr("name", name.as_str());
    if !COLLECTIONS.contains(&name.as_str()) {
        return Ok(answer.attr("type", "error").children([stanza::fault(404, "item-not-found")]).build());
    }
    let known: u64 = attr(asked, "version").and_then(|version| version.parse().ok()).unwrap_or(0);
    let current = ledger.patch_version(account, &name).await?;
    let patches = fitting(ledger.patches(account, &name, known, PATCHES).await?, ANSWER / COLLECTIONS.len());
    let more = patches.last().is_some_and(|(version, _)| *version < current);
    let offered = child(asked, "patch").or_else(|| child(child(asked, "patches")?, "patch")).and_then(bytes);
    if let Some(offered) = offered {
        if known != current {
            let refused = answer.attr("type", "error").attr("has_more_patches", more.to_string());
            return Ok(with_patches(refused, &patches, Some(stanza::fault(409, "conflict"))));
        }
        if ledger.patch_bytes(account).await?.saturating_add(size(offered)) > KEPT {
            return Ok(answer.attr("type", "error").children([stanza::fault(507, "insufficient-storage")]).build());
        }
        let mut patch = syncd_patch_decode(offered).map_err(SandboxError::wire)?;
        patch.version = MessageField::some(SyncdVersion { version: Some(current + 1) });
        let patch = syncd_patch_to_vec(&patch);
        changes.push(Change::Patch { account, collection: name.clone(), version: current + 1, patch });
        return Ok(answer.attr("version", current + 1).build());
    }
    let answer = answer.attr("version", current).attr("has_more_patches", more.to_string());
    Ok(with_patches(answer, &patches, None))
}

/// The first patches, as many as there is room for; one always.
fn fitting(mut patches: Vec<(u64, Vec<u8>)>, room: usize) -> Vec<(u64, Vec<u8>)> {
    let mut bytes = 0;
    let fit = patches.iter().take_while(|(_, patch)| {
        bytes += patch.len();
        bytes <= room
    });
    let fit = fit.count().max(1);
    patches.truncate(fit);
    patches
}

fn size(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

fn with_patches(answer: NodeBuilder, patches: &[(u64, Vec<u8>)], fault: Option<Node>) -> Node {
    let patches = patches.iter().map(|(_, patch)| stanza::leaf("patch", patch.clone()));
    let patches = NodeBuilder::new("patches").children(patches).build();
    answer.children(fault.into_iter().chain([patches])).build()
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn an_answer_holds_what_it_has_room_for_and_one_patch_in_any_case() {
        let patches: Vec<_> = (1..=4).map(|version| (version, vec![0; 10])).collect();
        for (room, fit) in [(100, 4), (40, 4), (39, 3), (10, 1), (1, 1)] {
            assert_eq!(fitting(patches.clone(), room).len(), fit, "{room}");
        }
        assert!(fitting(Vec::new(), 10).is_empty());
    }
}
