//! Signal on the phone: one session at a time is taken out, used, and put back together with what it did.
//!
//! Sessions are kept per device of an account, whichever of its two addresses a stanza carried.

use std::collections::HashMap;

use async_trait::async_trait;
use rand::rngs::StdRng;
use whatsapp_rust::wacore::libsignal::protocol::error::Result as Signal;
use whatsapp_rust::wacore::libsignal::protocol::{
    CiphertextMessage, Direction, GenericSignedPreKey, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore,
    PreKeyBundle, PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore, ProtocolAddress, SessionRecord,
    SessionStore, SignalMessage, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp,
    UsePQRatchet, message_decrypt, message_encrypt, process_prekey_bundle,
};

use super::keys::SIGNED_PREKEY;
use crate::sandbox::account::{Account, State};
use crate::sandbox::ledger::{Change, Device, Ledger};
use crate::sandbox::{SandboxError, root};

/// Sessions a phone keeps at hand; the others are read again when they are needed.
const AT_HAND: usize = 32;

/// An encrypted text: its type on the wire (`msg` or `pkmsg`) and its bytes.
pub(crate) struct Sealed {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Why a phone cannot read what came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// This very ciphertext was read before.
    #[error("read before")]
    Before,
    /// This phone reads no message before it was sent again.
    #[error("not at first")]
    AtFirst,
    #[error("no key fits: {0}")]
    Undecryptable(SignalProtocolError),
    #[error(transparent)]
    Failed(#[from] SandboxError),
}

/// The session with one device, and what libsignal wants around it.
struct Bench {
    session: Option<SessionRecord>,
    identity: IdentityKeyPair,
    registration: u32,
    prekeys: HashMap<u32, PreKeyRecord>,
}

pub(crate) async fn has_session(
    account: &Account,
    state: &mut State,
    peer: Device,
    ledger: &Ledger,
) -> Result<bool, SandboxError> {
    Ok(state.sessions.contains_key(&peer) || ledger.session(account.id, peer).await?.is_some())
}

/// Begins a session from a bundle; the one that was there stays behind it, for what is still on its way.
pub(crate) async fn begin(
    account: &Account,
    state: &mut State,
    peer: Device,
    bundle: &PreKeyBundle,
    ledger: &Ledger,
) -> Result<Vec<Change>, SandboxError> {
    let mut bench = Bench::open(account, state, peer, ledger).await?;
    let (mut sessions, mut identities) = bench.split();
    process_prekey_bundle(
        &address(peer),
        &mut sessions,
        &mut identities,
        bundle,
        &mut rand::make_rng::<StdRng>(),
        UsePQRatchet::No,
    )
    .await
    .map_err(SandboxError::crypto)?;
    bench.session = sessions.0;
    bench.close(account, state, peer)
}

pub(crate) async fn encrypt(
    account: &Account,
    state: &mut State,
    peer: Device,
    padded: &[u8],
    ledger: &Ledger,
    changes: &mut Vec<Change>,
) -> Result<Sealed, SandboxError> {
    let mut bench = Bench::open(account, state, peer, ledger).await?;
    let (mut sessions, mut identities) = bench.split();
    let sealed =
        message_encrypt(padded, &address(peer), &mut sessions, &mut identities).await.map_err(SandboxError::crypto)?;
    bench.session = sessions.0;
    changes.extend(bench.close(account, state, peer)?);
    let kind = if matches!(sealed, CiphertextMessage::PreKeySignalMessage(_)) { "pkmsg" } else { "msg" };
    Ok(Sealed { kind, bytes: sealed.serialize().to_vec() })
}

/// Reads what a device of another account, or of the own one, encrypted for this phone.
pub(crate) async fn decrypt(
    account: &Account,
    state: &mut State,
    peer: Device,
    kind: &str,
    bytes: &[u8],
    ledger: &Ledger,
    changes: &mut Vec<Change>,
) -> Result<Vec<u8>, Unreadable> {
    let ciphertext = parse(kind, bytes).map_err(Unreadable::Undecryptable)?;
    let mut bench = Bench::open(account, state, peer, ledger).await?;
    bench.take_prekey(account, &ciphertext, ledger).await?;
    let signed = Signed(signed_record(account));
    let mut prekeys = PreKeys(std::mem::take(&mut bench.prekeys));
    let (mut sessions, mut identities) = bench.split();
    let read = message_decrypt(
        &ciphertext,
        &address(peer),
        &mut sessions,
        &mut identities,
        &mut prekeys,
        &signed,
        &mut rand::make_rng::<StdRng>(),
        UsePQRatchet::No,
    )
    .await
    .map_err(|error| match error {
        SignalProtocolError::DuplicatedMessage(..) => Unreadable::Before,
        error => Unreadable::Undecryptable(error),
    })?;
    bench.session = sessions.0;
    changes.extend(bench.close(account, state, peer)?);
    if let Some(id) = read.consumed_prekey_id {
        changes.push(Change::DropPhonePreKey { account: account.id, id: id.into() });
    }
    Ok(read.plaintext)
}

fn parse(kind: &str, bytes: &[u8]) -> Signal<CiphertextMessage> {
    match kind {
        "pkmsg" => PreKeySignalMessage::try_from(bytes).map(CiphertextMessage::PreKeySignalMessage),
        "msg" => SignalMessage::try_from(bytes).map(CiphertextMessage::SignalMessage),
        other => Err(SignalProtocolError::InvalidArgument(format!("enc type {other}"))),
    }
}

/// The phone's one-time pre-key that a first message names.
pub(crate) fn named_prekey(kind: &str, bytes: &[u8]) -> Option<u32> {
    match parse(kind, bytes) {
        Ok(CiphertextMessage::PreKeySignalMessage(message)) => message.pre_key_id().map(u32::from),
        _ => None,
    }
}

fn address(peer: Device) -> ProtocolAddress {
    ProtocolAddress::new(&peer.account.to_string(), u32::from(peer.device).into())
}

fn signed_record(account: &Account) -> SignedPreKeyRecord {
    // The signature is for others; whoever owns the key never looks at it.
    SignedPreKeyRecord::new(SIGNED_PREKEY.into(), Timestamp::from_epoch_millis(0), &account.signed_prekey, &[])
}

impl Bench {
    async fn open(account: &Account, state: &State, peer: Device, ledger: &Ledger) -> Result<Self, SandboxError> {
        let stored = match state.sessions.get(&peer) {
            Some(record) => Some(record.clone()),
            None => ledger.session(account.id, peer).await?,
        };
        let mut session =
            stored.map(|record| SessionRecord::deserialize(&record)).transpose().map_err(SandboxError::crypto)?;
        // Sessions are on the disk before anything they encrypted goes out, so no counters are held in reserve.
        session.iter_mut().for_each(SessionRecord::waive_counter_lease);
        Ok(Self {
            session,
            identity: account.identity.clone(),
            registration: account.registration,
            prekeys: HashMap::new(),
        })
    }

    /// The one-time pre-key that a first message names, if the phone still has it.
    async fn take_prekey(
        &mut self,
        account: &Account,
        message: &CiphertextMessage,
        ledger: &Ledger,
    ) -> Result<(), SandboxError> {
        let CiphertextMessage::PreKeySignalMessage(message) = message else { return Ok(()) };
        let Some(id) = message.pre_key_id() else { return Ok(()) };
        let id = u32::from(id);
        if let Some(private) = ledger.phone_prekey(account.id, id).await? {
            let pair = root::pair(&crate::sandbox::ledger::exact(private, "pre-key")?)?;
            self.prekeys.insert(id, PreKeyRecord::new(id.into(), &pair));
        }
        Ok(())
    }

    fn split(&mut self) -> (Sessions, Identities) {
        let identities = Identities { pair: self.identity.clone(), registration: self.registration };
        (Sessions(self.session.take()), identities)
    }

    fn close(self, account: &Account, state: &mut State, peer: Device) -> Result<Vec<Change>, SandboxError> {
        let Some(mut session) = self.session else { return Ok(Vec::new()) };
        session.waive_counter_lease();
        let record = session.serialize().map_err(SandboxError::crypto)?;
        if state.sessions.len() >= AT_HAND && !state.sessions.contains_key(&peer) {
            // Any other will do: the ledger has them all.
            let other = state.sessions.keys().next().copied();
            other.map(|other| state.sessions.remove(&other));
        }
        state.sessions.insert(peer, record.clone());
        Ok(vec![Change::Session { account: account.id, peer, record }])
    }
}

struct Sessions(Option<SessionRecord>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, _: &ProtocolAddress) -> Signal<Option<SessionRecord>> {
        Ok(self.0.clone())
    }

    async fn has_session(&self, _: &ProtocolAddress) -> Signal<bool> {
        Ok(self.0.is_some())
    }

    async fn store_session(&mut self, _: &ProtocolAddress, record: SessionRecord) -> Signal<()> {
        self.0 = Some(record);
        Ok(())
    }
}

struct Identities {
    pair: IdentityKeyPair,
    registration: u32,
}

/// A phone trusts what its network tells it, as the app does without a check of the safety number.
#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> Signal<IdentityKeyPair> {
        Ok(self.pair.clone())
    }

    async fn get_local_registration_id(&self) -> Signal<u32> {
        Ok(self.registration)
    }

    async fn save_identity(&mut self, _: &ProtocolAddress, _: &IdentityKey) -> Signal<IdentityChange> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Signal<bool> {
        Ok(true)
    }

    async fn get_identity(&self, _: &ProtocolAddress) -> Signal<Option<IdentityKey>> {
        Ok(None)
    }
}

struct PreKeys(HashMap<u32, PreKeyRecord>);

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> Signal<PreKeyRecord> {
        self.0.get(&id.into()).cloned().ok_or(SignalProtocolError::InvalidPreKeyId)
    }

    async fn save_pre_key(&mut self, _: PreKeyId, _: &PreKeyRecord) -> Signal<()> {
        Ok(())
    }

    async fn remove_pre_key(&mut self, _: PreKeyId) -> Signal<()> {
        Ok(())
    }
}

struct Signed(SignedPreKeyRecord);

#[async_trait]
impl SignedPreKeyStore for Signed {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Signal<SignedPreKeyRecord> {
        if u32::from(id) == SIGNED_PREKEY {
            Ok(self.0.clone())
        } else {
            Err(SignalProtocolError::InvalidSignedPreKeyId)
        }
    }

    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, _: &SignedPreKeyRecord) -> Signal<()> {
        Ok(())
    }
}
