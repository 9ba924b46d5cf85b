//! What knobs may be set to: a network, a kind of log, an address to listen on.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use clap::ValueEnum;

use crate::domain::access::Mode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(clippy::doc_markdown, reason = "help that people read in a terminal")]
pub enum Network {
    /// A simulated network inside this process; keys are sk_test_.
    Sandbox,
    /// The real one; keys are sk_live_.
    Whatsapp,
}

impl Default for Network {
    fn default() -> Self {
        if cfg!(feature = "sandbox") { Self::Sandbox } else { Self::Whatsapp }
    }
}

impl Network {
    pub const fn mode(self) -> Mode {
        match self {
            Self::Sandbox => Mode::Test,
            Self::Whatsapp => Mode::Live,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Whatsapp => "whatsapp",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Whether strangers may make accounts on the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SignUp {
    #[default]
    Open,
    Closed,
}

/// An address and a port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080")]
pub struct NotAnAddress;

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if let Some(port) = text.strip_prefix("localhost:") {
            return port.parse().map(|port| Self((Ipv4Addr::LOCALHOST, port).into())).map_err(|_| NotAnAddress);
        }
        text.parse().map(Self).map_err(|_| NotAnAddress)
    }
}

/// The same, or an empty variable.
pub type ListenOrNone = Option<Listen>;

pub(super) fn listen_or_none(text: &str) -> Result<ListenOrNone, NotAnAddress> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}
