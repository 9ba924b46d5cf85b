//! Days and times as chats name them.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Utc};
use maud::{Markup, html};

use super::super::words::{Language, Phones as Words};
use super::device::Room;
use crate::domain::event::time;

/// A day in the zone of whoever looks.
pub(super) fn date_of(at: &DateTime<Utc>, zone: FixedOffset) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// `10:42`, with the whole of it for programs.
pub(super) fn clock(at: &DateTime<Utc>, zone: FixedOffset) -> Markup {
    html! { time datetime=(time::text(at)) { (at.with_timezone(&zone).format("%H:%M")) } }
}

/// Today, yesterday, the day of the week, or the date.
pub(super) fn day(day: NaiveDate, today: NaiveDate, language: Language, words: &Words) -> String {
    match (today - day).num_days() {
        0 => words.today.to_owned(),
        1 => words.yesterday.to_owned(),
        2..=6 => words.days[day.weekday().num_days_from_monday() as usize].to_owned(),
        _ => date(day, today, language, words),
    }
}

fn date(day: NaiveDate, today: NaiveDate, language: Language, words: &Words) -> String {
    let month = words.months[day.month0() as usize];
    let number = match (language, day.day()) {
        (Language::French, 1) => "1er".to_owned(),
        (_, number) => number.to_string(),
    };
    if day.year() == today.year() { format!("{number} {month}") } else { format!("{number} {month} {}", day.year()) }
}

/// In a list of chats: the time of today, or else the day.
pub(super) fn short(at: &DateTime<Utc>, room: &Room<'_>, words: &Words) -> Markup {
    let (date, today) = (date_of(at, room.zone), date_of(&room.now, room.zone));
    if date == today {
        return clock(at, room.zone);
    }
    html! { time datetime=(time::text(at)) { (day(date, today, room.language, words)) } }
}

/// `0:07`, `12:30`, `1:02:03`.
pub(super) fn length(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_as_people_name_them() {
        let now: DateTime<Utc> = "2026-11-23T00:10:00Z".parse().unwrap();
        let utc = FixedOffset::east_opt(0).unwrap();
        for (at, english, french) in [
            ("2026-11-23T00:05:00Z", "Today", "Aujourd’hui"),
            ("2026-11-22T23:59:00Z", "Yesterday", "Hier"),
            ("2026-11-18T12:00:00Z", "Wednesday", "mercredi"),
            ("2026-11-01T12:00:00Z", "1 November", "1er novembre"),
            ("2025-02-03T12:00:00Z", "3 February 2025", "3 février 2025"),
            // A phone's clock may be ahead.
            ("2026-11-24T00:05:00Z", "24 November", "24 novembre"),
        ] {
            let (at, today) = (date_of(&at.parse().unwrap(), utc), date_of(&now, utc));
            for (language, want) in [(Language::English, english), (Language::French, french)] {
                assert_eq!(day(at, today, language, language.words().phones), want);
            }
        }
    }

    #[test]
    fn the_day_and_the_hour_are_those_of_whoever_looks() {
        let at: DateTime<Utc> = "2026-11-22T23:30:00Z".parse().unwrap();
        let douala = FixedOffset::east_opt(3600).unwrap();
        assert_eq!(date_of(&at, douala).to_string(), "2026-11-23");
        assert!(clock(&at, douala).0.ends_with(">00:30</time>"), "{}", clock(&at, douala).0);
    }

    #[test]
    fn lengths_are_read_at_a_glance() {
        for (seconds, want) in [(0, "0:00"), (7, "0:07"), (750, "12:30"), (3723, "1:02:03")] {
            assert_eq!(length(seconds), want);
        }
    }
}
