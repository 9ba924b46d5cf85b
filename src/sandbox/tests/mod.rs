//! The sandbox with real clients on it, from the first code to the last receipt.

mod away;
mod backlog;
mod codes;
mod crash;
mod crowd;
mod disk;
mod door;
mod faults;
pub(crate) mod harness;
mod idle;
mod journeys;
mod media;
mod pages;
mod stock;
mod trouble;
mod wires;
