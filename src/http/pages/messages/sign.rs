//! The signs and names of a message: which way it went, what it is, how far it has come. Each sign has a word beside it.

use maud::{Markup, html};

use crate::domain::message::{Direction, Kind, Message, Shown, Status};
use crate::http::pages::words::Messages;

pub(super) fn name(words: &Messages, status: Status) -> &'static str {
    match status {
        Status::Pending => words.statuses[0],
        Status::Sent => words.statuses[1],
        Status::Delivered => words.statuses[2],
        Status::Read => words.statuses[3],
        Status::Failed => words.statuses[4],
    }
}

/// How far a message has come, as phones draw it. One that was received has come all the way.
pub(super) fn status(words: &Messages, message: &Message) -> Markup {
    let (class, name) = match message.direction {
        Direction::Inbound => ("received", words.received),
        Direction::Outbound => (message.status.as_str(), name(words, message.status)),
    };
    html! { span.mark.(class) { (drawn(class)) (name) } }
}

fn drawn(status: &str) -> Markup {
    html! {
        svg viewBox="0 0 16 16" aria-hidden="true" {
            @match status {
                "pending" => { circle cx="8" cy="8" r="5.6" {} path d="M8 5v3.2l2 1.3" {} },
                "sent" => path d="M3 8.8 6.3 12 13 4.5" {},
                "delivered" | "read" => path d="M.9 8.8 4.2 12l6.7-7.5M7.6 11.4l.6.6 6.9-7.5" {},
                "failed" => { rect x="2.2" y="2.2" width="11.6" height="11.6" rx="2.4" {} path d="M8 5v3.6M8 11v.1" {} },
                _ => path d="M8 2.6v7M5 6.9l3 3 3-3M3 13.2h10" {},
            }
        }
    }
}

/// Which way it went: an arrow, and a word for who does not see it.
pub(super) fn way(words: &Messages, direction: Direction) -> Markup {
    let (class, word, line) = match direction {
        Direction::Outbound => ("out", words.sent_to, "M4.5 11.5 11.5 4.5M6 4.5h5.5V10"),
        Direction::Inbound => ("in", words.from, "M11.5 4.5 4.5 11.5M10 11.5H4.5V6"),
    };
    html! { span.way.(class) { svg viewBox="0 0 16 16" aria-hidden="true" { path d=(line) {} } span.vh { (word) } } }
}

/// The number of the other side, as far as it is known.
pub(super) fn other_side(message: &Message) -> Option<&str> {
    match message.direction {
        Direction::Outbound => message.to_phone.as_deref(),
        Direction::Inbound => message.from_phone.as_deref(),
    }
}

pub(super) const fn kind(words: &Messages, kind: Kind) -> &'static str {
    match kind {
        Kind::Text => words.text,
        Kind::Image => words.image,
        Kind::Video => words.video,
        Kind::Audio => words.audio,
        Kind::Unsupported => words.unsupported,
    }
}

/// What it is, as a person says it.
pub(super) const fn what(words: &Messages, message: &Message) -> &'static str {
    match &message.shown {
        Shown::Audio { ptt: true, .. } => words.voice,
        Shown::Video { gif: Some(true), .. } => words.gif,
        _ => kind(words, message.kind),
    }
}

/// Its text or its caption.
pub(super) fn said(message: &Message) -> Option<&str> {
    let said = match &message.shown {
        Shown::Text { message } => message.as_deref(),
        Shown::Image { medium } | Shown::Video { medium, .. } => medium.caption.as_deref(),
        Shown::Audio { .. } | Shown::Unsupported {} => None,
    };
    said.filter(|said| !said.trim().is_empty())
}
