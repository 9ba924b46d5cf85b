//! Media: what is asked for, where it comes from, and what phones need to know to show it.

mod fault;
mod format;
mod received;
mod url;

use serde::{Deserialize, Serialize};

use super::content::TextError;
use super::error::{Code, Refusal};
use super::message::Kind;

pub use fault::Fault;
pub use format::{Format, HEAD, id3_length, looks_like};
pub use received::{DOWNLOAD_MAX, DirectPath, MimeType, Reference, Said};
pub use url::{MediaUrl, NotAMediaUrl, URL_MAX};

/// The longest caption, in characters.
pub const CAPTION_MAX: usize = 1024;
const MB: u64 = 1024 * 1024;

/// What the recipient is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    Image,
    Video,
    /// An audio file, which plays everywhere.
    Audio,
    /// A voice note: mono Opus with its waveform.
    Voice,
}

impl Wanted {
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Audio, Self::Voice];

    /// How many bytes may come in, and how many may go out.
    pub const fn limit(self) -> u64 {
        match self {
            Self::Video => 64 * MB,
            Self::Image | Self::Audio | Self::Voice => 16 * MB,
        }
    }

    pub const fn kind(self) -> Kind {
        match self {
            Self::Image => Kind::Image,
            Self::Video => Kind::Video,
            Self::Audio | Self::Voice => Kind::Audio,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wanted| wanted.as_str() == name)
    }
}

/// Why a file is refused before anybody looks at what it is.
pub fn too_large(what: &str, limit: u64) -> Refusal {
    Refusal::new(Code::BodyTooLarge, format!("{what} may have at most {} MB.", limit / MB))
}

/// Words under a picture or a film: 1 to 1024 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptionError {
    #[error("must be at most {CAPTION_MAX} characters")]
    TooLong,
    #[error(transparent)]
    Text(#[from] TextError),
}

impl Caption {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An empty caption is none.
    pub fn read(text: String) -> Result<Option<Self>, CaptionError> {
        if text.contains('\0') {
            Err(TextError::Nul.into())
        } else if text.len() > CAPTION_MAX && text.chars().count() > CAPTION_MAX {
            Err(CaptionError::TooLong)
        } else {
            Ok(Some(Self(text)).filter(|caption| !caption.0.is_empty()))
        }
    }
}

/// The name of a file in the spool: an id of ours, and never a word of a caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpoolName(pub uuid::Uuid);

/// Where the bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Url(MediaUrl),
    /// They came with the request and lie in the spool.
    Upload(SpoolName),
}

/// Media that somebody wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    pub wanted: Wanted,
    pub source: Source,
    pub caption: Option<Caption>,
}

/// How far the media of a message have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// To be fetched, checked and converted by the pool.
    Waiting,
    /// As phones want it, in the spool, to be encrypted and uploaded.
    Ready,
    /// On the network's media servers: the message can go out.
    Uploaded,
    /// Its message failed before it came so far.
    Over,
}

impl Stage {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Ready, Self::Uploaded, Self::Over];

    pub const fn number(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Ready => 1,
            Self::Uploaded => 2,
            Self::Over => 3,
        }
    }

    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.number() == number)
    }
}

/// How many values a voice note's waveform has; each is from 0 to 100.
pub const WAVEFORM: usize = 64;

/// What is known of a medium once it is as phones want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it became: a GIF asked for as an image is a video.
    pub kind: Kind,
    pub mime: String,
    pub size: u64,
    /// Pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub waveform: Option<[u8; WAVEFORM]>,
    /// A small JPEG.
    pub thumbnail: Option<Vec<u8>>,
    /// A video that plays by itself, over and over.
    pub gif: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_is_short_and_an_empty_one_is_none() {
        assert_eq!(Caption::read(String::new()), Ok(None));
        assert!(Caption::read("é".repeat(CAPTION_MAX)).unwrap().is_some());
        assert_eq!(Caption::read("é".repeat(CAPTION_MAX + 1)), Err(CaptionError::TooLong));
        assert!(Caption::read("a\0b".to_owned()).is_err());
    }

    #[test]
    fn names_and_numbers_come_back() {
        for wanted in Wanted::ALL {
            assert_eq!(Wanted::from_name(wanted.as_str()), Some(wanted));
        }
        for stage in Stage::ALL {
            assert_eq!(Stage::from_number(stage.number()), Some(stage));
        }
    }
}
