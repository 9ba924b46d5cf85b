//! How a phone vouches for its companions: signed device identities and the signed list of key indexes.
//!
//! The prefixes and the order of what is signed are those that `wacore/src/adv.rs` and `wacore/src/pair.rs` verify.

use ring::hmac;
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::adv::{AdvValidation, validate_adv_with_identity_key};
use whatsapp_rust::waproto::whatsapp::{
    ADVDeviceIdentity, ADVKeyIndexList, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC, ADVSignedKeyIndexList,
};

use crate::sandbox::SandboxError;
use crate::sandbox::account::{Account, State};

const ACCOUNT_SIGNATURE: [u8; 2] = [6, 0];
const KEY_INDEX_SIGNATURE: [u8; 2] = [6, 2];

/// Vouches for a new companion: its identity key, under the key index of its device number.
pub(crate) fn vouch(account: &Account, device: u16, identity: &[u8; 32], at: i64) -> Result<Vec<u8>, SandboxError> {
    let details = ADVDeviceIdentity {
        raw_id: Some(account.raw_id),
        timestamp: Some(at.unsigned_abs()),
        key_index: Some(u32::from(device)),
        ..Default::default()
    }
    .encode_to_vec();
    let signature = sign(account, &[ACCOUNT_SIGNATURE.as_slice(), &details, identity].concat())?;
    Ok(ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(account.identity.public_key().public_key_bytes().to_vec()),
        account_signature: Some(signature),
        ..Default::default()
    }
    .encode_to_vec())
}

/// Wraps a device identity so that only who showed the QR code can have asked for it.
pub(crate) fn seal(device_identity: Vec<u8>, secret: &[u8; 32]) -> Vec<u8> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &device_identity);
    ADVSignedDeviceIdentityHMAC {
        details: Some(device_identity),
        hmac: Some(tag.as_ref().to_vec()),
        ..Default::default()
    }
    .encode_to_vec()
}

/// Checks what a companion signed in return. It may leave out the account's key, which is put back.
pub(crate) fn accept(account: &Account, identity: &[u8; 32], signed: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let own = crate::sandbox::ledger::exact(account.identity.public_key().public_key_bytes().to_vec(), "identity key")?;
    if validate_adv_with_identity_key(signed, identity, Some(&own)) != AdvValidation::Valid {
        return Err(SandboxError::Wire("a device identity is not signed by its device"));
    }
    let mut signed = ADVSignedDeviceIdentity::decode_from_slice(signed).map_err(SandboxError::wire)?;
    signed.account_signature_key = Some(own.to_vec());
    Ok(signed.encode_to_vec())
}

/// The list of companions that the phone stands by, as device lists carry it.
pub(crate) fn key_index_list(account: &Account, state: &State) -> Result<(u64, Vec<u8>), SandboxError> {
    let linked = state.companions.values().map(|companion| companion.linked).max().unwrap_or(account.created);
    let timestamp = linked.unsigned_abs();
    let details = ADVKeyIndexList {
        raw_id: Some(account.raw_id),
        timestamp: Some(timestamp),
        current_index: Some(u32::from(state.next_device.saturating_sub(1))),
        valid_indexes: std::iter::once(0).chain(state.listed().map(u32::from)).collect(),
        ..Default::default()
    }
    .encode_to_vec();
    let signature = sign(account, &[KEY_INDEX_SIGNATURE.as_slice(), &details].concat())?;
    let list =
        ADVSignedKeyIndexList { details: Some(details), account_signature: Some(signature), ..Default::default() };
    Ok((timestamp, list.encode_to_vec()))
}

fn sign(account: &Account, message: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let key = account.identity.private_key();
    Ok(key.calculate_signature(message, &mut rand::rng()).map_err(SandboxError::crypto)?.to_vec())
}
