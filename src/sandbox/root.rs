//! The network's own certificate: a root made once and kept, and a chain really signed by it (`XEdDSA`).
//!
//! A client checks the chain of its Noise handshake against a root it was built with (`wacore-noise`, `handshake.rs`,
//! `verify_server_cert`): intermediate signed by the root, leaf signed by the intermediate, leaf key = static key.

use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::libsignal::protocol::{KeyPair, PrivateKey};
use whatsapp_rust::waproto::whatsapp::{
    CertChain, cert_chain::NoiseCertificate, cert_chain::noise_certificate::Details,
};

use super::SandboxError;
use super::ledger::{Change, Ledger};

const INTERMEDIATE: u32 = 1;
const LEAF: u32 = 2;
/// 2023-11-14 to 2096-10-02: clients cache the chain and look at these dates before they trust it again.
const NOT_BEFORE: u64 = 1_700_000_000;
const NOT_AFTER: u64 = 4_000_000_000;

/// The root and the server's static key as the ledger keeps them.
pub(crate) struct RootKeys {
    pub(crate) root: [u8; 32],
    pub(crate) server: [u8; 32],
    pub(crate) chain: Vec<u8>,
}

/// The server's static key with the chain that vouches for it.
pub(crate) struct Certificate {
    pub(crate) key: KeyPair,
    pub(crate) chain: Vec<u8>,
    pub(crate) root: [u8; 32],
}

impl Certificate {
    /// The kept one, or a new one, kept before anyone sees it.
    pub(crate) async fn load(ledger: &Ledger) -> Result<Self, SandboxError> {
        if ledger.root().await?.is_none() {
            ledger.write(vec![Change::Root(Box::new(sign()?))]).await?;
        }
        let keys = ledger.root().await?.ok_or(SandboxError::Closed)?;
        let key = pair(&keys.server)?;
        let root = pair(&keys.root)?;
        Ok(Self { key, chain: keys.chain, root: public(&root)? })
    }
}

fn sign() -> Result<RootKeys, SandboxError> {
    let rng = &mut rand::rng();
    let (root, intermediate, server) = (KeyPair::generate(rng), KeyPair::generate(rng), KeyPair::generate(rng));
    let intermediate_certificate = certificate(INTERMEDIATE, 0, &intermediate, &root)?;
    let leaf = certificate(LEAF, INTERMEDIATE, &server, &intermediate)?;
    let chain =
        CertChain { leaf: MessageField::some(leaf), intermediate: MessageField::some(intermediate_certificate) };
    Ok(RootKeys {
        root: *root.private_key.serialize(),
        server: *server.private_key.serialize(),
        chain: chain.encode_to_vec(),
    })
}

fn certificate(serial: u32, issuer: u32, subject: &KeyPair, by: &KeyPair) -> Result<NoiseCertificate, SandboxError> {
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer),
        key: Some(subject.public_key.public_key_bytes().to_vec()),
        not_before: Some(NOT_BEFORE),
        not_after: Some(NOT_AFTER),
    }
    .encode_to_vec();
    let signature = by.private_key.calculate_signature(&details, &mut rand::rng()).map_err(SandboxError::crypto)?;
    Ok(NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) })
}

/// A key pair from its private half.
pub(crate) fn pair(private: &[u8; 32]) -> Result<KeyPair, SandboxError> {
    let private = PrivateKey::deserialize(private).map_err(SandboxError::crypto)?;
    let public = private.public_key().map_err(SandboxError::crypto)?;
    Ok(KeyPair::new(public, private))
}

/// The public half as it goes over the wire.
pub(crate) fn public(pair: &KeyPair) -> Result<[u8; 32], SandboxError> {
    pair.public_key.public_key_bytes().try_into().map_err(SandboxError::crypto)
}
