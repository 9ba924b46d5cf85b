//! The sandbox with real clients on it, from the first code to the last receipt.

mod harness;
mod journeys;
