//! App state: the keys, versions and mutation MACs of the collections that the phone shares.

use std::collections::HashMap;

use async_trait::async_trait;
use whatsapp_rust::traits::{AppStateSyncKey, AppSyncStore};
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::error::{Result, StoreError};

use super::{KeyStore, decode_entry, encode};
use crate::store::device_keys::{Entry, Kind, digest, name_of};

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// `x` stands before the digits, so that even an empty id has a plain name.
fn key_name(id: &[u8]) -> String {
    format!("x{}", hex(id))
}

fn key_id(name: &str) -> Result<Vec<u8>> {
    let digits = name.strip_prefix('x').unwrap_or_default().as_bytes();
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes.ok_or_else(|| StoreError::Validation("a sync key is stored under no id".into()))
}

fn mac_name(collection: &str, index_mac: &[u8]) -> String {
    name_of(&[collection, &key_name(index_mac)])
}

#[async_trait]
impl AppSyncStore for KeyStore {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        decode_entry(self.keys.get(Kind::SyncKey, &key_name(key_id)).await?)
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        // The mark counts insertions: the latest key is the one set last, whatever its id.
        Ok(self.keys.append(Kind::SyncKey, key_name(key_id), encode(&key)?).await?)
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        Ok(decode_entry(self.keys.get(Kind::SyncVersion, &name_of(&[name])).await?)?.unwrap_or_default())
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let entry = Entry { name: name_of(&[name]), value: encode(&state)?, mark: 0 };
        Ok(self.keys.put(Kind::SyncVersion, entry).await?)
    }

    async fn put_mutation_macs(&self, name: &str, _version: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        let mark = digest(name);
        let entry = |mac: &AppStateMutationMAC| Entry {
            name: mac_name(name, &mac.index_mac),
            value: mac.value_mac.clone(),
            mark,
        };
        Ok(self.keys.put_many(Kind::MutationMac, mutations.iter().map(entry).collect()).await?)
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(Kind::MutationMac, &mac_name(name, index_mac)).await?.map(|entry| entry.value))
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let index: HashMap<String, [u8; 32]> = index_macs.iter().map(|mac| (mac_name(name, mac), *mac)).collect();
        let names: Vec<String> = index.keys().cloned().collect();
        let found = self.keys.get_many(Kind::MutationMac, &names).await?;
        Ok(found.into_iter().filter_map(|entry| Some((*index.get(&entry.name)?, entry.value))).collect())
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let names = index_macs.iter().map(|mac| mac_name(name, mac)).collect();
        Ok(self.keys.delete_many(Kind::MutationMac, names).await?)
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        Ok(self.keys.delete_marked(Kind::MutationMac, digest(name)).await?)
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.keys.last(Kind::SyncKey).await?.map(|(name, _)| key_id(&name)).transpose()
    }
}
