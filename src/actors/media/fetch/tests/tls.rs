//! Over TLS: whom it trusts, what it says when it does not, and that nothing leads back to where everybody can read along.
#![cfg(feature = "sandbox")]

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Ground, MB, PUBLIC, Site, Zone, failed, ok, to, url};
use crate::actors::media::fetch::{Fetcher, PATIENCE};
use crate::trust;

const NAME: &str = "cdn.example.com";

/// A server over TLS that says one thing, and whoever trusts its certificate.
async fn secure(answer: Vec<u8>) -> (u16, ClientConfig) {
    let _ = trust::tls();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind((PUBLIC, 0)).await.unwrap();
    let (port, acceptor) = (listener.local_addr().unwrap().port(), TlsAcceptor::from(Arc::new(server)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(&answer).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    (port, ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn trusting(tls: ClientConfig) -> Ground {
    let zone = Zone::default().with(NAME, &[&[PUBLIC]]).with("other.example.com", &[&[PUBLIC]]);
    let fetcher = Fetcher::with(PUBLIC.parse().unwrap(), Arc::new(zone), tls, PATIENCE).unwrap();
    Ground { fetcher, folder: tempfile::tempdir().unwrap() }
}

#[tokio::test]
async fn a_trusted_server_is_fetched_from_and_others_are_told_apart() {
    let (port, tls) = secure(ok("", b"film")).await;
    let ground = trusting(tls);
    assert_eq!(ground.fetch(&url(&format!("https://{NAME}:{port}/")), MB).await.unwrap().size, 4);
    std::fs::remove_file(ground.file()).unwrap();
    for (ground, name) in [(trusting(trust::tls()), NAME), (ground, "other.example.com")] {
        let (again, why) = failed(ground.fault(&url(&format!("https://{name}:{port}/"))).await);
        let want = format!("the TLS connection to {name} failed: invalid peer certificate");
        assert!(!again && why.starts_with(&want), "{why}");
    }
}

#[tokio::test]
async fn who_does_not_speak_tls_is_not_asked_again() {
    let plain = TcpListener::bind((PUBLIC, 0)).await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Kept open until the other side has read what it needs.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let (again, why) = failed(Ground::new().fault(&url(&format!("https://{PUBLIC}:{port}/"))).await);
    assert!(!again && why.starts_with(&format!("the TLS connection to {PUBLIC} failed: ")), "{why}");
}

#[tokio::test]
async fn a_redirect_goes_up_to_https_and_never_down_from_it() {
    let plain = Site::saying(ok("", b"film")).await;
    let (port, tls) = secure(to(plain.url("/").as_str())).await;
    let (again, why) = failed(trusting(tls).fault(&url(&format!("https://{NAME}:{port}/"))).await);
    assert!(!again && why == format!("{NAME} redirects from https to http"), "{why}");
    assert!(plain.asked().is_empty());
    let (port, tls) = secure(ok("", b"film")).await;
    let up = Site::saying(to(&format!("https://{NAME}:{port}/"))).await;
    assert_eq!(trusting(tls).fetch(&up.url("/"), MB).await.unwrap().size, 4);
}
