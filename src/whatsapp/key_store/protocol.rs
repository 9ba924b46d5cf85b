//! What WhatsApp Web's protocol remembers beside Signal: mappings, device lists, group keys' holders, tokens, and the messages
//! that a retry or a restart may still need.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use whatsapp_rust::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};
use whatsapp_rust::wacore::store::error::Result;

use super::{KeyStore, decode, decode_entry, encode, now};
use crate::store::device_keys::{Entry, Kind, digest, name_of};

/// Which devices of a group hold our sender key: one row a group.
type Holders = BTreeMap<String, bool>;

/// A contact's token under the address that lists ask for.
#[derive(Serialize, Deserialize)]
struct ContactToken {
    jid: String,
    token: TcTokenEntry,
}

fn contact_token(jid: &str, token: TcTokenEntry) -> Result<Entry> {
    // The mark is the latest time that keeps the row alive, so a sweep looks at no row that must stay.
    let received = (!token.token.is_empty()).then_some(token.token_timestamp);
    let mark = received.max(token.sender_timestamp).unwrap_or(i64::MIN);
    Ok(Entry { name: name_of(&[jid]), value: encode(&ContactToken { jid: jid.to_owned(), token })?, mark })
}

fn lid_mapping(mapping: &LidPnMappingEntry) -> Result<Entry> {
    Ok(Entry { name: name_of(&[&mapping.lid]), value: encode(mapping)?, mark: digest(&mapping.phone_number) })
}

fn device_list(record: &DeviceListRecord) -> Result<Entry> {
    Ok(Entry { name: name_of(&[&record.user]), value: encode(record)?, mark: record.timestamp })
}

fn count(rows: u64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

impl KeyStore {
    /// Changes one contact's token as one step: what `change` makes of the stored one is stored, `None` leaves it.
    async fn change_token<F>(&self, jid: &str, change: F) -> Result<()>
    where
        F: FnOnce(Option<TcTokenEntry>) -> Option<TcTokenEntry> + Send + 'static,
    {
        let (name, jid) = (name_of(&[jid]), jid.to_owned());
        let merge = move |mut rows: HashMap<String, Entry>| {
            let old = rows.remove(&name_of(&[&jid])).and_then(|entry| decode::<ContactToken>(&entry.value).ok());
            let new = change(old.map(|old| old.token)).and_then(|token| contact_token(&jid, token).ok());
            new.into_iter().collect()
        };
        Ok(self.keys.merge(Kind::ContactToken, vec![name], merge).await?)
    }

    /// Changes the holders of these groups as one step.
    async fn change_holders<F>(&self, groups: Vec<String>, change: F) -> Result<()>
    where
        F: Fn(&mut Holders) + Send + 'static,
    {
        let names = groups.clone();
        let merge = move |mut rows: HashMap<String, Entry>| {
            let changed = groups.into_iter().filter_map(|name| {
                let old = rows.remove(&name).and_then(|entry| decode(&entry.value).ok());
                let mut holders: Holders = old.unwrap_or_default();
                change(&mut holders);
                Some(Entry { value: encode(&holders).ok()?, name, mark: 0 })
            });
            changed.collect()
        };
        Ok(self.keys.merge(Kind::GroupKeyHolders, names, merge).await?)
    }
}

#[async_trait]
impl ProtocolStore for KeyStore {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        let holders: Option<Holders> =
            decode_entry(self.keys.get(Kind::GroupKeyHolders, &name_of(&[group_jid])).await?)?;
        Ok(holders.unwrap_or_default().into_iter().collect())
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let entries: Vec<_> = entries.iter().map(|(device, holds)| ((*device).to_owned(), *holds)).collect();
        self.change_holders(vec![name_of(&[group_jid])], move |holders| holders.extend(entries.iter().cloned())).await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::GroupKeyHolders, name_of(&[group_jid])).await?)
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        let mut groups = Vec::new();
        for entry in self.keys.list(Kind::GroupKeyHolders).await? {
            let holders: Holders = decode(&entry.value)?;
            if device_jids.iter().any(|device| holders.contains_key(*device)) {
                groups.push(entry.name);
            }
        }
        if groups.is_empty() {
            return Ok(());
        }
        let devices: Vec<_> = device_jids.iter().map(|device| (*device).to_owned()).collect();
        self.change_holders(groups, move |holders| holders.retain(|device, _| !devices.contains(device))).await
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        Ok(self.keys.delete_kind(Kind::GroupKeyHolders).await?)
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        decode_entry(self.keys.get(Kind::LidMapping, &name_of(&[lid])).await?)
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let mut newest: Option<LidPnMappingEntry> = None;
        for entry in self.keys.marked(Kind::LidMapping, digest(phone)).await? {
            let mapping: LidPnMappingEntry = decode(&entry.value)?;
            let newer = newest.as_ref().is_none_or(|newest| mapping.updated_at > newest.updated_at);
            if mapping.phone_number == phone && newer {
                newest = Some(mapping);
            }
        }
        Ok(newest)
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        Ok(self.keys.put(Kind::LidMapping, lid_mapping(entry)?).await?)
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let entries = entries.iter().map(lid_mapping).collect::<Result<_>>()?;
        Ok(self.keys.put_many(Kind::LidMapping, entries).await?)
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        self.keys.list(Kind::LidMapping).await?.iter().map(|entry| decode(&entry.value)).collect()
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        let entry = Entry { name: name_of(&[address, message_id]), value: base_key.to_vec(), mark: now() };
        Ok(self.keys.put(Kind::BaseKey, entry).await?)
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Result<bool> {
        let saved = self.keys.get(Kind::BaseKey, &name_of(&[address, message_id])).await?;
        Ok(saved.is_some_and(|saved| saved.value == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::BaseKey, name_of(&[address, message_id])).await?)
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        Ok(self.keys.put(Kind::DeviceList, device_list(&record)?).await?)
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let entries = records.iter().map(device_list).collect::<Result<_>>()?;
        Ok(self.keys.put_many(Kind::DeviceList, entries).await?)
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        decode_entry(self.keys.get(Kind::DeviceList, &name_of(&[user])).await?)
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::DeviceList, name_of(&[user])).await?)
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(Kind::GroupMetadata, &name_of(&[group_jid])).await?.map(|entry| entry.value))
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        let entry = Entry { name: name_of(&[group_jid]), value: blob.to_vec(), mark: now() };
        Ok(self.keys.put(Kind::GroupMetadata, entry).await?)
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::GroupMetadata, name_of(&[group_jid])).await?)
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        let stored: Option<ContactToken> = decode_entry(self.keys.get(Kind::ContactToken, &name_of(&[jid])).await?)?;
        Ok(stored.map(|stored| stored.token))
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        Ok(self.keys.put(Kind::ContactToken, contact_token(jid, entry.clone())?).await?)
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::ContactToken, name_of(&[jid])).await?)
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        let all = self.keys.list(Kind::ContactToken).await?;
        all.iter().map(|entry| decode::<ContactToken>(&entry.value).map(|stored| stored.jid)).collect()
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        let stale = move |entry: &Entry| {
            decode::<ContactToken>(&entry.value).is_ok_and(|stored| {
                let received = !stored.token.token.is_empty() && stored.token.token_timestamp >= token_cutoff;
                !received && stored.token.sender_timestamp.is_none_or(|at| at < sender_cutoff)
            })
        };
        Ok(count(self.keys.expire_if(Kind::ContactToken, token_cutoff.max(sender_cutoff), stale).await?))
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        let forward = move |old: Option<TcTokenEntry>| {
            let old = old.unwrap_or(TcTokenEntry {
                token: Vec::new(),
                token_timestamp: sender_timestamp,
                sender_timestamp: None,
            });
            Some(TcTokenEntry { sender_timestamp: old.sender_timestamp.max(Some(sender_timestamp)), ..old })
        };
        self.change_token(jid, forward).await
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        let token = token.to_vec();
        let newer = move |old: Option<TcTokenEntry>| {
            let fresher = |old: &TcTokenEntry| !old.token.is_empty() && token_timestamp < old.token_timestamp;
            if old.as_ref().is_some_and(fresher) {
                return None;
            }
            Some(TcTokenEntry { token, token_timestamp, sender_timestamp: old.and_then(|old| old.sender_timestamp) })
        };
        self.change_token(jid, newer).await
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        let entry = Entry { name: name_of(&[chat_jid, message_id]), value: payload.to_vec(), mark: now() };
        Ok(self.keys.put(Kind::SentMessage, entry).await?)
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        let taken = self.keys.take(Kind::SentMessage, name_of(&[chat_jid, message_id])).await?;
        Ok(taken.map(|entry| entry.value))
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        // A base key only matters while its message can still be asked for again.
        self.keys.expire(Kind::BaseKey, cutoff_timestamp).await?;
        Ok(count(self.keys.expire(Kind::SentMessage, cutoff_timestamp).await?))
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        self.store_pending_inbound_batch(&[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        let entry = self.keys.get(Kind::PendingInbound, &name_of(&[chat, sender, id])).await?;
        Ok(entry.map(|entry| entry.value))
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete_pending_inbound_batch(&[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        Ok(count(self.keys.expire(Kind::PendingInbound, cutoff_timestamp).await?))
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let mark = now();
        let entry = |row: &PendingInboundRow<'_>| Entry {
            name: name_of(&[row.chat, row.sender, row.id]),
            value: row.message.to_vec(),
            mark,
        };
        // Where this fails, the crate may store all the same that the keys of these messages are used, and what WhatsApp brings again
        // would pass for a repeat (whatsapp-rust 0.7.0, `InboundDurabilityHook`, known limitations).
        Ok(self.keys.put_patiently(Kind::PendingInbound, rows.iter().map(entry).collect()).await?)
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let names = keys.iter().map(|key| name_of(&[key.chat, key.sender, key.id])).collect();
        Ok(self.keys.delete_many(Kind::PendingInbound, names).await?)
    }
}
