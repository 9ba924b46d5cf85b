//! A part of a file, as players ask for it (RFC 9110, section 14): one range of bytes.

use std::fmt;
use std::ops::Range;

/// `bytes=0-499`, `bytes=500-` or `bytes=-500`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl Part {
    pub(super) const PATTERN: &str = "^bytes=(?:[0-9]{1,19}-[0-9]{0,19}|-[0-9]{1,19})$";

    /// What a `Range` header asks for. Anything else than one range of bytes is as good as none, as it may be.
    pub(super) fn asked(header: &str) -> Option<Self> {
        let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        match header.strip_prefix("bytes=")?.split_once('-')? {
            ("", last) => number(last).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => number(first).zip(number(last)).map(|(first, last)| Self::Between(first, last)),
        }
    }

    /// Which of so many bytes; none if there are none of these.
    pub(super) fn of(self, size: u64) -> Option<Range<u64>> {
        let part = match self {
            Self::From(first) => first..size,
            Self::Between(first, last) => first..last.saturating_add(1).min(size),
            Self::Last(many) => size.saturating_sub(many)..size,
        };
        (!part.is_empty()).then_some(part)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Between(first, last) => write!(f, "bytes={first}-{last}"),
            Self::Last(many) => write!(f, "bytes=-{many}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_players_ask_for_it() {
        for (header, size, part) in [
            ("bytes=0-", 10, Some(0..10)),
            ("bytes=3-5", 10, Some(3..6)),
            ("bytes=3-99", 10, Some(3..10)),
            ("bytes=-4", 10, Some(6..10)),
            ("bytes=-40", 10, Some(0..10)),
            ("bytes=3-18446744073709551615", 10, Some(3..10)),
            ("bytes=10-", 10, None),
            ("bytes=5-3", 10, None),
            ("bytes=-0", 10, None),
            ("bytes=0-", 0, None),
        ] {
            let asked = Part::asked(header).unwrap();
            assert_eq!(asked.of(size), part, "{header}");
            assert_eq!(Part::asked(&asked.to_string()), Some(asked));
        }
        for header in [
            "",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-2,5-6",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(Part::asked(header), None, "{header}");
        }
    }
}
