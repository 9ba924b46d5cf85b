//! What `/` shows to people: what this is, what it looks like in use, and why.

use maud::{Markup, html};

use super::frame::{Part, framed};
use super::look::Look;
use super::words::Landing;

/// The page as it is at this address of the server, which its example names.
pub(super) fn page(look: &Look, address: &str) -> Markup {
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
            div.shows { (example(address)) (phone(words)) }
        }
        section.reasons {
            @for (reason, why) in words.reasons {
                div { h2 { (reason) } p { (why) } }
            }
        }
    };
    framed(look, Part::None, words.title, &body)
}

fn example(address: &str) -> Markup {
    html! {
        div.window {
            p.top { "POST /api/v1/messages" }
            pre tabindex="0" {
                "curl " (address) "/api/v1/messages \\\n  -H "
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

/// The phone that the example's message went to, and what was written back: a picture, told in words to whoever does not see it.
fn phone(words: &Landing) -> Markup {
    html! {
        div.shown role="img" aria-label=(words.phone) {
            p.who { (words.from) }
            p.in { "Hello from Wamux" span { "09:41" } }
            p.out { (words.answer) span { "09:42 " svg viewBox="0 0 16 12" aria-hidden="true" { path d="M1 6.5l3 3 6-7M7.5 9.2l.5.3 6-7" {} } } }
        }
    }
}
