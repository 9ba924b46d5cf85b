//! Moments to the millisecond, spans of time and sizes, as people write them.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::words::Measures;
use crate::domain::event::time::text;

/// When something was, to the millisecond.
pub(super) fn exact(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(text(&at)) { (at.format("%Y-%m-%d %H:%M:%S%.3f UTC")) } }
}

/// How long something took: two units, or a tenth where that is much.
pub(super) fn span(words: &Measures, span: TimeDelta) -> String {
    let [second, minute, hour, day] = words.units;
    let of = |number: i64, unit: &str| format!("{number}\u{a0}{unit}");
    let two =
        |large: String, rest: i64, unit: &str| if rest == 0 { large } else { format!("{large} {}", of(rest, unit)) };
    let (ms, seconds) = (span.num_milliseconds().max(1), span.num_seconds());
    match seconds {
        ..1 => of(ms, "ms"),
        1..10 => format!("{}{}{}\u{a0}{second}", ms / 1000, words.point, ms % 1000 / 100),
        10..60 => of(seconds, second),
        60..3600 => two(of(seconds / 60, minute), seconds % 60, second),
        3600..86400 => two(of(seconds / 3600, hour), seconds % 3600 / 60, minute),
        _ => two(of(seconds / 86400, day), seconds % 86400 / 3600, hour),
    }
}

/// How many bytes something has.
pub(super) fn size(words: &Measures, bytes: u64) -> String {
    let [byte, kilo, mega] = words.sizes;
    let tenths = |unit: u64| format!("{}{}{}", bytes / unit, words.point, bytes % unit * 10 / unit);
    match bytes {
        ..1024 => format!("{bytes}\u{a0}{byte}"),
        1024..1_048_576 => format!("{}\u{a0}{kilo}", bytes / 1024),
        _ => format!("{}\u{a0}{mega}", tenths(1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Language;
    use super::*;

    #[test]
    fn a_span_has_two_units_at_most() {
        let words = Language::French.words().measures;
        for (ms, want) in [
            (-5, "1 ms"),
            (430, "430 ms"),
            (1290, "1,2 s"),
            (61_000, "1 min 1 s"),
            (7_200_000, "2 h"),
            (90_000_000, "1 j 1 h"),
        ] {
            assert_eq!(span(words, TimeDelta::milliseconds(ms)).replace('\u{a0}', " "), want);
        }
    }

    #[test]
    fn a_size_is_short() {
        let words = Language::English.words().measures;
        for (bytes, want) in [(0, "0 B"), (1023, "1023 B"), (20_480, "20 kB"), (1_572_864, "1.5 MB")] {
            assert_eq!(size(words, bytes).replace('\u{a0}', " "), want);
        }
    }
}
