//! Errands to the phones of a network in this process.

use uuid::Uuid;
use warp::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use warp::http::{HeaderMap, HeaderValue, StatusCode};

use super::errand::{Errand, InForce, no_phone};
use super::faults;
use super::part::Part;
use super::streamed::streamed;
use crate::domain::error::{Code, Refusal};
use crate::domain::phone::Phone;
use crate::http::call::Answered;
use crate::http::reply;
use crate::sandbox::{Copy, Fault, PAGE_MAX, Page, Sandbox, SandboxError};

const NOT_ON_WHATSAPP: &str = "stands for a number that is not on WhatsApp";

const NO_MEDIUM: &str = "This phone shows no such message, or one without a medium.";
const OFFLINE: &str =
    "This phone is offline, so nothing comes of it. Bring it back first: POST …/phones/{phone}/online.";
const NO_CODE: &str = "No session waits for a pairing code with this number. It may have expired, or was tried three times: ask for a new one.";
const WRONG_CODE: &str = "This is not the code that the session shows. A code can be tried three times.";
const FULL: &str =
    "The phone has four linked devices, and that is as many as it can have. Log one of its sessions out first.";
const NO_LINE: &str = "The phone shows no message with the id that `after` gives.";
const NO_ANSWER: &str = "The session did not answer to the code. Ask for a new one.";

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::NoSuchPhone => no_phone(),
            SandboxError::NoSuchLine => Self::new(Code::NotFound, NO_LINE),
            SandboxError::NoSuchMedium => Self::new(Code::NotFound, NO_MEDIUM),
            SandboxError::NotFetched(why) => {
                Self::new(Code::NotFound, format!("The phone shows this message and has no copy of its medium: {why}."))
            }
            SandboxError::NotAQrCode => Self::field("qr", "is not what a session's QR code encodes"),
            SandboxError::UnknownQr => {
                Self::new(Code::QrNotUsable, "No session waits for this QR code. It may have expired: take the newest.")
            }
            SandboxError::NoCodeAsked => Self::new(Code::PairingCodeNotUsable, NO_CODE),
            SandboxError::WrongCode => Self::new(Code::PairingCodeNotUsable, WRONG_CODE),
            SandboxError::NotOnWhatsApp => Self::field("phone", NOT_ON_WHATSAPP),
            SandboxError::Full => Self::new(Code::QrNotUsable, FULL),
            SandboxError::Refused => {
                Self::new(Code::QrNotUsable, "The session did not take the link. Take the newest code.")
            }
            SandboxError::Offline => Self::new(Code::PhoneOffline, OFFLINE),
            SandboxError::Fault(error) => faults::refused(error, "peer"),
            SandboxError::Closed => Self::stopping(),
            other => {
                tracing::error!(error = %other, "the sandbox failed");
                Self::internal()
            }
        }
    }
}

pub(super) async fn screen(
    sandbox: &Sandbox,
    phone: &Phone,
    after: Option<Uuid>,
    latest: Option<u32>,
    most: u32,
) -> Result<Page, SandboxError> {
    let after = after.map(|id| id.to_string());
    match latest {
        Some(latest) => sandbox.latest(phone, after.as_deref(), latest, most).await,
        None => sandbox.page(phone, after.as_deref(), most).await,
    }
}

/// A phone's copy as it is, or the part that was asked for, if there is such a part. Its sender chose its type, so a browser is to
/// make nothing more of it than that.
fn shown(copy: Copy, part: Option<Part>) -> Answered {
    let mime = copy.mime.as_deref().filter(|mime| is_mime(mime)).and_then(|mime| HeaderValue::from_str(mime).ok());
    let size = copy.size;
    let part = part.and_then(|part| part.of(size));
    let bytes = part.clone().unwrap_or(0..size);
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, mime.unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (CONTENT_LENGTH, (bytes.end - bytes.start).into()),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ]);
    let said = part.map(|part| format!("bytes {}-{}/{size}", part.start, part.end - 1));
    let status = if said.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    headers.extend(said.and_then(|said| Some((CONTENT_RANGE, HeaderValue::try_from(said).ok()?))));
    Ok(streamed(status, headers, copy.body(bytes)?))
}

/// `audio/ogg; codecs=opus`, as a header may carry it.
fn is_mime(mime: &str) -> bool {
    let name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let kind = mime.split(';').next().unwrap_or_default().trim();
    kind.split_once('/').is_some_and(|(kind, sub)| name(kind) && name(sub))
}

/// Runs an errand, and answers as an API under `root` does.
pub(super) async fn run(sandbox: &Sandbox, errand: Errand, root: &str) -> Answered {
    match errand {
        Errand::Create { phone, name, auto_read } => {
            let mut made = sandbox.create_phone(&phone, name.as_deref()).await?;
            if let Some(at_once) = auto_read {
                made = sandbox.read_at_once(&phone, at_once).await?;
            }
            reply::created(&format!("{root}/phones/{phone}/messages"), &made)
        }
        Errand::Scan { phone, qr } => {
            sandbox.scan(&phone, qr.reveal()).await?;
            Ok(reply::done())
        }
        Errand::Enter { phone, code } => {
            sandbox.enter_code(&phone, &code).await.map_err(|error| match error {
                SandboxError::Refused => Refusal::new(Code::PairingCodeNotUsable, NO_ANSWER),
                SandboxError::Full => Refusal::new(Code::PairingCodeNotUsable, FULL),
                other => other.into(),
            })?;
            Ok(reply::done())
        }
        Errand::Look { phone } => reply::ok(&sandbox.phone(&phone).await?),
        Errand::Screen { phone, after, latest, limit } => {
            reply::ok(&screen(sandbox, &phone, after, latest, limit.unwrap_or(PAGE_MAX)).await?)
        }
        Errand::Copy { phone, message, part } => shown(sandbox.copy(&phone, &message.to_string()).await?, part),
        Errand::Expire { phone, message } => {
            sandbox.expire(&phone, &message.to_string()).await?;
            Ok(reply::done())
        }
        Errand::Write { phone, to, text } => {
            let shown = sandbox.write(&phone, &to, &text).await.map_err(|error| match error {
                SandboxError::NotOnWhatsApp => Refusal::field("to", NOT_ON_WHATSAPP),
                other => other.into(),
            })?;
            reply::created(&format!("{root}/phones/{phone}/messages"), &shown)
        }
        Errand::Post { phone, to, attachment } => {
            let shown = sandbox.post(&phone, &to, *attachment).await.map_err(|error| match error {
                SandboxError::NotOnWhatsApp => Refusal::field("to", NOT_ON_WHATSAPP),
                other => other.into(),
            })?;
            reply::created(&format!("{root}/phones/{phone}/messages"), &shown)
        }
        Errand::Read { phone, chat } => {
            sandbox.read(&phone, &chat).await?;
            Ok(reply::done())
        }
        Errand::Block { phone, other, block } => {
            sandbox.block(&phone, &other, block).await.map_err(|error| match error {
                SandboxError::Full => {
                    Refusal::field("phone", "cannot be blocked: the phone has blocked as many as it can")
                }
                other => other.into(),
            })?;
            Ok(reply::done())
        }
        Errand::Offline { phone } => {
            sandbox.go_offline(&phone).await?;
            Ok(reply::done())
        }
        Errand::Online { phone } => {
            sandbox.come_online(&phone).await?;
            Ok(reply::done())
        }
        Errand::Inject(fault) => {
            let id = sandbox.inject(Fault::clone(&fault)).await?;
            reply::created(&format!("{root}/faults/{id}"), &faults::View::of(id, &fault))
        }
        Errand::Faults { owner } => {
            let faults = sandbox.faults(owner.as_deref());
            reply::ok(&InForce { faults: faults.iter().map(faults::View::of_one_in_force).collect() })
        }
        Errand::Heal { fault, owner } => match (sandbox.heal(fault, owner.as_deref()), fault) {
            (0, Some(_)) => Err(Refusal::not_found()),
            _ => Ok(reply::done()),
        },
    }
}
