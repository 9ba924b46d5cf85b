//! What a phone shows first: its chats, the latest first, and the camera if there is a code to scan.

use std::collections::HashMap;

use maud::{Markup, html};

use super::super::words::Phones as Words;
use super::device::{Device, face, pretty};
use super::icons::{Icon, icon};
use super::{bubble, day, medium};
use crate::domain::phone::Phone;
use crate::http::sandbox::{Shown, Status};

/// The latest chats that a page shows, and about what each takes of it in bytes.
const MOST: usize = 30;
const ROW: usize = 1_100;

/// A chat in the list.
struct Chat<'s> {
    with: &'s Phone,
    last: &'s Shown,
    unread: usize,
}

/// The chats that lines belong to, the latest first.
fn chats(lines: &[Shown]) -> Vec<Chat<'_>> {
    let mut at: HashMap<&Phone, usize> = HashMap::new();
    let mut chats: Vec<Chat> = Vec::new();
    for line in lines.iter().rev() {
        let place = *at.entry(&line.chat).or_insert_with(|| {
            chats.push(Chat { with: &line.chat, last: line, unread: 0 });
            chats.len() - 1
        });
        chats[place].unread += usize::from(is_unread(line));
    }
    chats
}

pub(super) fn is_unread(line: &Shown) -> bool {
    !line.from_me && line.status < Status::Read
}

/// `3 unread messages`.
pub(super) fn unread(count: usize, words: &Words) -> String {
    format!("{count} {}", words.unread[usize::from(count > 1)])
}

pub(super) fn home(device: &Device<'_>) -> Markup {
    let words = device.words();
    let chats = chats(device.lines());
    let new = format!("new-{}", device.placed.phone.digits());
    html! {
        div.head {
            h3 { (words.chats) }
            details.menu id=(format!("camera-{}", device.placed.phone.digits())) name=(format!("sheet-{}", device.placed.phone.digits())) {
                summary title=(words.camera) { (icon(Icon::Camera)) span.vh { (words.camera) } }
                (camera(device))
            }
            details.menu id=(new) name=(format!("sheet-{}", device.placed.phone.digits())) {
                summary title=(words.new_chat) { (icon(Icon::Plus)) span.vh { (words.new_chat) } }
                (new_chat(device))
            }
        }
        (device.trouble())
        @if !device.cameras().is_empty() && device.is_online() { (aim(device)) }
        @if chats.is_empty() {
            p.empty { (words.no_chats) }
        } @else {
            ul.chats { @for chat in chats.iter().take(MOST.min(device.room.bytes / ROW)) { (row(device, chat)) } }
        }
    }
}

fn row(device: &Device<'_>, chat: &Chat<'_>) -> Markup {
    let words = device.words();
    let name = device.name_of(chat.with);
    html! {
        li {
            a href=(device.opening(Some(chat.with))) {
                (face(chat.with, name))
                span.what {
                    span.with { bdi { (name.map_or_else(|| pretty(chat.with), str::to_owned)) } }
                    span.last { (last(chat.last, words)) }
                }
                span.when {
                    (day::short(&chat.last.timestamp, device.room, words))
                    @if chat.unread > 0 {
                        span.count { span aria-hidden="true" { (chat.unread) } span.vh { (unread(chat.unread, words)) } }
                    }
                }
            }
        }
    }
}

/// The last line of a chat, in a line.
fn last(line: &Shown, words: &Words) -> Markup {
    html! {
        @if line.from_me { (bubble::ticks(line.status, words)) " " }
        @if line.kind == "text" {
            bdi { (medium::brief(&line.text)) }
        } @else {
            @let (picture, name) = medium::kind(&line.kind, line, words);
            (icon(picture)) " "
            @match line.caption.as_deref().filter(|caption| !caption.is_empty()) {
                Some(caption) => bdi { (medium::brief(caption)) },
                None => (name),
            }
        }
    }
}

/// A session of this tenant shows a code, and the phone is held to it.
fn aim(device: &Device<'_>) -> Markup {
    let words = device.words();
    let cameras = device.cameras();
    html! {
        form.aim method="post" action=(device.action()) {
            (device.hidden("scan"))
            (icon(Icon::Camera))
            @if let [(id, name)] = cameras {
                input type="hidden" name="session" value=(id);
                p { (words.shows_a_code[0]) bdi { (name) } (words.shows_a_code[1]) }
            } @else {
                label {
                    span.vh { (words.scan_which) }
                    select name="session" { @for (id, name) in cameras { option value=(id) { (name) } } }
                }
            }
            button.button.first { (words.scan) }
        }
    }
}

fn camera(device: &Device<'_>) -> Markup {
    let words = device.words();
    let id = format!("code-{}", device.placed.phone.digits());
    html! {
        div.sheet {
            @if device.cameras().is_empty() { p { (words.no_code) " " a href="/dashboard/sessions" { (words.sessions) } } }
            form method="post" action=(device.action()) {
                (device.hidden("enter"))
                label for=(id) { (words.pairing_code) }
                div.row {
                    input id=(id) name="code" required maxlength="20" placeholder="ABCD-EFGH" autocomplete="off" autocapitalize="characters"
                        spellcheck="false";
                    button.button { (words.link) }
                }
            }
        }
    }
}

/// Opens a chat with any number: a form that asks for the page, so it works as a link does.
fn new_chat(device: &Device<'_>) -> Markup {
    let words = device.words();
    let id = format!("to-{}", device.placed.phone.digits());
    let table = device.room.table.opening(&device.placed.phone, None);
    html! {
        div.sheet {
            form method="get" action=(table.path()) {
                label for=(id) { (words.new_chat_with) }
                @for (name, value) in table.fields() {
                    input type="hidden" name=(name) value=(value);
                    // The chat belongs to the phone before it.
                    @if name == "phone" && value == device.placed.phone.to_string() {
                        div.row {
                            input id=(id) name="chat" type="tel" required placeholder="+237 6…" autocomplete="off";
                            button.button { (words.open) }
                        }
                    }
                }
            }
        }
    }
}
