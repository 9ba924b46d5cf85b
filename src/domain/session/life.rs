//! The life of a session as a pure machine: `apply` takes what happened and says what to do. The session's actor does it.

mod asked;
mod fault;
mod typed;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Status;
use crate::domain::phone::Phone;
use crate::domain::qr::QrCode;
pub use asked::ASKED_GAP;
use asked::Asked;
pub use fault::{End, Fault, Loss};
pub use typed::Typed;
use typed::Typing;

/// A connection counts as good once it has held this long; only then does the back-off start over.
pub const HELD: Duration = Duration::from_secs(30);

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    Initializing,
    QrReady { qr: QrCode, expires_at: DateTime<Utc> },
    Connecting,
    Connected { since: DateTime<Utc> },
    Disconnected,
    Failed(Fault),
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Its actor is there: at creation, after a crash, and when the server starts, all the same.
    Started,
    Qr {
        qr: QrCode,
        expires_at: DateTime<Utc>,
    },
    Paired {
        phone: Phone,
    },
    Connected {
        phone: Phone,
    },
    /// The connection, or the attempt at one, is over, and may be tried again.
    Lost {
        loss: Loss,
        why: String,
    },
    Ended(End),
    /// The wait before the next attempt is over.
    RetryDue,
    /// What the tenant asked for too soon after the last time may begin.
    TurnDue,
    /// What becomes of a pairing code, while the session waits to be linked.
    Code(Typed),
    /// The tenant wants it to begin again: a linked session connects anew, any other shows new codes.
    Restart,
    /// Its way to the network is another one from now on.
    Rerouted,
    /// The tenant wants its device unlinked.
    Logout,
}

/// What the actor must do about it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Build a client on the session's keys and run it.
    Open,
    /// Drop the client there is; what it still says is not heard.
    Close,
    /// Keep the new status, and log the event that goes with it if there is one; then tell the tenant and the watchers.
    Record,
    /// Show the watchers a new code of the same pairing; nothing is stored.
    ShowQr,
    /// The outbox may send.
    Deliver,
    /// Come back with `RetryDue` after the back-off of this attempt.
    Retry { attempt: u32 },
    /// Come back with `TurnDue` at this time.
    AwaitTurn { until: DateTime<Utc> },
    /// Come back with `Code(Typed::Over)` at this time, unless there is a newer code by then.
    AwaitCode { until: DateTime<Utc> },
    /// Destroy the device's keys.
    Forget,
    /// Unlink the device on the network if it can be reached, and destroy its keys in any case.
    Unlink,
}

/// A session's stage, the account it is linked to, and how many attempts have failed in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub stage: Stage,
    pub phone: Option<Phone>,
    pub attempt: u32,
    /// Why it is not connected, while it is not.
    pub fault: Option<Fault>,
    /// A client runs for it, or is about to; there is never a second one.
    open: bool,
    /// A phone was linked by this very client: a code that still comes is a late one.
    paired: bool,
    typing: Typing,
    asked: Asked,
    /// If its keys are for another network, it is linked anew on this one: that was asked for, by whoever knew of it.
    or_anew: bool,
}

impl Life {
    /// As the store remembers it. A session that had failed stays so; any other is about to be started.
    pub fn remembered(status: Status, phone: Option<Phone>, fault: Option<Fault>) -> Self {
        // What a new version or the passing of time may have mended is tried again when the server starts.
        let mended = |fault: &Fault| fault.may_mend() && phone.is_some();
        let stage = match (status, &fault, &phone) {
            (Status::Failed, Some(fault), _) if !mended(fault) => Stage::Failed(fault.clone()),
            (_, _, Some(_)) => Stage::Connecting,
            (_, _, None) => Stage::Initializing,
        };
        Self {
            stage,
            phone,
            attempt: 0,
            fault,
            open: false,
            paired: false,
            typing: Typing::default(),
            asked: Asked::default(),
            or_anew: false,
        }
    }

    pub const fn status(&self) -> Status {
        match self.stage {
            Stage::Initializing => Status::Initializing,
            Stage::QrReady { .. } => Status::QrReady,
            Stage::Connecting => Status::Connecting,
            Stage::Connected { .. } => Status::Connected,
            Stage::Disconnected => Status::Disconnected,
            Stage::Failed(_) => Status::Failed,
        }
    }

    /// How many attempts have failed since the last connection.
    pub const fn failed_attempts(&self) -> u32 {
        if matches!(self.stage, Stage::Connected { .. }) { 0 } else { self.attempt }
    }

    /// Takes one step. What a stage does not expect changes nothing: late and repeated inputs are the rule on a network.
    #[must_use]
    pub fn apply(self, input: Input, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        match input {
            Input::Started => self.start(),
            Input::Restart => self.begin_again(now),
            Input::Rerouted => self.reroute(now),
            Input::TurnDue => self.turn(now),
            Input::Logout => self.log_out(),
            Input::RetryDue if self.stage == Stage::Disconnected => self.dial(),
            // Only a client that runs has anything to say.
            _ if !self.open => (self, vec![]),
            Input::Ended(end) => self.end(&end),
            Input::Code(typed) => self.typed(typed, now),
            Input::Lost { loss, why } => self.lose(loss, &why, now),
            Input::Qr { .. } | Input::Paired { .. } | Input::Connected { .. } => self.told(input, now),
            Input::RetryDue => (self, vec![]),
        }
    }

    /// What a client that runs tells of its way up.
    fn told(self, input: Input, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        match (&self.stage, input) {
            (Stage::Initializing, Input::Qr { qr, expires_at }) => {
                let stage = Stage::QrReady { qr, expires_at };
                let typing = Typing::default();
                (Self { stage, fault: None, typing, ..self }, vec![Effect::Record, Effect::ShowQr])
            }
            // A phone is remembered, and the keys are linked to none: a crash came between the two.
            (Stage::Connecting, Input::Qr { qr, expires_at }) if !self.paired => {
                let stage = Stage::QrReady { qr, expires_at };
                let typing = Typing::default();
                (Self { stage, phone: None, fault: None, typing, ..self }, vec![Effect::Record, Effect::ShowQr])
            }
            (Stage::QrReady { .. }, Input::Qr { qr, expires_at }) => {
                (Self { stage: Stage::QrReady { qr, expires_at }, ..self }, vec![Effect::ShowQr])
            }
            (Stage::Initializing | Stage::QrReady { .. }, Input::Paired { phone }) => {
                (Self { stage: Stage::Connecting, phone: Some(phone), paired: true, ..self }, vec![Effect::Record])
            }
            (Stage::Initializing | Stage::QrReady { .. } | Stage::Connecting, Input::Connected { phone }) => {
                let stage = Stage::Connected { since: now };
                let next = Self { stage, phone: Some(phone), fault: None, or_anew: false, ..self };
                (next, vec![Effect::Record, Effect::Deliver])
            }
            _ => (self, vec![]),
        }
    }

    fn start(self) -> (Self, Vec<Effect>) {
        match &self.stage {
            Stage::Initializing | Stage::Connecting if !self.open && !self.asked.is_waiting() => self.dial(),
            // A crash may have cut its end short. Where it did not, there are no keys left and this costs a look.
            Stage::Failed(fault) if fault.is_logout() => (self, vec![Effect::Unlink]),
            _ => (self, vec![]),
        }
    }

    fn dial(self) -> (Self, Vec<Effect>) {
        let stage = self.on_its_way();
        (Self { stage, open: true, paired: false, ..self }, vec![Effect::Record, Effect::Open])
    }

    const fn on_its_way(&self) -> Stage {
        if self.phone.is_some() { Stage::Connecting } else { Stage::Initializing }
    }

    fn begin_again(self, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        // Keys that no phone stands behind are of no use: new codes are for new keys.
        let fresh = self.phone.is_none();
        let or_anew = self.or_anew || self.fault.as_ref().is_some_and(Fault::is_other_network);
        Self { or_anew, ..self }.ask(fresh, now)
    }

    /// A session that has failed stays so: it is no help to it to fail on another way.
    fn reroute(self, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        if matches!(self.stage, Stage::Failed(_)) { (self, vec![]) } else { self.ask(false, now) }
    }

    fn anew(self, fresh: bool) -> (Self, Vec<Effect>) {
        // A client that only waits for its next attempt would still go the old way.
        let mut effects = vec![Effect::Close];
        effects.extend(fresh.then_some(Effect::Forget));
        let (next, dial) = Self { attempt: 0, fault: None, ..self }.dial();
        effects.extend(dial);
        (next, effects)
    }

    fn log_out(self) -> (Self, Vec<Effect>) {
        if matches!(self.stage, Stage::Failed(_)) && self.phone.is_none() {
            // No phone is linked, and no code is shown.
            return (self, vec![]);
        }
        self.failed(Fault::logged_out_here(), None, vec![Effect::Record, Effect::Unlink])
    }

    fn end(self, end: &End) -> (Self, Vec<Effect>) {
        if *end == End::OtherNetwork && self.or_anew {
            return Self { phone: None, open: false, or_anew: false, ..self }.anew(true);
        }
        if end.unlinks() {
            return self.failed(end.fault(), None, vec![Effect::Record, Effect::Forget]);
        }
        let phone = self.phone.clone();
        self.failed(end.fault(), phone, vec![Effect::Record])
    }

    fn failed(self, fault: Fault, phone: Option<Phone>, effects: Vec<Effect>) -> (Self, Vec<Effect>) {
        let stage = Stage::Failed(fault.clone());
        let typing = Typing::default();
        let next = Self {
            stage,
            phone,
            attempt: 0,
            fault: Some(fault),
            open: false,
            paired: false,
            typing,
            asked: self.asked.dropped(),
            or_anew: false,
        };
        (next, effects)
    }

    fn lose(self, loss: Loss, why: &str, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        let held = |since: DateTime<Utc>| (now - since).to_std().is_ok_and(|up| up >= HELD);
        let attempt = match self.stage {
            Stage::Connected { since } if held(since) => 1,
            _ => self.attempt.saturating_add(1),
        };
        let fault = Some(loss.fault(why));
        let next = Self { stage: Stage::Disconnected, attempt, fault, open: false, ..self };
        (next, vec![Effect::Record, Effect::Retry { attempt }])
    }
}

/// The wait before an attempt: 1 s, 2 s, 4 s, … up to a minute, of which a random half is taken off so that sessions spread. A minute is
/// how long a message may wait for a network that is back already; and a thousand sessions that ask once in it are no storm.
pub fn back_off(attempt: u32, jitter: f64) -> Duration {
    let full = Duration::from_secs(1 << attempt.saturating_sub(1).min(6)).min(Duration::from_mins(1));
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
