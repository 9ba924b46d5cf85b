//! Who is connected: where the writer hands what it has just committed, and where a connection is told to end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Notify, mpsc, watch};

use super::ledger::{AccountId, Device};

/// Stanzas handed to a connection that it has not sent yet. A connection that lags reads the ledger instead.
const HANDED: usize = 32;

/// A committed stanza for a companion.
pub(crate) struct Delivery {
    pub(crate) to: Device,
    pub(crate) seq: i64,
    pub(crate) stanza: Vec<u8>,
}

/// Why the network ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The same device logged in elsewhere.
    Replaced,
    /// The phone no longer knows the device.
    Unlinked,
    /// The socket breaks, without a word.
    Dropped,
    /// The network closes.
    Closing,
}

/// The connections of companions that are logged in.
#[derive(Default)]
pub(crate) struct Switchboard {
    links: RwLock<HashMap<Device, Arc<Link>>>,
    next: AtomicU64,
}

/// A connection as the rest of the network sees it.
pub(crate) struct Link {
    number: u64,
    mail: mpsc::Sender<(i64, Vec<u8>)>,
    behind: AtomicBool,
    nudge: Notify,
    farewell: watch::Sender<Option<Farewell>>,
}

/// A connection's own end of its [`Link`]. When it is dropped, however the connection ends, the switchboard forgets it.
pub(crate) struct Line {
    pub(crate) link: Arc<Link>,
    pub(crate) mail: mpsc::Receiver<(i64, Vec<u8>)>,
    pub(crate) farewell: watch::Receiver<Option<Farewell>>,
    _seat: Seat,
}

/// A connection's place in the switchboard.
struct Seat {
    switchboard: Arc<Switchboard>,
    device: Device,
    link: Arc<Link>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.switchboard.disconnect(self.device, &self.link);
    }
}

impl Link {
    fn end(&self, why: Farewell) {
        self.farewell.send_if_modified(|now| now.is_none() && now.replace(why).is_none());
    }

    /// Whether the ledger holds stanzas that were not handed over; asking promises to read them.
    pub(crate) fn catches_up(&self) -> bool {
        self.behind.swap(false, Ordering::AcqRel)
    }

    /// Waits until something was left in the ledger.
    pub(crate) async fn nudged(&self) {
        self.nudge.notified().await;
    }
}

impl Switchboard {
    /// Opens the line of a device that logs in, and ends the one it had.
    /// Until its first [`Link::catches_up`] everything waits in the ledger.
    pub(crate) fn connect(self: &Arc<Self>, device: Device) -> Line {
        let (sender, mail) = mpsc::channel(HANDED);
        let (ender, farewell) = watch::channel(None);
        let link = Arc::new(Link {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            mail: sender,
            behind: AtomicBool::new(true),
            nudge: Notify::new(),
            farewell: ender,
        });
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = links.insert(device, Arc::clone(&link)) {
            old.end(Farewell::Replaced);
        }
        let seat = Seat { switchboard: Arc::clone(self), device, link: Arc::clone(&link) };
        Line { link, mail, farewell, _seat: seat }
    }

    /// Forgets a connection that has ended, unless another has taken its place.
    pub(crate) fn disconnect(&self, device: Device, link: &Link) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        if links.get(&device).is_some_and(|now| now.number == link.number) {
            links.remove(&device);
        }
    }

    pub(crate) fn deliver(&self, delivery: Delivery) {
        let link = self.links.read().unwrap_or_else(PoisonError::into_inner).get(&delivery.to).cloned();
        let Some(link) = link else { return };
        // Once behind, everything comes from the ledger until the connection has caught up, so that order holds.
        if link.behind.load(Ordering::Acquire) {
            return;
        }
        if link.mail.try_send((delivery.seq, delivery.stanza)).is_err() {
            link.behind.store(true, Ordering::Release);
            link.nudge.notify_one();
        }
    }

    /// The devices that are logged in.
    pub(crate) fn connected(&self) -> Vec<Device> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    pub(crate) fn end(&self, device: Device, why: Farewell) {
        if let Some(link) = self.links.read().unwrap_or_else(PoisonError::into_inner).get(&device) {
            link.end(why);
        }
    }

    /// Ends the connections of all companions of an account.
    pub(crate) fn end_account(&self, account: AccountId, why: Farewell) {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter(|(device, _)| device.account == account).for_each(|(_, link)| link.end(why));
    }

    pub(crate) fn close_all(&self) {
        self.links.read().unwrap_or_else(PoisonError::into_inner).values().for_each(|link| link.end(Farewell::Closing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_dropped_is_forgotten_and_one_in_its_place_is_not() {
        let switchboard = Arc::new(Switchboard::default());
        let device = Device { account: 1, device: 1 };
        let first = switchboard.connect(device);
        let second = switchboard.connect(device);
        drop(first);
        assert_eq!(switchboard.connected(), [device]);
        drop(second);
        assert!(switchboard.connected().is_empty());
    }
}
