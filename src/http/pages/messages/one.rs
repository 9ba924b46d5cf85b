//! The room of one message: what it says, its way, why it failed, and everything that names it.

use maud::{Markup, html};
use url::form_urlencoded::Serializer;

use super::medium::{self, copy};
use super::{HERE, row, sign, way};
use crate::domain::id::MessageId;
use crate::domain::message::Message;
use crate::domain::session::Session;
use crate::http::call::{Answered, id};
use crate::http::pages::frame::Room;
use crate::http::pages::visit::Visit;
use crate::http::pages::words::failure;

/// Steps of a way follow each other fast.
const LIVE: u32 = 1000;

pub(in crate::http) async fn show(visit: Visit, message: String) -> Answered {
    let message = visit.system().message(&visit.access, id::<MessageId>(&message)?).await?;
    let failed_at = visit.system().failed_at(&visit.access, &message).await?;
    let sessions = visit.system().sessions(&visit.access).await?;
    let words = visit.words().messages;
    let other = sign::other_side(&message).unwrap_or(words.unknown_number);
    let body = html! {
        p.back { a href=(HERE) { span aria-hidden="true" { "← " } (words.title) } }
        div.message id="message" data-live=(LIVE) {
            div.head {
                h1 { (sign::way(words, message.direction)) (other) }
                (sign::status(words, &message))
                @if let Some(number) = sign::other_side(&message).filter(|number| number.starts_with('+')) {
                    a.button href=(write_to(number, &message)) { (words.write_to) }
                }
            }
            @if message.error_code.is_some() || message.error_message.is_some() { (why(&visit, &message)) }
            div.sides {
                div {
                    section.card {
                        h2 { (sign::what(words, &message)) }
                        (medium::content(visit.words(), &message))
                    }
                    section.card {
                        h2 { (words.way) }
                        (way::way(visit.words(), &message, failed_at))
                    }
                }
                section.card { (named(&visit, &message, &sessions)) }
            }
            details.card id="as-json" {
                summary { (words.as_json) }
                p.small { code { "GET /api/v1/messages/" (message.id) } }
                pre tabindex="0" id="json" { code lang="en" { (serde_json::to_string_pretty(&message).unwrap_or_default()) } }
                (copy(words, "json"))
            }
        }
    };
    visit.alive(Room::Messages, &format!("{other} · {}", words.title), "messages", &body)
}

/// The console, ready to write to this number through the same session.
fn write_to(number: &str, message: &Message) -> String {
    let session = message.session_id.to_string();
    let query = Serializer::new(String::new()).append_pair("to", number).append_pair("sessionId", &session).finish();
    format!("/dashboard/console?{query}")
}

fn why(visit: &Visit, message: &Message) -> Markup {
    let words = visit.words().messages;
    html! {
        section.note.bad {
            strong { (words.why_failed) }
            p { (failure(visit.look.language, message)) }
            @if let Some(code) = &message.error_code { p { a href=(format!("/docs#{code}")) { code { (code) } } } }
        }
    }
}

/// Everything that names it, to be copied, and what it is.
fn named(visit: &Visit, message: &Message, sessions: &[Session]) -> Markup {
    let words = visit.words().messages;
    let wire = Some(message.whatsapp_message_id.as_str()).filter(|id| !id.is_empty());
    let ids = [
        (words.id, "message-id", Some(message.id.to_string())),
        (words.whatsapp_id, "whatsapp-id", wire.map(str::to_owned)),
        (words.request_id, "request-id", message.request_id.clone()),
    ];
    let session = row::session(sessions, message.session_id);
    html! {
        h2 { (words.details) }
        dl.named {
            @for (name, id, value) in ids {
                @if let Some(value) = value {
                    dt { (name) }
                    dd { code.long id=(id) { (value) } (copy(words, id)) }
                }
            }
            dt { (words.session) }
            dd {
                @match session {
                    Some(name) => a href=(format!("/dashboard/sessions/{}", message.session_id)) { (name) },
                    None => a href=(format!("{HERE}?sessionId={}", message.session_id)) { (words.gone_session) },
                }
            }
            @for (name, number) in [(words.from, &message.from_phone), (words.to, &message.to_phone)] {
                @if let Some(number) = number { dt { (name) } dd.num { (number) } }
            }
            @for (name, value) in medium::facts(visit.words(), message) { dt { (name) } dd { (value) } }
        }
    }
}
