//! What a phone computes when a person types in the code that a companion shows.
//!
//! The code wraps the ephemeral keys of both sides; nothing in a wrapped key says whether the code was right. What both agree
//! on with those keys wraps the companion's bundle, and only that shows a wrong code: it does not open. The companion's side
//! of all this is `wacore/src/pair_code.rs`, `whatsmeow/pair-code.go` and Baileys' `messages-recv` (`link_code_companion_reg`).

use std::num::NonZeroU32;

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, pbkdf2};
use whatsapp_rust::wacore::libsignal::protocol::{IdentityKeyPair, KeyPair, PrivateKey, PublicKey};

use crate::clock;
use crate::domain::session::pairing_code::PairingCode;
use crate::sandbox::{SandboxError, root};

/// Rounds of PBKDF2 (HMAC-SHA256) from a code to a key: `2 << 16` in whatsmeow.
const ROUNDS: NonZeroU32 = NonZeroU32::new(131_072).unwrap();
const SALT: usize = 32;
const IV: usize = 16;
const NONCE: usize = 12;
const KEY: usize = 32;

/// A salt, an initialisation vector, and a public key under AES-256-CTR.
pub(crate) type Wrapped = [u8; SALT + IV + KEY];

/// A phone's half of a link by code.
pub(crate) struct Half {
    /// Its ephemeral key, for the companion.
    pub(crate) wrapped: Wrapped,
    ephemeral: KeyPair,
    /// The companion's ephemeral key, if the code is the right one.
    companion: [u8; KEY],
}

impl Half {
    /// Twice the rounds: half a second of a slow machine, and not for the threads that serve connections.
    pub(crate) fn new(code: &PairingCode, companion: &Wrapped) -> Result<Self, SandboxError> {
        let ephemeral = KeyPair::generate(&mut rand::rng());
        let wrapped = wrap(code, root::public(&ephemeral)?)?;
        Ok(Self { wrapped, ephemeral, companion: unwrap(code, companion) })
    }

    /// Opens the companion's bundle, which holds its identity key, ours, and chance: the secret that seals its device identity.
    /// `None` is a wrong code.
    pub(crate) fn secret(
        &self,
        identity: &IdentityKeyPair,
        companion: &[u8; KEY],
        bundle: &[u8],
    ) -> Result<Option<[u8; KEY]>, SandboxError> {
        let Ok(shared) = agree(&self.ephemeral.private_key, &self.companion) else { return Ok(None) };
        let Some(bundle) = open(&shared, bundle)? else { return Ok(None) };
        let (named, rest) = bundle.split_at_checked(KEY).unwrap_or_default();
        let (ours, chance) = rest.split_at_checked(KEY).unwrap_or_default();
        if named != companion || ours != identity.public_key().public_key_bytes() || chance.len() != KEY {
            return Err(SandboxError::Wire("a key bundle names other keys"));
        }
        let own = agree(identity.private_key(), companion)?;
        derive(&[], &[&shared, own.as_slice(), chance].concat(), b"adv_secret").map(Some)
    }
}

fn wrap(code: &PairingCode, mut key: [u8; KEY]) -> Result<Wrapped, SandboxError> {
    let (salt, iv) = (clock::entropy::<SALT>()?, clock::entropy::<IV>()?);
    apply(code, &salt, &iv, &mut key);
    let mut wrapped = [0; SALT + IV + KEY];
    let parts = salt.iter().chain(&iv).chain(&key);
    wrapped.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    Ok(wrapped)
}

fn unwrap(code: &PairingCode, wrapped: &Wrapped) -> [u8; KEY] {
    let (mut salt, mut iv, mut key) = ([0; SALT], [0; IV], [0; KEY]);
    let parts = salt.iter_mut().chain(&mut iv).chain(&mut key);
    parts.zip(wrapped).for_each(|(to, from)| *to = *from);
    apply(code, &salt, &iv, &mut key);
    key
}

/// A stream cipher: the same step wraps and unwraps.
fn apply(code: &PairingCode, salt: &[u8; SALT], iv: &[u8; IV], key: &mut [u8; KEY]) {
    let mut secret = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, code.reveal().as_bytes(), &mut secret);
    Ctr128BE::<Aes256>::new(&secret.into(), &(*iv).into()).apply_keystream(key);
}

/// A salt, a nonce, and three keys under AES-256-GCM.
fn open(shared: &[u8], bundle: &[u8]) -> Result<Option<Vec<u8>>, SandboxError> {
    let malformed = || SandboxError::Wire("a key bundle has its length");
    let (salt, rest) = bundle.split_at_checked(SALT).ok_or_else(malformed)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or_else(malformed)?;
    let key = derive(salt, shared, b"link_code_pairing_key_bundle_encryption_key")?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(SandboxError::crypto)?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(SandboxError::crypto)?;
    let mut sealed = sealed.to_vec();
    Ok(key.open_in_place(nonce, Aad::empty(), &mut sealed).ok().map(|plain| plain.to_vec()))
}

fn agree(ours: &PrivateKey, theirs: &[u8; KEY]) -> Result<Vec<u8>, SandboxError> {
    let theirs = PublicKey::from_djb_public_key_bytes(theirs).map_err(SandboxError::crypto)?;
    Ok(ours.calculate_agreement(&theirs).map_err(SandboxError::crypto)?.to_vec())
}

fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<[u8; KEY], SandboxError> {
    let mut key = [0; KEY];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).map_err(SandboxError::crypto)?;
    expanded.fill(&mut key).map_err(SandboxError::crypto)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use whatsapp_rust::wacore::pair_code::PairCodeUtils;

    fn code(text: &str) -> PairingCode {
        text.parse().unwrap()
    }

    fn public(pair: &KeyPair) -> [u8; KEY] {
        root::public(pair).unwrap()
    }

    /// A companion that shows this code: its keys, and its wrapped ephemeral key.
    fn companion(shown: &str) -> (KeyPair, KeyPair, Wrapped) {
        let (ephemeral, identity) = (KeyPair::generate(&mut rand::rng()), KeyPair::generate(&mut rand::rng()));
        let wrapped = PairCodeUtils::encrypt_ephemeral_pub(&public(&ephemeral), shown);
        (ephemeral, identity, wrapped)
    }

    fn phone() -> IdentityKeyPair {
        let pair = KeyPair::generate(&mut rand::rng());
        IdentityKeyPair::new(pair.public_key.into(), pair.private_key)
    }

    fn identity(phone: &IdentityKeyPair) -> [u8; KEY] {
        phone.public_key().public_key_bytes().try_into().unwrap()
    }

    #[test]
    fn what_the_client_wraps_the_phone_unwraps_and_the_other_way_round() {
        let key = [7; KEY];
        assert_eq!(unwrap(&code("ABCD1234"), &PairCodeUtils::encrypt_ephemeral_pub(&key, "ABCD1234")), key);
        let wrapped = wrap(&code("ABCD-1234"), key).unwrap();
        assert_eq!(PairCodeUtils::decrypt_primary_ephemeral_pub(&wrapped, "ABCD1234").unwrap(), key);
    }

    #[test]
    fn with_the_right_code_both_sides_come_to_the_same_secret() {
        let (ephemeral, own, wrapped) = companion("ABCD1234");
        let phone = phone();
        let half = Half::new(&code("ABCD1234"), &wrapped).unwrap();
        let hello = PairCodeUtils::decrypt_primary_ephemeral_pub(&half.wrapped, "ABCD1234").unwrap();
        let (bundle, secret) = PairCodeUtils::prepare_key_bundle(&ephemeral, &hello, &identity(&phone), &own).unwrap();
        assert_eq!(half.secret(&phone, &public(&own), &bundle).unwrap(), Some(secret));
        let other = public(&KeyPair::generate(&mut rand::rng()));
        assert!(half.secret(&phone, &other, &bundle).is_err(), "a bundle of another device");
        assert!(half.secret(&phone, &public(&own), &bundle[..20]).is_err(), "a bundle cut short");
    }

    #[test]
    fn with_a_wrong_code_the_bundle_does_not_open() {
        let (ephemeral, own, wrapped) = companion("ABCD1234");
        let phone = phone();
        let half = Half::new(&code("ABCD1235"), &wrapped).unwrap();
        let hello = PairCodeUtils::decrypt_primary_ephemeral_pub(&half.wrapped, "ABCD1234").unwrap();
        let (bundle, _) = PairCodeUtils::prepare_key_bundle(&ephemeral, &hello, &identity(&phone), &own).unwrap();
        assert_eq!(half.secret(&phone, &public(&own), &bundle).unwrap(), None);
    }
}
