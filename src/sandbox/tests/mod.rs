//! The sandbox with real clients on it, from the first code to the last receipt.

mod away;
mod codes;
mod crash;
mod crowd;
mod door;
mod faults;
mod harness;
mod journeys;
mod trouble;
mod wires;
