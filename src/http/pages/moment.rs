//! Moments as people say them: how long ago, with the whole of it for programs and for whoever looks closer.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::words::Language;
use crate::domain::event::time;

/// How long ago something was, or in how long it will be.
pub(super) fn moment(language: Language, at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let whole = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(time::text(&at)) title=(whole) { (said(language, at, now)) } }
}

fn said(language: Language, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let (n, unit) = match seconds.unsigned_abs() {
        0..60 => return if language == Language::French { "à l’instant".into() } else { "just now".into() },
        s @ 60..3600 => (s / 60, "min"),
        s @ 3600..86_400 => (s / 3600, "h"),
        s @ 86_400..2_592_000 => (s / 86_400, if language == Language::French { "j" } else { "d" }),
        _ => return at.format("%Y-%m-%d").to_string(),
    };
    match (language, seconds > 0) {
        (Language::English, true) => format!("{n} {unit} ago"),
        (Language::English, false) => format!("in {n} {unit}"),
        (Language::French, true) => format!("il y a {n} {unit}"),
        (Language::French, false) => format!("dans {n} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_as_people_say_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (ago, english, french) in [
            (5, "just now", "à l’instant"),
            (-5, "just now", "à l’instant"),
            (65, "1 min ago", "il y a 1 min"),
            (7300, "2 h ago", "il y a 2 h"),
            (3 * 86_400, "3 d ago", "il y a 3 j"),
            (-86_400, "in 1 d", "dans 1 j"),
            (40 * 86_400, "2026-12-06", "2026-12-06"),
        ] {
            let at = now - chrono::TimeDelta::seconds(ago);
            assert_eq!(said(Language::English, at, now), english);
            assert_eq!(said(Language::French, at, now), french);
        }
    }
}
