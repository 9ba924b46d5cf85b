//! The rooms of messages: the log of all of them, newest first, and each with its way.

mod filters;
mod medium;
mod one;
mod row;
mod sign;
mod way;

use maud::{Markup, html};

use super::super::call::Answered;
use super::super::reply;
use super::frame::Room;
use super::visit::Visit;
use crate::domain::error::Code;
use crate::domain::message::{Message, Stretch};
use crate::domain::session::Session;
use filters::Asked;
pub(in crate::http) use one::show;

/// How many messages a page lists: such a page stays well under a hundred kilobytes, whatever they say.
const PAGE: u64 = 40;
/// How often a page that is looked at is read again, in milliseconds.
const LIVE: u32 = 2000;
const HERE: &str = "/dashboard/messages";

pub(in crate::http) async fn list(visit: Visit) -> Answered {
    let asked = Asked::of(&visit.call.query);
    let sessions = visit.system().sessions(&visit.access).await?;
    let found = match &asked.filter {
        Some(filter) => Some(visit.system().stretch(&visit.access, filter.clone()).await?),
        None => None,
    };
    if asked.goes_back() && found.as_ref().is_some_and(|found| !found.newer) {
        // Back at the top, which is where new ones come in.
        return Ok(reply::see_other(&asked.link(None, None)));
    }
    let words = visit.words().messages;
    let body = html! {
        div.head {
            h1 { (words.title) }
            a.button href="/dashboard/console" { (words.to_console) }
        }
        (asked.form(&visit, &sessions))
        @if let Some(found) = &found {
            section.log id="log" data-live=(LIVE) aria-label=(words.title) { (listed(&visit, &asked, found, &sessions)) }
        } @else {
            p.note.bad role="alert" { (words.wrong_filter) }
        }
    };
    let page = visit.alive(Room::Messages, words.title, "messages", &body)?;
    Ok(if found.is_some() { page } else { reply::not_taken(Code::ValidationFailed, page) })
}

/// What a message says, on one line, or else what it is.
pub(super) fn beginning(visit: &Visit, message: &Message) -> String {
    sign::said(message).map_or_else(|| sign::what(visit.words().messages, message).to_owned(), row::beginning)
}

fn listed(visit: &Visit, asked: &Asked, found: &Stretch, sessions: &[Session]) -> Markup {
    let now = visit.system().clock().now();
    html! {
        @if found.messages.is_empty() {
            (nothing(visit, asked))
        } @else {
            ol.entries { @for message in &found.messages { (row::row(visit.look.language, message, sessions, now)) } }
            (pages(visit, asked, found))
        }
    }
}

fn pages(visit: &Visit, asked: &Asked, found: &Stretch) -> Markup {
    let words = visit.words().messages;
    let newer = found.messages.first().filter(|_| found.newer);
    let older = found.messages.last().filter(|_| found.older);
    html! {
        @if newer.or(older).is_some() {
            nav.turn aria-label=(words.pages) {
                @if let Some(newer) = newer {
                    a.button href=(asked.link(None, None)) { (words.newest) }
                    a.button rel="prev" href=(asked.link(None, Some(("after", newer.id)))) { (words.newer) }
                }
                @if let Some(older) = older {
                    a.button rel="next" href=(asked.link(None, Some(("cursor", older.id)))) { (words.older) }
                }
            }
        }
    }
}

/// Why nothing is listed, and what to do about it.
fn nothing(visit: &Visit, asked: &Asked) -> Markup {
    let words = visit.words().messages;
    let (heading, text) =
        if asked.is_plain() { (words.none_yet, words.none_yet_text) } else { (words.no_match, words.no_match_text) };
    html! {
        div.nothing {
            h2 { (heading) }
            p.muted { (text) }
            p.acts {
                @if asked.is_plain() {
                    a.button.first href="/dashboard/console" { (words.to_console) }
                } @else {
                    a.button href=(HERE) { (words.clear) }
                }
            }
        }
    }
}
