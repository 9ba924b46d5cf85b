//! The sandbox with real clients on it, from the first code to the last receipt.

mod crash;
mod crowd;
mod door;
mod harness;
mod journeys;
