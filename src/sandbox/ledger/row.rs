//! What the ledger stores and gives back: rows as plain values, and the changes that make them.

use super::medium::{Fetched, Medium};
use crate::domain::phone::Phone;
use crate::sandbox::root::RootKeys;
use crate::sandbox::screen::Status;
use crate::sandbox::tls::TlsKeys;

/// An account's number within this ledger.
pub(crate) type AccountId = i64;

/// One device of one account; device 0 is the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Device {
    pub(crate) account: AccountId,
    pub(crate) device: u16,
}

/// A new account as its phone makes it; the ledger gives it a number.
pub(crate) struct NewAccount {
    pub(crate) phone: Phone,
    pub(crate) identity: [u8; 32],
    pub(crate) registration: u32,
    pub(crate) signed_prekey: [u8; 32],
    pub(crate) raw_id: u32,
    pub(crate) created: i64,
    pub(crate) sync_key_id: [u8; 6],
    pub(crate) sync_key: [u8; 32],
}

/// An account as it stands in the file.
pub(crate) struct AccountRow {
    pub(crate) id: AccountId,
    pub(crate) phone: String,
    pub(crate) name: Option<String>,
    pub(crate) identity: Vec<u8>,
    pub(crate) registration: u32,
    pub(crate) signed_prekey: Vec<u8>,
    pub(crate) raw_id: u32,
    pub(crate) created: i64,
    pub(crate) next_device: u16,
    pub(crate) next_prekey: u32,
    pub(crate) sync_key_id: Vec<u8>,
    pub(crate) sync_key: Vec<u8>,
    pub(crate) companions: Vec<CompanionRow>,
    pub(crate) blocked: Vec<AccountId>,
    pub(crate) offline: bool,
    pub(crate) auto_read: bool,
}

/// A linked device: what the phone signed and what the device published when it registered.
#[derive(Clone)]
pub(crate) struct CompanionRow {
    pub(crate) device: u16,
    pub(crate) noise: [u8; 32],
    pub(crate) identity: [u8; 32],
    pub(crate) device_identity: Vec<u8>,
    pub(crate) signed: bool,
    pub(crate) registration: u32,
    pub(crate) signed_prekey: SignedPreKey,
    pub(crate) linked: i64,
}

/// The public half of a signed pre-key.
#[derive(Clone)]
pub(crate) struct SignedPreKey {
    pub(crate) id: u32,
    pub(crate) key: [u8; 32],
    pub(crate) signature: Vec<u8>,
}

/// A message as a phone shows it.
#[derive(Debug, Clone)]
pub(crate) struct ScreenRow {
    pub(crate) id: String,
    pub(crate) message_id: String,
    pub(crate) chat: String,
    pub(crate) sender: String,
    pub(crate) from_me: bool,
    /// The device of the sender's account that sent it: where a delivery receipt goes.
    pub(crate) device: u16,
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) medium: Option<Box<Medium>>,
    pub(crate) status: Status,
    /// Microseconds since 1970.
    pub(crate) timestamp: i64,
}

/// The family of settings that names whom an account has blocked, by the number of the other account.
pub(crate) const BLOCKED: &str = "blocklist";

/// The family of settings about the phone itself, and what it may be.
pub(super) const PHONE: &str = "phone";
pub(crate) const OFFLINE: &str = "offline";
pub(crate) const AUTO_READ: &str = "auto_read";

/// What an account has chosen; without a value, that it has not any more.
pub(crate) struct Setting {
    pub(crate) account: AccountId,
    pub(crate) family: &'static str,
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

impl Setting {
    /// The phone is so from now on, or is not any more.
    pub(crate) fn of_phone(account: AccountId, name: &str, is_so: bool) -> Self {
        Self { account, family: PHONE, name: name.to_owned(), value: is_so.then(|| "1".to_owned()) }
    }
}

/// A stanza on its way to a companion.
pub(crate) struct Outgoing {
    pub(crate) to: Device,
    /// Tag, id and type of the stanza: what the companion's confirmation will name.
    pub(crate) class: &'static str,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) stanza: Vec<u8>,
}

/// One change. All changes of one submission are committed together.
pub(crate) enum Change {
    Root(Box<RootKeys>),
    Tls(Box<TlsKeys>),
    #[cfg(test)]
    ForgetRoot,
    #[cfg(test)]
    ForgetQueue(Device),
    Rename {
        account: AccountId,
        name: String,
    },
    Link {
        account: AccountId,
        companion: Box<CompanionRow>,
    },
    Sign {
        device: Device,
        device_identity: Vec<u8>,
    },
    Unlink(Device),
    RotateKey {
        device: Device,
        key: SignedPreKey,
    },
    Bundle {
        device: Device,
        registration: u32,
        key: SignedPreKey,
        total: u32,
        prekeys: Vec<u8>,
    },
    PhonePreKey {
        account: AccountId,
        id: u32,
        private: [u8; 32],
    },
    DropPhonePreKey {
        account: AccountId,
        id: u32,
    },
    ForgetSessions {
        account: AccountId,
    },
    /// What every phone shares with a device that is not there any more.
    ForgetPeer(Device),
    Session {
        account: AccountId,
        peer: Device,
        record: Vec<u8>,
    },
    Show {
        account: AccountId,
        row: Box<ScreenRow>,
    },
    /// A message of this sender now reads like this.
    Alter {
        account: AccountId,
        sender: String,
        message_id: String,
        kind: &'static str,
        text: String,
    },
    /// Own messages in a chat reach a status; they never go back.
    Advance {
        account: AccountId,
        chat: String,
        ids: Vec<String>,
        status: Status,
    },
    /// Messages of others were read on this phone.
    Read {
        account: AccountId,
        chat: String,
        ids: Vec<String>,
    },
    /// What came of fetching the medium of a line.
    Fetched {
        account: AccountId,
        id: String,
        fetched: Fetched,
    },
    Set(Setting),
    Enqueue(Outgoing),
    /// A companion confirmed a stanza; `kind` narrows it where several share an id.
    Confirm {
        device: Device,
        class: &'static str,
        id: String,
        kind: Option<String>,
    },
    /// A phone that was offline has a stanza that waited for it.
    Received {
        device: Device,
        seq: i64,
    },
    Patch {
        account: AccountId,
        collection: String,
        version: u64,
        patch: Vec<u8>,
    },
}

/// What showing a message came to, one per [`Change::Show`] of a submission, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Showing {
    New,
    /// It was there already, in this status.
    Repeated(Status),
}
