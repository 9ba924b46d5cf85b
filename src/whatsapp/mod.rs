//! The wire: the only place that knows the protocol crate.
