//! The simulated phones of the sandbox: made, shown a QR code, looked at, written with, read with.

use serde_json::json;

use super::call::{Answered, Call};
use super::fields::{self, Fields, line, text};
use super::reply;
use crate::domain::content::Text;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::SessionId;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;

const NAME_MAX: usize = 25;
/// Longer than any QR code can hold.
const QR_MAX: usize = 4296;

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::NoSuchPhone => no_phone(),
            SandboxError::NotAQrCode => Self::field("qr", "is not what a session's QR code encodes"),
            SandboxError::UnknownQr => {
                Self::new(Code::QrNotUsable, "No session waits for this QR code. It may have expired: take the newest.")
            }
            SandboxError::NotOnWhatsApp => Self::field("phone", "stands for a number that is not on WhatsApp"),
            SandboxError::Refused => {
                Self::new(Code::QrNotUsable, "The session did not take the link. Take the newest code.")
            }
            SandboxError::Closed => Self::stopping(),
            other => {
                tracing::error!(error = %other, "the sandbox failed");
                Self::internal()
            }
        }
    }
}

pub(super) async fn create(call: Call) -> Answered {
    call.enter().await?;
    let door = call.door.clone();
    let mut fields = call.fields().await?;
    let phone = fields.required("phone", number);
    let name = fields.optional("name", line(NAME_MAX));
    let phone = fields.finish(phone)?;
    let made = door.sandbox.create_phone(&phone, name.as_deref()).await?;
    reply::created(&format!("/api/v1/sandbox/phones/{phone}/messages"), &made)
}

pub(super) async fn scan(call: Call, phone: String) -> Answered {
    let access = call.enter().await?;
    let phone = addressed(&phone)?;
    let door = call.door.clone();
    let qr = match scanned(call.fields().await?)? {
        Scanned::Session(session) => door.system.current_qr(&access, session).await?,
        Scanned::Code(qr) => qr,
    };
    door.sandbox.scan(&phone, &qr).await?;
    Ok(reply::done())
}

pub(super) async fn screen(call: Call, phone: String) -> Answered {
    call.enter().await?;
    let messages = call.door.sandbox.screen(&addressed(&phone)?).await?;
    reply::ok(&json!({ "messages": messages }))
}

pub(super) async fn write(call: Call, phone: String) -> Answered {
    call.enter().await?;
    let phone = addressed(&phone)?;
    let door = call.door.clone();
    let mut fields = call.fields().await?;
    let to = fields.required("to", number);
    let message = fields.required("message", text(Text::try_from));
    let (to, message) = fields.finish(to.zip(message))?;
    let shown = door.sandbox.write(&phone, &to, &message).await?;
    reply::created(&format!("/api/v1/sandbox/phones/{phone}/messages"), &shown)
}

pub(super) async fn read(call: Call, phone: String) -> Answered {
    call.enter().await?;
    let phone = addressed(&phone)?;
    let door = call.door.clone();
    let mut fields = call.fields().await?;
    let chat = fields.required("chat", number);
    let chat = fields.finish(chat)?;
    door.sandbox.read(&phone, &chat).await?;
    Ok(reply::done())
}

/// What a phone's camera sees: a session's present code, or the text of one.
#[derive(Debug, PartialEq, Eq)]
enum Scanned {
    Session(SessionId),
    Code(String),
}

fn scanned(mut fields: Fields) -> Result<Scanned, Refusal> {
    let session = fields.optional("sessionId", fields::id);
    let code = fields.optional("qr", line(QR_MAX));
    let one = match (session, code) {
        (Some(session), None) => Some(Scanned::Session(session)),
        (None, Some(code)) => Some(Scanned::Code(code)),
        (Some(_), Some(_)) => {
            fields.wrong("qr", "must not be given together with sessionId");
            None
        }
        (None, None) if !fields.is_clean() => None,
        (None, None) => {
            fields.wrong("sessionId", "is required, or qr in its place");
            None
        }
    };
    fields.finish(one)
}

fn number(value: serde_json::Value) -> Result<Phone, String> {
    text(|number| number.parse::<Phone>())(value)
}

/// The phone that a path names. warp hands a segment over as it came, and clients differ on whether `+` is to be encoded.
fn addressed(segment: &str) -> Result<Phone, Refusal> {
    let plain = segment.replace("%2B", "+").replace("%2b", "+").replace("%20", " ");
    plain.parse().map_err(|_| no_phone())
}

fn no_phone() -> Refusal {
    Refusal::new(Code::PhoneNotFound, "The sandbox has no such phone. Numbers look like +237612345678.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_a_path_may_be_encoded_or_not() {
        for segment in ["+237612345678", "%2B237612345678", "%2b237612345678", "+237%20612345678"] {
            assert_eq!(addressed(segment).unwrap().to_string(), "+237612345678", "{segment}");
        }
        assert_eq!(addressed("237612345678").unwrap_err().code, Code::PhoneNotFound);
    }

    #[test]
    fn a_phone_scans_one_thing_at_a_time() {
        let fields = |body: &str| Fields::of_json(body.as_bytes()).unwrap();
        assert_eq!(scanned(fields(r#"{"qr": "2@x"}"#)).unwrap(), Scanned::Code("2@x".into()));
        let id = "0199a7b0-0000-7000-8000-000000000000";
        let session = scanned(fields(&format!(r#"{{"session_id": "{id}"}}"#))).unwrap();
        assert_eq!(session, Scanned::Session(id.parse().unwrap()));
        for body in ["{}".to_owned(), format!(r#"{{"sessionId": "{id}", "qr": "2@x"}}"#), r#"{"qr": 1}"#.to_owned()] {
            assert_eq!(scanned(fields(&body)).unwrap_err().code, Code::ValidationFailed, "{body}");
        }
    }
}
