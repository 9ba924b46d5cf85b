//! Asking the network for a code that a person types into the app, beside the QR codes of the same connection.

use std::time::Duration;

use whatsapp_rust::pair_code::{PairCodeOptions, PairError};
use whatsapp_rust::request::IqError;
use whatsapp_rust::wacore::pair_code::PairCodeUtils;

use super::link::Link;
use crate::clock;
use crate::domain::phone::Phone;
use crate::domain::session::pairing_code::PairingCode;

/// How long the network may take to answer; less than whoever asked will wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Why there is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCode {
    /// The link is a device of an account already, or its connection went away.
    #[error("the session does not wait to be linked")]
    NotPairing,
    /// WhatsApp says the same of a number that has had too many codes and of one that it gives none for.
    #[error("WhatsApp gives no code for this number now")]
    TooMany { wait: Option<Duration> },
    #[error("WhatsApp refused: {0}")]
    Refused(String),
    #[error("WhatsApp did not answer")]
    Unanswered,
}

impl Link {
    /// Asks for a code that links this number, and says how long it can be typed in. A code asked for before is worth nothing from
    /// here on: the network reaches one companion per number, and would answer its holder with keys that it cannot open.
    pub async fn pairing_code(&self, phone: &Phone) -> Result<(PairingCode, Duration), NoCode> {
        if self.client.pn().is_some() {
            return Err(NoCode::NotPairing);
        }
        let since = clock::instant();
        self.client.cancel_pair_code().await;
        let options = PairCodeOptions {
            phone_number: phone.digits().to_owned(),
            // The network takes the name of a known system only, and ours is none (`CompanionOs`).
            display_os: Some("Linux".to_owned()),
            ..PairCodeOptions::default()
        };
        let asked = tokio::time::timeout(ANSWER_WITHIN, self.client.pair_with_code(options)).await;
        let code = asked.map_err(|_| NoCode::Unanswered)?.map_err(|error| refused(&error))?;
        let code = code.parse().map_err(|_| NoCode::Refused("it gave something that is no code".to_owned()))?;
        // The client counts from before it asked, and takes no answer of the phone's past it.
        let passed = clock::instant().saturating_duration_since(since);
        Ok((code, PairCodeUtils::code_validity().saturating_sub(passed)))
    }
}

fn refused(error: &PairError) -> NoCode {
    match (error, error.rejection()) {
        (_, Some(rejection)) if rejection.is_throttled() => NoCode::TooMany { wait: error.backoff() },
        (_, Some(rejection)) => NoCode::Refused(rejection.to_string()),
        (PairError::RequestFailed(IqError::Timeout), _) => NoCode::Unanswered,
        // The texts of answers may hold addresses: the code says enough.
        (PairError::RequestFailed(IqError::ServerError { code, .. }), _) => NoCode::Refused(code.to_string()),
        (PairError::RequestFailed(_), _) => NoCode::NotPairing,
        (other, _) => NoCode::Refused(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, text: &str) -> NoCode {
        let error = IqError::ServerError { code, text: text.to_owned(), error_type: None, backoff: Some(7) };
        refused(&PairError::from(error))
    }

    #[test]
    fn what_the_network_says_is_told_apart() {
        let wait = Some(Duration::from_secs(7));
        for (code, text) in [(429, "rate-overlimit"), (400, "bad-request")] {
            assert_eq!(answered(code, text), NoCode::TooMany { wait }, "{code}");
        }
        assert_eq!(answered(452, "feature-not-available"), NoCode::Refused("feature-not-available (452)".to_owned()));
        assert_eq!(answered(429, "something else"), NoCode::Refused("429".to_owned()));
        assert_eq!(refused(&PairError::from(IqError::Timeout)), NoCode::Unanswered);
        assert_eq!(refused(&PairError::from(IqError::NotConnected)), NoCode::NotPairing);
    }
}
