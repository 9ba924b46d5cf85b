//! The protocol crate's storage over our device keys: one file for each of its five traits
//! (wacore 0.7.0, `src/store/traits.rs`).

mod app_sync;
#[cfg(test)]
mod conformance;
mod device;
mod msg_secret;
mod protocol;
mod signal;

use serde::Serialize;
use serde::de::DeserializeOwned;
use whatsapp_rust::wacore::store::error::{Result, StoreError};

#[cfg(feature = "sandbox")]
pub use device::linked_device;

use crate::store::device_keys::{DeviceKeyError, DeviceKeys, Entry};

/// What a client of the protocol crate stores into: the keys of one session.
#[derive(Clone)]
pub struct KeyStore {
    keys: DeviceKeys,
}

impl KeyStore {
    pub fn new(keys: DeviceKeys) -> Self {
        Self { keys }
    }
}

impl From<DeviceKeyError> for StoreError {
    fn from(error: DeviceKeyError) -> Self {
        Self::Database(Box::new(error))
    }
}

/// The time that marks are compared with. The protocol crate computes its cutoffs by its own clock, so marks follow it.
fn now() -> i64 {
    whatsapp_rust::wacore::time::now_secs()
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| StoreError::Serialization(Box::new(error)))
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T> {
    serde_json::from_slice(value).map_err(|error| StoreError::Serialization(Box::new(error)))
}

fn decode_entry<T: DeserializeOwned>(entry: Option<Entry>) -> Result<Option<T>> {
    entry.map(|entry| decode(&entry.value)).transpose()
}

/// A stored value of a fixed size that is not of that size was written by something else.
fn sized<const N: usize>(value: &[u8], what: &str) -> Result<[u8; N]> {
    value.try_into().map_err(|_| StoreError::Validation(format!("{what} has {} bytes, not {N}", value.len())))
}
