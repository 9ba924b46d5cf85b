//! What the API answers to a send, as it answers it.

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::reply;
use crate::actors::Sending;
use crate::http::pages::visit::Visit;
use crate::http::pages::words::{Language, refusal};

pub(super) fn answer(visit: &Visit, sending: Option<&Sending>) -> Markup {
    let words = visit.words().console;
    html! {
        section.window.answer.waiting[sending.is_none()] id="answer" aria-live="polite" aria-label=(words.answer) {
            @match sending {
                Some(sending) => (told(visit, sending)),
                None => p.top { (words.no_answer) },
            }
        }
    }
}

fn told(visit: &Visit, sending: &Sending) -> Markup {
    let (words, language) = (visit.words().console, visit.look.language);
    let (status, body) = reply::told(sending, &visit.call.arrival.id);
    let id = serde_json::from_slice::<Value>(&body).ok().and_then(|body| Some(body["id"].as_str()?.to_owned()));
    let (of, left) = words.left;
    html! {
        p.top {
            span.tag.ok[status.is_success()].bad[!status.is_success()] { (status) }
            @if let Some(usage) = sending.usage { span.num { (usage.remaining()) (of) (usage.limit) (left) } }
        }
        // The answer itself is English, as all that the API says.
        @if let (Err(why), true) = (&sending.answer, language != Language::English) { p.why { (refusal(language, why)) } }
        pre tabindex="0" { code lang="en" { (indented(&String::from_utf8_lossy(&body))) } }
        @match &sending.answer {
            Ok(answer) => {
                @if answer.replayed { p.hint { (words.replayed) } }
                @if let Some(id) = id { p.acts { a.button href=(format!("/dashboard/messages/{id}")) { (words.open) } } }
            },
            Err(refusal) => p.acts { a.button href=(format!("/docs#{}", refusal.code.as_str())) { (words.about_code) } },
        }
    }
}

/// JSON with a line for each member, and nothing else about it changed.
fn indented(json: &str) -> String {
    let (mut lines, mut depth, mut inside, mut escaped) = (String::new(), 0_usize, false, false);
    let mut signs = json.chars().peekable();
    while let Some(sign) = signs.next() {
        let empty = matches!((sign, signs.peek()), ('{', Some('}')) | ('[', Some(']')));
        let closes = !inside && matches!(sign, '}' | ']') && !lines.ends_with(['{', '[']);
        if closes {
            depth = depth.saturating_sub(1);
            lines.extend(["\n", &"  ".repeat(depth)]);
        }
        lines.push(sign);
        match sign {
            _ if inside => {
                inside = escaped || sign != '"';
                escaped = !escaped && sign == '\\';
            }
            '"' => inside = true,
            '{' | '[' if !empty => {
                depth += 1;
                lines.extend(["\n", &"  ".repeat(depth)]);
            }
            ',' => lines.extend(["\n", &"  ".repeat(depth)]),
            ':' => lines.push(' '),
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_space_between_members_changes() {
        for (json, want) in [
            ("{}", "{}"),
            (r#"{"a":1,"b":[]}"#, "{\n  \"a\": 1,\n  \"b\": []\n}"),
            (
                r#"{"a":"x,{\"y\":[1]}","b":[{"c":null},2]}"#,
                "{\n  \"a\": \"x,{\\\"y\\\":[1]}\",\n  \"b\": [\n    {\n      \"c\": null\n    },\n    2\n  ]\n}",
            ),
            (r#"{"a":"\\"}"#, "{\n  \"a\": \"\\\\\"\n}"),
        ] {
            assert_eq!(indented(json), want);
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&indented(json)).unwrap(), value);
        }
    }
}
