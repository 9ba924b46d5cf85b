//! The device itself: its identity and Noise keys, its account, its counters. One row.

use std::collections::HashMap;

use async_trait::async_trait;
use whatsapp_rust::traits::DeviceStore;
use whatsapp_rust::wacore::stats::StorageResourceReport;
use whatsapp_rust::wacore::store::Device;
use whatsapp_rust::wacore::store::error::Result;

use super::{KeyStore, decode_entry, encode};
#[cfg(feature = "sandbox")]
use crate::domain::id::{SessionId, TenantId};
#[cfg(feature = "sandbox")]
use crate::domain::phone::Phone;
#[cfg(feature = "sandbox")]
use crate::domain::session::Lease;
#[cfg(feature = "sandbox")]
use crate::store::Store;
use crate::store::device_keys::{Entry, Kind};

const DEVICE: &str = "device";

#[async_trait]
impl DeviceStore for KeyStore {
    async fn save(&self, device: &Device) -> Result<()> {
        let entry = Entry { name: DEVICE.to_owned(), value: encode(device)?, mark: 0 };
        Ok(self.keys.put(Kind::Device, entry).await?)
    }

    async fn load(&self) -> Result<Option<Device>> {
        decode_entry(self.keys.get(Kind::Device, DEVICE).await?)
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.keys.holds(Kind::Device, DEVICE).await?)
    }

    /// A store holds one device, and its number is 1. An existing device is left alone.
    async fn create(&self) -> Result<i32> {
        let fresh = Entry { name: DEVICE.to_owned(), value: encode(&Device::new())?, mark: 0 };
        let keep = |rows: HashMap<String, Entry>| if rows.is_empty() { vec![fresh] } else { Vec::new() };
        self.keys.merge(Kind::Device, vec![DEVICE.to_owned()], keep).await?;
        Ok(1)
    }

    async fn resource_report(&self) -> StorageResourceReport {
        // The rows are the database's memory, not the session's.
        StorageResourceReport { memory_bytes: Some(0), ..StorageResourceReport::default() }
    }
}

/// The account that a session's device is linked to, and its number there; none if it is not linked. The client writes it
/// down as soon as a phone has scanned it.
#[cfg(feature = "sandbox")]
pub async fn linked_device(store: &Store, tenant: TenantId, session: SessionId) -> Result<Option<(Phone, u16)>> {
    // No session ever had this epoch: with it one may read, and every write is refused.
    let lease = Lease { tenant, session, epoch: 0 };
    let keys = KeyStore::new(crate::store::device_keys::DeviceKeys::new(store.clone(), lease));
    let device = keys.load().await?;
    Ok(device.and_then(|device| device.pn).and_then(|pn| Some((Phone::from_digits(pn.user_base()).ok()?, pn.device))))
}
