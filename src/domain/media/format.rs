//! What a file is, judged by its first bytes alone: names and headers of requests lie.

#[cfg(test)]
mod tests;

use super::Wanted;

/// How many bytes of a file's head are enough to tell.
pub const HEAD: usize = 4096;

/// With these bytes `WebM` and Matroska begin.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// The formats that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Mp4,
    ThreeGp,
    Mov,
    WebM,
    Mp3,
    OggOpus,
    OggVorbis,
    /// AAC without a container.
    Adts,
    M4a,
    Wav,
}

impl Format {
    pub const ALL: [Self; 14] = [
        Self::Jpeg,
        Self::Png,
        Self::WebP,
        Self::Gif,
        Self::Mp4,
        Self::ThreeGp,
        Self::Mov,
        Self::WebM,
        Self::Mp3,
        Self::OggOpus,
        Self::OggVorbis,
        Self::Adts,
        Self::M4a,
        Self::Wav,
    ];

    /// What a head of up to [`HEAD`] bytes begins. The sound behind an ID3 tag begins after it: see [`id3_length`].
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => contains(&head[..head.len().min(64)], b"webm").then_some(Self::WebM),
            [b'O', b'g', b'g', b'S', 0, ..] => ogg(head),
            [_, _, _, _, b'f', b't', b'y', b'p', a, b, c, d, ..] => brand([*a, *b, *c, *d]),
            _ if atom(head) => Some(Self::Mov),
            _ if mp3(head) => Some(Self::Mp3),
            _ if adts(head) => Some(Self::Adts),
            _ => None,
        }
    }

    /// What stands behind an ID3 tag: MP3, unless it is plainly something else.
    pub fn behind_a_tag(rest: &[u8]) -> Option<Self> {
        match Self::of(rest) {
            Some(Self::Adts) => Some(Self::Adts),
            Some(Self::Mp3) => Some(Self::Mp3),
            None if looks_like(rest).is_none() => Some(Self::Mp3),
            _ => None,
        }
    }

    /// Whether a file of this format may become what is wanted. One that may hold both sound and pictures is looked into for that
    /// later; an animated GIF is a video whatever it is called.
    pub const fn suits(self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Image => matches!(self, Self::Jpeg | Self::Png | Self::WebP | Self::Gif),
            Wanted::Video => self.may_hold_video(),
            Wanted::Audio | Wanted::Voice => !matches!(self, Self::Jpeg | Self::Png | Self::WebP | Self::Gif),
        }
    }

    pub const fn may_hold_video(self) -> bool {
        matches!(self, Self::Mp4 | Self::ThreeGp | Self::Mov | Self::WebM | Self::Gif | Self::M4a)
    }

    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
            Self::Mp4 => "video/mp4",
            Self::ThreeGp => "video/3gpp",
            Self::Mov => "video/quicktime",
            Self::WebM => "video/webm",
            Self::Mp3 => "audio/mpeg",
            Self::OggOpus | Self::OggVorbis => "audio/ogg",
            Self::Adts => "audio/aac",
            Self::M4a => "audio/mp4",
            Self::Wav => "audio/wav",
        }
    }
}

/// What a file looks like that is of no format we take, for the one who sent it.
pub fn looks_like(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(&EBML) && contains(&head[..head.len().min(64)], b"matroska") {
        return Some("video/x-matroska");
    }
    if head.starts_with(b"OggS") {
        return Some("application/ogg");
    }
    if let Some(known) = infer::get(head) {
        // One that only begins like a format of ours is none of it.
        let ours = Format::ALL.iter().any(|format| format.mime() == known.mime_type());
        return (!ours).then(|| known.mime_type());
    }
    let text = text(head)?.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    Some(match text.as_bytes() {
        [] => return None,
        [b'{' | b'[', ..] => "application/json",
        [b'<', ..] if text.contains("<svg") => "image/svg+xml",
        [b'<', ..] if text.contains("<html") || text.contains("<body") => "text/html",
        _ if text.starts_with("#extm3u") => "application/vnd.apple.mpegurl",
        _ => "text/plain",
    })
}

/// How long the ID3 tag is with which a file begins.
pub fn id3_length(head: &[u8]) -> Option<u64> {
    let [b'I', b'D', b'3', _, _, flags, size @ ..] = head else { return None };
    let size = size.first_chunk::<4>().filter(|size| size.iter().all(|byte| byte & 0x80 == 0))?;
    let length = size.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(10 + length + footer)
}

/// The bytes as text, where they are: a character may be cut off at their end.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    text.chars().all(|c| !c.is_control() || c.is_whitespace()).then_some(text)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// An Ogg stream is what the first packet of its first page says.
fn ogg(head: &[u8]) -> Option<Format> {
    let segments = usize::from(*head.get(26)?);
    let packet = head.get(27 + segments..)?;
    if packet.starts_with(b"OpusHead") {
        Some(Format::OggOpus)
    } else if packet.starts_with(b"\x01vorbis") {
        Some(Format::OggVorbis)
    } else {
        None
    }
}

/// The first brand of an ISO file tells what it was made for.
const fn brand(brand: [u8; 4]) -> Option<Format> {
    match &brand {
        b"qt  " => Some(Format::Mov),
        b"M4A " | b"M4B " | b"M4P " => Some(Format::M4a),
        [b'3', b'g', b'p' | b'g' | b'r' | b's' | b'e' | b'2', _] => Some(Format::ThreeGp),
        // Still pictures and raw ones, in the same container.
        b"avif"
        | b"avis"
        | b"mif1"
        | b"mif2"
        | b"msf1"
        | b"miaf"
        | b"crx "
        | [b'h', b'e', b'i' | b'v', b'c' | b'x' | b'm' | b's'] => None,
        _ => Some(Format::Mp4),
    }
}

/// Older MOV files begin with any of these atoms.
fn atom(head: &[u8]) -> bool {
    let Some((size, rest)) = head.split_first_chunk::<4>() else { return false };
    let known = [&b"moov"[..], b"mdat", b"wide", b"free", b"skip", b"pnot"].iter().any(|name| rest.starts_with(name));
    // A size of 1 stands for a longer one behind the name.
    known && (u32::from_be_bytes(*size) >= 8 || u32::from_be_bytes(*size) == 1)
}

/// How long the MPEG frame of layer III is that begins here.
fn frame(bytes: &[u8]) -> Option<usize> {
    const RATES: [usize; 3] = [44100, 48000, 32000];
    const V1: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const V2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let [0xff, second, third, ..] = *bytes else { return None };
    if second & 0xe6 != 0xe2 {
        return None;
    }
    let rate = *RATES.get(usize::from(third >> 2 & 3))?;
    let slot = usize::from(third >> 4);
    let padding = usize::from(third >> 1 & 1);
    // The version: 1, 2 or 2.5, with half and a quarter of the rates.
    match second >> 3 & 3 {
        3 => V1.get(slot).filter(|kbit| **kbit > 0).map(|kbit| 144_000 * kbit / rate + padding),
        2 => V2.get(slot).filter(|kbit| **kbit > 0).map(|kbit| 144_000 * kbit / rate + padding),
        0 => V2.get(slot).filter(|kbit| **kbit > 0).map(|kbit| 288_000 * kbit / rate + padding),
        _ => None,
    }
}

fn mp3(head: &[u8]) -> bool {
    frame(head).is_some_and(|length| head.len() <= length + 2 || frame(&head[length..]).is_some())
}

fn adts(head: &[u8]) -> bool {
    let length = |bytes: &[u8]| match *bytes {
        // Layer 0, and a sampling rate that exists.
        [0xff, second, third, fourth, fifth, sixth, ..] if second & 0xf6 == 0xf0 && third >> 2 & 15 < 13 => {
            Some(usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5)).filter(|n| *n > 7)
        }
        _ => None,
    };
    length(head).is_some_and(|first| head.len() < first + 6 || length(&head[first..]).is_some())
}
