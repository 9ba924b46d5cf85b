//! Which messages are asked for: read by the API's own reader, shown in a form, and each taken away by a link.

use maud::{Markup, html};
use url::form_urlencoded::Serializer;

use super::{HERE, PAGE, sign};
use crate::domain::error::FieldError;
use crate::domain::id::MessageId;
use crate::domain::message::{Direction, Filter, Kind, SEARCH_MAX, Search, Status};
use crate::domain::session::Session;
use crate::http::fields::{self, Fields, text};
use crate::http::messages::filter_of;
use crate::http::pages::visit::Visit;
use crate::http::pages::words::mistake;

/// The filters by their names in the address, in the order of the form.
const NAMES: [&str; 6] = ["search", "status", "direction", "type", "to", "sessionId"];
/// How many sessions can be chosen by name; of more than that, those that were made last.
const SESSIONS: usize = 100;

/// What an address asks for.
pub(super) struct Asked {
    given: Vec<(String, String)>,
    /// None if something of it cannot be read.
    pub(super) filter: Option<Filter>,
    wrong: Vec<FieldError>,
}

impl Asked {
    /// Fields that were left blank ask for nothing, and what is no filter (a language, a theme) is not ours to read.
    pub(super) fn of(query: &[(String, String)]) -> Self {
        let ours = |name: &str| NAMES.contains(&name) || ["cursor", "after"].contains(&name);
        let given = query.iter().map(|(name, value)| (name.clone(), value.trim().to_owned()));
        let given: Vec<_> = given.filter(|(name, value)| ours(name) && !value.is_empty()).collect();
        let mut fields = Fields::of_query(given.clone());
        let search = fields.optional("search", text(Search::try_from));
        let after = fields.optional("after", fields::id);
        let filter = Filter { search, after, limit: PAGE, ..filter_of(&mut fields) };
        let (filter, wrong) = match fields.finish(Some(filter)) {
            Ok(filter) => (Some(filter), Vec::new()),
            Err(refusal) => (None, refusal.fields),
        };
        Self { given, filter, wrong }
    }

    /// Whether it is a page on the way back to the newest.
    pub(super) fn goes_back(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.after.is_some())
    }

    /// Whether nothing narrows the list.
    pub(super) fn is_plain(&self) -> bool {
        self.given.is_empty()
    }

    /// The same list without one of its filters, or from another place on.
    pub(super) fn link(&self, without: Option<&str>, from: Option<(&str, MessageId)>) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.filters().filter(|(name, _)| Some(*name) != without) {
            query.append_pair(name, value);
        }
        if let Some((name, id)) = from {
            query.append_pair(name, &id.to_string());
        }
        let query = query.finish();
        if query.is_empty() { HERE.to_owned() } else { format!("{HERE}?{query}") }
    }

    fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        given.filter(|(name, _)| NAMES.contains(name))
    }

    fn value(&self, name: &str) -> &str {
        self.filters().find(|(given, _)| *given == name).map_or("", |(_, value)| value)
    }

    pub(super) fn form(&self, visit: &Visit, sessions: &[Session]) -> Markup {
        let words = visit.words().messages;
        let chosen = self.value("sessionId");
        let listed = sessions.iter().rev().take(SESSIONS);
        let chosen_too = sessions.iter().rev().skip(SESSIONS).filter(|session| session.id.to_string() == chosen);
        let sessions_named: Vec<_> = listed
            .chain(chosen_too)
            .map(|session| (session.id.to_string(), session.session_key.as_str().to_owned()))
            .collect();
        let named = |all: Vec<(&'static str, &'static str)>| -> Vec<(String, String)> {
            all.into_iter().map(|(value, name)| (value.to_owned(), name.to_owned())).collect()
        };
        html! {
            form.filters method="get" action=(HERE) role="search" {
                div.sought {
                    label for="search" { (words.search) }
                    input id="search" name="search" type="search" value=(self.value("search")) maxlength=(SEARCH_MAX)
                        placeholder=(words.search_hint) aria-invalid=[self.invalid("search")];
                    (self.mistake(visit, "search"))
                }
                (self.select("status", words.status, words.any, &named(statuses(visit))))
                (self.select("direction", words.direction, words.any, &named(directions(visit))))
                (self.select("type", words.kind, words.any, &named(kinds(visit))))
                div {
                    label for="to" { (words.number) }
                    input id="to" name="to" type="tel" value=(self.value("to")) placeholder="+237612345678"
                        aria-invalid=[self.invalid("to")];
                    (self.mistake(visit, "to"))
                }
                (self.select("sessionId", words.session, words.any_session, &sessions_named))
                div.go { button.button { (words.filter) } }
            }
            (self.chips(visit, sessions))
            @if !self.is_plain() { p.hint { (words.searched) } }
        }
    }

    fn select(&self, name: &str, label: &str, any: &str, options: &[(String, String)]) -> Markup {
        let chosen = self.value(name);
        let unknown = !chosen.is_empty() && options.iter().all(|(value, _)| value != chosen);
        html! {
            div {
                label for=(name) { (label) }
                select id=(name) name=(name) aria-invalid=[self.invalid(name)] {
                    option value="" { (any) }
                    @if unknown { option value=(chosen) selected { (chosen) } }
                    @for (value, name) in options { option value=(value) selected[value == chosen] { (name) } }
                }
            }
        }
    }

    fn invalid(&self, name: &str) -> Option<&'static str> {
        self.wrong.iter().any(|wrong| wrong.field == name).then_some("true")
    }

    fn mistake(&self, visit: &Visit, name: &str) -> Markup {
        let wrong = self.wrong.iter().filter(|wrong| wrong.field == name);
        html! { @for wrong in wrong { p.mistake { (mistake(visit.look.language, &wrong.message)) } } }
    }

    /// What narrows the list, each with a link that takes it away.
    fn chips(&self, visit: &Visit, sessions: &[Session]) -> Markup {
        let words = visit.words().messages;
        let label = |name: &str| match name {
            "search" => words.search,
            "status" => words.status,
            "direction" => words.direction,
            "type" => words.kind,
            "to" => words.number,
            _ => words.session,
        };
        html! {
            @if self.filters().next().is_some() {
                ul.chips aria-label=(words.filtered_by) {
                    @for (name, value) in self.filters() {
                        li {
                            a href=(self.link(Some(name), None)) title=(words.remove) {
                                span.muted { (label(name)) } " " (said(visit, name, value, sessions)) " "
                                span.vh { (words.remove) } span aria-hidden="true" { "×" }
                            }
                        }
                    }
                    li { a.all href=(HERE) { (words.clear) } }
                }
            }
        }
    }
}

/// A filter's value in words.
fn said(visit: &Visit, name: &str, value: &str, sessions: &[Session]) -> String {
    let of = |all: Vec<(&'static str, &'static str)>| {
        all.into_iter().find(|(known, _)| *known == value).map(|found| found.1)
    };
    let word = match name {
        "status" => of(statuses(visit)),
        "direction" => of(directions(visit)),
        "type" => of(kinds(visit)),
        "sessionId" => {
            sessions.iter().find(|session| session.id.to_string() == value).map(|session| session.session_key.as_str())
        }
        _ => None,
    };
    word.unwrap_or(value).to_owned()
}

fn statuses(visit: &Visit) -> Vec<(&'static str, &'static str)> {
    Status::ALL.into_iter().map(|status| (status.as_str(), sign::name(visit.words().messages, status))).collect()
}

fn directions(visit: &Visit) -> Vec<(&'static str, &'static str)> {
    let words = visit.words().messages;
    let name = |direction| match direction {
        Direction::Outbound => ("outbound", words.outbound),
        Direction::Inbound => ("inbound", words.inbound),
    };
    vec![name(Direction::Outbound), name(Direction::Inbound)]
}

fn kinds(visit: &Visit) -> Vec<(&'static str, &'static str)> {
    let words = visit.words().messages;
    let all = [Kind::Text, Kind::Image, Kind::Video, Kind::Audio, Kind::Unsupported];
    all.into_iter().map(|kind| (kind.as_str(), sign::kind(words, kind))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &[(&str, &str)]) -> Asked {
        Asked::of(&query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn a_filter_is_taken_away_and_the_others_stay() {
        let asked =
            asked(&[("search", "50 % & more"), ("status", "failed"), ("to", ""), ("lang", "fr"), ("cursor", "")]);
        assert!(asked.filter.is_some() && !asked.is_plain());
        assert_eq!(asked.link(None, None), "/dashboard/messages?search=50+%25+%26+more&status=failed");
        assert_eq!(asked.link(Some("search"), None), "/dashboard/messages?status=failed");
        let id = MessageId(uuid::Uuid::nil());
        let older = asked.link(Some("search"), Some(("cursor", id)));
        assert_eq!(older, "/dashboard/messages?status=failed&cursor=00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let asked = asked(&[("to", "123"), ("status", "gone"), ("search", &"x".repeat(200))]);
        assert!(asked.filter.is_none());
        for name in ["to", "status", "search"] {
            assert!(asked.invalid(name).is_some(), "{name}");
        }
    }
}
