//! TLS for clients that insist on it: a certificate signed by itself, made once and kept.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::SandboxError;
use super::ledger::{Change, Ledger};
use crate::domain::elsewhere::Fingerprint;

/// The certificate and its private key (PKCS #8) as the ledger keeps them, both DER.
pub(crate) struct TlsKeys {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// What a listener needs to speak TLS.
pub struct Tls {
    pub config: Arc<ServerConfig>,
    /// By which clients may know the certificate.
    pub fingerprint: Fingerprint,
}

impl Tls {
    /// The kept one, or a new one, kept before anyone sees it.
    pub(crate) async fn load(ledger: &Ledger) -> Result<Self, SandboxError> {
        if ledger.tls().await?.is_none() {
            ledger.write(vec![Change::Tls(Box::new(sign()?))]).await?;
        }
        let TlsKeys { certificate, key } = ledger.tls().await?.ok_or(SandboxError::Closed)?;
        let fingerprint = digest(&SHA256, &certificate).as_ref().try_into().map_err(SandboxError::crypto)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(SandboxError::crypto)?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key).into())
            .map_err(SandboxError::crypto)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), fingerprint: Fingerprint(fingerprint) })
    }
}

fn sign() -> Result<TlsKeys, SandboxError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(SandboxError::crypto)?;
    Ok(TlsKeys { certificate: made.cert.der().to_vec(), key: made.signing_key.serialize_der() })
}
