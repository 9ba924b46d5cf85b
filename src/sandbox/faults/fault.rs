//! A fault as whoever injects it says it: what goes wrong, for whom, how long, how often. Values that cannot be wrong.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::phone::Phone;

/// The longest that a fault may be asked to last.
pub const SECONDS_MAX: u16 = 3600;
/// The most occasions that a fault may be asked for.
pub const COUNT_MAX: u32 = 1_000_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FaultKind {
    /// The socket breaks now, and again whenever the companion has come back, for as long as the fault lasts.
    DropConnection,
    /// Logins are hung up on.
    RefuseConnections,
    /// The network keeps messages and does not say so.
    LoseAcks,
    /// The network says so late: `seconds` late, for `count` acks.
    DelayAcks,
    /// What comes from the queue comes twice.
    RepeatStanzas,
    /// What comes from the queue changes places with what follows it.
    ReorderStanzas,
    /// Receipts on their way to the companion are gone for good.
    LoseReceipts,
    /// The person takes the companion out of the linked devices.
    LogOut,
    /// The companion is told that another connection has taken its place.
    Replace,
    /// The connection ends, and logins fail with a temporary ban.
    Ban,
    /// The connection ends, and logins fail because the client is too old.
    OutdatedClient,
    /// The connection looks alive and nothing passes either way.
    Silence,
}

impl FaultKind {
    pub const ALL: [Self; 12] = [
        Self::DropConnection,
        Self::RefuseConnections,
        Self::LoseAcks,
        Self::DelayAcks,
        Self::RepeatStanzas,
        Self::ReorderStanzas,
        Self::LoseReceipts,
        Self::LogOut,
        Self::Replace,
        Self::Ban,
        Self::OutdatedClient,
        Self::Silence,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DropConnection => "drop_connection",
            Self::RefuseConnections => "refuse_connections",
            Self::LoseAcks => "lose_acks",
            Self::DelayAcks => "delay_acks",
            Self::RepeatStanzas => "repeat_stanzas",
            Self::ReorderStanzas => "reorder_stanzas",
            Self::LoseReceipts => "lose_receipts",
            Self::LogOut => "log_out",
            Self::Replace => "replace",
            Self::Ban => "ban",
            Self::OutdatedClient => "outdated_client",
            Self::Silence => "silence",
        }
    }

    /// What may be said of a fault of this kind, beside whom it is aimed at.
    pub(crate) const fn takes(self) -> &'static [&'static str] {
        match self {
            Self::LoseAcks | Self::DelayAcks | Self::RepeatStanzas | Self::ReorderStanzas | Self::LoseReceipts => {
                &["seconds", "count", "probability", "peer"]
            }
            // These befall a connection, whoever it talks to.
            Self::DropConnection | Self::RefuseConnections => &["seconds", "count", "probability"],
            Self::Ban | Self::OutdatedClient => &["seconds", "count"],
            Self::Silence => &["seconds"],
            Self::LogOut | Self::Replace => &[],
        }
    }

    /// Happens when it is injected and then is over, unless it was asked to last.
    pub(super) const fn is_momentary(self) -> bool {
        matches!(self, Self::DropConnection | Self::LogOut | Self::Replace)
    }
}

impl FromStr for FaultKind {
    type Err = FaultError;

    fn from_str(name: &str) -> Result<Self, FaultError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(FaultError::Unknown)
    }
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a fault was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    #[error(
        "must be one of drop_connection, refuse_connections, lose_acks, delay_acks, repeat_stanzas, reorder_stanzas, \
         lose_receipts, log_out, replace, ban, outdated_client, silence"
    )]
    Unknown,
    #[error("must be a whole number from 1 to {SECONDS_MAX}")]
    Seconds,
    #[error("must be a whole number from 1 to {COUNT_MAX}")]
    Count,
    #[error("must be a number above 0 and at most 1")]
    Probability,
    /// The field, by its name on the wire.
    #[error("does not go with {}", .1.as_str())]
    DoesNotGoWith(&'static str, FaultKind),
    #[error("would be one too many at once; heal some first")]
    TooMany,
}

/// How long: 1 to 3,600 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seconds(u16);

impl Seconds {
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u64> for Seconds {
    type Error = FaultError;

    fn try_from(seconds: u64) -> Result<Self, FaultError> {
        u16::try_from(seconds)
            .ok()
            .filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
            .map(Self)
            .ok_or(FaultError::Seconds)
    }
}

/// How often: 1 to 1,000,000 times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Count(u32);

impl Count {
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for Count {
    type Error = FaultError;

    fn try_from(count: u64) -> Result<Self, FaultError> {
        u32::try_from(count).ok().filter(|count| (1..=COUNT_MAX).contains(count)).map(Self).ok_or(FaultError::Count)
    }
}

/// How likely on each occasion: above 0 and at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Probability(f64);

impl Probability {
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = FaultError;

    fn try_from(probability: f64) -> Result<Self, FaultError> {
        // Not a number is in no range.
        (probability > 0.0 && probability <= 1.0).then_some(Self(probability)).ok_or(FaultError::Probability)
    }
}

/// What goes wrong, for whom, how long, how often. Aimed at nobody in particular it befalls every companion.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    /// Companions, each by the number of its account and its device number.
    pub devices: Vec<(Phone, u16)>,
    /// All companions of this account, those that are linked later included.
    pub account: Option<Phone>,
    /// Only what is about this other party.
    pub peer: Option<Phone>,
    /// How long the fault lasts; for `delay_acks`, how late an ack is.
    pub seconds: Option<Seconds>,
    /// On how many occasions it strikes.
    pub count: Option<Count>,
    /// How likely it strikes on each.
    pub probability: Option<Probability>,
    /// Whoever injected it may heal it; others neither see nor heal it.
    pub owner: Option<String>,
}

impl Fault {
    pub const fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            devices: Vec::new(),
            account: None,
            peer: None,
            seconds: None,
            count: None,
            probability: None,
            owner: None,
        }
    }

    /// Whether everything that is said of it goes with its kind.
    pub fn check(&self) -> Result<(), FaultError> {
        let said = [
            ("seconds", self.seconds.is_some()),
            ("count", self.count.is_some()),
            ("probability", self.probability.is_some()),
            ("peer", self.peer.is_some()),
        ];
        let takes = self.kind.takes();
        match said.into_iter().find(|(field, said)| *said && !takes.contains(field)) {
            Some((field, _)) => Err(FaultError::DoesNotGoWith(field, self.kind)),
            None => Ok(()),
        }
    }
}

/// The name of an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(transparent)]
pub struct FaultId(pub Uuid);

impl FromStr for FaultId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fault that is in force, and what is left of it.
#[derive(Debug, Clone)]
pub struct FaultInfo {
    pub id: FaultId,
    pub fault: Fault,
    /// Occasions that are left, if they are counted.
    pub left: Option<u32>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_known_by_its_name() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(FaultError::Unknown.to_string().contains(kind.as_str()));
        }
        for name in ["", "Silence", "drop", "silence "] {
            assert_eq!(name.parse::<FaultKind>(), Err(FaultError::Unknown));
        }
    }

    #[test]
    fn numbers_out_of_range_are_no_values() {
        for (seconds, fits) in [(0, false), (1, true), (3600, true), (3601, false), (65_537, false), (u64::MAX, false)]
        {
            assert_eq!(Seconds::try_from(seconds).is_ok(), fits, "{seconds}");
        }
        for (count, fits) in [(0, false), (1, true), (1_000_000, true), (1_000_001, false), (u64::MAX, false)] {
            assert_eq!(Count::try_from(count).is_ok(), fits, "{count}");
        }
        let chances = [
            (0.0, false),
            (-0.5, false),
            (1e-9, true),
            (1.0, true),
            (1.1, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ];
        for (chance, fits) in chances {
            assert_eq!(Probability::try_from(chance).is_ok(), fits, "{chance}");
        }
    }

    #[test]
    fn what_does_not_go_with_a_kind_is_named() {
        let seconds = Seconds::try_from(5).ok();
        assert_eq!(Fault { seconds, ..Fault::new(FaultKind::LoseAcks) }.check(), Ok(()));
        let once = Fault { seconds, ..Fault::new(FaultKind::LogOut) };
        assert_eq!(once.check(), Err(FaultError::DoesNotGoWith("seconds", FaultKind::LogOut)));
        let peer = "+237611111111".parse().ok();
        let dropped = Fault { peer, ..Fault::new(FaultKind::DropConnection) };
        assert_eq!(dropped.check(), Err(FaultError::DoesNotGoWith("peer", FaultKind::DropConnection)));
        let counted = Fault { count: Count::try_from(1).ok(), ..Fault::new(FaultKind::Silence) };
        assert_eq!(counted.check().unwrap_err().to_string(), "does not go with silence");
    }
}
