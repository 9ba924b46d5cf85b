//! What a message says: a text, or a medium with words to it.

use serde::{Deserialize, Serialize};

use super::media::Media;
use super::message::Kind;

/// The longest text WhatsApp carries in one message here, in characters.
pub const TEXT_MAX: usize = 4096;

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(Text),
    Media(Box<Media>),
}

impl Content {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Media(media) => media.wanted.kind(),
        }
    }
}

/// 1 to 4096 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {TEXT_MAX} characters")]
    TooLong,
    #[error("must not hold a NUL character")]
    Nul,
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        // PostgreSQL cannot store a NUL in a text, and no keyboard types one.
        if text.contains('\0') {
            Err(TextError::Nul)
        } else if text.is_empty() {
            Err(TextError::Empty)
        } else if text.len() > TEXT_MAX && text.chars().count() > TEXT_MAX {
            Err(TextError::TooLong)
        } else {
            Ok(Self(text))
        }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        for (text, want) in [
            (String::new(), Err(TextError::Empty)),
            ("a".to_owned(), Ok(())),
            ("é".repeat(TEXT_MAX), Ok(())),
            ("é".repeat(TEXT_MAX + 1), Err(TextError::TooLong)),
            ("a\0b".to_owned(), Err(TextError::Nul)),
        ] {
            assert_eq!(Text::try_from(text).map(|_| ()), want);
        }
    }
}
