//! The documentation: a guide in the order of the published page, the codes and the numbers that stand for trouble, and a reference
//! made of the OpenAPI document, one page for each group of calls.

mod example;
mod fields;
mod guide;
mod operation;

use std::sync::OnceLock;

use maud::{Markup, html};
use serde_json::Value;

use super::super::call::{Answered, Call};
use super::super::openapi::document;
use super::super::origin;
use super::frame::{Part, alive};
use super::look::Look;
use super::page;
use super::words::{self, Language, Words};
use crate::domain::error::Refusal;

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn docs<D>(call: Call<D>) -> Answered {
    let look = Look::of(&call);
    let language = look.language;
    let words = language.words();
    let address = origin::address(&call.headers);
    let body = documented(
        words,
        &html! {
            (contents(language, None))
            div.prose { (guide::guide(language, &address)) (guide::codes(language)) }
        },
    );
    Ok(page(&look, &alive(&look, Part::Docs, &format!("{} · Wamux", words.docs), "docs", &body)))
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn reference<D>(call: Call<D>, group: String) -> Answered {
    let look = Look::of(&call);
    let language = look.language;
    let group = groups().into_iter().find(|known| slug(known.name) == group).ok_or_else(Refusal::not_found)?;
    let address = origin::address(&call.headers);
    let name = words::group(language, group.name);
    let body = documented(
        language.words(),
        &html! {
            (contents(language, Some(group.name)))
            div {
                div.intro { h1 { (name) } div lang="en" { (guide::markdown(group.about)) } }
                @for call in &group.calls { (operation::shown(language.words(), call, &address)) }
            }
        },
    );
    Ok(page(&look, &alive(&look, Part::Docs, &format!("{name} · Wamux"), "docs", &body)))
}

/// What a page of the documentation shows. Its script puts a button beside each command, and has the words for it from here.
fn documented(words: &Words, body: &Markup) -> Markup {
    let copy = words.messages;
    html! { div.docs data-copy=(copy.copy) data-copied=(copy.copied) { (body) } }
}

/// The document as it is answered, read once.
fn value() -> &'static Value {
    static VALUE: OnceLock<Value> = OnceLock::new();
    VALUE.get_or_init(|| serde_json::from_str(document()).unwrap_or_default())
}

/// What a `$ref` of the document stands for.
fn resolved(mut what: &'static Value) -> &'static Value {
    while let Some(path) = what["$ref"].as_str() {
        what = value().pointer(path.trim_start_matches('#')).unwrap_or(&Value::Null);
    }
    what
}

/// One call of the document.
struct Operation {
    verb: String,
    path: &'static str,
    said: &'static Value,
}

struct Group {
    name: &'static str,
    about: &'static str,
    calls: Vec<Operation>,
}

/// The groups of calls, in their order.
fn groups() -> Vec<Group> {
    let tags = value()["tags"].as_array().into_iter().flatten();
    let groups = tags.filter_map(|tag| {
        let name = tag["name"].as_str()?;
        let paths = value()["paths"].as_object().into_iter().flatten();
        let calls = paths.flat_map(|(path, verbs)| {
            let verbs = verbs.as_object().into_iter().flatten();
            verbs.map(|(verb, said)| Operation { verb: verb.to_ascii_uppercase(), path, said })
        });
        let calls = calls.filter(|call| call.said["tags"][0].as_str() == Some(name)).collect();
        Some(Group { name, about: tag["description"].as_str().unwrap_or_default(), calls })
    });
    groups.collect()
}

/// A name as it stands in an address: `API keys` is `api-keys`.
fn slug(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "-")
}

/// What there is to read, beside every page of it.
fn contents(language: Language, here: Option<&str>) -> Markup {
    let words = &language.words().documentation;
    html! {
        nav aria-label=(words.contents) {
            h2 { a href="/docs" aria-current=[here.is_none().then_some("page")] { (words.guide) } }
            ul {
                @for (id, heading) in guide::headings(language) { li { a href=(format!("/docs#{id}")) { (heading) } } }
                li { a href="/docs#codes" { (words.codes) } }
            }
            @for group in groups() {
                h2 {
                    a href=(format!("/docs/{}", slug(group.name))) aria-current=[(here == Some(group.name)).then_some("page")] { (words::group(language, group.name)) }
                }
                @if here == Some(group.name) {
                    ul lang="en" { @for call in &group.calls { li { a href=(format!("#{}", operation::id(call))) { (operation::title(call)) } } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
