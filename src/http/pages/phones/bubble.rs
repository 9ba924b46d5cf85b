//! One message as a phone shows it: in its bubble, with its time, and with ticks if the phone sent it.

use maud::{Markup, html};

use super::super::words::Phones as Words;
use super::device::Device;
use super::{day, medium, text};
use crate::domain::phone::Phone;
use crate::http::sandbox::{Shown, Status};

/// The longest text that WhatsApp's servers let through from us; another client's may be longer, and is cut.
const LONG: usize = 4096;
const CUT: usize = 1000;

/// What of a line a page holds, in bytes, more or less.
pub(super) fn cost(line: &Shown) -> usize {
    let text = line.text.as_str();
    let text = if text.len() > LONG * 4 { &text[..text.floor_char_boundary(CUT * 4)] } else { text };
    let marks = text.bytes().filter(|byte| b"&<>\"*_~`".contains(byte)).count();
    let medium = if line.text.len() != text.len() || line.facts.mime.is_none() { 0 } else { 700 };
    let waveform = if line.facts.voice == Some(true) { 900 } else { 0 };
    let thumbnail = if line.sha256.is_none() { line.facts.thumbnail.as_ref().map_or(0, String::len) } else { 0 };
    420 + text.len() + 8 * marks + medium + waveform + thumbnail
}

/// A line of a chat. The first of several by one person stands a little apart.
pub(super) fn bubble(line: &Shown, device: &Device<'_>, first: bool) -> Markup {
    let (words, phone) = (device.words(), &device.placed.phone);
    let side = if line.from_me { "out" } else { "in" };
    let bare = line.kind == "sticker" || (line.kind == "text" && text::is_emoji(&line.text));
    let new = !line.from_me && line.status < Status::Read;
    html! {
        li.b.(side).first[first].bare[bare].new[new] id=(format!("m-{}", line.id)) {
            span.vh { (if line.from_me { words.you } else { words.them }) " " }
            (content(line, phone, bare, words))
            span.at { (day::clock(&line.timestamp, device.room.zone)) @if line.from_me { (ticks(line.status, words)) } }
        }
    }
}

fn content(line: &Shown, phone: &Phone, bare: bool, words: &Words) -> Markup {
    html! {
        @match line.kind.as_str() {
            "text" if bare => { p.emoji dir="auto" { (line.text.trim()) } },
            "text" => (words_of(&line.text, words)),
            "deleted" => { p.hush { (words.deleted) } },
            "unsupported" => { p.hush { (words.unsupported) } },
            "image" | "video" | "audio" | "document" | "sticker" => {
                (medium::medium(line, phone, words))
                @if let Some(caption) = &line.caption { (words_of(caption, words)) }
            },
            other => {
                p.hush { (medium::kind(other, line, words).1) }
                @if !line.text.is_empty() { (words_of(&line.text, words)) }
            },
        }
    }
}

/// A text, as whole as a page can hold it.
fn words_of(text: &str, words: &Words) -> Markup {
    if text.len() <= LONG || text.chars().count() <= LONG {
        return html! { p.mixed[is_mixed(text)] dir="auto" { (text::formatted(text)) } };
    }
    let start: String = text.chars().take(CUT).collect();
    html! {
        p.mixed[is_mixed(&start)] dir="auto" { (text::formatted(&start)) "…" }
        p.hush { (text.chars().count()) " " (words.cut) }
    }
}

/// Whether a text turns its own direction, so that nobody knows on which side its last line ends.
fn is_mixed(text: &str) -> bool {
    text.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// How far a message of the phone's own has come, drawn and in a word.
pub(super) fn ticks(status: Status, words: &Words) -> Markup {
    let (class, path) = match status {
        Status::Pending => ("pending", "M8 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M8 3.5V6l1.8 1"),
        Status::Sent => ("sent", "M3.5 6.5l3 3 6-7"),
        Status::Delivered => ("delivered", "M1 6.5l3 3 6-7M7.5 9.2l.5.3 6-7"),
        Status::Read => ("read", "M1 6.5l3 3 6-7M7.5 9.2l.5.3 6-7"),
    };
    let word = words.ticks[status as usize];
    html! {
        svg.ticks.(class) viewBox="0 0 16 12" aria-hidden="true" { path d=(path) {} }
        span.vh { " " (word) }
    }
}
