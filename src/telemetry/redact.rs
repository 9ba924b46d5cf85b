//! Where lines go: to stderr. From lines that are not ours, whatever may be a phone number is taken away on the way.

use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// A phone number has so many digits.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

pub(super) struct Stderr;

pub(super) struct Lines {
    ours: bool,
}

impl<'w> MakeWriter<'w> for Stderr {
    type Writer = Lines;

    fn make_writer(&'w self) -> Lines {
        Lines { ours: false }
    }

    fn make_writer_for(&'w self, meta: &Metadata<'_>) -> Lines {
        Lines { ours: meta.target().split("::").next() == Some("wamux") }
    }
}

impl Write for Lines {
    /// A line comes as a whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.ours {
            io::stderr().write_all(line)?;
        } else {
            io::stderr().write_all(redacted(&String::from_utf8_lossy(line)).as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The same without numbers that stand alone and are as long as phone numbers are. A part of a UUID or of another id stays.
fn redacted(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (number, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        kept.push_str(before);
        let alone = !is_in_an_id(&kept) && (is_founder_of_a_group(after) || !after.starts_with(part_of_an_id));
        kept.push_str(if alone && DIGITS.contains(&number.len()) { "…" } else { number });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

fn part_of_an_id(c: char) -> bool {
    c.is_alphanumeric() || c == '-'
}

/// Whether what comes next goes on with an id. The end of a line in JSON, and of a colour, are no letters of one.
fn is_in_an_id(before: &str) -> bool {
    let escaped = ["\\n", "\\t", "\\r"].iter().any(|end| before.ends_with(end));
    let colour = before.rsplit_once("\u{1b}[").and_then(|(_, code)| code.strip_suffix('m'));
    let coloured = colour.is_some_and(|code| code.bytes().all(|b| b.is_ascii_digit() || b == b';'));
    before.ends_with(part_of_an_id) && !escaped && !coloured
}

/// Older groups are named by their founder's number and the time: `237612345678-1416242560@g.us`.
fn is_founder_of_a_group(after: &str) -> bool {
    after.strip_prefix('-').is_some_and(|time| time.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_phone_number_is_taken_away_and_nothing_else() {
        for (said, written) in [
            ("from 237612345678@s.whatsapp.net", "from …@s.whatsapp.net"),
            ("to 237612345678:12@s.whatsapp.net, 237612345678.0", "to …:12@s.whatsapp.net, ….0"),
            ("jid=\"237612345678\" +237612345678", "jid=\"…\" +…"),
            ("a lid 123456789012345@lid", "a lid …@lid"),
            ("2026-11-23T02:43:03.123456Z WARN x: 3 of 4096", "2026-11-23T02:43:03.123456Z WARN x: 3 of 4096"),
            ("0199a7b0-0000-7000-8000-000000000000", "0199a7b0-0000-7000-8000-000000000000"),
            ("id 3EB0123456789012 é 1", "id 3EB0123456789012 é 1"),
            ("in 237612345678-1416242560@g.us", "in …-1416242560@g.us"),
            (r"first\n237612345678", r"first\n…"),
            ("\u{1b}[3mjid\u{1b}[0m\u{1b}[2m=\u{1b}[0m237612345678", "\u{1b}[3mjid\u{1b}[0m\u{1b}[2m=\u{1b}[0m…"),
        ] {
            assert_eq!(redacted(said), written);
        }
    }
}
