//! The sandbox with real clients on it, from the first code to the last receipt.

mod away;
mod backlog;
mod codes;
mod crash;
mod crowd;
mod disk;
mod door;
mod faults;
mod harness;
mod idle;
mod journeys;
mod stock;
mod trouble;
mod wires;
