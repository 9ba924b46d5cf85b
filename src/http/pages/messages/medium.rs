//! What a message says or shows. What was received is shown from this host, by the call that downloads it.

use maud::{Markup, html};

use super::sign;
use crate::domain::message::{Message, Seen, Shown};
use crate::http::pages::measure;
use crate::http::pages::words::{Messages, Words};

pub(super) fn content(words: &Words, message: &Message) -> Markup {
    let own = words.messages;
    let said = sign::said(message);
    html! {
        @match &message.shown {
            Shown::Text { .. } => {},
            Shown::Unsupported {} => p.muted { (own.about_unsupported) },
            Shown::Image { medium } => (seen(own, medium, |from| html! {
                img src=(from) alt=(said.unwrap_or(own.image)) width=[medium.width] height=[medium.height];
            })),
            Shown::Video { medium, .. } => (seen(own, medium, |from| html! {
                video id="played" data-keep src=(from) controls preload="none" width=[medium.width] height=[medium.height] {}
            })),
            Shown::Audio { audio_url, download_url, .. } => (came(own, audio_url.as_deref(), download_url.as_deref(), |from| html! {
                audio id="played" data-keep src=(from) controls preload="none" {}
            })),
        }
        @if let Some(said) = said { p.said { bdi { (said) } } }
    }
}

fn seen(own: &Messages, medium: &Seen, shown: impl FnOnce(&str) -> Markup) -> Markup {
    came(own, medium.media_url.as_deref(), medium.download_url.as_deref(), shown)
}

/// Where a medium came from: a URL, a request, or the other side.
fn came(own: &Messages, url: Option<&str>, download: Option<&str>, shown: impl FnOnce(&str) -> Markup) -> Markup {
    html! {
        @if let Some(from) = download {
            div.medium { (shown(from)) }
            p.small { a href=(from) download { (own.download) } }
        } @else if let Some(url) = url {
            p.small { span.muted { (own.from_url) } " " code.long id="url" { (url) } " " (copy(own, "url")) }
        } @else {
            p.small.muted { (own.uploaded) }
        }
    }
}

/// What is known of a medium, in words.
pub(super) fn facts(words: &Words, message: &Message) -> Vec<(&'static str, String)> {
    let own = words.messages;
    let (mime, size, pixels, seconds) = match &message.shown {
        Shown::Image { medium } => (&medium.mime_type, medium.size, medium.width.zip(medium.height), None),
        Shown::Video { medium, duration_seconds, .. } => {
            (&medium.mime_type, medium.size, medium.width.zip(medium.height), *duration_seconds)
        }
        Shown::Audio { mime_type, size, duration_seconds, .. } => (mime_type, *size, None, *duration_seconds),
        Shown::Text { .. } | Shown::Unsupported {} => (&None, None, None, None),
    };
    #[allow(clippy::cast_possible_truncation, reason = "a medium lasts minutes, and has no fraction of a millisecond")]
    let length =
        |seconds: f64| measure::span(words.measures, chrono::TimeDelta::milliseconds((seconds * 1000.0) as i64));
    let all = [
        (own.format, mime.clone()),
        (own.size, size.map(|size| measure::size(words.measures, size))),
        (own.pixels, pixels.map(|(width, height)| format!("{width} × {height}"))),
        (own.length, seconds.map(length)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A button that copies what stands in an element.
pub(super) fn copy(own: &Messages, id: &str) -> Markup {
    html! { button.quiet.scripted type="button" data-copy=(id) data-copied=(own.copied) { (own.copy) } }
}
