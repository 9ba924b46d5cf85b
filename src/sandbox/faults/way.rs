//! The way of stanzas to one companion under faults: acks that are late, neighbours that change places; and who is not
//! let in at all.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::fault::FaultKind;
use super::list::Faults;
use crate::sandbox::SandboxError;
use crate::sandbox::ledger::{Change, Device};
use crate::sandbox::receipt;
use crate::sandbox::stanza::{self, address, attr, text};

/// How late an ack is if nobody says.
const LATE: Duration = Duration::from_secs(5);
/// How long a stanza waits for one to change places with.
const NEIGHBOUR: Duration = Duration::from_millis(500);
/// Late acks of one companion at once; past it, nothing more is heard from it.
const HELD: usize = 4096;
/// A ban without an end in sight is said to last this long: the field is not optional on the wire.
const BANNED_FOR: i64 = 86_400;
/// "You sent too many messages to people who don't have you in their address books" (`wacore/src/types/events.rs`,
/// `TempBanReason`).
const TOO_MANY_PEOPLE: &str = "101";

/// Why a companion is not let in.
pub(crate) enum TurnedAway {
    /// The socket closes without a word.
    HungUp,
    /// The network says why (`wacore/src/stanza/connect_failure.rs`).
    Told(Node),
}

/// Asked once for every login of a companion that its phone knows.
pub(crate) fn turned_away(faults: &Faults, device: Device) -> Option<TurnedAway> {
    let failure = |reason: &str| NodeBuilder::new("failure").attr("reason", reason).attr("location", "sandbox");
    if faults.strike(FaultKind::RefuseConnections, device, None).is_some() {
        return Some(TurnedAway::HungUp);
    }
    if let Some(ban) = faults.strike(FaultKind::Ban, device, None) {
        let left = ban.until.map(|until| i64::try_from(faults.wait_for(until).as_secs()).unwrap_or(BANNED_FOR));
        let node = failure("402").attr("code", TOO_MANY_PEOPLE).attr("expire", left.unwrap_or(BANNED_FOR).max(1));
        return Some(TurnedAway::Told(node.build()));
    }
    let outdated = faults.strike(FaultKind::OutdatedClient, device, None);
    outdated.map(|_| TurnedAway::Told(failure("405").build()))
}

/// An ack that waits, and the receipts for the same message: what a message led to never comes before its ack.
struct Late {
    wait: Pin<Box<Sleep>>,
    id: String,
    ack: Node,
    after: Vec<Vec<u8>>,
}

/// What is kept back on the way to one companion. Nearly always nothing.
#[derive(Default)]
pub(crate) struct Way {
    /// The next to be told comes first.
    late: VecDeque<Late>,
    /// Waits for the stanza that it changes places with.
    swapped: Option<(Pin<Box<Sleep>>, Vec<u8>)>,
}

/// A stanza that goes out now.
pub(crate) enum Piece {
    Said(Node),
    Queued(Vec<u8>),
}

/// What a stanza from the queue comes to.
#[derive(Default)]
pub(crate) struct Passing {
    pub(crate) now: Vec<Vec<u8>>,
    /// It is gone for good: this takes it out of the queue.
    pub(crate) lost: Option<Change>,
}

impl Way {
    pub(crate) fn is_clear(&self) -> bool {
        self.late.is_empty() && self.swapped.is_none()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.late.len() >= HELD
    }

    /// What of an answer is told now. `late` is how late the ack of this message is in any case.
    pub(crate) fn said(&mut self, faults: &Faults, to: Device, said: Node, late: Option<Duration>) -> Option<Node> {
        if late.is_none() && !faults.any() {
            return Some(said);
        }
        if said.tag != "ack" || attr(&said, "class").as_deref() != Some("message") {
            return Some(said);
        }
        let about = address(&said, "from");
        if faults.strike(FaultKind::LoseAcks, to, about.as_ref()).is_some() {
            return None;
        }
        let delayed = faults.strike(FaultKind::DelayAcks, to, about.as_ref());
        let delayed = delayed.map(|by| by.seconds.map_or(LATE, |seconds| Duration::from_secs(seconds.get().into())));
        match late.max(delayed) {
            Some(wait) => {
                self.hold(said, wait);
                None
            }
            None => Some(said),
        }
    }

    fn hold(&mut self, ack: Node, wait: Duration) {
        let late = Late { wait: Box::pin(sleep(wait)), id: text(&ack, "id"), ack, after: Vec::new() };
        let place = self.late.partition_point(|other| other.wait.deadline() <= late.wait.deadline());
        self.late.insert(place, late);
    }

    /// What of the queue goes out now that its next stanza is there.
    pub(crate) fn queued(&mut self, faults: &Faults, to: Device, stanza: Vec<u8>) -> Result<Passing, SandboxError> {
        let node = stanza::kept(&stanza)?;
        let about = address(&node, "from");
        let strike = |kind| faults.strike(kind, to, about.as_ref()).is_some();
        if node.tag == "receipt" {
            let kind = text(&node, "type");
            // A retry receipt asks for a message again; it says nothing of how far one has come.
            if kind != "retry" && strike(FaultKind::LoseReceipts) {
                let lost = Change::Confirm { device: to, class: "receipt", id: text(&node, "id"), kind: Some(kind) };
                return Ok(Passing { lost: Some(lost), ..Passing::default() });
            }
            let ids = receipt::ids(&node);
            if let Some(late) = self.late.iter_mut().find(|late| ids.contains(&late.id)) {
                late.after.push(stanza);
                return Ok(Passing::default());
            }
        }
        let mut now = if strike(FaultKind::RepeatStanzas) { vec![stanza.clone(), stanza] } else { vec![stanza] };
        if let Some((_, first)) = self.swapped.take() {
            now.push(first);
        } else if strike(FaultKind::ReorderStanzas)
            && let Some(first) = now.pop()
        {
            self.swapped = Some((Box::pin(sleep(NEIGHBOUR)), first));
        }
        Ok(Passing { now, lost: None })
    }

    /// Waits until something that was kept back is due. May be dropped while waiting.
    pub(crate) async fn due(&mut self) -> Vec<Piece> {
        let late = self.late.front_mut().map(|late| late.wait.as_mut());
        let swapped = self.swapped.as_mut().map(|(wait, _)| wait.as_mut());
        let is_late = tokio::select! {
            () = until(late) => true,
            () = until(swapped) => false,
        };
        if is_late { self.told_late() } else { self.alone().into_iter().map(Piece::Queued).collect() }
    }

    fn told_late(&mut self) -> Vec<Piece> {
        let Some(Late { ack, after, .. }) = self.late.pop_front() else { return Vec::new() };
        std::iter::once(Piece::Said(ack)).chain(after.into_iter().map(Piece::Queued)).collect()
    }

    /// The stanza that found no neighbour.
    pub(crate) fn alone(&mut self) -> Option<Vec<u8>> {
        self.swapped.take().map(|(_, stanza)| stanza)
    }
}

async fn until(wait: Option<Pin<&mut Sleep>>) {
    match wait {
        Some(wait) => wait.await,
        None => std::future::pending().await,
    }
}
