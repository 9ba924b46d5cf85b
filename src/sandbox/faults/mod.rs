//! What can go wrong on this network, and does when it is asked to: one list of faults, looked at where a companion is
//! let in and where stanzas pass between it and the network (`login`), and nowhere else.
//!
//! While the list is empty a message's path costs one atomic read for it. There are no timers: a fault that is over is
//! dropped from the list when somebody next looks. Faults live in memory; a network that starts is a healthy one.

mod fault;
mod inject;
mod list;
#[cfg(test)]
mod tests;
mod way;

pub use fault::{
    COUNT_MAX, Count, Fault, FaultError, FaultId, FaultInfo, FaultKind, Probability, SECONDS_MAX, Seconds,
};
pub(crate) use list::{Faults, Holds};
pub(crate) use way::{Piece, TurnedAway, Way, turned_away};
