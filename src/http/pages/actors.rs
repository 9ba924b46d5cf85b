//! The page of actors: what needs attention first, then the tree. `actors.js` reads it again every two seconds.

mod drawn;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;

use super::super::call::Call;
use super::super::reply::Response;
use super::frame::{Part, alive};
use super::look::Look;
use super::words::{Actors, refusal};
use crate::actors::Health;
use crate::domain::error::Refusal;
use crate::domain::event::time;
pub(super) use drawn::{Drawing, State as Standing};

/// The page with these actors, or with the reason why they are not shown.
pub(in crate::http) fn page(
    call: &Call,
    shown: Result<&Health, &Refusal>,
    probed: bool,
    now: DateTime<Utc>,
) -> Response {
    let look = Look::of(call);
    let words = &look.words().actors;
    let body = html! {
        div.actors {
            div.head {
                h1 { (words.title) }
                p id="reading" data-not-read=(words.not_read) data-not-taken=(words.not_taken) data-no-token=(words.no_token) {
                    @if shown.is_ok() { (words.as_of) " " (clock(&now)) }
                }
                (controls(words, probed))
            }
            div id="actors" {
                @match shown {
                    Ok(root) => {
                        @let drawing = Drawing { words };
                        (drawing.attention(root))
                        (drawing.tree(root))
                    },
                    // Where there is no token, none is asked for.
                    Err(why) => (entry(&look, why, call.door.operator.is_some())),
                }
            }
        }
    };
    let title = format!("{} · Wamux", words.title);
    let mut response = super::page(&look, &alive(&look, Part::Actors, &title, "actors", &body));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn controls(words: &Actors, probed: bool) -> Markup {
    html! {
        nav aria-label=(words.this_page) {
            @if probed { a href="/health/actors" { (words.only_read) } }
            @else { a href="/health/actors?probe=true" { (words.ask) } }
            button.scripted type="button" id="pause" aria-pressed="false" data-other=(words.go_on) { (words.pause) }
            button.scripted type="button" id="forget" hidden { (words.forget) }
            noscript { a href=(if probed { "/health/actors?probe=true" } else { "/health/actors" }) { (words.read_again) } }
        }
    }
}

/// Where the operator says who they are. The script keeps the token for as long as this tab is open, and sends it as a header.
fn entry(look: &Look, why: &Refusal, by_token: bool) -> Markup {
    let words = &look.words().actors;
    html! {
        section {
            p role="status" { (refusal(look.language, why)) }
            @if by_token {
                form.scripted id="token" {
                    label for="operator" { (words.token) }
                    input id="operator" type="password" autocomplete="off" spellcheck="false" required;
                    button { (words.show) }
                }
                noscript { p { (words.no_script) } }
            }
        }
    }
}

/// A time of the day, with the whole of it for programs.
fn clock(at: &DateTime<Utc>) -> Markup {
    html! { time datetime=(time::text(at)) { (at.format("%H:%M:%S")) " UTC" } }
}
