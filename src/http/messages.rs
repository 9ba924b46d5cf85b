//! Messages: accepted, listed, shown.

pub(super) mod described;

use super::call::{Answered, Call, id};
use super::fields::{self, Fields, digits, text, word};
use super::once::Header;
use super::reply::{self, Response};
use super::serve::RequestId;
use crate::actors::Sending;
use crate::domain::content::{Content, Text};
use crate::domain::error::Refusal;
use crate::domain::message::{Filter, Send, Via};
use crate::domain::phone::Phone;
use crate::domain::session::SessionKey;

/// Part of what an idempotency key stands for, so that it is always written the same.
const PATH: &str = "/api/v1/messages";
const PAGE: u64 = 50;
const PAGE_MAX: u64 = 100;
const OFFSET_MAX: u64 = u32::MAX as u64;

pub(super) async fn send(call: Call) -> Answered {
    let (door, request, once) = (call.door.clone(), call.arrival.id.clone(), Header::of(&call));
    let access = match call.enter_to_send().await {
        Ok(access) => access,
        Err(sending) => return Ok(answered(sending, &request)),
    };
    let asked = match call.body().await {
        Ok((body, mut fields)) => {
            once.check(&mut fields);
            asked(fields).map(|send| (send, once.once(PATH, &body)))
        }
        Err(refusal) => Err(refusal),
    };
    let sending = match asked {
        Ok((send, once)) => door.system.accept(&access, send, once).await,
        Err(refusal) => Sending { usage: None, answer: Err(refusal) },
    };
    // Every answer to a send says how the tenant's day stands; what was refused before the writer saw it asks for that.
    let usage = match sending.usage {
        Some(usage) => Some(usage),
        None => door.system.usage(&access).await.ok(),
    };
    Ok(answered(Sending { usage, ..sending }, &request))
}

fn answered(sending: Sending, request: &RequestId) -> Response {
    let response = match sending.answer {
        Ok(answer) => reply::accepted(answer.body, answer.replayed),
        Err(refusal) => reply::refused(&refusal.of_keyed_call(), request),
    };
    reply::with_usage(response, sending.usage)
}

pub(super) async fn list(call: Call) -> Answered {
    let access = call.enter().await?;
    let door = call.door.clone();
    reply::ok(&door.system.messages(&access, filter(Fields::of_query(call.query))?).await?)
}

pub(super) async fn show(call: Call, message: String) -> Answered {
    let access = call.enter().await?;
    reply::ok(&call.system().message(&access, id(&message)?).await?)
}

fn asked(mut fields: Fields) -> Result<Send, Refusal> {
    let to = fields.required("to", text(|to| to.parse::<Phone>()));
    let message = fields.required("message", text(Text::try_from));
    let session = fields.optional("sessionId", fields::id);
    let key = fields.optional("sessionKey", text(SessionKey::try_from));
    let via = match (session, key) {
        (Some(_), Some(_)) => {
            fields.wrong("sessionKey", "must not be given together with sessionId");
            None
        }
        (Some(id), None) => Some(Via::Id(id)),
        (None, Some(key)) => Some(Via::Key(key)),
        (None, None) => Some(Via::Latest),
    };
    let all = to.zip(message).zip(via);
    fields.finish(all.map(|((to, text), via)| Send { to, content: Content::Text(text), via }))
}

fn filter(mut query: Fields) -> Result<Filter, Refusal> {
    let filter = Filter {
        session: query.optional("sessionId", fields::id),
        status: query.optional("status", word),
        direction: query.optional("direction", word),
        kind: query.optional("type", word),
        // In a query `+` stands for a space; nobody means a space here.
        to: query.optional("to", text(|to| to.replacen(' ', "+", usize::from(to.starts_with(' '))).parse::<Phone>())),
        limit: query.optional("limit", digits(1..=PAGE_MAX)).unwrap_or(PAGE),
        offset: query.optional("offset", digits(0..=OFFSET_MAX)).unwrap_or(0),
        before: query.optional("cursor", fields::id),
    };
    query.finish(Some(filter))
}

#[cfg(test)]
mod tests;
