//! One call as the reference shows it: what it does and takes on one side, how it looks in use on the other.

use maud::{Markup, html};
use serde_json::Value;

use super::super::words::Words;
use super::{Operation, example, fields, guide, resolved};

/// Where on its page a call stands.
pub(super) fn id(call: &Operation) -> &'static str {
    call.said["operationId"].as_str().unwrap_or_default()
}

pub(super) fn title(call: &Operation) -> &'static str {
    call.said["summary"].as_str().unwrap_or_default()
}

/// What it says is the document's own English; the headings are the page's.
pub(super) fn shown(words: &Words, call: &Operation, address: &str) -> Markup {
    let (said, language) = (&words.documentation, words.language.tag());
    html! {
        section.call lang="en" id=(id(call)) aria-labelledby=(format!("{}-title", id(call))) {
            div {
                h2 id=(format!("{}-title", id(call))) { (title(call)) }
                p.where { span.verb { (call.verb) } " " span.path { (call.path) } }
                (guide::markdown(call.said["description"].as_str().unwrap_or_default()))
                (parameters(words, call, "path", said.path))
                (parameters(words, call, "query", said.query))
                @for (kind, body) in bodies(call) {
                    h3 lang=(language) { (said.body) " " code { (kind) } }
                    (fields::shown(words, body))
                }
                h3 lang=(language) { (said.answers) }
                (answers(call))
            }
            div { (example::shown(words, call, address)) }
        }
    }
}

/// The forms of the body, each with its schema.
pub(super) fn bodies(call: &Operation) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let forms = resolved(&call.said["requestBody"])["content"].as_object().into_iter().flatten();
    forms.map(|(kind, form)| (kind.as_str(), &form["schema"]))
}

fn parameters(words: &Words, call: &Operation, place: &str, heading: &str) -> Markup {
    let all = call.said["parameters"].as_array().into_iter().flatten().map(resolved);
    let here: Vec<&'static Value> = all.filter(|parameter| parameter["in"] == place).collect();
    html! {
        @if !here.is_empty() {
            h3 lang=(words.language.tag()) { (heading) }
            dl.fields {
                @for parameter in here {
                    @let required = place == "query" && parameter["required"] == true;
                    (fields::row(words, parameter["name"].as_str().unwrap_or_default(), required, parameter))
                }
            }
        }
    }
}

/// Every answer: its status, and what it means; of refusals the codes, each with a link to what it says.
fn answers(call: &Operation) -> Markup {
    let answers = call.said["responses"].as_object().into_iter().flatten();
    html! {
        dl.answers {
            @for (status, answer) in answers.map(|(status, answer)| (status, resolved(answer))) {
                dt { (status) }
                dd {
                    @let codes = codes(answer);
                    @if codes.is_empty() { (guide::markdown(answer["description"].as_str().unwrap_or_default())) }
                    @for code in codes { a href=(format!("/docs#{code}")) { code { (code) } } " " }
                }
            }
        }
    }
}

fn codes(answer: &'static Value) -> Vec<&'static str> {
    let examples = answer["content"]["application/problem+json"]["examples"].as_object();
    examples.into_iter().flatten().map(|(code, _)| code.as_str()).collect()
}
