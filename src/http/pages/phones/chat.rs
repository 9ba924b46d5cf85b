//! An open chat: its bubbles by days, what is unread in it, and the box to write back.

use maud::{Markup, html};

use super::chats::{is_unread, unread};
use super::device::{Device, face, pretty};
use super::icons::{Icon, icon};
use super::trouble::size;
use super::{bubble, day};
use crate::domain::content::TEXT_MAX;
use crate::domain::phone::Phone;
use crate::http::sandbox::Shown;

/// The latest lines of a chat that a page shows.
const MOST: usize = 40;

pub(super) fn chat(device: &Device<'_>, with: &Phone) -> Markup {
    let words = device.words();
    let name = device.name_of(with);
    let lines: Vec<&Shown> = device.lines().iter().filter(|line| line.chat == *with).collect();
    let new = lines.iter().filter(|line| is_unread(line)).count();
    html! {
        div.head {
            a.back href=(device.opening(None)) { (icon(Icon::Back)) span.vh { (words.back_to_chats) } }
            (face(with, name))
            h3 {
                bdi { (name.map_or_else(|| pretty(with), str::to_owned)) }
                @if name.is_some() { small { (pretty(with)) } }
            }
        }
        (device.trouble())
        (log(device, with, &lines, new))
        @if new > 0 && device.is_online() {
            // It has an id, as what stands beside it: without one it would be taken for that, and what is typed there would go.
            div.unread id=(format!("unread-{}", device.placed.phone.digits())) {
                span { (unread(new, words)) }
                button.button form=(device.deeds()) name="act" value="read" { (words.mark_read) }
            }
        }
        (foot(device, with))
    }
}

fn log(device: &Device<'_>, with: &Phone, lines: &[&Shown], new: usize) -> Markup {
    let (words, room) = (device.words(), device.room);
    let phone = &device.placed.phone;
    let kept = &lines[lines.len() - fitting(lines, room.bytes)..];
    let today = day::date_of(&room.now, room.zone);
    let first_new = kept.iter().position(|line| is_unread(line));
    html! {
        div.log id=(format!("log-{}-{}", phone.digits(), with.digits())) role="log" aria-live="polite" aria-relevant="additions" tabindex="0"
            aria-label=(format!("{} {}", words.conversation, device.name_of(with).map_or_else(|| pretty(with), str::to_owned))) {
            ol {
                @if kept.is_empty() { li.empty { (words.nothing_yet) } }
                @if kept.len() < lines.len() { li.empty { (words.earlier) } }
                @for (n, line) in kept.iter().enumerate() {
                    @let before = n.checked_sub(1).map(|n| kept[n]);
                    @let date = day::date_of(&line.timestamp, room.zone);
                    @let same_day = before.is_some_and(|before| day::date_of(&before.timestamp, room.zone) == date);
                    @if !same_day { li.day id=(format!("d-{}-{}", phone.digits(), date)) { span { (day::day(date, today, room.language, words)) } } }
                    @if first_new == Some(n) { li.line { span { (unread(new, words)) } } }
                    @let follows = same_day && first_new != Some(n) && before.is_some_and(|before| before.from_me == line.from_me);
                    (bubble::bubble(line, device, !follows))
                }
            }
        }
    }
}

/// How many of the latest lines fit into so many bytes of page: at least one.
fn fitting(lines: &[&Shown], bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |line: &&&Shown| {
        let cost = bubble::cost(line);
        let fits = cost <= left;
        left = left.saturating_sub(cost);
        fits
    };
    lines.iter().rev().take(MOST).take_while(fits).count().max(lines.len().min(1))
}

fn foot(device: &Device<'_>, with: &Phone) -> Markup {
    let words = device.words();
    let foot = format!("foot-{}-{}", device.placed.phone.digits(), with.digits());
    if !device.is_online() {
        return html! {
            div.foot.away id=(foot) { p { (icon(Icon::Plane)) " " (words.no_writing) } }
        };
    }
    let id = format!("text-{}", device.placed.phone.digits());
    html! {
        div.foot id=(foot) {
            details.menu.up id=(format!("clip-{}", device.placed.phone.digits())) {
                summary title=(words.attach) { (icon(Icon::Clip)) span.vh { (words.attach) } }
                (attach(device, with))
            }
            form.write method="post" action=(device.action()) {
                (device.hidden("write"))
                input type="hidden" name="chat" value=(with);
                label.vh for=(id) { (words.write) }
                textarea id=(id) name="message" rows="1" maxlength=(TEXT_MAX) required placeholder=(words.write) enterkeyhint="send"
                    autocomplete="off" dir="auto" {}
                button.send title=(words.send) { (icon(Icon::Send)) span.vh { (words.send) } }
            }
        }
    }
}

fn attach(device: &Device<'_>, with: &Phone) -> Markup {
    let words = device.words();
    let id = format!("file-{}", device.placed.phone.digits());
    html! {
        form.sheet.attach method="post" action=(device.room.files) enctype="multipart/form-data" {
            (device.hidden_fields())
            input type="hidden" name="chat" value=(with);
            label for=(id) { (words.file.replace("{}", &size(device.room.file_max, words))) }
            input id=(id) type="file" name="file" required;
            label.tick { input type="checkbox" name="voice" value="true" checked; " " (words.as_voice) }
            button.button.first { (words.send) }
        }
    }
}
