//! Values and decisions: no I/O, no async, no clock, no chance. Everything from outside becomes one of these at the door.

pub mod content;
pub mod phone;
