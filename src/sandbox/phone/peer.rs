//! Words between the devices of one account: the keys of the app state, which a phone shares with its companions.

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::waproto::whatsapp::Message;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;
use whatsapp_rust::waproto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId, AppStateSyncKeyShare,
    ProtocolMessage,
};

use super::inbox::Letter;
use super::outbox::{self, Other};
use super::signal;
use crate::sandbox::SandboxError;
use crate::sandbox::account::{Account, Held, State};
use crate::sandbox::ledger::Change;
use crate::sandbox::message::{Routed, outgoing};
use crate::sandbox::network::Network;

/// A companion speaks to its phone.
pub(crate) async fn hear(
    network: &Network,
    held: &mut Held,
    letter: &Letter<'_>,
    message: &Message,
    routed: &mut Routed,
) -> Result<(), SandboxError> {
    let kind = message.protocol_message.as_option().and_then(|word| word.r#type);
    match kind {
        Some(Type::APP_STATE_SYNC_KEY_REQUEST) => {
            let Some((account, state)) = held.get(letter.to) else { return Ok(()) };
            routed.changes.extend(share_keys(network, account, state, letter.from.device).await?);
        }
        // More of the past, a message once more, a preview: phones answer these when they can, and may not answer at all.
        other => tracing::warn!(kind = ?other, "a companion asks its phone for something that phones do not do here"),
    }
    Ok(())
}

/// Sends the keys of the app state to a companion. A new companion waits for them before it says it is connected
/// (`whatsapp-rust/src/client/node_io.rs`, `KEY_SHARE_GRACE_SECS`).
pub(crate) async fn share_keys(
    network: &Network,
    account: &Account,
    state: &mut State,
    device: u16,
) -> Result<Vec<Change>, SandboxError> {
    let message = Message {
        protocol_message: MessageField::some(ProtocolMessage {
            r#type: Some(Type::APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: MessageField::some(AppStateSyncKeyShare { keys: vec![key(account, state)] }),
            ..Default::default()
        }),
        ..Default::default()
    };
    tell(network, account, state, device, &message).await
}

/// A word from a phone to one of its companions.
pub(crate) async fn tell(
    network: &Network,
    account: &Account,
    state: &mut State,
    device: u16,
    message: &Message,
) -> Result<Vec<Change>, SandboxError> {
    let mut changes = Vec::new();
    let to = account.device(device);
    let Some(row) = state.companions.get(&device).cloned() else { return Ok(changes) };
    outbox::ready(network, account, state, to, &Other::Companion(Box::new(row)), &mut changes).await?;
    let padded = MessageUtils::encode_and_pad(message);
    let sealed = signal::encrypt(account, state, to, &padded, &network.ledger, &mut changes).await?;
    let id = outbox::message_id()?;
    let node = NodeBuilder::new("message")
        .attr("from", account.pn(0))
        .attr("id", id.as_str())
        .attr("type", "text")
        .attr("category", "peer")
        .attr("t", network.seconds())
        .children([outbox::enc(sealed, None)])
        .build();
    changes.push(Change::Enqueue(outgoing(to, "message", id, "peer".to_owned(), &node)?));
    Ok(changes)
}

fn key(account: &Account, state: &State) -> AppStateSyncKey {
    let fingerprint = AppStateSyncKeyFingerprint {
        raw_id: Some(account.raw_id),
        current_index: Some(u32::from(state.next_device.saturating_sub(1))),
        device_indexes: std::iter::once(0).chain(state.companions.keys().map(|device| u32::from(*device))).collect(),
    };
    AppStateSyncKey {
        key_id: MessageField::some(AppStateSyncKeyId { key_id: Some(account.sync_key_id.clone()) }),
        key_data: MessageField::some(AppStateSyncKeyData {
            key_data: Some(account.sync_key.clone()),
            fingerprint: MessageField::some(fingerprint),
            timestamp: Some(account.created * 1000),
        }),
    }
}
