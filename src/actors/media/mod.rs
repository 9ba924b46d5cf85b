//! Media on their way out: fetched, checked, converted, and put into the spool as phones want them.

mod convert;
mod fetch;
mod spool;
