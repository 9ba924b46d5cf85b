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
        let part_of_an_id = |c: char| c.is_alphanumeric() || c == '-';
        let alone = !kept.ends_with(part_of_an_id) && !after.starts_with(part_of_an_id);
        kept.push_str(if alone && DIGITS.contains(&number.len()) { "…" } else { number });
        rest = after;
    }
    kept.push_str(rest);
    kept
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
        ] {
            assert_eq!(redacted(said), written);
        }
    }
}
