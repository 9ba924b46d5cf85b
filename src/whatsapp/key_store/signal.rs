//! Signal's state: identities, sessions, pre-keys and sender keys.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::traits::SignalStore;
use whatsapp_rust::wacore::store::error::{Result, StoreError};

use super::{KeyStore, sized};
use crate::store::device_keys::{Entry, Kind, digest, name_of};

/// The user part of a Signal address, which is `user@server` or `user:device@server`.
fn user_of(address: &str) -> &str {
    address.split(['@', ':']).next().unwrap_or(address)
}

/// Identities and sessions are marked with their user, so that one look answers whether a user has any.
fn of_user(address: &str, value: Vec<u8>) -> Entry {
    Entry { name: name_of(&[address]), value, mark: digest(user_of(address)) }
}

/// A pre-key's mark is twice its id, plus one once it is uploaded: the highest id and the flag can both be asked for.
fn pre_key(id: u32, record: &[u8], uploaded: bool) -> Entry {
    Entry { name: id.to_string(), value: record.to_vec(), mark: i64::from(id) * 2 + i64::from(uploaded) }
}

fn id_of(entry: &Entry) -> Result<u32> {
    entry.name.parse().map_err(|_| StoreError::Validation("a pre-key is stored under no number".into()))
}

impl KeyStore {
    async fn value(&self, kind: Kind, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(kind, name).await?.map(|entry| entry.value))
    }
}

#[async_trait]
impl SignalStore for KeyStore {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        Ok(self.keys.put(Kind::Identity, of_user(address, key.to_vec())).await?)
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let entries = identities.iter().map(|(address, key)| of_user(address, key.to_vec())).collect();
        Ok(self.keys.put_many(Kind::Identity, entries).await?)
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let value = self.value(Kind::Identity, &name_of(&[address])).await?;
        value.map(|value| sized(&value, "an identity key")).transpose()
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::Identity, name_of(&[address])).await?)
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.value(Kind::SignalSession, &name_of(&[address])).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        Ok(self.keys.put(Kind::SignalSession, of_user(address, session.to_vec())).await?)
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        let entries = sessions.iter().map(|(address, session)| of_user(address, session.to_vec())).collect();
        Ok(self.keys.put_many(Kind::SignalSession, entries).await?)
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::SignalSession, name_of(&[address])).await?)
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        Ok(self.keys.holds(Kind::SignalSession, &name_of(&[address])).await?)
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        // Two users with one digest would cost the caller a needless scan and nothing more.
        let mark = digest(user);
        Ok(self.keys.any_marked(Kind::SignalSession, mark).await? || self.keys.any_marked(Kind::Identity, mark).await?)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        Ok(self.keys.put(Kind::PreKey, pre_key(id, record, uploaded)).await?)
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        let entries = keys.iter().map(|(id, record)| pre_key(*id, record, uploaded)).collect();
        Ok(self.keys.put_many(Kind::PreKey, entries).await?)
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.value(Kind::PreKey, &id.to_string()).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let found = self.keys.get_many(Kind::PreKey, &names).await?;
        found.into_iter().map(|entry| Ok((id_of(&entry)?, Bytes::from(entry.value)))).collect()
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        // Raises 2·id to 2·id + 1: what is marked already, or gone, is not touched.
        let fresh = ids.iter().map(|id| i64::from(*id) * 2).collect();
        Ok(self.keys.raise_marks(Kind::PreKey, fresh).await?)
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        Ok(self.keys.delete(Kind::PreKey, id.to_string()).await?)
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        let last = self.keys.last(Kind::PreKey).await?;
        Ok(last.and_then(|(_, mark)| u32::try_from(mark / 2).ok()).unwrap_or(0))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        let entry = Entry { name: id.to_string(), value: record.to_vec(), mark: i64::from(id) };
        Ok(self.keys.put(Kind::SignedPreKey, entry).await?)
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.value(Kind::SignedPreKey, &id.to_string()).await
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let all = self.keys.list(Kind::SignedPreKey).await?;
        all.into_iter().map(|entry| Ok((id_of(&entry)?, entry.value))).collect()
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        Ok(self.keys.delete(Kind::SignedPreKey, id.to_string()).await?)
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        let entry = Entry { name: name_of(&[address]), value: record.to_vec(), mark: 0 };
        Ok(self.keys.put(Kind::SenderKey, entry).await?)
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        let entry = |(address, record): &(Arc<str>, Bytes)| Entry {
            name: name_of(&[address]),
            value: record.to_vec(),
            mark: 0,
        };
        Ok(self.keys.put_many(Kind::SenderKey, sender_keys.iter().map(entry).collect()).await?)
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.value(Kind::SenderKey, &name_of(&[address])).await
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::SenderKey, name_of(&[address])).await?)
    }
}
