//! Media that came in: what their senders say of them, and where they lie. All of it comes from outside, so each value is bounded
//! here, and what is out of bounds is as if it had not been said.

use serde::{Deserialize, Serialize};

use super::{WAVEFORM, Wanted};

/// The largest that is downloaded for a caller. Phones send up to 100 MB as a video of high quality; the rest is documents.
pub const DOWNLOAD_MAX: u64 = 100 * 1024 * 1024;
/// The longest side of a picture that is believed, in pixels.
const SIDE_MAX: u32 = 65_535;
/// The longest duration that is believed: a week.
const SECONDS_MAX: u32 = 7 * 24 * 3600;
/// The largest size that is believed: what the largest file on WhatsApp has.
const SIZE_MAX: u64 = 2 << 30;
const MIME_MAX: usize = 100;
const PATH_MAX: usize = 2048;
/// The longest address of a chat or a person.
const ADDRESS_MAX: usize = 128;

/// What the sender of a medium says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What it is to be seen as.
    pub wanted: Wanted,
    pub mime: Option<MimeType>,
    /// Bytes.
    pub size: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub waveform: Option<[u8; WAVEFORM]>,
    /// A video that plays by itself, over and over.
    pub gif: bool,
}

impl Said {
    pub const fn nothing(wanted: Wanted) -> Self {
        Self {
            wanted,
            mime: None,
            size: None,
            width: None,
            height: None,
            duration_ms: None,
            waveform: None,
            gif: false,
        }
    }

    #[must_use]
    pub fn of_type(self, mime: Option<&str>) -> Self {
        Self { mime: mime.and_then(|mime| MimeType::read(mime, self.wanted)), ..self }
    }

    #[must_use]
    pub fn with_size(self, size: Option<u64>) -> Self {
        Self { size: size.filter(|size| *size <= SIZE_MAX), ..self }
    }

    #[must_use]
    pub fn with_sides(self, width: Option<u32>, height: Option<u32>) -> Self {
        let side = |pixels: &u32| (1..=SIDE_MAX).contains(pixels);
        // One without the other says nothing.
        let sides = width.filter(side).zip(height.filter(side));
        Self { width: sides.map(|(width, _)| width), height: sides.map(|(_, height)| height), ..self }
    }

    #[must_use]
    pub fn with_seconds(self, seconds: Option<u32>) -> Self {
        let seconds = seconds.filter(|seconds| *seconds <= SECONDS_MAX);
        Self { duration_ms: seconds.map(|seconds| u64::from(seconds) * 1000), ..self }
    }

    #[must_use]
    pub fn with_waveform(self, waveform: Option<&[u8]>) -> Self {
        let waveform = waveform.and_then(|waveform| <[u8; WAVEFORM]>::try_from(waveform).ok());
        Self { waveform: waveform.filter(|values| values.iter().all(|value| *value <= 100)), ..self }
    }
}

/// A type such as `audio/ogg; codecs=opus`, in small letters, as an answer's header may carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MimeType(String);

impl MimeType {
    /// Reads what a sender says, if it can be the type of such a medium.
    pub fn read(said: &str, wanted: Wanted) -> Option<Self> {
        let family = match wanted {
            Wanted::Image => "image",
            Wanted::Video => "video",
            Wanted::Audio | Wanted::Voice => "audio",
        };
        Self::try_from(said.to_ascii_lowercase()).ok().filter(|mime| mime.essence().split('/').next() == Some(family))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its parameters.
    pub fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no type of a medium")]
pub struct NotAMimeType;

impl TryFrom<String> for MimeType {
    type Error = NotAMimeType;

    fn try_from(text: String) -> Result<Self, NotAMimeType> {
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        if text.len() > MIME_MAX {
            return Err(NotAMimeType);
        }
        let mut parts = text.split(';').map(str::trim);
        let (kind, sub) = parts.next().and_then(|essence| essence.split_once('/')).ok_or(NotAMimeType)?;
        if !token(kind) || !token(sub) {
            return Err(NotAMimeType);
        }
        let mut plain = format!("{kind}/{sub}");
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim_matches('"');
            if token(name) && token(value) {
                plain = format!("{plain}; {name}={value}");
            }
        }
        Ok(Self(plain))
    }
}

/// A path on the media servers. Whose servers these are it does not say: a host goes before it, and it must not become part of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DirectPath(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no path on the media servers")]
pub struct NotADirectPath;

impl DirectPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DirectPath {
    type Error = NotADirectPath;

    fn try_from(path: String) -> Result<Self, NotADirectPath> {
        let plain = |b: u8| b.is_ascii_graphic() && !b"#\\\"<>".contains(&b);
        let good = path.starts_with('/') && path.len() <= PATH_MAX && path.bytes().all(plain);
        good.then_some(Self(path)).ok_or(NotADirectPath)
    }
}

/// Where a medium lies, what opens it, and by what its own account's phone knows it. Never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The keys that open it depend on what it is.
    pub wanted: Wanted,
    pub path: DirectPath,
    pub key: [u8; 32],
    /// The SHA-256 of what lies on the media servers, and of what is in it.
    pub sealed_sha256: [u8; 32],
    pub plain_sha256: [u8; 32],
    /// The address of its chat, and in a group of its sender.
    pub chat: String,
    pub sender: Option<String>,
}

impl Reference {
    /// What is complete and in bounds.
    pub fn read(
        wanted: Wanted,
        path: Option<&str>,
        [key, sealed_sha256, plain_sha256]: [Option<&[u8]>; 3],
        (chat, sender): (String, Option<String>),
    ) -> Option<Self> {
        let bytes = |bytes: Option<&[u8]>| bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let short = |address: &String| address.len() <= ADDRESS_MAX;
        let reference = Self {
            wanted,
            path: DirectPath::try_from(path?.to_owned()).ok()?,
            key: bytes(key)?,
            sealed_sha256: bytes(sealed_sha256)?,
            plain_sha256: bytes(plain_sha256)?,
            chat,
            sender,
        };
        (short(&reference.chat) && reference.sender.as_ref().is_none_or(short)).then_some(reference)
    }
}

/// What opens a medium is as secret as what is in it.
impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reference").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_type_is_one_of_its_kind_or_none() {
        let read = |said: &str, wanted| MimeType::read(said, wanted).map(|mime| mime.as_str().to_owned());
        for (said, wanted, want) in [
            ("image/jpeg", Wanted::Image, Some("image/jpeg")),
            ("Audio/OGG;codecs=Opus", Wanted::Voice, Some("audio/ogg; codecs=opus")),
            ("audio/ogg; codecs=\"opus\"", Wanted::Audio, Some("audio/ogg; codecs=opus")),
            ("audio/mpeg; x=\r\nSet-Cookie: a", Wanted::Audio, Some("audio/mpeg")),
            ("text/html", Wanted::Image, None),
            ("image", Wanted::Image, None),
            ("image/\u{e9}", Wanted::Image, None),
            ("image/a\r\nb: c", Wanted::Image, None),
            ("", Wanted::Video, None),
        ] {
            assert_eq!(read(said, wanted).as_deref(), want, "{said}");
        }
        assert_eq!(read(&format!("image/{}", "a".repeat(MIME_MAX)), Wanted::Image), None);
    }

    #[test]
    fn a_path_cannot_become_part_of_a_host() {
        let read = |path: &str| DirectPath::try_from(path.to_owned());
        assert!(read("/v/t62.7118-24/x.enc?ccb=11-4&oh=01_a&oe=5").is_ok());
        for path in ["", "@evil.example/x", ".evil.example/x", ":444/x", "/a b", "/a\r\nb", "/\\evil", "/#", "/\u{e9}"]
        {
            assert!(read(path).is_err(), "{path:?}");
        }
        assert!(read(&format!("/{}", "a".repeat(PATH_MAX))).is_err());
        assert!(serde_json::from_str::<DirectPath>("\"@evil.example\"").is_err());
    }

    #[test]
    fn what_is_out_of_bounds_was_not_said() {
        let said = || Said::nothing(Wanted::Voice);
        assert_eq!(said().with_sides(Some(0), Some(3)), said());
        assert_eq!(said().with_sides(Some(3), None), said());
        assert_eq!(said().with_sides(Some(u32::MAX), Some(3)), said());
        assert_eq!(said().with_seconds(Some(u32::MAX)), said());
        assert_eq!(said().with_seconds(Some(2)).duration_ms, Some(2000));
        assert_eq!(said().with_size(Some(u64::MAX)), said());
        for waveform in [&[][..], &[1; 63], &[101; 64], &[1; 65]] {
            assert_eq!(said().with_waveform(Some(waveform)), said());
        }
        assert_eq!(said().with_waveform(Some(&[100; 64])).waveform, Some([100; 64]));
    }

    #[test]
    fn a_reference_is_whole_or_none_and_comes_back_as_it_was() {
        let read = |key: &[u8], path| {
            let bytes = [Some(key), Some(&[2; 32][..]), Some(&[3; 32][..])];
            Reference::read(Wanted::Video, path, bytes, ("1@lid".to_owned(), None))
        };
        let whole = read(&[1; 32], Some("/v/x")).unwrap();
        assert_eq!(serde_json::from_slice::<Reference>(&serde_json::to_vec(&whole).unwrap()).unwrap(), whole);
        assert_eq!(format!("{whole:?}"), "Reference { wanted: Video, .. }");
        assert!(read(&[1; 31], Some("/v/x")).is_none() && read(&[1; 32], None).is_none());
    }

    proptest! {
        #[test]
        fn whatever_a_sender_says_a_type_can_stand_in_a_header(said in "\\PC{0,40}|[ -~]{0,12}/[ -~\r\n]{0,40}") {
            if let Ok(mime) = MimeType::try_from(said) {
                prop_assert!(mime.as_str().bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
                prop_assert!(!mime.essence().contains([' ', ';']));
            }
        }
    }
}
