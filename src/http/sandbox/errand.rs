//! What can be asked of the simulated phones, read from a request; the same whoever asks, and wherever the phones are.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;
use warp::http::Method;

use super::attachment::{self, Given};
use super::faults::{self, View};
use super::part::Part;
use crate::domain::content::Text;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::{MessageId, SessionId};
use crate::domain::phone::Phone;
use crate::domain::qr::QrCode;
use crate::domain::session::pairing_code::PairingCode;
use crate::http::fields::{self, Fields, digits, line, text, yes_or_no};
use crate::sandbox::{Attachment, Fault, FaultId, PAGE_MAX};

pub(super) const NAME_MAX: usize = 25;
/// Longer than any QR code can hold.
pub(super) const QR_MAX: usize = 4296;

/// One thing asked of a phone, or of the network.
#[derive(Debug, PartialEq)]
pub(super) enum Errand {
    Create {
        phone: Phone,
        name: Option<String>,
        /// Whether it reads at once what it shows; none for as it is.
        auto_read: Option<bool>,
    },
    Scan {
        phone: Phone,
        qr: QrCode,
    },
    /// The person types in a pairing code.
    Enter {
        phone: Phone,
        code: PairingCode,
    },
    /// How a phone is.
    Look {
        phone: Phone,
    },
    /// A part of what a phone shows.
    Screen {
        phone: Phone,
        after: Option<Uuid>,
        latest: Option<u32>,
        limit: Option<u32>,
    },
    /// The phone's copy of the medium in a message.
    Copy {
        phone: Phone,
        message: Uuid,
        /// All of it, or a part.
        part: Option<Part>,
    },
    /// The media servers have it no longer.
    Expire {
        phone: Phone,
        message: Uuid,
    },
    Write {
        phone: Phone,
        to: Phone,
        text: Text,
    },
    /// The same with a medium.
    Post {
        phone: Phone,
        to: Phone,
        attachment: Box<Attachment>,
    },
    Read {
        phone: Phone,
        chat: Phone,
    },
    /// The person blocks somebody, or lets them in again.
    Block {
        phone: Phone,
        other: Phone,
        block: bool,
    },
    /// The phone is cut off from the network, or comes back.
    Offline {
        phone: Phone,
    },
    Online {
        phone: Phone,
    },
    Inject(Box<Fault>),
    Faults {
        owner: Option<String>,
    },
    Heal {
        fault: Option<FaultId>,
        owner: Option<String>,
    },
}

impl Errand {
    /// The request that asks the same of a network's own API: its method, its path below the API's root, its body.
    pub(super) fn request(&self) -> (Method, String, Option<Value>) {
        match self {
            Self::Create { phone, name, auto_read } => {
                let body = json!({ "phone": phone, "name": name, "autoRead": auto_read });
                (Method::POST, "/phones".to_owned(), Some(body))
            }
            Self::Scan { phone, qr } => (Method::POST, format!("/phones/{phone}/scan"), Some(json!({ "qr": qr }))),
            Self::Enter { phone, code } => {
                (Method::POST, format!("/phones/{phone}/scan"), Some(json!({ "code": code.shown() })))
            }
            Self::Look { phone } => (Method::GET, format!("/phones/{phone}"), None),
            Self::Screen { phone, after, latest, limit } => {
                let after = after.map(|id| format!("after={id}"));
                let latest = latest.map(|many| format!("latest={many}"));
                let limit = limit.map(|most| format!("limit={most}"));
                let query: Vec<String> = [after, latest, limit].into_iter().flatten().collect();
                (Method::GET, format!("/phones/{phone}/messages?{}", query.join("&")), None)
            }
            Self::Copy { phone, message, part: _ } => {
                (Method::GET, format!("/phones/{phone}/messages/{message}/media"), None)
            }
            Self::Expire { phone, message } => {
                (Method::POST, format!("/phones/{phone}/messages/{message}/media/expire"), None)
            }
            Self::Write { phone, to, text } => {
                (Method::POST, format!("/phones/{phone}/messages"), Some(json!({ "to": to, "message": text })))
            }
            Self::Post { phone, to, attachment } => {
                (Method::POST, format!("/phones/{phone}/messages"), Some(attachment::body(to, attachment)))
            }
            Self::Read { phone, chat } => {
                (Method::POST, format!("/phones/{phone}/read"), Some(json!({ "chat": chat })))
            }
            Self::Block { phone, other, block } => {
                let verb = if *block { "block" } else { "unblock" };
                (Method::POST, format!("/phones/{phone}/{verb}"), Some(json!({ "phone": other })))
            }
            Self::Offline { phone } => (Method::POST, format!("/phones/{phone}/offline"), None),
            Self::Online { phone } => (Method::POST, format!("/phones/{phone}/online"), None),
            Self::Inject(fault) => (Method::POST, "/faults".to_owned(), Some(faults::body(fault))),
            Self::Faults { owner } => (Method::GET, format!("/faults{}", faults::query(owner.as_deref())), None),
            Self::Heal { fault, owner } => {
                let one = fault.map(|fault| format!("/{fault}")).unwrap_or_default();
                (Method::DELETE, format!("/faults{one}{}", faults::query(owner.as_deref())), None)
            }
        }
    }
}

/// The faults of one owner.
#[derive(Serialize, ToSchema)]
#[schema(as = FaultList)]
pub(super) struct InForce<'f> {
    pub(super) faults: Vec<View<'f>>,
}

pub(super) fn create(mut fields: Fields) -> Result<Errand, Refusal> {
    let phone = fields.required("phone", number);
    let name = fields.optional("name", line(NAME_MAX));
    let auto_read = fields.optional("autoRead", yes_or_no);
    let phone = fields.finish(phone)?;
    Ok(Errand::Create { phone, name, auto_read })
}

pub(super) fn screen(phone: Phone, mut query: Fields) -> Result<Errand, Refusal> {
    // Ids on a screen are written as all ids are.
    let after = query.optional("after", fields::id::<MessageId>).map(|id| id.0);
    let mut lines =
        |name| query.optional(name, digits(1..=u64::from(PAGE_MAX))).and_then(|lines| lines.try_into().ok());
    let (latest, limit) = (lines("latest"), lines("limit"));
    query.finish(Some(Errand::Screen { phone, after, latest, limit }))
}

pub(super) fn write(phone: Phone, mut fields: Fields) -> Result<Errand, Refusal> {
    let to = fields.required("to", number);
    let attachment = match attachment::read(&mut fields) {
        Given::Medium(attachment) => Some(attachment),
        Given::Wrong => None,
        Given::Nothing => return write_text(phone, to, fields),
    };
    let (to, attachment) = fields.finish(to.zip(attachment))?;
    Ok(Errand::Post { phone, to, attachment })
}

fn write_text(phone: Phone, to: Option<Phone>, mut fields: Fields) -> Result<Errand, Refusal> {
    let message = fields.required("message", text(Text::try_from));
    let (to, text) = fields.finish(to.zip(message))?;
    Ok(Errand::Write { phone, to, text })
}

pub(super) fn read(phone: Phone, mut fields: Fields) -> Result<Errand, Refusal> {
    let chat = fields.required("chat", number);
    let chat = fields.finish(chat)?;
    Ok(Errand::Read { phone, chat })
}

/// Whom the phone's person blocks, or lets in again.
pub(super) fn block(phone: Phone, mut fields: Fields, block: bool) -> Result<Errand, Refusal> {
    let other = fields.required("phone", number);
    let other = fields.finish(other)?;
    Ok(Errand::Block { phone, other, block })
}

/// What a phone's camera sees, a session's present code or the text of one, or what its person types in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    Session(SessionId),
    Code(QrCode),
    Typed(PairingCode),
}

pub(super) fn scanned(mut fields: Fields) -> Result<Scanned, Refusal> {
    let session = fields.optional("sessionId", fields::id).map(Scanned::Session);
    let code = fields.optional("qr", line(QR_MAX)).map(|qr| Scanned::Code(QrCode::new(qr)));
    let typed = fields.optional("code", text(|code| code.parse::<PairingCode>())).map(Scanned::Typed);
    let mut given = [session, code, typed].into_iter().flatten();
    let one = match (given.next(), given.next()) {
        (Some(one), None) => Some(one),
        (Some(_), Some(_)) => {
            fields.wrong("sessionId", "must be given alone, as must qr and code");
            None
        }
        (None, _) if !fields.is_clean() => None,
        (None, _) => {
            fields.wrong("sessionId", "is required, or qr or code in its place");
            None
        }
    };
    fields.finish(one)
}

pub(super) fn number(value: Value) -> Result<Phone, String> {
    text(|number| number.parse::<Phone>())(value)
}

/// The phone that a path names. warp hands a segment over as it came, and clients differ on whether `+` is to be encoded.
pub(super) fn addressed(segment: &str) -> Result<Phone, Refusal> {
    let plain = segment.replace("%2B", "+").replace("%2b", "+").replace("%20", " ");
    plain.parse().map_err(|_| no_phone())
}

pub(super) fn no_phone() -> Refusal {
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
        assert_eq!(scanned(fields(r#"{"qr": "2@x"}"#)).unwrap(), Scanned::Code(QrCode::new("2@x")));
        let id = "0199a7b0-0000-7000-8000-000000000000";
        let session = scanned(fields(&format!(r#"{{"session_id": "{id}"}}"#))).unwrap();
        assert_eq!(session, Scanned::Session(id.parse().unwrap()));
        let typed = scanned(fields(r#"{"code": "abcd-1234"}"#)).unwrap();
        assert_eq!(typed, Scanned::Typed("ABCD1234".parse().unwrap()));
        for body in [
            "{}".to_owned(),
            format!(r#"{{"sessionId": "{id}", "qr": "2@x"}}"#),
            r#"{"qr": "2@x", "code": "ABCD1234"}"#.to_owned(),
            r#"{"code": "ABCD"}"#.to_owned(),
            r#"{"qr": 1}"#.to_owned(),
        ] {
            assert_eq!(scanned(fields(&body)).unwrap_err().code, Code::ValidationFailed, "{body}");
        }
    }
}
