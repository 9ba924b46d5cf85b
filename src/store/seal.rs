//! Sealing: secrets at rest are encrypted under a key derived per tenant from one master key.
//!
//! A sealed value is `1 | salt (24) | ciphertext | tag (16)`. The key of each value comes from HKDF-SHA-256 over the tenant's
//! key and the value's random salt, so a nonce can never meet the same key twice; the cipher is ChaCha20-Poly1305 (RFC 8439).

mod columns;
mod key_file;
pub(super) mod vault;

use std::fmt;
use std::io;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};

use crate::clock;
use crate::domain::id::TenantId;
pub(super) use columns::{After, Batch, COLUMNS, Resealed, Turn};
pub use key_file::KeyFile;
pub(super) use vault::Guard;

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
    #[error(
        "{0} does not hold a master key, which is 32 bytes in base64 (44 characters); put back the one that the database was \
         made with, or delete the file if there is no database yet"
    )]
    NoKeyInFile(String),
    #[error(transparent)]
    NoEntropy(#[from] clock::NoEntropy),
}

impl MasterKey {
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
        Ok(text.parse::<MasterSecret>()?.key())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// A master key as it is written down: needed only where one is made, kept, or handed over.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterSecret([u8; 32]);

impl MasterSecret {
    pub fn fresh() -> Result<Self, MasterKeyError> {
        Ok(Self(clock::entropy()?))
    }

    pub fn key(&self) -> MasterKey {
        MasterKey(Salt::new(HKDF_SHA256, b"wamux/master/1").extract(&self.0))
    }

    /// The secret itself, in base64.
    pub fn reveal(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }
}

impl FromStr for MasterSecret {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, MasterKeyError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| MasterKeyError::Malformed)?;
        bytes.try_into().map(Self).map_err(|_| MasterKeyError::Malformed)
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
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
}
