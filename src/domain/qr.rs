//! The text of a QR code. Whoever scans it links the session to their account, so it hides itself from logs.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a QR image holds. `Debug` shows nothing of it; the one way to the text is `reveal`, or an answer that is written out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QrCode(String);

impl QrCode {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whoever is to scan it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QrCode(…)")
    }
}

/// A code that can be scanned now, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidQr {
    pub code: QrCode,
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::StreamEvent;
    use crate::domain::id::SessionId;
    use crate::domain::session::life::{Input, Stage};

    #[test]
    fn nothing_that_carries_a_code_shows_it_by_accident() {
        let (code, expires_at) = (QrCode::new("2@secret"), DateTime::UNIX_EPOCH);
        let session_id = SessionId(uuid::Uuid::nil());
        for shown in [
            format!("{code:?}"),
            format!("{:?}", ValidQr { code: code.clone(), expires_at }),
            format!("{:?}", Stage::QrReady { qr: code.clone(), expires_at }),
            format!("{:?}", Input::Qr { qr: code.clone(), expires_at }),
            format!("{:?}", StreamEvent::Qr { session_id, qr: code.clone(), expires_at }),
        ] {
            assert!(shown.contains("QrCode(…)") && !shown.contains("secret"), "{shown}");
        }
    }
}
