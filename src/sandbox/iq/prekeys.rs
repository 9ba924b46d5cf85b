//! Pre-keys: companions publish theirs and fetch those of others (`wacore/src/iq/prekeys.rs`, `wacore/src/prekeys.rs`).

use std::collections::HashSet;
use std::sync::Arc;

use whatsapp_rust::wacore::prekeys::compute_key_bundle_digest;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::{Jid, NodeBuilder};

use super::Ask;
use crate::sandbox::SandboxError;
use crate::sandbox::account::Account;
use crate::sandbox::ledger::Change;
use crate::sandbox::phone::{keys, outbox::signed_prekey};
use crate::sandbox::stanza::{self, address, child, children, key, number};

/// Pre-keys in one upload.
const UPLOAD: usize = 4096;
/// Devices whose keys are fetched at once.
const FETCH: usize = 512;

pub(super) async fn answer(ask: &Ask<'_>, kind: &str, tag: &str) -> Result<Node, SandboxError> {
    match (kind, tag) {
        ("get", "key") => fetch(ask).await,
        ("get", "count") => {
            let count = ask.network.ledger.prekey_count(ask.me).await?;
            let count = NodeBuilder::new("count").attr("value", count).build();
            Ok(stanza::result(ask.id).children([count]).build())
        }
        ("get", "digest") => digest(ask).await,
        ("set", "rotate") => rotate(ask).await,
        ("set", _) if child(ask.iq, "skey").is_some() => upload(ask).await,
        _ => Ok(super::unknown(ask)),
    }
}

async fn fetch(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let asked = child(ask.iq, "key").map(children).unwrap_or_default();
    let (mut users, mut named) = (Vec::new(), HashSet::new());
    for jid in asked.iter().filter_map(|user| address(user, "jid")).take(FETCH) {
        // Named twice, a device would give a key that nobody uses.
        if !named.insert((jid.server, jid.user.to_string(), jid.device)) {
            continue;
        }
        let user = NodeBuilder::new("user").attr("jid", &jid);
        users.push(match bundle(ask, &jid).await? {
            Some(bundle) => user.children(bundle).build(),
            None => user.children([stanza::fault(406, "not-acceptable")]).build(),
        });
    }
    Ok(stanza::result(ask.id).children([NodeBuilder::new("list").children(users).build()]).build())
}

async fn bundle(ask: &Ask<'_>, jid: &Jid) -> Result<Option<Vec<Node>>, SandboxError> {
    let Some(account) = ask.network.resolve(jid).await? else { return Ok(None) };
    if jid.device == 0 {
        of_phone(ask, &account).await.map(Some)
    } else {
        of_companion(ask, &account, jid.device).await
    }
}

async fn of_phone(ask: &Ask<'_>, account: &Arc<Account>) -> Result<Vec<Node>, SandboxError> {
    let ledger = &ask.network.ledger;
    let mut changes = Vec::new();
    let mut state = account.lock().await;
    let one_time = keys::one_time(account, &mut state, &mut changes)?;
    let ticket = ledger.submit(changes).await?;
    drop(state);
    // Kept before it is given out, or what is encrypted with it could never be read.
    ticket.committed().await?;
    let identity = account.identity.public_key().public_key_bytes();
    Ok(keys::nodes(account.registration, identity, &keys::signed(account)?, Some(one_time)))
}

async fn of_companion(ask: &Ask<'_>, account: &Account, device: u16) -> Result<Option<Vec<Node>>, SandboxError> {
    let row = account.lock().await.companions.get(&device).filter(|row| row.signed).cloned();
    let Some(row) = row else { return Ok(None) };
    let one_time = keys::take(ask.network, account.device(device)).await?;
    let mut nodes = keys::nodes(row.registration, &row.identity, &row.signed_prekey, one_time);
    nodes.push(stanza::leaf("device-identity", row.device_identity));
    Ok(Some(nodes))
}

/// A companion publishes its signed pre-key and a stock of one-time pre-keys.
async fn upload(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let list = child(ask.iq, "list").map(children).unwrap_or_default();
    let parsed = child(ask.iq, "skey")
        .and_then(signed_prekey)
        .zip(child(ask.iq, "registration").and_then(number))
        .zip(child(ask.iq, "identity").and_then(key));
    let prekeys: Option<Vec<u8>> = list
        .iter()
        .map(|one| Some((number(child(one, "id")?)?, key(child(one, "value")?)?)))
        .try_fold(Vec::with_capacity(list.len() * 36), |mut all, one| {
            let (id, key) = one?;
            all.extend_from_slice(&id.to_be_bytes());
            all.extend_from_slice(&key);
            Some(all)
        });
    let (Some(((signed, registration), identity)), Some(prekeys)) = (parsed, prekeys) else {
        return Ok(stanza::error(ask.id, 400, "bad-request"));
    };
    let mut state = ask.account.lock().await;
    let Some(row) = state.companions.get_mut(&ask.me.device) else {
        return Ok(stanza::error(ask.id, 404, "item-not-found"));
    };
    // The identity is what the phone vouched for: a device that changes it has to be linked anew.
    if list.len() > UPLOAD || row.identity != identity || !keys::is_signed(&identity, &signed) {
        return Ok(stanza::error(ask.id, 406, "not-acceptable"));
    }
    row.registration = registration;
    row.signed_prekey = signed.clone();
    let total = u32::try_from(list.len()).unwrap_or(0);
    let change = Change::Bundle { device: ask.me, registration, key: signed, total, prekeys };
    let ticket = ask.network.ledger.submit(vec![change]).await?;
    drop(state);
    ticket.committed().await?;
    Ok(stanza::result(ask.id).build())
}

async fn rotate(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let signed = child(ask.iq, "rotate").and_then(|rotate| child(rotate, "skey")).and_then(signed_prekey);
    let Some(signed) = signed else { return Ok(stanza::error(ask.id, 400, "bad-request")) };
    let mut state = ask.account.lock().await;
    if let Some(row) = state.companions.get_mut(&ask.me.device) {
        if !keys::is_signed(&row.identity, &signed) {
            return Ok(stanza::error(ask.id, 406, "not-acceptable"));
        }
        row.signed_prekey = signed.clone();
    }
    let ticket = ask.network.ledger.submit(vec![Change::RotateKey { device: ask.me, key: signed }]).await?;
    drop(state);
    ticket.committed().await?;
    Ok(stanza::result(ask.id).build())
}

/// What the network has of a companion's keys, for it to compare.
async fn digest(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let row = ask.account.lock().await.companions.get(&ask.me.device).cloned();
    let Some(row) = row else { return Ok(stanza::error(ask.id, 404, "item-not-found")) };
    let prekeys = ask.network.ledger.prekeys(ask.me).await?;
    let publics: Vec<&[u8]> = prekeys.iter().map(|one| one.key.as_slice()).collect();
    let signed = &row.signed_prekey;
    let hash = compute_key_bundle_digest(&row.identity, &signed.key, &signed.signature, &publics);
    let ids = prekeys.iter().map(|one| stanza::leaf("id", stanza::key_id(one.id)));
    let digest = NodeBuilder::new("digest").children([
        stanza::leaf("registration", row.registration.to_be_bytes()),
        stanza::leaf("type", [5]),
        stanza::leaf("identity", row.identity),
        keys::signed_node(signed),
        NodeBuilder::new("list").children(ids).build(),
        stanza::leaf("hash", hash),
    ]);
    Ok(stanza::result(ask.id).children([digest.build()]).build())
}
