//! Texts: accepted.

use super::{Asked, accepted, answered, to, via};
use crate::domain::content::{Content, Text};
use crate::domain::error::Refusal;
use crate::domain::message::Send;
use crate::http::call::{Answered, Call};
use crate::http::fields::{Fields, text};
use crate::http::once::Header;

/// Part of what an idempotency key stands for, so that it is always written the same.
pub(super) const PATH: &str = "/api/v1/messages";

pub(in crate::http) async fn send(call: Call) -> Answered {
    let (door, request, once) = (call.door.clone(), call.arrival.id.clone(), Header::of(&call));
    let access = match call.enter_to_send().await {
        Ok(access) => access,
        Err(sending) => return Ok(answered(sending, &request)),
    };
    let asked = call.body().await.and_then(|(body, mut fields)| {
        once.check(&mut fields);
        Ok(Asked { send: asked(fields)?, once: once.once(PATH, &body), upload: None })
    });
    Ok(accepted(&door.system, &access, &request, asked).await)
}

/// The text that these fields ask to be sent.
pub(in crate::http) fn asked(mut fields: Fields) -> Result<Send, Refusal> {
    let to = to(&mut fields);
    let message = fields.required("message", text(Text::try_from));
    let all = to.zip(message).zip(via(&mut fields));
    fields.finish(all.map(|((to, text), via)| Send { to, content: Content::Text(text), via }))
}
