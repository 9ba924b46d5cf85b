//! What the network says to those who do not speak its language, and what it shows of itself.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_websockets::{ClientBuilder, Message};
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::libsignal::protocol::PublicKey;
use whatsapp_rust::waproto::whatsapp::CertChain;
use whatsapp_rust::waproto::whatsapp::cert_chain::noise_certificate::Details;

use super::harness::Net;

#[tokio::test]
async fn the_certificate_is_signed_by_the_root_and_both_are_kept() {
    let net = Net::new().await;
    let certificate = &net.sandbox.network.certificate;
    let (root, bytes) = (net.sandbox.root_key(), certificate.chain.clone());
    let chain = CertChain::decode_from_slice(&bytes).unwrap();
    let (leaf, intermediate) = (chain.leaf.into_option().unwrap(), chain.intermediate.into_option().unwrap());
    let details = intermediate.details.unwrap();
    let by_root = PublicKey::from_djb_public_key_bytes(&root).unwrap();
    assert!(by_root.verify_signature(&details, &intermediate.signature.unwrap()));
    let intermediate = Details::decode_from_slice(&details).unwrap();
    let by_intermediate = PublicKey::from_djb_public_key_bytes(&intermediate.key.unwrap()).unwrap();
    let details = leaf.details.unwrap();
    assert!(by_intermediate.verify_signature(&details, &leaf.signature.unwrap()));
    let leaf = Details::decode_from_slice(&details).unwrap();
    assert_eq!(leaf.issuer_serial, intermediate.serial);
    assert_eq!(leaf.key.unwrap(), crate::sandbox::root::public(&certificate.key).unwrap());
    let net = net.reopen().await;
    assert_eq!(net.sandbox.root_key(), root);
    assert_eq!(net.sandbox.network.certificate.chain, bytes);
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let net = Net::new().await;
    net.sandbox.create_phone(&super::harness::phone("+237611111111"), None).await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(net.folder()).unwrap() {
        let file = file.unwrap();
        let metadata = file.metadata().unwrap();
        let mode = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{}", file.path().display());
        files += 1;
    }
    assert_eq!(files, 4, "the database, its log and its index, and the folder of media");
}

/// Opens a socket, says `first`, and waits for the network to hang up.
async fn hangs_up(path: &str, first: Vec<u8>) {
    let net = Net::new().await;
    let uri = format!("ws://sandbox{path}").parse().unwrap();
    let upgraded = ClientBuilder::from_uri(uri).connect_on(net.sandbox.dial()).await;
    let Ok((mut socket, _)) = upgraded else {
        assert_ne!(path, "/ws/chat", "clients are let in here");
        return;
    };
    let _ = socket.send(Message::binary(whatsapp_rust::bytes::Bytes::from(first))).await;
    while let Some(Ok(message)) = socket.next().await {
        assert!(message.is_close(), "an answer to nonsense");
    }
}

#[tokio::test]
async fn nonsense_is_not_answered() {
    hangs_up("/ws/chat", b"GET / HTTP/1.1".to_vec()).await;
    // A header of this protocol, and a frame that never ends.
    hangs_up("/ws/chat", [b"WA\x06\x03".as_slice(), &[0xff, 0xff, 0xff]].concat()).await;
    // A frame of the right length that holds nothing.
    hangs_up("/ws/chat", [b"WA\x06\x03".as_slice(), &[0, 0, 2, 1, 2]].concat()).await;
    hangs_up("/somewhere/else", Vec::new()).await;
}
