//! Codes to scan: a companion shows one after the other, and a phone that scans one links it.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use tokio::sync::mpsc;
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::{Order, Pairings, Registration, link};
use crate::clock;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;
use crate::sandbox::network::Network;
use crate::sandbox::stanza;

/// A companion shows the first code for a minute and each of the others for twenty seconds.
const CODES: u32 = 6;
const SHOWN: Duration = Duration::from_mins(1);
const SHOWN_NEXT: Duration = Duration::from_secs(20);
/// A person may have scanned just before the code changed.
const GRACE: Duration = Duration::from_secs(10);
/// How long all of a companion's codes can be scanned.
pub(super) const ALL_SHOWN: Duration =
    Duration::from_secs(SHOWN.as_secs() + SHOWN_NEXT.as_secs() * (CODES as u64 - 1) + GRACE.as_secs());

/// Where native cameras find the code behind a link (`wacore/src/companion_reg.rs`).
const DEEP_LINK: &str = "https://wa.me/settings/linked_devices#";

#[derive(Clone)]
pub(super) struct Offer {
    companion: Arc<Registration>,
    orders: mpsc::Sender<Order>,
    until: Instant,
}

/// What a code holds.
struct Code<'q> {
    reference: &'q str,
    noise: [u8; 32],
    identity: [u8; 32],
    secret: [u8; 32],
}

impl Pairings {
    pub(super) fn offer(&self, references: &[String], companion: &Arc<Registration>, orders: &mpsc::Sender<Order>) {
        let mut until = clock::instant() + SHOWN + GRACE;
        let mut offers = self.scanned.lock().unwrap_or_else(PoisonError::into_inner);
        for reference in references {
            offers.insert(reference.clone(), Offer { companion: Arc::clone(companion), orders: orders.clone(), until });
            until += SHOWN_NEXT;
        }
    }

    pub(super) fn withdraw(&self, references: &[String]) {
        let mut offers = self.scanned.lock().unwrap_or_else(PoisonError::into_inner);
        for reference in references {
            offers.remove(reference);
        }
    }

    /// A code works once, while it is shown, and only for the companion that shows it.
    fn take(&self, code: &Code<'_>) -> Result<Offer, SandboxError> {
        let mut offers = self.scanned.lock().unwrap_or_else(PoisonError::into_inner);
        let offer = offers.get(code.reference).ok_or(SandboxError::UnknownQr)?;
        let fits = offer.companion.noise == code.noise && offer.companion.identity == code.identity;
        if !fits || offer.until < clock::instant() {
            return Err(SandboxError::UnknownQr);
        }
        offers.remove(code.reference).ok_or(SandboxError::UnknownQr)
    }
}

/// A phone scans a code: when this returns, the companion is linked and that is on the disk.
pub(crate) async fn scan(network: &Network, phone: &Phone, qr: &str) -> Result<(), SandboxError> {
    let code = parse(qr).ok_or(SandboxError::NotAQrCode)?;
    let account = network.reach(phone).await?.ok_or(SandboxError::NotOnWhatsApp)?;
    let offer = network.pairings.take(&code)?;
    link(network, &account, &offer.companion, &code.secret, &offer.orders).await
}

pub(super) fn pair_device(references: &[String]) -> Node {
    let references = references.iter().map(|reference| stanza::leaf("ref", reference.as_bytes()));
    NodeBuilder::new("iq")
        .attr("from", stanza::SERVER)
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", "pair-device")
        .children([NodeBuilder::new("pair-device").children(references).build()])
        .build()
}

pub(super) fn references() -> Result<Vec<String>, SandboxError> {
    (0..CODES).map(|_| reference()).collect()
}

pub(super) fn reference() -> Result<String, SandboxError> {
    Ok(format!("2@{}", BASE64_URL_SAFE_NO_PAD.encode(clock::entropy::<24>()?)))
}

/// `ref,noise,identity,secret,…`, alone or behind a link.
fn parse(qr: &str) -> Option<Code<'_>> {
    let mut parts = qr.strip_prefix(DEEP_LINK).unwrap_or(qr).split(',');
    let reference = parts.next().filter(|reference| !reference.is_empty())?;
    let mut key = || BASE64_STANDARD.decode(parts.next()?).ok()?.try_into().ok();
    Some(Code { reference, noise: key()?, identity: key()?, secret: key()? })
}
