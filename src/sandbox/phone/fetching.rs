//! A phone fetches the media that it shows: off the way of their messages, checked against both hashes, decrypted, and kept.
//! What is due stands in the ledger, so nothing is forgotten in a crash.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::stream::{self, TryStreamExt};
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;
use tokio::time::timeout;
use whatsapp_rust::wacore::download::{DownloadUtils, MediaType};

use crate::domain::elsewhere::Fingerprint;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;
use crate::sandbox::ledger::{AccountId, Change, Due, Fetched, Medium, Reference};
use crate::sandbox::media::{Folder, Refused, off};
use crate::sandbox::network::Network;

/// Media under way at once, on all phones together. Each is a thread that reads, decrypts and writes some kilobytes at a time.
const AT_ONCE: usize = 4;
const PAGE: i64 = 64;
/// How long whoever looks at a phone waits for what it is fetching.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a phone has no copy of what it shows, as its screen says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    /// The message does not say where it is, or what it is.
    Incomplete,
    NotFound,
    Expired,
    /// What was fetched, or what was in it, is not what the message says.
    WrongHash,
    NotDecryptable,
    /// The disk did not take it.
    NotStored,
}

impl Problem {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::NotFound => "not_found",
            Self::Expired => "expired",
            Self::WrongHash => "wrong_hash",
            Self::NotDecryptable => "not_decryptable",
            Self::NotStored => "not_stored",
        }
    }
}

/// Fetches what is due, and whatever falls due, until the network ends.
pub(crate) async fn run(network: Weak<Network>, mut due: mpsc::Receiver<()>) {
    loop {
        let Some(network) = network.upgrade() else { return };
        match all(&network).await {
            Err(error) if network.is_closed() => tracing::debug!(%error, "phones fetch nothing more"),
            Err(error) => tracing::error!(%error, "phones cannot fetch their media"),
            Ok(()) => {}
        }
        drop(network);
        if due.recv().await.is_none() {
            return;
        }
    }
}

async fn all(network: &Arc<Network>) -> Result<(), SandboxError> {
    loop {
        let page = network.ledger.due_media(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        let page = stream::iter(page.into_iter().map(Ok));
        page.try_for_each_concurrent(AT_ONCE, |due| async move { one(network, due).await }).await?;
    }
}

async fn one(network: &Network, due: Due) -> Result<(), SandboxError> {
    let Due { account, id, reference } = due;
    let fetched = match fetch(network, reference).await {
        Ok(here) => here,
        Err(problem) => {
            tracing::warn!(
                account,
                message = id,
                problem = problem.as_str(),
                "a phone cannot get the medium of a message"
            );
            Fetched::Failed(problem.as_str().to_owned())
        }
    };
    network.ledger.write(vec![Change::Fetched { account, id, fetched }]).await?;
    network.fetched.send_replace(());
    Ok(())
}

async fn fetch(network: &Network, reference: Reference) -> Result<Fetched, Problem> {
    if reference.path.is_empty() || reference.plain_sha256.len() != 32 {
        return Err(Problem::Incomplete);
    }
    let file = match network.media.at(&reference.path) {
        Ok((file, _)) => file,
        Err(Refused::Gone) => return Err(Problem::Expired),
        Err(_) => return Err(Problem::NotFound),
    };
    let copies = network.media.copies.clone();
    off(move || open(file, &reference, &copies)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a phone cannot keep what it fetched");
        Err(Problem::NotStored)
    })
}

/// Decrypts a file into the phones' folder, if it is what the message says.
fn open(file: File, reference: &Reference, copies: &Folder) -> io::Result<Result<Fetched, Problem>> {
    let mut sealed = Hashing::new(file);
    let staged = copies.stage()?;
    let mut plain = BufWriter::with_capacity(64 * 1024, Hashing::new(&staged.file));
    let size = match &reference.key {
        None => io::copy(&mut sealed, &mut plain)?,
        Some(key) => {
            let opened =
                DownloadUtils::decrypt_stream_to_writer(&mut sealed, key, family(&reference.family), &mut plain);
            match opened {
                Ok(size) => size,
                Err(error) => {
                    // The file must be the one that was meant for it to be its keys' fault. Ours is a full disk.
                    return error.downcast::<io::Error>().map_or(Ok(Err(Problem::NotDecryptable)), Err);
                }
            }
        }
    };
    let plain = plain.into_inner().map_err(io::IntoInnerError::into_error)?.finish();
    let is_sealed = reference.key.is_none() || sealed.finish() == reference.sealed_sha256.as_slice();
    if !is_sealed || plain != reference.plain_sha256.as_slice() {
        return Ok(Err(Problem::WrongHash));
    }
    let sha256 = Fingerprint(plain).to_string();
    if !copies.renew(&sha256) {
        copies.keep(&staged, &sha256)?;
    }
    Ok(Ok(Fetched::Here { sha256, size }))
}

/// The keys of a medium depend on what it is.
pub(super) fn family(name: &str) -> MediaType {
    match name {
        "video" => MediaType::Video,
        "audio" => MediaType::Audio,
        "document" => MediaType::Document,
        "sticker" => MediaType::Sticker,
        _ => MediaType::Image,
    }
}

/// Hashes what passes.
struct Hashing<T> {
    inner: T,
    hash: Context,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Context::new(&SHA256) }
    }

    fn finish(self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.hash.finish().as_ref());
        hash
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Waits until a phone has fetched all that it shows, or for some time.
pub(crate) async fn settle(network: &Network, account: AccountId) -> Result<(), SandboxError> {
    let mut fetched = network.fetched.subscribe();
    let settling = async {
        while network.ledger.fetches(account).await? {
            if network.is_closed() || fetched.changed().await.is_err() {
                break;
            }
        }
        Ok(())
    };
    timeout(PATIENCE, settling).await.unwrap_or(Ok(()))
}

/// The medium of a line on a phone's screen.
pub(crate) async fn shown(network: &Network, phone: &Phone, id: &str) -> Result<Medium, SandboxError> {
    let account = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
    settle(network, account.id).await?;
    network.ledger.medium(account.id, id).await?.ok_or(SandboxError::NoSuchMedium)
}
