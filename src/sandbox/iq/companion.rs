//! A companion takes itself, or another companion of its account, out of the account.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::SandboxError;
use crate::sandbox::account::Account;
use crate::sandbox::device_list::{self, Happened};
use crate::sandbox::ledger::Change;
use crate::sandbox::network::Network;
use crate::sandbox::stanza::{self, address, child};
use crate::sandbox::switchboard::Farewell;

pub(super) async fn remove(ask: &Ask<'_>) -> Result<Node, SandboxError> {
    let named = child(ask.iq, "remove-companion-device").and_then(|remove| address(remove, "jid"));
    let device = named.map_or(ask.me.device, |jid| jid.device);
    if !unlink(ask.network, ask.account, device).await? {
        return Ok(stanza::error(ask.id, 404, "item-not-found"));
    }
    Ok(stanza::result(ask.id).build())
}

/// The phone forgets a companion, what waited for it is dropped, and it is sent away, whoever asked for that: an answer comes
/// before a farewell. False if the phone had no such companion.
pub(crate) async fn unlink(network: &Network, account: &Arc<Account>, device: u16) -> Result<bool, SandboxError> {
    let mut state = account.lock().await;
    if state.companions.remove(&device).is_none() {
        return Ok(false);
    }
    state.sessions.remove(&account.device(device));
    let ticket = network.ledger.submit(vec![Change::Unlink(account.device(device))]).await?;
    drop(state);
    ticket.committed().await?;
    network.switchboard.end(account.device(device), Farewell::Unlinked);
    device_list::announce(network, account, Happened::Unlinked(device)).await?;
    Ok(true)
}
