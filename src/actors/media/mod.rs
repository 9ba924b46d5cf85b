//! Media on their way out: fetched, checked, converted, and put into the spool as phones want them.

#[allow(dead_code, unused_imports, reason = "the pool that calls it comes next")]
pub(crate) mod convert;
#[allow(dead_code, reason = "the pool that uses it comes next")]
mod fetch;
#[allow(dead_code, reason = "the pool that asks it comes next")]
mod queue;
#[allow(dead_code, reason = "the pool, which uses the rest of it, comes after it")]
pub(crate) mod spool;
pub(crate) mod uploads;
