//! A companion asks its phone for a medium that the media servers have no longer: the phone encrypts its copy anew, under the same
//! key, puts it up and says where it lies (`wacore/src/media_retry.rs`).

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, Salt};
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::upload::encrypt_media_streaming_with_key;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::waproto::whatsapp::MediaRetryNotification;
use whatsapp_rust::waproto::whatsapp::media_retry_notification::ResultType;

use super::fetching;
use crate::clock;
use crate::sandbox::SandboxError;
use crate::sandbox::account::Account;
use crate::sandbox::ledger::{Change, Device, Fetched, LedgerError, Reference};
use crate::sandbox::media::{Media, off};
use crate::sandbox::message::outgoing;
use crate::sandbox::network::Network;
use crate::sandbox::stanza::{bytes, child, text};

/// The kind of receipt that asks for this.
pub(crate) const ASKS: &str = "server-error";

/// What the key of these words is for; it comes from the medium's own.
const INFO: &[u8] = b"WhatsApp Media Retry Notification";
/// What the phone says when it has no such medium, and when it cannot read what it is asked.
const NOT_FOUND: i32 = 2;
const UNREADABLE: i32 = 3;

/// The phone's answer, if it is there to give one.
pub(crate) async fn asked(
    network: &Network,
    account: &Arc<Account>,
    me: Device,
    receipt: &Node,
) -> Result<Vec<Change>, SandboxError> {
    if account.lock().await.away.is_some() {
        return Ok(Vec::new());
    }
    let id = text(receipt, "id");
    let said = match put_up(network, account, &id, receipt).await? {
        Ok(sealed) => sealed,
        Err(code) => NodeBuilder::new("error").attr("code", code).build(),
    };
    let node = NodeBuilder::new("notification")
        .attr("from", account.pn(0))
        .attr("type", "mediaretry")
        .attr("id", id.as_str())
        .attr("t", network.seconds())
        .children([said])
        .build();
    Ok(vec![Change::Enqueue(outgoing(me, "notification", id, "mediaretry".to_owned(), &node)?)])
}

async fn put_up(
    network: &Network,
    account: &Arc<Account>,
    id: &str,
    receipt: &Node,
) -> Result<Result<Node, i32>, SandboxError> {
    let Some(line) = network.ledger.received_message(account.id, id).await? else { return Ok(Err(NOT_FOUND)) };
    fetching::settle(network, account.id).await?;
    let medium = network.ledger.medium(account.id, &line).await?;
    let copy = medium.and_then(|medium| match (medium.fetched, medium.reference) {
        (Fetched::Here { sha256, .. }, Some(reference)) => Some((network.media.copies.find(&sha256)?.0, reference)),
        _ => None,
    });
    let Some((copy, reference)) = copy else { return Ok(Err(NOT_FOUND)) };
    let key = reference.key.as_deref().and_then(|key| <[u8; 32]>::try_from(key).ok());
    let Some(key) = key.filter(|key| is_asked(key, id, receipt)) else { return Ok(Err(UNREADABLE)) };
    let path = seal_again(&network.media, copy, &reference, key).await?;
    let word = MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        direct_path: Some(path),
        result: Some(ResultType::SUCCESS),
        ..Default::default()
    };
    let (iv, mut sealed): ([u8; 12], _) = (clock::entropy()?, word.encode_to_vec());
    let nonce = Nonce::assume_unique_for_key(iv);
    cipher(&key)
        .and_then(|cipher| cipher.seal_in_place_append_tag(nonce, Aad::from(id.as_bytes()), &mut sealed))
        .map_err(SandboxError::crypto)?;
    let parts =
        [NodeBuilder::new("enc_p").bytes(sealed).build(), NodeBuilder::new("enc_iv").bytes(iv.to_vec()).build()];
    Ok(Ok(NodeBuilder::new("encrypt").children(parts).build()))
}

/// Puts the phone's copy up; where it lies.
async fn seal_again(media: &Media, copy: File, of: &Reference, key: [u8; 32]) -> Result<String, SandboxError> {
    let (files, family) = (media.files.clone(), fetching::family(&of.family));
    let sealed = off(move || {
        let staged = files.stage()?;
        let into = BufWriter::new(&staged.file);
        let sealed =
            encrypt_media_streaming_with_key(copy, into, family, Some(&key), None).map_err(io::Error::other)?;
        let name = BASE64_URL_SAFE_NO_PAD.encode(sealed.file_enc_sha256);
        files.keep(&staged, &name)?;
        Ok(name)
    });
    let name = sealed.await.map_err(LedgerError::from)?;
    Ok(media.path(&of.family, &name))
}

/// Whether the companion has the medium's key: what it asks is sealed with it.
fn is_asked(key: &[u8; 32], id: &str, receipt: &Node) -> bool {
    let sealed = child(receipt, "encrypt");
    let part = |name| sealed.and_then(|sealed| bytes(child(sealed, name)?));
    let (Some(word), Some(iv)) = (part("enc_p"), part("enc_iv")) else { return false };
    let Ok(nonce) = Nonce::try_assume_unique_for_key(iv) else { return false };
    let opened =
        cipher(key).map(|cipher| cipher.open_in_place(nonce, Aad::from(id.as_bytes()), &mut word.to_vec()).is_ok());
    opened.unwrap_or(false)
}

fn cipher(media_key: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    let key = Salt::new(HKDF_SHA256, &[]).extract(media_key);
    Ok(LessSafeKey::new(key.expand(&[INFO], &AES_256_GCM)?.into()))
}
