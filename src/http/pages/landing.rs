//! What `/` shows to people: what this is, what it looks like in use, and why.

use maud::{Markup, html};

use super::frame::{Part, framed};
use super::look::Look;

pub(super) fn page(look: &Look) -> Markup {
    let words = &look.words().landing;
    let body = html! {
        section.hero {
            div {
                h1 { (words.heading) }
                p.lead { (words.lead) }
                p.acts {
                    a.button.first href="/signup" { (words.begin) }
                    a.button href="/docs" { (words.read) }
                }
            }
            (example())
        }
        section.reasons {
            @for (reason, why) in words.reasons {
                div { h2 { (reason) } p { (why) } }
            }
        }
    };
    framed(look, Part::None, words.title, &body)
}

fn example() -> Markup {
    html! {
        div.window {
            p.top { "POST /api/v1/messages" }
            pre tabindex="0" {
                "curl http://127.0.0.1:8080/api/v1/messages \\\n  -H "
                span.c-s { "\"Authorization: Bearer $KEY\"" } " \\\n  --json "
                span.c-s { "'{\"to\": \"+237612345678\",\n           \"message\": \"Hello from Wamux\"}'" } "\n\n"
                span.c-m { "202 Accepted" } "\n{\n"
                @for (name, value) in [("id", "0199a7b4-…"), ("toPhone", "+237612345678"), ("type", "text")] {
                    "  " span.c-k { "\"" (name) "\"" } ": \"" (value) "\",\n"
                }
                "  " span.c-k { "\"status\"" } ": \"pending\"\n}"
            }
        }
    }
}
