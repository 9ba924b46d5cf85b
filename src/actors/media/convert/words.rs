//! What ffmpeg is told: words, never a line for a shell, and for every file the format that it has.

use std::ffi::OsString;
use std::path::Path;

use crate::domain::media::Format;

/// Pixels of a frame that are decoded at most: a little more than 4096 x 4096, so that 4K in either orientation fits.
pub(super) const PIXELS: u64 = 17_000_000;

/// The words of a command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Vec<OsString>);

impl Words {
    /// Some words, separated by spaces.
    pub(super) fn say(mut self, words: &str) -> Self {
        self.0.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// One word, spaces and all.
    pub(super) fn word(mut self, word: impl Into<OsString>) -> Self {
        self.0.push(word.into());
        self
    }

    /// These, and others behind them.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(super) fn list(&self) -> &[OsString] {
        &self.0
    }

    /// A file, so that no name is taken for an option or for a protocol.
    pub(super) fn file(self, path: &Path) -> Self {
        let mut word = OsString::from("file:");
        word.push(path);
        self.word(word)
    }

    /// A file to read. The format is the one that its content showed: ffmpeg is not left to guess, so that no playlist or script
    /// can be taken for a film and lead it elsewhere.
    pub(super) fn source(self, format: Format, options: &str, path: &Path) -> Self {
        self.say("-protocol_whitelist file,pipe -probesize 5000000 -analyzeduration 10000000 -max_pixels")
            .word(PIXELS.to_string())
            .say("-threads 1 -f")
            .word(demuxer(format))
            .say(options)
            .word("-i")
            .file(path)
    }
}

const fn demuxer(format: Format) -> &'static str {
    match format {
        Format::Jpeg => "jpeg_pipe",
        Format::Png => "png_pipe",
        Format::WebP => "webp_pipe",
        Format::Gif => "gif",
        Format::Mp4 | Format::ThreeGp | Format::Mov | Format::M4a => "mov",
        Format::WebM => "matroska",
        Format::Mp3 => "mp3",
        Format::OggOpus | Format::OggVorbis => "ogg",
        Format::Adts => "aac",
        Format::Wav => "wav",
    }
}
