//! What the examples of the document are made of.

pub(in crate::http) const SESSION: &str = "0199a7b0-1c2d-7e3f-8a4b-5c6d7e8f9a0b";
pub(in crate::http) const MESSAGE: &str = "0199a7b4-2d3e-7f40-9b5c-6d7e8f9a0b1c";
pub(in crate::http) const KEY: &str = "0199a7b8-3e4f-7a51-8c6d-7e8f9a0b1c2d";
pub(in crate::http) const PHONE: &str = "+237612345678";
pub(in crate::http) const OWN: &str = "+237600000001";
pub(in crate::http) const BEGAN: &str = "2026-11-22T10:00:00.000Z";
pub(in crate::http) const SOON: &str = "2026-11-22T10:01:00.000Z";
