//! Sealing: secrets at rest are encrypted under a key derived per tenant from one master key.
//!
//! A sealed value is `1 | salt (24) | ciphertext | tag (16)`. The key of each value comes from HKDF-SHA-256 over the tenant's
//! key and the value's random salt, so a nonce can never meet the same key twice; the cipher is ChaCha20-Poly1305 (RFC 8439).

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use entity::vault;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use sea_orm::{ActiveValue::Set, DatabaseConnection, EntityTrait};

use super::StoreError;
use crate::clock;
use crate::domain::id::TenantId;

const VERSION: u8 = 1;
const SALT: usize = 24;
const TAG: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("a sealed value does not open: it was changed, moved, or sealed under another master key")]
    Broken,
    #[error(transparent)]
    NoEntropy(#[from] clock::NoEntropy),
}

/// The key above all keys: 32 bytes, in base64 where it is written.
#[derive(Clone)]
pub struct MasterKey(Prk);

#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("a master key is 32 bytes in base64 (44 characters)")]
    Malformed,
    #[error("{0}: {1}")]
    File(String, io::Error),
    #[error(transparent)]
    NoEntropy(#[from] clock::NoEntropy),
}

impl MasterKey {
    /// Reads the key's file; makes the key and the file (mode 0600) if there is none.
    pub fn load_or_make(file: &Path) -> Result<Self, MasterKeyError> {
        let failed = |error| MasterKeyError::File(file.display().to_string(), error);
        match fs::read_to_string(file) {
            Ok(text) => text.trim().parse(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = BASE64_STANDARD.encode(clock::entropy::<32>()?);
                match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
                    Ok(mut new) => {
                        new.write_all(text.as_bytes()).and_then(|()| new.sync_all()).map_err(failed)?;
                        text.parse()
                    }
                    // Another process was a moment earlier: its key is the key.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load_or_make(file),
                    Err(error) => Err(failed(error)),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn sealer(&self, tenant: TenantId) -> Sealer {
        self.derive(tenant.0.as_bytes())
    }

    fn derive(&self, name: &[u8]) -> Sealer {
        Sealer(expand(&self.0, &[b"wamux/tenant/1", name]))
    }
}

impl FromStr for MasterKey {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, MasterKeyError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| MasterKeyError::Malformed)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| MasterKeyError::Malformed)?;
        Ok(Self(Salt::new(HKDF_SHA256, b"wamux/master/1").extract(&key)))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Seals and opens the secrets of one tenant.
#[derive(Clone)]
pub struct Sealer(Prk);

impl Sealer {
    /// Encrypts `plain`; only the same `context` (what the value is and whose) opens it again.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let salt = clock::entropy::<SALT>()?;
        let mut sealed = Vec::with_capacity(1 + SALT + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut(1 + SALT);
        let tag = self.cipher(&salt).and_then(|cipher| {
            cipher.seal_in_place_separate_tag(nonce(), Aad::from(context), body).map_err(|_| SealError::Broken)
        })?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts what `seal` made.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Broken)?;
        let (salt, body) = rest.split_at_checked(SALT).ok_or(SealError::Broken)?;
        if version != VERSION {
            return Err(SealError::Broken);
        }
        let mut body = body.to_vec();
        let plain = self.cipher(salt)?.open_in_place(nonce(), Aad::from(context), &mut body);
        let length = plain.map_err(|_| SealError::Broken)?.len();
        body.truncate(length);
        Ok(body)
    }

    fn cipher(&self, salt: &[u8]) -> Result<LessSafeKey, SealError> {
        let info: [&[u8]; 2] = [b"wamux/value/1", salt];
        let key = self.0.expand(&info, &CHACHA20_POLY1305).map_err(|_| SealError::Broken)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// Each value has a key of its own, so its nonce may be the same.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn expand(from: &Prk, info: &[&[u8]]) -> Prk {
    match from.expand(info, HKDF_SHA256) {
        Ok(key) => Prk::from(key),
        // HKDF refuses only outputs of more than 255 hashes, and this is one.
        Err(_) => from.clone(),
    }
}

const PROOF: &[u8] = b"wamux";

/// Fails if the database was sealed under another master key; marks a new one as sealed under this.
pub(super) async fn prove(db: &DatabaseConnection, master: &MasterKey) -> Result<(), StoreError> {
    let sealer = master.derive(b"vault");
    if vault::Entity::find_by_id(1).one(db).await?.is_none() {
        let row = vault::ActiveModel { id: Set(1), proof: Set(sealer.seal(PROOF, PROOF)?) };
        let first = sea_orm::sea_query::OnConflict::column(vault::Column::Id).do_nothing().to_owned();
        vault::Entity::insert(row).on_conflict(first).exec_without_returning(db).await?;
    }
    let row = vault::Entity::find_by_id(1).one(db).await?.ok_or(StoreError::Corrupt("vault"))?;
    sealer.open(PROOF, &row.proof).map(|_| ()).map_err(|_| StoreError::WrongMasterKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8, tenant: u128) -> Sealer {
        let master: MasterKey = BASE64_STANDARD.encode([byte; 32]).parse().unwrap();
        master.sealer(TenantId(uuid::Uuid::from_u128(tenant)))
    }

    #[test]
    fn only_the_same_tenant_key_and_context_open_a_value() {
        let sealed = sealer(1, 1).seal(b"here", b"secret").unwrap();
        assert_eq!(sealer(1, 1).open(b"here", &sealed).unwrap(), b"secret");
        for (who, context) in [(sealer(2, 1), &b"here"[..]), (sealer(1, 2), b"here"), (sealer(1, 1), b"there")] {
            assert_eq!(who.open(context, &sealed), Err(SealError::Broken));
        }
    }

    #[test]
    fn no_changed_or_cut_value_opens() {
        let sealed = sealer(1, 1).seal(b"", b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sealer(1, 1).open(b"", &changed), Err(SealError::Broken), "byte {at}");
            assert_eq!(sealer(1, 1).open(b"", &sealed[..at]), Err(SealError::Broken), "cut at {at}");
        }
    }

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        MasterKey::load_or_make(&file).unwrap();
        let first = fs::read(&file).unwrap();
        MasterKey::load_or_make(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), first);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
