//! The frame around every page: its head, the bar above it, the line below it.

use maud::{DOCTYPE, Markup, html};

use super::assets::href;
use super::words::{Language, Words};

/// The parts of the site that the bar leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Landing,
    Docs,
    Actors,
}

/// A page with this title and body.
pub(super) fn framed(language: Language, part: Part, title: &str, body: &Markup) -> Markup {
    whole(language, part, title, None, body)
}

/// The same with a style and a script of its own, by their common name.
pub(super) fn alive(language: Language, part: Part, title: &str, name: &str, body: &Markup) -> Markup {
    whole(language, part, title, Some(name), body)
}

fn whole(language: Language, part: Part, title: &str, own: Option<&str>, body: &Markup) -> Markup {
    let words = language.words();
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href=(href("wamux.css"));
                @if let Some(own) = own {
                    link rel="stylesheet" href=(href(&format!("{own}.css")));
                    script src=(href(&format!("{own}.js"))) defer {}
                }
                link rel="icon" type="image/svg+xml" href=(href("logo.svg"));
            }
            body {
                a.skip href="#main" { (words.skip) }
                (bar(words, part))
                main id="main" { (body) }
                (foot(language, words))
            }
        }
    }
}

fn bar(words: &Words, part: Part) -> Markup {
    html! {
        header.bar {
            div {
                a.brand href="/" { (logo()) "Wamux" }
                nav aria-label=(words.main_navigation) {
                    a href="/docs" aria-current=[(part == Part::Docs).then_some("page")] { (words.docs) }
                    a href="/api/v1/openapi.json" { "OpenAPI" }
                }
            }
        }
    }
}

fn foot(language: Language, words: &Words) -> Markup {
    html! {
        footer {
            div {
                span { "Wamux " (env!("CARGO_PKG_VERSION")) }
                a href="/docs" { (words.docs) }
                a href="/api/v1/openapi.json" { "OpenAPI 3.1" }
                @for other in Language::ALL.into_iter().filter(|other| *other != language) {
                    a href=(format!("?lang={}", other.tag())) lang=(other.tag()) hreflang=(other.tag()) { (other.name()) }
                }
                span { (words.no_affiliation) }
            }
        }
    }
}

fn logo() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"
            stroke-linejoin="round" {
            path d="M3 6.5 7 17l3.2-8.2L13.4 17 17 6.5" {}
            path d="M17 6.5h4M19 4.5l2 2-2 2" stroke-width="1.8" {}
        }
    }
}
