//! Which servers are trusted over TLS: the roots that are compiled in, so that it works on a machine without a store of
//! certificates (a slim container has none).

use rustls::{ClientConfig, RootCertStore};

pub(crate) fn tls() -> ClientConfig {
    // One crypto provider in a process; whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
