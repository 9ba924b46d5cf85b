//! Why something was not done with a phone, in a word that an address can carry from the form back to the page.

use std::borrow::Cow;

use super::super::words::Phones as Words;
use crate::domain::error::{Code, Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::pages) enum Trouble {
    Offline,
    /// The session shows no code, or an old one.
    Code,
    /// The pairing code is not the one.
    Typed,
    Number,
    Nobody,
    Text,
    File,
    Large,
    Away,
    Other,
}

impl Trouble {
    const ALL: [Self; 10] = [
        Self::Offline,
        Self::Code,
        Self::Typed,
        Self::Number,
        Self::Nobody,
        Self::Text,
        Self::File,
        Self::Large,
        Self::Away,
        Self::Other,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Code => "code",
            Self::Typed => "typed",
            Self::Number => "number",
            Self::Nobody => "nobody",
            Self::Text => "text",
            Self::File => "file",
            Self::Large => "large",
            Self::Away => "away",
            Self::Other => "other",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.name() == name)
    }

    /// What a refusal comes to for whoever holds the phone.
    pub(super) fn of(refusal: &Refusal) -> Self {
        match refusal.code {
            Code::PhoneOffline => Self::Offline,
            Code::QrNotUsable | Code::SessionNotPairing | Code::NotFound => Self::Code,
            Code::PairingCodeNotUsable => Self::Typed,
            Code::BodyTooLarge | Code::MediaTooLarge => Self::Large,
            Code::SandboxUnreachable | Code::Stopping | Code::Overloaded | Code::NotReady => Self::Away,
            // The numbers themselves are read before: what is left is one that stands for nobody.
            Code::ValidationFailed => Self::Nobody,
            _ => Self::Other,
        }
    }

    pub(super) fn said(self, words: &Words, file_max: usize) -> Cow<'static, str> {
        let (all, words) = (words, &words.trouble);
        let said = match self {
            Self::Offline => words.offline,
            Self::Code => words.code,
            Self::Typed => words.typed,
            Self::Number => words.number,
            Self::Nobody => words.nobody,
            Self::Text => words.text,
            Self::File => words.file,
            Self::Large => return words.large.replace("{}", &size(file_max, all)).into(),
            Self::Away => words.away,
            Self::Other => words.other,
        };
        said.into()
    }
}

/// How large a file may be, for people.
pub(super) fn size(bytes: usize, words: &Words) -> String {
    let (many, unit) = if bytes < 1 << 20 { (bytes >> 10, words.units[0]) } else { (bytes >> 20, words.units[1]) };
    format!("{many}\u{a0}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_a_name_of_its_own() {
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::named(trouble.name()), Some(trouble));
        }
        assert_eq!(Trouble::named("<script>"), None);
    }
}
