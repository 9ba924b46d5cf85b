//! Messages: listed, shown.

use crate::domain::error::Refusal;
use crate::domain::message::Filter;
use crate::domain::phone::Phone;
use crate::http::call::{Answered, Call, id};
use crate::http::fields::{self, Fields, digits, text, word};
use crate::http::reply;

pub(super) const PAGE: u64 = 50;
pub(super) const PAGE_MAX: u64 = 100;
pub(super) const OFFSET_MAX: u64 = u32::MAX as u64;

pub(in crate::http) async fn list(call: Call) -> Answered {
    let access = call.enter().await?;
    let door = call.door.clone();
    reply::ok(&door.system.messages(&access, filter(Fields::of_query(call.query))?).await?)
}

pub(in crate::http) async fn show(call: Call, message: String) -> Answered {
    let access = call.enter().await?;
    reply::ok(&call.system().message(&access, id(&message)?).await?)
}

pub(super) fn filter(mut query: Fields) -> Result<Filter, Refusal> {
    let filter = read(&mut query);
    query.finish(Some(filter))
}

/// What is asked for, as far as it can be read; the fields tell of the rest.
pub(in crate::http) fn read(query: &mut Fields) -> Filter {
    Filter {
        session: query.optional("sessionId", fields::id),
        status: query.optional("status", word),
        direction: query.optional("direction", word),
        kind: query.optional("type", word),
        // In a query `+` stands for a space; nobody means a space here.
        to: query.optional("to", text(|to| to.replacen(' ', "+", usize::from(to.starts_with(' '))).parse::<Phone>())),
        limit: query.optional("limit", digits(1..=PAGE_MAX)).unwrap_or(PAGE),
        offset: query.optional("offset", digits(0..=OFFSET_MAX)).unwrap_or(0),
        before: query.optional("cursor", fields::id),
        ..Filter::default()
    }
}
