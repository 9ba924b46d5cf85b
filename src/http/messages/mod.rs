//! Messages: accepted, one file a kind; listed, shown.

mod by_hand;
pub(super) mod described;
mod download;
mod list;
mod media;
mod text;
mod upload;

use tracing::Instrument;

use super::fields::{self, Fields};
use super::reply::{self, Response};
use crate::actors::{Sending, System, Upload};
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::idempotency::Once;
use crate::domain::message::{Send, Via};
use crate::domain::phone::Phone;
use crate::domain::request::{Cause, RequestId};
use crate::domain::session::SessionKey;
use crate::telemetry::traces;
pub(super) use by_hand::{Way, refused as refused_by_hand, send as send_by_hand, typed};
pub(super) use download::download;
pub(super) use list::{list, read as filter_of, show};
pub(super) use media::{send_audio, send_media};
pub(super) use text::{asked as text_of, send};

/// What a call to send asks for.
struct Asked {
    send: Send,
    once: Option<Once>,
    /// The file that came with it.
    upload: Option<Upload>,
}

/// Accepts what was asked for. Every answer to a send says how the tenant's day stands; what was refused before the writer saw it
/// asks for that.
async fn accepted(system: &System, access: &Access, request: &RequestId, asked: Result<Asked, Refusal>) -> Response {
    answered(sent(system, access, request, asked).await, request)
}

async fn sent(system: &System, access: &Access, request: &RequestId, asked: Result<Asked, Refusal>) -> Sending {
    let span = tracing::info_span!(target: traces::TARGET, "accept", tenant = %access.tenant);
    let cause = Cause { trace: traces::place(&span), ..Cause::of(request) };
    let sending = match asked {
        Ok(Asked { send, once, upload: Some(upload) }) => {
            system.accept_with(access, cause, send, once, upload).instrument(span).await
        }
        Ok(Asked { send, once, upload: None }) => system.accept(access, cause, send, once).instrument(span).await,
        Err(refusal) => Sending { usage: None, answer: Err(refusal) },
    };
    let usage = match sending.usage {
        Some(usage) => Some(usage),
        None => system.usage(access).await.ok(),
    };
    Sending { usage, ..sending }
}

fn answered(sending: Sending, request: &RequestId) -> Response {
    let response = match sending.answer {
        Ok(answer) => reply::accepted(answer.body, answer.replayed),
        Err(refusal) => reply::refused(&refusal.of_keyed_call(), request),
    };
    reply::with_usage(response, sending.usage)
}

fn to(fields: &mut Fields) -> Option<Phone> {
    fields.required("to", fields::text(|to| to.parse::<Phone>()))
}

fn via(fields: &mut Fields) -> Option<Via> {
    let session = fields.optional("sessionId", fields::id);
    let key = fields.optional("sessionKey", fields::text(SessionKey::try_from));
    match (session, key) {
        (Some(_), Some(_)) => {
            fields.wrong("sessionKey", "must not be given together with sessionId");
            None
        }
        (Some(id), None) => Some(Via::Id(id)),
        (None, Some(key)) => Some(Via::Key(key)),
        (None, None) => Some(Via::Latest),
    }
}

#[cfg(test)]
mod tests;
