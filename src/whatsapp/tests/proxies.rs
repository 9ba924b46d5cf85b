//! Sessions behind proxies: real ones, of both kinds, with users and passwords, in front of a network that only they know.

#[path = "../../../tests/sandbox/gate.rs"]
mod gate;

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::peer::{self, Peer, over, phone};
use crate::domain::egress::Egress;
use crate::domain::proxy::Proxy;
use crate::sandbox::Sandbox;
use crate::store::device_keys::store_with_session;
use crate::whatsapp::{LinkEvent, Over, Wire};
use gate::{Gate, Kind, URL};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

/// A sandbox, and a port that leads to it, which is named to nobody but the proxies.
async fn network(folder: &tempfile::TempDir) -> (Sandbox, SocketAddr) {
    let sandbox = peer::network(folder).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, serving) = (listener.local_addr().unwrap(), sandbox.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serving = serving.clone();
            tokio::spawn(async move { serving.serve(stream).await });
        }
    });
    (sandbox, address)
}

fn wire(allowed: &str, proxy: &str) -> Wire {
    let egress: Egress = allowed.parse().unwrap();
    let proxy: Proxy = proxy.parse().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
    let wire = Wire::sandbox_at(&URL.parse().unwrap(), tls.with_no_client_auth()).unwrap();
    wire.within(egress).through(Some(proxy))
}

async fn behind(folder: &tempfile::TempDir, wire: &Wire) -> Peer {
    let (store, lease) = store_with_session(folder.path()).await;
    Peer::on(store, lease, folder.path().join("wamux.db"), wire).await
}

async fn a_session_pairs_and_sends(kind: Kind, scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, at) = network(&folder).await;
    let gate = Gate::open(at, kind).await;
    let wire = wire("127.0.0.1", &format!("{scheme}://{}", gate.login()));
    let mut alice = behind(&folder, &wire).await;
    let run = alice.pair(&sandbox, ALICE).await;
    let id = alice.send(BOB, "through the gate").await;
    alice.hears("an ack", |event| matches!(event, LinkEvent::Ack { wire_id, error: None, .. } if *wire_id == id)).await;
    let shown = sandbox.screen(&phone(BOB)).await.unwrap();
    assert_eq!(shown[0].text.as_str(), "through the gate");
    assert_eq!(gate.passed(), 2, "one connection to pair, one as a linked device");
    alice.link.close().await;
    assert_eq!(over(run).await, Over::Closed);
}

#[tokio::test]
async fn a_session_pairs_and_sends_through_a_socks5_proxy() {
    a_session_pairs_and_sends(Kind::Socks5, "socks5").await;
}

#[tokio::test]
async fn a_session_pairs_and_sends_through_an_http_proxy() {
    a_session_pairs_and_sends(Kind::Connect, "http").await;
}

#[tokio::test]
async fn what_a_proxy_refuses_is_over_at_once_and_says_why_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let (_sandbox, at) = network(&folder).await;
    let (socks, http) = (Gate::open(at, Kind::Socks5).await, Gate::open(at, Kind::Connect).await);
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (proxy, why) in [
        (format!("socks5://me:hunter2@{}", socks.address), "credentials not accepted"),
        (format!("socks5://{}", socks.address), "refused"),
        (format!("http://me:hunter2@{}", http.address), "authorization required"),
        (format!("http://{}", http.address), "authorization required"),
        (format!("http://me:hunter2@{nobody}"), "does not answer"),
        ("socks5://me:hunter2@nobody.invalid:1080".to_owned(), "does not resolve"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let peer = behind(&folder, &wire("127.0.0.1", &proxy)).await;
        let Over::ProxyFailed(told) = over(peer.run()).await else { panic!("{proxy} did not fail") };
        assert!(told.contains(why) && !told.contains("hunter2"), "{proxy}: {told}");
    }
    assert_eq!((socks.passed(), http.passed()), (0, 0));
}

#[tokio::test]
async fn a_proxy_on_a_private_address_is_not_even_dialled_unless_the_operator_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::open(network(&folder).await.1, Kind::Socks5).await;
    let port = gate.address.port();
    for host in ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"] {
        for scheme in ["socks5", "http"] {
            let folder = tempfile::tempdir().unwrap();
            let peer = behind(&folder, &wire("10.0.0.0/8", &format!("{scheme}://me:p@{host}:{port}"))).await;
            let Over::ProxyFailed(told) = over(peer.run()).await else { panic!("{host} did not fail") };
            assert!(told.contains("not a public address"), "{host}: {told}");
            // What a name means here is not for tenants.
            assert!(host != "localhost" || !(told.contains("127.0.0.1") || told.contains("::1")), "{told}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_never_answers_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::open(network(&folder).await.1, Kind::Silent).await;
    let peer = behind(&folder, &wire("127.0.0.1", &format!("socks5://me:p@{}", gate.address))).await;
    let Over::ProxyFailed(told) = over(peer.run()).await else { panic!("it did not fail") };
    assert!(told.contains("no answer within"), "{told}");
}
