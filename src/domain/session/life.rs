//! The life of a session as a pure machine: `apply` takes what happened and says what to do. The session's actor does it.

mod typed;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Status;
use crate::domain::phone::Phone;
use crate::domain::qr::QrCode;
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

/// Why a session is not connected: a stable code, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: String,
    pub message: String,
}

impl Fault {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// Ends that leave the device's keys good.
const MAY_MEND: [&str; 3] = ["banned", "client_outdated", "refused"];

/// How a session can end for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nobody scanned any of the codes.
    QrExhausted,
    PairingFailed(String),
    LoggedOut,
    Replaced,
    Banned,
    Outdated,
    Refused(String),
}

impl End {
    pub fn fault(&self) -> Fault {
        match self {
            Self::QrExhausted => Fault::new(
                "qr_codes_expired",
                "No phone scanned a QR code in time. Delete this session and create it again for new codes.",
            ),
            Self::PairingFailed(why) => Fault::new(
                "pairing_failed",
                format!("The phone could not link this session ({why}). Scan the next code."),
            ),
            Self::LoggedOut => Fault::new(
                "logged_out",
                "The device was unlinked on the phone. Delete this session, create it again and scan the new code.",
            ),
            Self::Replaced => Fault::new(
                "replaced",
                "Another client took over this device's connection. Stop the other one, then link this session again.",
            ),
            Self::Banned => {
                Fault::new("banned", "WhatsApp has banned this account for a time; see the app on the phone.")
            }
            Self::Outdated => {
                Fault::new("client_outdated", "WhatsApp refuses this version of the server. Update Wamux.")
            }
            Self::Refused(why) => Fault::new("refused", format!("WhatsApp refused the connection ({why}).")),
        }
    }

    /// Whether the device's keys are worthless from now on.
    const fn unlinks(&self) -> bool {
        matches!(self, Self::LoggedOut)
    }
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
        why: String,
    },
    Ended(End),
    /// The wait before the next attempt is over.
    RetryDue,
    /// What becomes of a pairing code, while the session waits to be linked.
    Code(Typed),
}

/// What the actor must do about it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Build a client on the session's keys and run it.
    Open,
    /// Keep the new status, and log the event that goes with it if there is one; then tell the tenant and the watchers.
    Record,
    /// Show the watchers a new code of the same pairing; nothing is stored.
    ShowQr,
    /// The outbox may send.
    Deliver,
    /// Come back with `RetryDue` after the back-off of this attempt.
    Retry { attempt: u32 },
    /// Come back with `Code(Typed::Over)` at this time, unless there is a newer code by then.
    AwaitCode { until: DateTime<Utc> },
    /// Drop the client that runs; what it still says is not heard.
    Close,
    /// Destroy the device's keys.
    Forget,
}

/// A session's stage, the account it is linked to, and how many attempts have failed in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub stage: Stage,
    pub phone: Option<Phone>,
    pub attempt: u32,
    /// Why it is not connected, while it is not.
    pub fault: Option<Fault>,
    typing: Typing,
}

impl Life {
    /// As the store remembers it. A session that had failed stays so; any other is about to be started.
    pub fn remembered(status: Status, phone: Option<Phone>, fault: Option<Fault>) -> Self {
        // What a new version or the passing of time may have mended is tried again when the server starts.
        let mended = |fault: &Fault| MAY_MEND.contains(&fault.code.as_str()) && phone.is_some();
        let stage = match (status, &fault, &phone) {
            (Status::Failed, Some(fault), _) if !mended(fault) => Stage::Failed(fault.clone()),
            (_, _, Some(_)) => Stage::Connecting,
            (_, _, None) => Stage::Initializing,
        };
        Self { stage, phone, attempt: 0, fault, typing: Typing::default() }
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

    /// Takes one step. What a stage does not expect changes nothing: late and repeated inputs are the rule on a network.
    #[must_use]
    pub fn apply(self, input: Input, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        match (&self.stage, input) {
            (Stage::Failed(_), _) | (Stage::Disconnected, Input::Lost { .. }) => (self, vec![]),
            (_, Input::Ended(end)) => self.end(&end),
            (_, Input::Code(typed)) => self.typed(typed, now),
            (Stage::Connected { since }, Input::Lost { why }) => {
                let held = (now - *since).to_std().is_ok_and(|up| up >= HELD);
                let attempt = if held { 1 } else { self.attempt + 1 };
                self.lose(attempt, &why)
            }
            (Stage::Disconnected, Input::RetryDue) => {
                let stage = if self.phone.is_some() { Stage::Connecting } else { Stage::Initializing };
                (Self { stage, ..self }, vec![Effect::Record, Effect::Open])
            }
            (_, Input::Lost { why }) => {
                let attempt = self.attempt + 1;
                self.lose(attempt, &why)
            }
            (Stage::Initializing | Stage::Connecting, Input::Started) => (self, vec![Effect::Record, Effect::Open]),
            (Stage::Initializing, Input::Qr { qr, expires_at }) => {
                let stage = Stage::QrReady { qr, expires_at };
                let typing = Typing::default();
                (Self { stage, fault: None, typing, ..self }, vec![Effect::Record, Effect::ShowQr])
            }
            (Stage::QrReady { .. }, Input::Qr { qr, expires_at }) => {
                (Self { stage: Stage::QrReady { qr, expires_at }, ..self }, vec![Effect::ShowQr])
            }
            (Stage::Initializing | Stage::QrReady { .. }, Input::Paired { phone }) => {
                (Self { stage: Stage::Connecting, phone: Some(phone), ..self }, vec![Effect::Record])
            }
            (Stage::Initializing | Stage::QrReady { .. } | Stage::Connecting, Input::Connected { phone }) => {
                let stage = Stage::Connected { since: now };
                (Self { stage, phone: Some(phone), fault: None, ..self }, vec![Effect::Record, Effect::Deliver])
            }
            _ => (self, vec![]),
        }
    }

    fn end(self, end: &End) -> (Self, Vec<Effect>) {
        let fault = end.fault();
        let effects = if end.unlinks() { vec![Effect::Record, Effect::Forget] } else { vec![Effect::Record] };
        let phone = if end.unlinks() { None } else { self.phone };
        (Self { stage: Stage::Failed(fault.clone()), phone, attempt: 0, fault: Some(fault), ..self }, effects)
    }

    fn lose(self, attempt: u32, why: &str) -> (Self, Vec<Effect>) {
        let fault = Fault::new("connection_lost", format!("The connection was lost ({why}); trying again."));
        let next = Self { stage: Stage::Disconnected, attempt, fault: Some(fault), ..self };
        (next, vec![Effect::Record, Effect::Retry { attempt }])
    }
}

/// The wait before an attempt: 1 s, 2 s, 4 s, … up to 5 min, of which a random half is taken off so that sessions spread.
pub fn back_off(attempt: u32, jitter: f64) -> Duration {
    let full = Duration::from_secs(1 << attempt.saturating_sub(1).min(9)).min(Duration::from_mins(5));
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
