//! The guide, from a text in each language, and the list of codes, from the list that the server refuses by.

use std::sync::OnceLock;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::super::words::{self, Language};
use crate::domain::error::Code;
use crate::domain::message::Failure;
use crate::http::reply;

fn text(language: Language) -> &'static str {
    let all = match language {
        Language::English => include_str!("guide/english.md"),
        Language::French => include_str!("guide/french.md"),
    };
    // Its last part is of the sandbox, which is not there in a build for the real network.
    let end = if cfg!(feature = "sandbox") { None } else { all.rfind("\n## ") };
    &all[..end.unwrap_or(all.len())]
}

/// Where the guide's text has the server, which a page names as whoever reads it does.
const HOST: &str = "http://127.0.0.1:8080";

/// The guide as a page at this address of the server shows it; its headings have the ids that links name.
pub(super) fn guide(language: Language, address: &str) -> Markup {
    static PAGES: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];
    let page = &PAGES[usize::from(language == Language::French)];
    let page = page.get_or_init(|| written(text(language)));
    PreEscaped(page.replace(HOST, &html! { (address) }.0))
}

/// The guide's own headings, with their ids.
pub(super) fn headings(language: Language) -> Vec<(String, String)> {
    let mut headings = Vec::new();
    let mut inside: Option<String> = None;
    for event in parsed(text(language)) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, id, .. }) => {
                headings.push((id.map(CowStr::into_string).unwrap_or_default(), String::new()));
                inside = Some(String::new());
            }
            Event::Text(words) | Event::Code(words) => {
                if let (Some(_), Some((_, heading))) = (&inside, headings.last_mut()) {
                    heading.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => inside = None,
            _ => {}
        }
    }
    headings
}

/// A text of ours as a page shows it. What callers give never comes here: Markdown lets HTML through.
pub(super) fn markdown(text: &str) -> Markup {
    PreEscaped(written(text))
}

fn parsed(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES)
}

/// Tables and blocks of code may be wider than a phone: each scrolls by itself, and can be reached by the keyboard for that.
fn written(text: &str) -> String {
    let events = parsed(text).map(|event| match event {
        Event::Start(Tag::Table(_)) => Event::Html("<div class=\"wide\" tabindex=\"0\"><table>".into()),
        Event::End(TagEnd::Table) => Event::Html("</tbody></table></div>".into()),
        other => other,
    });
    let mut page = String::new();
    pulldown_cmark::html::push_html(&mut page, events);
    page.replace("<pre>", "<pre tabindex=\"0\">")
}

/// Every code that a call can be refused with, where the `type` of a problem leads to.
pub(super) fn codes(language: Language) -> Markup {
    let words = &language.words().documentation;
    html! {
        h2 id="codes" { (words.codes) }
        p { (words.about_codes) }
        dl.codes {
            @for code in Code::ALL {
                dt id=(code.as_str()) { code { (code.as_str()) } " " span.kind { (reply::status(code).as_u16()) } }
                dd { (words::code(language, code).trim_end_matches('.')) "." }
            }
        }
        (failures(language))
    }
}

/// Every code that a message can fail with, where its page leads to. One of the names is a refusal's, too, and means the same.
fn failures(language: Language) -> Markup {
    let words = language.words().messages;
    let id = |failure: Failure| Some(failure.as_str()).filter(|id| Code::ALL.iter().all(|code| code.as_str() != *id));
    html! {
        h2 id="failures" { (words.failures) }
        p { (words.about_failures) }
        dl.codes {
            @for failure in Failure::ALL {
                dt id=[id(failure)] { code { (failure.as_str()) } }
                dd { (words::failed_with(language, failure)) "." }
            }
        }
    }
}
