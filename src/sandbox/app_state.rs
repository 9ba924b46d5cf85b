//! The app state of an account: collections of encrypted patches that its devices share. The network only keeps them.
//!
//! The first patch comes from the phone and carries the account's name, which a companion needs before it may say
//! that it is there (`whatsapp-rust/src/client/node_io.rs`, `needs_pushname_from_sync`).

use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore::appstate::encode_record;
use whatsapp_rust::wacore::appstate::hash::{HashState, generate_patch_mac};
use whatsapp_rust::wacore::appstate::keys::expand_app_state_keys;
use whatsapp_rust::waproto::codec::syncd_patch_to_vec;
use whatsapp_rust::waproto::whatsapp::sync_action_value::PushNameSetting;
use whatsapp_rust::waproto::whatsapp::syncd_mutation::SyncdOperation;
use whatsapp_rust::waproto::whatsapp::{KeyId, SyncActionValue, SyncdPatch, SyncdVersion};

use super::SandboxError;
use super::account::Account;
use super::ledger::Change;
use super::network::Network;
use crate::clock;

/// Where the name is kept.
const CRITICAL: &str = "critical_block";
const NAME_INDEX: &[u8] = b"[\"setting_pushName\"]";

/// The account's name as the first patch of its app state, unless there is one already.
pub(crate) async fn first_patch(network: &Network, account: &Account) -> Result<Vec<Change>, SandboxError> {
    if network.ledger.patch_version(account.id, CRITICAL).await? > 0 {
        return Ok(Vec::new());
    }
    let name = account.lock().await.push_name(account, 0);
    let value = SyncActionValue {
        timestamp: Some(network.clock.now().timestamp_millis()),
        push_name_setting: MessageField::some(PushNameSetting { name: Some(name) }),
        ..Default::default()
    };
    let keys = expand_app_state_keys(&account.sync_key);
    let id = &account.sync_key_id;
    let (mutation, _) = encode_record(SyncdOperation::SET, NAME_INDEX, &value, &keys, id, &clock::entropy()?, 1);
    let mut state = HashState::default();
    let mutations = vec![mutation];
    state.update_hash(&mutations, |_, _| Ok(None)).1.map_err(SandboxError::crypto)?;
    state.version = 1;
    let mut patch = SyncdPatch {
        version: MessageField::some(SyncdVersion { version: Some(state.version) }),
        mutations,
        snapshot_mac: Some(state.generate_snapshot_mac(CRITICAL, &keys.snapshot_mac)),
        key_id: MessageField::some(KeyId { id: Some(id.clone()) }),
        ..Default::default()
    };
    patch.patch_mac = Some(generate_patch_mac(&patch, CRITICAL, &keys.patch_mac, state.version));
    Ok(vec![Change::Patch {
        account: account.id,
        collection: CRITICAL.to_owned(),
        version: state.version,
        patch: syncd_patch_to_vec(&patch),
    }])
}
