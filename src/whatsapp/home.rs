//! Which network a device is linked on: kept with its keys, and compared at every connection with what the network says of itself.
//!
//! Another network does not know the device and would answer as if a phone had unlinked it, and the keys would be destroyed for
//! that. A simulated network is another one as soon as its file is, and the real one is another one than them all.

use hyper::HeaderMap;

use crate::domain::elsewhere::{Fingerprint, NETWORK};
use crate::store::device_keys::{DeviceKeyError, DeviceKeys, Entry, Kind};

/// The one row of its kind.
const ROW: &str = "network";

/// A network's name for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity(String);

impl Identity {
    pub(super) fn whatsapp() -> Self {
        Self("whatsapp".to_owned())
    }

    /// What a simulated network says when it lets a client in; none if it does not say it.
    pub(super) fn said(headers: &HeaderMap) -> Option<Self> {
        let root: Fingerprint = headers.get(NETWORK)?.to_str().ok()?.parse().ok()?;
        Some(Self(root.to_string()))
    }
}

/// What the keys of a device know of its network.
pub(super) struct Home(DeviceKeys);

impl Home {
    pub(super) const fn of(keys: DeviceKeys) -> Self {
        Self(keys)
    }

    /// Whether the device belongs on a network. One that is not linked anywhere belongs here from now on, as does one that was
    /// linked before this was kept.
    pub(super) async fn is(&self, network: &Identity, linked: bool) -> Result<bool, DeviceKeyError> {
        let here = network.0.as_bytes();
        match self.0.get(Kind::Network, ROW).await? {
            Some(kept) if kept.value == here => Ok(true),
            Some(_) if linked => Ok(false),
            _ => {
                let entry = Entry { name: ROW.to_owned(), value: here.to_vec(), mark: 0 };
                self.0.put(Kind::Network, entry).await.map(|()| true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::device_keys::store_with_session;

    #[tokio::test]
    async fn a_device_stays_on_the_network_that_it_was_linked_on() {
        let folder = tempfile::tempdir().unwrap();
        let (store, lease) = store_with_session(folder.path()).await;
        let keys = DeviceKeys::new(store, lease);
        let home = Home::of(keys.clone());
        let network = |byte: u8| {
            let root = Fingerprint([byte; 32]).to_string().parse().unwrap();
            Identity::said(&HeaderMap::from_iter([(NETWORK.parse().unwrap(), root)])).unwrap()
        };
        let is = async |network: &Identity, linked| home.is(network, linked).await.unwrap();
        assert!(is(&network(1), false).await, "nothing binds it yet");
        assert!(is(&network(2), false).await, "nor now");
        assert!(is(&network(2), true).await, "where it was linked");
        assert!(!is(&network(1), true).await);
        assert!(!is(&Identity::whatsapp(), true).await);
        assert!(is(&network(2), true).await, "to have been elsewhere changes nothing");
        keys.wipe().await.unwrap();
        assert!(is(&network(1), true).await, "it was linked before this was kept");
        assert!(!is(&network(2), true).await);
        for odd in ["", "elsewhere", "00"] {
            let headers = HeaderMap::from_iter([(NETWORK.parse().unwrap(), odd.parse().unwrap())]);
            assert_eq!(Identity::said(&headers), None);
        }
    }
}
