//! The frame around every page: its head, the bar above it, the line below it; and, for who is signed in, the rooms of the dashboard.

use maud::{DOCTYPE, Markup, html};

use super::assets::{href, named};
use super::look::{Look, Theme};
use super::words::Language;
use crate::domain::access::Email;

/// The parts of the site that the bar leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    None,
    Docs,
    Entry,
    Actors,
    Dashboard,
}

/// The rooms of the dashboard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Overview,
    Start,
    Sessions,
    Messages,
    Console,
    Keys,
    #[cfg(feature = "sandbox")]
    Phones,
    Account,
}

/// What a page has of its own.
#[derive(Clone, Copy, Default)]
pub(super) struct Own<'a> {
    /// Styles and scripts, by their common names.
    pub(super) assets: Option<&'a str>,
    /// Whether it is read again by itself where no script does so.
    pub(super) again: bool,
}

impl Room {
    /// Each with its address, in the order in which they are listed.
    const LISTED: &[(Self, &str)] = &[
        (Self::Overview, "/dashboard"),
        (Self::Start, "/dashboard/start"),
        (Self::Sessions, "/dashboard/sessions"),
        (Self::Messages, "/dashboard/messages"),
        (Self::Console, "/dashboard/console"),
        (Self::Keys, "/dashboard/keys"),
        #[cfg(feature = "sandbox")]
        (Self::Phones, "/dashboard/phones"),
        (Self::Account, "/dashboard/account"),
    ];

    const fn name(self, look: &Look) -> &'static str {
        let words = look.words().rooms;
        match self {
            Self::Overview => look.words().overview.title,
            Self::Start => look.words().start.title,
            Self::Sessions => look.words().sessions.title,
            Self::Messages => look.words().messages.title,
            Self::Console => look.words().console.title,
            Self::Keys => look.words().keys.title,
            #[cfg(feature = "sandbox")]
            Self::Phones => look.words().phones.title,
            Self::Account => words.account,
        }
    }
}

/// A page with this title and body.
pub(super) fn framed(look: &Look, part: Part, title: &str, body: &Markup) -> Markup {
    whole(look, part, title, Own::default(), &bar(look, part), body)
}

/// The same with styles and scripts of its own, by their common names.
pub(super) fn alive(look: &Look, part: Part, title: &str, name: &str, body: &Markup) -> Markup {
    whole(look, part, title, Own { assets: Some(name), again: false }, &bar(look, part), body)
}

/// A room of the dashboard, for whoever has this address.
pub(super) fn room(
    look: &Look,
    room: Room,
    title: &str,
    own: Own<'_>,
    email: &Email,
    csrf: &Markup,
    body: &Markup,
) -> Markup {
    let words = look.words().rooms;
    let bar = html! {
        header.bar {
            div.across {
                a.brand href="/" { (logo()) "Wamux" }
                nav aria-label=(look.words().main_navigation) { a href="/docs" { (look.words().docs) } }
                form.leave method="post" action="/logout" {
                    (csrf)
                    span.who title=(email.as_str()) { (email.as_str()) }
                    button.quiet { (words.sign_out) }
                }
            }
        }
    };
    let listed: Vec<_> = Room::LISTED.iter().map(|(other, href)| (*href, other.name(look), *other == room)).collect();
    let title = format!("{title} · Wamux");
    whole(look, Part::Dashboard, &title, own, &bar, &beside(words.list, &listed, body))
}

/// One of the operator's pages, whose names and addresses are listed; the operator leaves where `leave` says.
pub(super) fn halls(
    look: &Look,
    title: &str,
    name: &str,
    listed: &[(&str, &str, bool)],
    leave: Option<&str>,
    csrf: &Markup,
    body: &Markup,
) -> Markup {
    let bar = html! {
        header.bar {
            div.across {
                a.brand href="/" { (logo()) "Wamux" }
                nav aria-label=(look.words().main_navigation) { a href="/docs" { (look.words().docs) } }
                @if let Some(leave) = leave {
                    form.leave method="post" action=(leave) { (csrf) button.quiet { (look.words().operator.leave) } }
                }
            }
        }
    };
    let title = format!("{title} · {name} · Wamux");
    let own = Own { assets: Some("actors.css operator"), again: false };
    whole(look, Part::Dashboard, &title, own, &bar, &beside(name, listed, body))
}

/// A page's body beside the list of the places that belong together: address, name, and whether it is this one.
fn beside(name: &str, listed: &[(&str, &str, bool)], body: &Markup) -> Markup {
    html! {
        div.rooms {
            nav aria-label=(name) {
                ul { @for (href, name, here) in listed { li { a href=(href) aria-current=[here.then_some("page")] { (name) } } } }
            }
            div.room { (body) }
        }
    }
}

/// What `live.js` shows when a page cannot be read again: that the server does not answer, that what it shows is gone, that whoever
/// reads it was signed out.
fn lost(look: &Look) -> Markup {
    let words = look.words().rooms;
    html! {
        div.lost id="lost" role="status" {
            p hidden data-when="away" { (words.away) }
            p hidden data-when="gone" { (words.gone) " " a href="/dashboard" { (words.dashboard) } }
            p hidden data-when="out" { (words.out) " " a href="/login" { (words.sign_in_again) } }
        }
    }
}

fn whole(look: &Look, part: Part, title: &str, own: Own<'_>, bar: &Markup, body: &Markup) -> Markup {
    let theme = Some(look.theme).filter(|theme| *theme != Theme::Auto).map(Theme::name);
    let script = |name: &str| html! { script src=(href(name)) defer {} };
    html! {
        (DOCTYPE)
        html lang=(look.language.tag()) data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                @if own.again { noscript { meta http-equiv="refresh" content="2"; } }
                link rel="stylesheet" href=(href("wamux.css"));
                @if part == Part::Dashboard {
                    link rel="stylesheet" href=(href("rooms.css"));
                    (script("live.js"))
                }
                @for own in own.assets.into_iter().flat_map(|own| own.split(' ')) {
                    @if let (style, true) = named(own, "css") { link rel="stylesheet" href=(href(&style)); }
                    @if let (code, true) = named(own, "js") { (script(&code)) }
                }
                link rel="icon" type="image/svg+xml" href=(href("logo.svg"));
            }
            body {
                a.skip href="#main" { (look.words().skip) }
                (bar)
                main id="main" { (body) }
                @if part == Part::Dashboard { (lost(look)) }
                (foot(look))
            }
        }
    }
}

fn bar(look: &Look, part: Part) -> Markup {
    let words = look.words();
    html! {
        header.bar {
            div {
                a.brand href="/" { (logo()) "Wamux" }
                nav aria-label=(words.main_navigation) {
                    a href="/docs" aria-current=[(part == Part::Docs).then_some("page")] { (words.docs) }
                    @if look.signed_in {
                        a href="/dashboard" { (words.rooms.dashboard) }
                    } @else {
                        a href="/login" { (words.entry.sign_in) }
                        a.button.first href="/signup" { (words.entry.sign_up) }
                    }
                }
            }
        }
    }
}

fn foot(look: &Look) -> Markup {
    let words = look.words();
    html! {
        footer {
            div {
                span { "Wamux " (env!("CARGO_PKG_VERSION")) }
                a href="/docs" { (words.docs) }
                a href="/api/v1/openapi.json" { "OpenAPI 3.1" }
                @for other in Language::ALL.into_iter().filter(|other| *other != look.language) {
                    a href=(look.in_language(other)) lang=(other.tag()) hreflang=(other.tag()) { (other.name()) }
                }
                nav.themes aria-label=(words.theme) {
                    @for (theme, name) in Theme::ALL.into_iter().zip(words.themes) {
                        a href=(look.in_theme(theme)) aria-current=[(theme == look.theme).then_some("true")] { (name) }
                    }
                }
                span { (words.no_affiliation) }
            }
        }
    }
}

pub(super) fn logo() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"
            stroke-linejoin="round" {
            path d="M3 6.5 7 17l3.2-8.2L13.4 17 17 6.5" {}
            path d="M17 6.5h4M19 4.5l2 2-2 2" stroke-width="1.8" {}
        }
    }
}
