//! A phone as it is drawn: its case, what is on its screen, and the keys beside it.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, Utc};
use maud::{Markup, html};

use super::super::words::{Language, Phones as Words, refusal as refusal_in};
use super::icons::{Icon, icon};
use super::table::{Placed, Table};
use super::{chat, chats};
use crate::domain::error::Refusal;
use crate::domain::phone::Phone;
use crate::http::sandbox::{Seen, Shown};

/// Where forms go.
pub(super) const PATH: &str = "/dashboard/phones";

/// What the phones on one page have in common.
pub(in crate::http::pages) struct Room<'a> {
    pub(in crate::http::pages) table: &'a Table,
    pub(in crate::http::pages) language: Language,
    pub(in crate::http::pages) now: DateTime<Utc>,
    /// Where whoever looks is on Earth, as far as clocks go.
    pub(in crate::http::pages) zone: FixedOffset,
    /// The hidden field that every form must hold.
    pub(in crate::http::pages) csrf: Markup,
    /// Where forms with files go.
    pub(in crate::http::pages) files: String,
    /// The largest file that they send, in bytes.
    pub(in crate::http::pages) file_max: usize,
    /// The caller's sessions that show a code now: their ids and names.
    pub(in crate::http::pages) cameras: Vec<(String, String)>,
    /// What people are called whose phones are here.
    pub(in crate::http::pages) names: HashMap<Phone, String>,
    /// How much of a page the lines of one phone may take.
    pub(in crate::http::pages) bytes: usize,
}

/// One phone, drawn.
pub(super) struct Device<'a> {
    pub(super) room: &'a Room<'a>,
    pub(super) placed: &'a Placed,
    /// None: there is no such phone yet.
    seen: Option<&'a Seen>,
}

/// A phone on the table with what was seen of it.
pub(in crate::http::pages) fn device(room: &Room<'_>, placed: &Placed, seen: &Result<Option<Seen>, Refusal>) -> Markup {
    let phone = &placed.phone;
    let id = phone.digits();
    let words = room.language.words().phones;
    let device = Device { room, placed, seen: seen.as_ref().ok().and_then(Option::as_ref) };
    let name = device.name_of(phone);
    html! {
        section.phone id=(format!("phone-{id}")) data-live="1000" aria-labelledby=(format!("who-{id}")) {
            form id=(device.deeds()) method="post" action=(device.action()) hidden {
                (device.hidden_fields())
                @if let Some(chat) = &placed.chat { input type="hidden" name="chat" value=(chat); }
            }
            div.who {
                (face(phone, name))
                h2 id=(format!("who-{id}")) {
                    span.vh { (words.phone) " " }
                    bdi { (name.map_or_else(|| pretty(phone), str::to_owned)) }
                    @if name.is_some() { small { (pretty(phone)) } }
                }
                (state(&device))
            }
            div.case.flying[!device.is_online()] {
                div.glass {
                    @if let Err(refusal) = seen {
                        div.head { h3 { (words.chats) } }
                        p.empty role="status" { (refusal_in(room.language, refusal)) }
                    } @else if let Some(with) = &placed.chat {
                        (chat::chat(&device, with))
                    } @else {
                        (chats::home(&device))
                    }
                }
            }
            @if seen.is_ok() { (keys(&device)) }
        }
    }
}

/// How the phone is, in a word.
fn state(device: &Device<'_>) -> Markup {
    let words = device.words();
    html! {
        @match device.seen {
            None => span.tag { (words.not_there) },
            Some(seen) if !seen.info.online => span.tag.warn { (words.in_flight_mode) },
            Some(_) => span.tag.ok { (words.online) },
        }
    }
}

/// What is no part of the screen: the switches of whoever tries things.
fn keys(device: &Device<'_>) -> Markup {
    let words = device.words();
    let id = device.placed.phone.digits();
    let deed = |act: &str, word: &str, drawn: Option<Icon>| {
        html! {
            button.button form=(device.deeds()) name="act" value=(act) { @if let Some(drawn) = drawn { (icon(drawn)) } (word) }
        }
    };
    let at_once = device.seen.is_some_and(|seen| seen.info.auto_read);
    html! {
        div.keys {
            @if device.is_online() { (deed("fly", words.fly, Some(Icon::Plane))) } @else { (deed("land", words.land, Some(Icon::Signal))) }
            details.menu.up id=(format!("settings-{id}")) {
                summary.button { (icon(Icon::Dots)) (words.settings) }
                div.sheet {
                    p.small.muted { (words.linked) " " (device.seen.map_or(0, |seen| seen.info.linked_devices)) }
                    form method="post" action=(device.action()) {
                        (device.hidden("rename"))
                        label for=(format!("name-{id}")) { (words.name) }
                        div.row {
                            input id=(format!("name-{id}")) name="name" required maxlength="25" autocomplete="off" value=[device.name_of(&device.placed.phone)];
                            button.button { (words.rename) }
                        }
                    }
                    @if at_once { (deed("by_hand", words.read_by_hand, None)) }
                    @else { (deed("at_once", words.read_at_once, None)) }
                    a.button href=(device.room.table.without(&device.placed.phone).href()) { (words.close) }
                }
            }
        }
    }
}

impl Device<'_> {
    pub(super) fn words(&self) -> &'static Words {
        self.room.language.words().phones
    }

    pub(super) fn lines(&self) -> &[Shown] {
        self.seen.map_or(&[], |seen| &seen.lines)
    }

    /// One that is not there yet is online as soon as it is used.
    pub(super) fn is_online(&self) -> bool {
        self.seen.is_none_or(|seen| seen.info.online)
    }

    pub(super) fn cameras(&self) -> &[(String, String)] {
        &self.room.cameras
    }

    pub(super) fn name_of(&self, phone: &Phone) -> Option<&str> {
        let own = self.seen.filter(|_| *phone == self.placed.phone).and_then(|seen| seen.info.name.as_deref());
        own.or_else(|| self.room.names.get(phone).map(String::as_str))
    }

    /// The address of the page with this chat open on this phone.
    pub(super) fn opening(&self, chat: Option<&Phone>) -> String {
        self.room.table.opening(&self.placed.phone, chat).href()
    }

    /// Where its forms go.
    #[allow(clippy::unused_self, reason = "as its other parts are asked for")]
    pub(super) const fn action(&self) -> &'static str {
        PATH
    }

    /// The form that the buttons without fields belong to.
    pub(super) fn deeds(&self) -> String {
        format!("deeds-{}", self.placed.phone.digits())
    }

    /// What every form about this phone holds: whose it is, which phone it is about, and where to go back to.
    pub(super) fn hidden_fields(&self) -> Markup {
        html! {
            (self.room.csrf)
            input type="hidden" name="phone" value=(self.placed.phone);
            input type="hidden" name="back" value=(self.room.table.calm().href());
        }
    }

    pub(super) fn hidden(&self, act: &str) -> Markup {
        html! {
            (self.hidden_fields())
            input type="hidden" name="act" value=(act);
        }
    }

    /// What did not work just now.
    pub(super) fn trouble(&self) -> Markup {
        html! {
            @if let Some(trouble) = self.placed.trouble { p.trouble role="alert" { (trouble.said(self.words(), self.room.file_max)) } }
        }
    }
}

/// A round picture of somebody: the first letters of a name, or a figure. Its tint is the number's own.
pub(super) fn face(phone: &Phone, name: Option<&str>) -> Markup {
    let tint = ["t0", "t1", "t2"][phone.digits().bytes().map(usize::from).sum::<usize>() % 3];
    let letters: String = name.map(initials).unwrap_or_default();
    html! {
        span.face.(tint) aria-hidden="true" { @if letters.is_empty() { (icon(Icon::Person)) } @else { (letters) } }
    }
}

fn initials(name: &str) -> String {
    let words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    words.take(2).flat_map(char::to_uppercase).take(2).collect()
}

/// A number as people of its country write it, where we know how.
pub(super) fn pretty(phone: &Phone) -> String {
    let digits = phone.digits();
    let Some(rest) = digits.strip_prefix("237").filter(|rest| rest.len() == 9) else { return phone.to_string() };
    let pairs: Vec<&str> = [&rest[..1], &rest[1..3], &rest[3..5], &rest[5..7], &rest[7..]].into();
    format!("+237 {}", pairs.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_at_home() {
        for (number, want) in [("+237612345678", "+237 6 12 34 56 78"), ("+15550000001", "+15550000001")] {
            assert_eq!(pretty(&number.parse().unwrap()), want);
        }
    }

    #[test]
    fn faces_have_two_letters_at_most() {
        for (name, want) in [("Ada", "A"), ("ada lovelace king", "AL"), ("<b> x", "BX"), ("💐", ""), ("ßa", "SS")] {
            assert_eq!(initials(name), want, "{name}");
        }
    }
}
