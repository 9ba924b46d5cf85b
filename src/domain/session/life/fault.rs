//! Why a session is not connected: a stable code each, and a sentence that says what to do.

/// Why a session is not connected: a stable code, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: String,
    pub message: String,
}

impl Fault {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// The tenant logged the session out.
    pub(super) fn logged_out_here() -> Self {
        Self::new(LOGGED_OUT, "This session was logged out. Restart it and scan the new code to link it again.")
    }

    /// Unlinked, on the phone or from here: what is left of the device's keys is worthless.
    pub(super) fn is_logout(&self) -> bool {
        self.code == LOGGED_OUT
    }

    /// The device's keys are good, but not here.
    pub(super) fn is_other_network(&self) -> bool {
        self.code == OTHER_NETWORK
    }

    /// A new version or the passing of time may have mended it, and the device's keys are still good.
    pub(super) fn may_mend(&self) -> bool {
        MAY_MEND.contains(&self.code.as_str())
    }
}

const LOGGED_OUT: &str = "logged_out";
const OTHER_NETWORK: &str = "other_network";

/// Ends that leave the device's keys good.
const MAY_MEND: [&str; 4] = ["banned", "client_outdated", OTHER_NETWORK, "refused"];

/// How a connection, or an attempt at one, comes to nothing and may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It was there, or nearly.
    Dropped,
    /// The network cannot be reached at all: names do not resolve, nobody answers, TLS fails.
    Unreachable,
    /// The session's own proxy is not there, or does not let it through.
    Proxy,
}

impl Loss {
    pub fn fault(self, why: &str) -> Fault {
        match self {
            Self::Dropped => Fault::new("connection_lost", format!("The connection was lost ({why}); trying again.")),
            Self::Unreachable => Fault::new(
                "network_unreachable",
                format!(
                    "WhatsApp cannot be reached from this server ({why}); trying again. If this lasts, check the \
                     server's internet connection and name resolution."
                ),
            ),
            Self::Proxy => Fault::new(
                "proxy_failed",
                format!(
                    "The session's proxy does not let it through ({why}); trying again. If this lasts, check the \
                     proxy, or change the session's proxyUrl."
                ),
            ),
        }
    }
}

/// How a session can end for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nobody scanned any of the codes.
    QrExhausted,
    PairingFailed(String),
    LoggedOut,
    Replaced,
    Banned,
    Outdated,
    /// Linked on another network than the one that was reached, which was not shown its keys.
    OtherNetwork,
    Refused(String),
}

impl End {
    pub fn fault(&self) -> Fault {
        match self {
            Self::QrExhausted => Fault::new(
                "qr_codes_expired",
                "No phone scanned a QR code in time. Restart this session for new codes.",
            ),
            Self::PairingFailed(why) => Fault::new(
                "pairing_failed",
                format!("The phone could not link this session ({why}). Scan the next code."),
            ),
            Self::LoggedOut => Fault::new(
                LOGGED_OUT,
                "The device was unlinked on the phone. Restart this session and scan the new code.",
            ),
            Self::Replaced => Fault::new(
                "replaced",
                "Another client took over this device's connection. Stop the other one, then restart this session.",
            ),
            Self::Banned => Fault::new(
                "banned",
                "WhatsApp has banned this account for a time; see the app on the phone, and restart this session then.",
            ),
            Self::Outdated => {
                Fault::new("client_outdated", "WhatsApp refuses this version of the server. Update Wamux.")
            }
            Self::OtherNetwork => Fault::new(
                OTHER_NETWORK,
                "This session was linked on another network than the one that this server is on now. Its keys are kept: \
                 bring the server back to that network, or restart this session to link it on this one.",
            ),
            Self::Refused(why) => Fault::new("refused", format!("WhatsApp refused the connection ({why}).")),
        }
    }

    /// Whether the device's keys are worthless from now on.
    pub(super) const fn unlinks(&self) -> bool {
        matches!(self, Self::LoggedOut)
    }
}
