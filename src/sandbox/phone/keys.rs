//! A phone's own keys, and the bundles by which devices start to talk to each other.

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore::libsignal::protocol::{IdentityKey, KeyPair, PreKeyBundle, PublicKey};
use whatsapp_rust::wacore_binary::Node;

use crate::clock::{self, Clock};
use crate::domain::phone::Phone;
use crate::sandbox::account::{Account, State};
use crate::sandbox::ledger::{Change, CompanionRow, Device, NewAccount, PreKey, SignedPreKey};
use crate::sandbox::network::Network;
use crate::sandbox::{SandboxError, device_list, stanza};

/// A phone's signed pre-key never changes here, so one id is enough.
pub(crate) const SIGNED_PREKEY: u32 = 1;

/// Bytes of a signature.
const SIGNATURE: usize = 64;

/// With so few left, or fewer, a companion is asked for more with every one that is taken.
const FEW: i64 = 10;

/// The keys of a person who just installed the app.
pub(crate) fn new_account(phone: &Phone, clock: &Clock) -> Result<NewAccount, SandboxError> {
    let private = |pair: KeyPair| *pair.private_key.serialize();
    Ok(NewAccount {
        phone: phone.clone(),
        identity: private(KeyPair::generate(&mut rand::rng())),
        // Registration ids have 14 bits, and none is zero.
        registration: u32::from_be_bytes(clock::entropy()?) % 16_380 + 1,
        signed_prekey: private(KeyPair::generate(&mut rand::rng())),
        raw_id: u32::from_be_bytes(clock::entropy()?) >> 1,
        created: clock.now().timestamp(),
        // Two bytes name the device that made the key, four its epoch.
        sync_key_id: [0, 0, 0, 0, 0, 1],
        sync_key: clock::entropy()?,
    })
}

/// A one-time pre-key, made when it is asked for: a phone is always there to refill its stock.
pub(crate) fn one_time(
    account: &Account,
    state: &mut State,
    changes: &mut Vec<Change>,
) -> Result<PreKey, SandboxError> {
    let pair = KeyPair::generate(&mut rand::rng());
    // Key ids have three bytes.
    let id = state.next_prekey & 0x00ff_ffff;
    state.next_prekey = id + 1;
    changes.push(Change::PhonePreKey { account: account.id, id, private: *pair.private_key.serialize() });
    Ok(PreKey { id, key: crate::sandbox::root::public(&pair)? })
}

/// Takes a one-time pre-key out of a companion's stock, and asks the companion for more when few are left.
pub(crate) async fn take(network: &Network, device: Device) -> Result<Option<PreKey>, SandboxError> {
    let taken = network.ledger.take_prekey(device).await?;
    let left = network.ledger.prekey_count(device).await?;
    // With the true number each time: clients have limits of their own below which they bring more (five, for most).
    if taken.is_some() && left <= FEW {
        network.ledger.submit(vec![device_list::prekeys_low(network, device, left)?]).await?;
    }
    Ok(taken)
}

/// The public half of a phone's signed pre-key, signed anew.
pub(crate) fn signed(account: &Account) -> Result<SignedPreKey, SandboxError> {
    let public = account.signed_prekey.public_key.serialize();
    let signature =
        account.identity.private_key().calculate_signature(&public, &mut rand::rng()).map_err(SandboxError::crypto)?;
    let key = crate::sandbox::root::public(&account.signed_prekey)?;
    Ok(SignedPreKey { id: SIGNED_PREKEY, key, signature: signature.to_vec() })
}

/// Whether a device has signed the pre-key that it publishes. Unsigned, no session with it could ever begin.
pub(crate) fn is_signed(identity: &[u8; 32], signed: &SignedPreKey) -> bool {
    let public = |key: &[u8; 32]| PublicKey::from_djb_public_key_bytes(key).ok();
    let (Some(identity), Some(key)) = (public(identity), public(&signed.key)) else { return false };
    signed.signature.len() == SIGNATURE && identity.verify_signature(&key.serialize(), &signed.signature)
}

/// What a `<user>` of a pre-key answer holds (`wacore/src/prekeys.rs`, `node_to_pre_key_bundle_ref`).
pub(crate) fn nodes(registration: u32, identity: &[u8], signed: &SignedPreKey, one_time: Option<PreKey>) -> Vec<Node> {
    let mut nodes = vec![
        stanza::leaf("registration", registration.to_be_bytes()),
        stanza::leaf("type", [5]),
        stanza::leaf("identity", identity),
    ];
    if let Some(key) = one_time {
        let parts = [stanza::leaf("id", stanza::key_id(key.id)), stanza::leaf("value", key.key)];
        nodes.push(NodeBuilder::new("key").children(parts).build());
    }
    nodes.push(signed_node(signed));
    nodes
}

pub(crate) fn signed_node(signed: &SignedPreKey) -> Node {
    NodeBuilder::new("skey")
        .children([
            stanza::leaf("id", stanza::key_id(signed.id)),
            stanza::leaf("value", signed.key),
            stanza::leaf("signature", signed.signature.clone()),
        ])
        .build()
}

/// The bundle of a companion, for a phone that writes to it first.
pub(crate) fn companion_bundle(
    companion: &CompanionRow,
    one_time: Option<PreKey>,
) -> Result<PreKeyBundle, SandboxError> {
    bundle(companion.registration, companion.device, &companion.identity, &companion.signed_prekey, one_time)
}

/// The bundle of a phone, for another phone.
pub(crate) fn phone_bundle(account: &Account, one_time: Option<PreKey>) -> Result<PreKeyBundle, SandboxError> {
    let identity = account.identity.public_key().public_key_bytes();
    bundle(account.registration, 0, identity, &signed(account)?, one_time)
}

pub(crate) fn bundle(
    registration: u32,
    device: u16,
    identity: &[u8],
    signed: &SignedPreKey,
    one_time: Option<PreKey>,
) -> Result<PreKeyBundle, SandboxError> {
    let public = |key: &[u8]| PublicKey::from_djb_public_key_bytes(key).map_err(SandboxError::crypto);
    let one_time = one_time.map(|key| Ok::<_, SandboxError>((key.id.into(), public(&key.key)?))).transpose()?;
    PreKeyBundle::new(
        registration,
        u32::from(device).into(),
        one_time,
        signed.id.into(),
        public(&signed.key)?,
        signed.signature.clone(),
        IdentityKey::new(public(identity)?),
    )
    .map_err(SandboxError::crypto)
}
