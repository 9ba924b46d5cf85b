//! From our messages to the wire's: ids, addresses, contents, and why a send did not happen.

use whatsapp_rust::prelude::{MessageBuilderExt, wa};
use whatsapp_rust::request::IqError;
use whatsapp_rust::wacore::request::RequestUtils;
use whatsapp_rust::{ClientError, Jid};

use crate::domain::phone::Phone;

/// Why a message did not reach the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection, or it went away underneath. The same id may be sent again.
    #[error("the session is not connected")]
    NotConnected,
    #[error("the number is not on WhatsApp")]
    NotOnWhatsApp,
    /// By this account, on its phone: WhatsApp's own apps would not send it either.
    #[error("the account has blocked the recipient")]
    Blocked,
    /// Trying again later, under the same id, may help.
    #[error("the message could not be sent now: {0}")]
    Temporary(String),
    /// Trying again would fail again.
    #[error("the message cannot be sent: {0}")]
    Refused(String),
}

/// An id for a message that is about to be stored and then sent, in the form that WhatsApp Web gives its own.
pub fn new_wire_id() -> String {
    RequestUtils::message_id_at(None, whatsapp_rust::wacore::time::now_secs_u64())
}

pub(super) fn address(phone: &Phone) -> Jid {
    Jid::pn(phone.digits())
}

pub(super) fn text(text: &str) -> wa::Message {
    wa::Message::text(text)
}

impl From<whatsapp_rust::SendError> for SendError {
    fn from(error: whatsapp_rust::SendError) -> Self {
        use whatsapp_rust::SendError as Wire;
        match error {
            Wire::NotLoggedIn => Self::NotConnected,
            Wire::Client(error) => of_client(&error),
            Wire::Iq(error) => of_iq(&error),
            Wire::InvalidRequest(why) => Self::Refused(why),
            other => Self::Temporary(other.to_string()),
        }
    }
}

fn of_client(error: &ClientError) -> SendError {
    match error {
        ClientError::NotConnected | ClientError::NotLoggedIn | ClientError::Socket(_) | ClientError::EncryptSend(_) => {
            SendError::NotConnected
        }
        ClientError::Iq(error) => of_iq(error),
        other => SendError::Temporary(other.to_string()),
    }
}

pub(super) fn of_iq(error: &IqError) -> SendError {
    match error {
        IqError::NotConnected
        | IqError::Socket(_)
        | IqError::EncryptSend(_)
        | IqError::Disconnected(_)
        | IqError::InternalChannelClosed => SendError::NotConnected,
        IqError::ClientState(error) => of_client(error),
        // The texts of answers may hold addresses: the code says enough.
        IqError::ServerError { code, .. } => SendError::Temporary(format!("WhatsApp answered {code}")),
        other => SendError::Temporary(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_ids_look_like_those_of_whatsapp_web_and_differ() {
        let (one, two) = (new_wire_id(), new_wire_id());
        assert!(one.starts_with("3EB0") && one.len() > 16 && one.bytes().all(|b| b.is_ascii_hexdigit()), "{one}");
        assert_ne!(one, two);
    }

    #[test]
    fn losing_the_connection_is_not_held_against_the_message() {
        for error in [
            whatsapp_rust::SendError::NotLoggedIn,
            whatsapp_rust::SendError::Client(ClientError::NotConnected),
            whatsapp_rust::SendError::Iq(IqError::InternalChannelClosed),
        ] {
            assert_eq!(SendError::from(error), SendError::NotConnected);
        }
        let refused = whatsapp_rust::SendError::InvalidRequest("no".into());
        assert_eq!(SendError::from(refused), SendError::Refused("no".into()));
    }
}
