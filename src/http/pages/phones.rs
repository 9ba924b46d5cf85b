//! The room of the simulated phones: some of them side by side, each to be scanned with, read and written on.
//!
//! Other rooms draw phones too: `Table::of_query` reads which ones lie there, and `drawn` draws them.

mod act;
mod bubble;
mod chat;
mod chats;
mod day;
mod device;
mod file;
mod icons;
mod medium;
mod table;
mod text;
mod trouble;

use std::collections::HashMap;

use chrono::{FixedOffset, Offset, Utc};
use futures_util::future::join_all;
use maud::{Markup, html};
use ring::digest::{SHA256, digest};

use super::super::call::Answered;
use super::frame;
use super::look::cookie;
use super::visit::Visit;
use crate::domain::error::Refusal;
use crate::domain::id::TenantId;
use crate::domain::phone::Phone;
use crate::domain::session::{Session, Status};
use crate::http::sandbox::Seen;
pub(in crate::http) use act::act;
use device::{PATH, Room, device};
pub(in crate::http) use file::send_file;
pub(super) use table::{Placed, Table};

/// Lines of each phone that are looked at: its chats are those that they belong to.
const LINES: u32 = 300;
/// Bytes of a page for all phones on it, and what each takes without a single message.
const PAGE: usize = 84_000;
const BARE: usize = 9_000;
const ENOUGH: usize = 40_000;

pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let words = visit.words().phones;
    let mut table = Table::of_query(PATH, &visit.call.query);
    if table.phones.is_empty() {
        table.phones.push(Placed::new(own(visit.access.tenant, 0)));
    }
    let phones = drawn(&visit, &table, ENOUGH).await;
    let body = html! {
        div.phones {
            div.intro { h1 { (words.title) } p.muted.small { (words.lead) } }
            div.table {
                (phones)
                @if table.phones.len() < table::MOST { (another(&visit, &table)) }
            }
            p.shared.muted.small { (words.shared) }
            noscript { p { a.button href=(table.calm().href()) { (words.read_again) } } }
        }
    };
    visit.alive(frame::Room::Phones, words.title, "phones", &body)
}

/// The phones of a table, each in a `section.phone` with lines of at most so many bytes. The page loads `phones.css` and `phones.js`.
pub(super) async fn drawn(visit: &Visit, table: &Table, enough: usize) -> Markup {
    let (phones, request) = (&visit.call.door.phones, &visit.call.arrival.id);
    let looks = table.phones.iter().map(|placed| phones.look(&placed.phone, LINES, request));
    let (seen, sessions) = futures_util::join!(join_all(looks), visit.system().sessions(&visit.access));
    // Without them there is only less to scan.
    let sessions = sessions.unwrap_or_default();
    let many = table.phones.len().max(1);
    let room = Room {
        table,
        language: visit.look.language,
        now: visit.system().clock().now(),
        zone: zone(visit),
        csrf: visit.csrf(),
        files: format!("{PATH}/file{}", visit.csrf_query()),
        names: names(&sessions, &seen),
        file_max: phones.file_max(),
        cameras: showing_codes(&sessions),
        bytes: (PAGE / many - BARE).min(enough),
    };
    html! { @for (placed, seen) in table.phones.iter().zip(&seen) { (device(&room, placed, seen)) } }
}

/// A number that is the tenant's own, as far as numbers on a sandbox are: the same every time, and hardly anybody else's.
pub(super) fn own(tenant: TenantId, n: u8) -> Phone {
    let hash = digest(&SHA256, &[b"wamux/phone/1".as_slice(), tenant.0.as_bytes(), &[n]].concat());
    let number = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    // As Cameroon's mobile numbers are: a six, one of these, and seven more.
    let second = [5, 7, 8, 9][usize::from(hash.as_ref()[8] % 4)];
    let digits = format!("2376{second}{:07}", number % 10_000_000);
    Phone::from_digits(&digits).unwrap_or_else(|_| unreachable!("twelve digits are a number"))
}

/// What people are called: as on their phones, or else as the session is that is linked to the number.
fn names(sessions: &[Session], seen: &[Result<Option<Seen>, Refusal>]) -> HashMap<Phone, String> {
    let linked = sessions.iter().filter_map(|session| {
        Some((session.phone_number.as_deref()?.parse().ok()?, session.session_key.as_str().to_owned()))
    });
    let here = seen.iter().filter_map(|seen| seen.as_ref().ok()?.as_ref());
    linked.chain(here.filter_map(|seen| Some((seen.info.phone.clone(), seen.info.name.clone()?)))).collect()
}

/// How far the clocks of whoever looks are from UTC, as `phones.js` has told us.
fn zone(visit: &Visit) -> FixedOffset {
    let minutes = cookie(&visit.call, "wamux-zone").and_then(|minutes| minutes.parse::<i16>().ok());
    let seconds = i32::from(minutes.filter(|minutes| minutes.abs() <= 14 * 60).unwrap_or(0)) * 60;
    FixedOffset::east_opt(seconds).unwrap_or_else(|| Utc.fix())
}

fn showing_codes(sessions: &[Session]) -> Vec<(String, String)> {
    let showing = sessions.iter().filter(|session| session.status == Status::QrReady);
    showing.map(|session| (session.id.to_string(), session.session_key.as_str().to_owned())).collect()
}

/// The form that puts one more phone on the table.
fn another(visit: &Visit, table: &Table) -> Markup {
    let words = visit.words().phones;
    // One of so many is not there: a table has room for four.
    let free = (0..=4).map(|n| own(visit.access.tenant, n)).find(|phone| table.has_room_for(phone));
    html! {
        form.another.card.stack method="post" action=(PATH) {
            h2 { (words.add) }
            @if let Some(trouble) = table.trouble { p.note.bad role="alert" { (trouble.said(words, visit.call.door.phones.file_max())) } }
            (visit.csrf())
            input type="hidden" name="act" value="add";
            input type="hidden" name="back" value=(table.calm().href());
            label for="number" { (words.number) }
            input id="number" name="phone" type="tel" required maxlength="30" autocomplete="off" value=[free];
            label for="name" { (words.name) }
            input id="name" name="name" maxlength="25" autocomplete="off";
            button.button { (words.put_it_here) }
        }
    }
}

#[cfg(test)]
mod tests;
