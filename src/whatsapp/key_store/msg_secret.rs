//! Message secrets: what later reactions, votes and edits of a message are opened with.

use std::collections::HashMap;

use async_trait::async_trait;
use whatsapp_rust::traits::{MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts};
use whatsapp_rust::wacore::store::error::Result;

use super::{KeyStore, sized};
use crate::store::device_keys::{Entry, Kind, name_of};

/// The mark of a secret that never expires. The protocol crate writes 0 for it, but here a sweep asks for low marks.
const NEVER: i64 = i64::MAX;

/// As stored: the secret, then the parent's time.
struct Secret {
    secret: [u8; 32],
    parent_at: i64,
}

impl Secret {
    fn encode(&self) -> Vec<u8> {
        [self.secret.as_slice(), &self.parent_at.to_be_bytes()].concat()
    }

    fn decode(value: &[u8]) -> Result<Self> {
        let (secret, parent_at) = value.split_at_checked(32).unwrap_or((value, &[]));
        Ok(Self {
            secret: sized(secret, "a message secret")?,
            parent_at: i64::from_be_bytes(sized(parent_at, "a message's time")?),
        })
    }
}

fn mark_of(expires_at: i64) -> i64 {
    if expires_at == 0 { NEVER } else { expires_at }
}

fn expiry_of(mark: i64) -> i64 {
    if mark == NEVER { 0 } else { mark }
}

/// The row after `new` arrived on top of `old`: windows never shrink, a known time is never lost.
fn merged(old: Option<&Entry>, new: &MsgSecretEntry, name: String) -> Entry {
    let stored = old.and_then(|old| Some((expiry_of(old.mark), Secret::decode(&old.value).ok()?.parent_at)));
    let (expires_at, parent_at) = stored.map_or((new.expires_at, new.message_ts), |(expires_at, parent_at)| {
        (merge_msg_secret_expiry(expires_at, new.expires_at), merge_msg_secret_message_ts(parent_at, new.message_ts))
    });
    Entry { name, value: Secret { secret: new.secret, parent_at }.encode(), mark: mark_of(expires_at) }
}

#[async_trait]
impl MsgSecretStore for KeyStore {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let count = entries.len();
        if count == 0 {
            return Ok(0);
        }
        let keyed: Vec<_> =
            entries.into_iter().map(|entry| (name_of(&[&entry.chat, &entry.sender, &entry.msg_id]), entry)).collect();
        let names = keyed.iter().map(|(name, _)| name.clone()).collect();
        let merge = |mut rows: HashMap<String, Entry>| {
            for (name, new) in keyed {
                let row = merged(rows.get(&name), &new, name.clone());
                rows.insert(name, row);
            }
            rows.into_values().collect()
        };
        self.keys.merge(Kind::MessageSecret, names, merge).await?;
        Ok(count)
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.get_msg_secret_with_ts(chat, sender, msg_id).await?.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<(Vec<u8>, i64)>> {
        let entry = self.keys.get(Kind::MessageSecret, &name_of(&[chat, sender, msg_id])).await?;
        let secret = entry.map(|entry| Secret::decode(&entry.value)).transpose()?;
        Ok(secret.map(|secret| (secret.secret.to_vec(), secret.parent_at)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        // "At or before" the cutoff, and never those without a deadline.
        let deleted = self.keys.expire(Kind::MessageSecret, cutoff_timestamp.saturating_add(1)).await?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }
}
