//! How a call looks in use: the command that makes it, and what it answers, from the document's own examples.

use std::fmt::Write;

use maud::{Markup, html};
use serde_json::Value;

use super::super::words::Words;
use super::{Operation, resolved};

pub(super) fn shown(words: &Words, call: &Operation, address: &str) -> Markup {
    let (said, language) = (&words.documentation, words.language.tag());
    html! {
        div.window {
            p.top lang=(language) { (said.request) }
            pre tabindex="0" { code.command { (command(call, address)) } }
        }
        @if let Some((status, answer)) = answer(call) {
            div.window {
                p.top lang=(language) { (said.answer) " " (status) }
                pre tabindex="0" { code { (answer) } }
            }
        }
    }
}

/// The call to the server at this address as a command line, with the example of its body.
pub(super) fn command(call: &Operation, address: &str) -> String {
    let mut command = String::from("curl");
    if !matches!(call.verb.as_str(), "GET" | "POST") || (call.verb == "POST" && body(call).is_none()) {
        let _ = write!(command, " -X {}", call.verb);
    }
    let _ = write!(command, " {address}{}", call.path);
    let keyed = call.said["security"].as_array().into_iter().flatten();
    let schemes: Vec<&str> =
        keyed.flat_map(|one| one.as_object().into_iter().flatten()).map(|(name, _)| name.as_str()).collect();
    match schemes.as_slice() {
        [] => {}
        ["operator", ..] => command.push_str(" \\\n  -H \"Authorization: Bearer $WAMUX_OPERATOR_TOKEN\""),
        _ => command.push_str(" \\\n  -H \"Authorization: Bearer $KEY\""),
    }
    if let Some(body) = body(call) {
        let json = serde_json::to_string_pretty(body).unwrap_or_default().replace('\'', "'\\''");
        let _ = write!(command, " \\\n  --json '{json}'");
    }
    command
}

/// The first example of a JSON body.
pub(super) fn body(call: &Operation) -> Option<&'static Value> {
    let form = &resolved(&call.said["requestBody"])["content"]["application/json"];
    let examples = form["examples"].as_object().into_iter().flatten().map(|(_, example)| &resolved(example)["value"]);
    form.get("example").into_iter().chain(examples).next()
}

/// The first answer that is no refusal, with its example.
fn answer(call: &Operation) -> Option<(&'static str, String)> {
    let answers = call.said["responses"].as_object().into_iter().flatten();
    let (status, answer) = answers
        .map(|(status, answer)| (status.as_str(), resolved(answer)))
        .find(|(status, _)| status.starts_with('2'))?;
    let (kind, form) = answer["content"].as_object().into_iter().flatten().next()?;
    let example = form.get("example").or_else(|| form["examples"].as_object()?.values().next()?.get("value"))?;
    let text = match example.as_str() {
        Some(text) if kind != "application/json" => text.to_owned(),
        _ => serde_json::to_string_pretty(example).unwrap_or_default(),
    };
    Some((status, text))
}
