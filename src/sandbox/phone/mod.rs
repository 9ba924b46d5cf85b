//! A phone: device 0 of an account, a simulated person with the real app and real keys.

pub(crate) mod adv;
pub(crate) mod away;
pub(crate) mod content;
pub(crate) mod draft;
pub(crate) mod fetching;
pub(crate) mod history;
pub(crate) mod inbox;
pub(crate) mod keys;
pub(crate) mod link_code;
pub(crate) mod medium;
pub(crate) mod outbox;
pub(crate) mod peer;
pub(crate) mod reupload;
pub(crate) mod signal;
