//! One line of the log: everything that tells a message from the others, and the way to all of it.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::{HERE, sign};
use crate::domain::id::SessionId;
use crate::domain::message::{Kind, Message};
use crate::domain::session::Session;
use crate::http::pages::moment::moment;
use crate::http::pages::words::Language;

/// How much of a text a line holds, in characters.
const BEGINNING: usize = 120;

pub(super) fn row(language: Language, message: &Message, sessions: &[Session], now: DateTime<Utc>) -> Markup {
    let own = language.words().messages;
    html! {
        li id=(format!("m-{}", message.id)) {
            (sign::way(own, message.direction))
            span.who { (sign::other_side(message).unwrap_or(own.unknown_number)) }
            a.what href=(format!("{HERE}/{}", message.id)) {
                @if message.kind != Kind::Text { span.kind { (sign::what(own, message)) } " " }
                @if let Some(said) = sign::said(message) { bdi { (beginning(said)) } }
            }
            (sign::status(own, message))
            span.via { (session(sessions, message.session_id).unwrap_or(own.gone_session)) }
            (moment(language, message.created_at, now))
        }
    }
}

/// The name of a session that is there.
pub(super) fn session(sessions: &[Session], id: SessionId) -> Option<&str> {
    sessions.iter().find(|session| session.id == id).map(|session| session.session_key.as_str())
}

/// The beginning of a text, on one line.
pub(super) fn beginning(text: &str) -> String {
    let mut signs = text.chars().map(|sign| if sign.is_whitespace() { ' ' } else { sign });
    let mut line: String = signs.by_ref().take(BEGINNING).collect();
    if signs.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_short() {
        assert_eq!(beginning("a\nb\tc"), "a b c");
        assert_eq!(beginning(&"é".repeat(BEGINNING)), "é".repeat(BEGINNING));
        assert_eq!(beginning(&"é".repeat(BEGINNING + 1)), format!("{}…", "é".repeat(BEGINNING)));
    }
}
