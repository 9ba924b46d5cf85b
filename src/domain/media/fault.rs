//! Why a medium cannot be sent: stable codes, and sentences that a person can act on.

use std::time::Duration;

use crate::domain::message::Failure;

/// What was wrong with a medium or with the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// More bytes than messages of this type may have.
    TooLarge { limit: u64 },
    /// Its content is of no type that can be sent this way; what it looks like, as far as that can be told.
    TypeUnsupported { found: Option<&'static str> },
    /// It says that it is of a supported type, and is broken, cut off, or too large once unpacked.
    Unreadable(String),
    /// The URL leads to an address that this server may not reach.
    UrlForbidden,
    /// The other side answered so, or not at all; whether asking again may help, and when it asked us to.
    DownloadFailed { why: String, again: bool, after: Option<Duration> },
    /// Converting it failed or took too long.
    ConversionFailed(String),
    /// This server has no ffmpeg.
    ConversionOff,
    /// What was uploaded to this server is gone from it.
    SourceLost,
    /// What this server wrote down of it cannot be read any more.
    Spoiled,
    /// WhatsApp's media servers did not take it.
    UploadFailed(String),
}

impl Fault {
    /// What a message that fails for it says.
    pub const fn failure(&self) -> Failure {
        match self {
            Self::TooLarge { .. } => Failure::MediaTooLarge,
            Self::TypeUnsupported { .. } => Failure::MediaTypeUnsupported,
            Self::Unreadable(_) => Failure::MediaUnreadable,
            Self::UrlForbidden => Failure::MediaUrlForbidden,
            Self::DownloadFailed { .. } => Failure::MediaDownloadFailed,
            Self::ConversionFailed(_) => Failure::MediaConversionFailed,
            Self::ConversionOff => Failure::MediaConversionOff,
            Self::SourceLost | Self::Spoiled => Failure::MediaLost,
            Self::UploadFailed(_) => Failure::MediaUploadFailed,
        }
    }

    /// A stable name for callers to match on.
    pub const fn code(&self) -> &'static str {
        self.failure().as_str()
    }

    /// Whether the same may succeed later, and how long the other side asked us to wait.
    pub const fn again(&self) -> Option<Option<Duration>> {
        match self {
            Self::DownloadFailed { again: true, after, .. } => Some(*after),
            _ => None,
        }
    }

    /// What happened and what can be done about it.
    pub fn sentence(&self) -> String {
        match self {
            Self::TooLarge { limit } => {
                format!("The file is larger than the {} MB that this type may have.", limit / (1024 * 1024))
            }
            Self::TypeUnsupported { found } => {
                let found = found.map_or_else(|| "of no known type".to_owned(), ToOwned::to_owned);
                format!(
                    "The file is {found}, judged by its content. Images are JPEG, PNG, WebP or GIF; videos MP4, 3GPP, MOV or WebM; \
                     audio MP3, OGG, AAC, WAV or Opus."
                )
            }
            Self::Unreadable(why) => format!("The file cannot be read: {why}."),
            Self::UrlForbidden => {
                "The URL leads to an address that this server may not reach; its operator can allow it with WAMUX_MEDIA_ALLOW."
                    .to_owned()
            }
            Self::DownloadFailed { why, .. } => format!("The file could not be downloaded: {why}."),
            Self::ConversionFailed(why) => format!("The file could not be converted to what phones play: {why}."),
            Self::ConversionOff => {
                "This file must be converted first, and ffmpeg is not installed on this server; its operator can install it."
                    .to_owned()
            }
            Self::SourceLost => "The uploaded file is no longer on this server; send it again.".to_owned(),
            Self::Spoiled => "What this server kept of the file cannot be read any more; send it again.".to_owned(),
            Self::UploadFailed(why) => format!("WhatsApp's media servers did not take the file: {why}."),
        }
    }
}
