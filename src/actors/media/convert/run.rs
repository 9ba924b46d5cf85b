//! One run of ffmpeg or ffprobe: no shell, no environment, bounded in time, memory and output, and gone when nobody waits for it.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::tools::Tools;
use crate::domain::media::{Fault, Format};

/// Pixels of a frame that are decoded at most: a little more than 4096 x 4096, so that 4K in either orientation fits.
pub(super) const PIXELS: u64 = 17_000_000;
/// Memory that a run may take for itself. A 4K film takes a third of it.
const MEMORY: u64 = 1 << 30;
/// How much of what it complains about is kept: the end.
const COMPLAINTS: usize = 4096;

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

/// What a run may take, and where it works.
pub(super) struct Bounds<'a> {
    pub(super) folder: &'a Path,
    pub(super) within: Duration,
    /// The largest file that it may write.
    pub(super) file: u64,
}

impl Tools {
    /// Runs ffmpeg; what it writes to its standard output goes to `take`, piece by piece.
    pub(super) async fn ffmpeg(
        &self,
        words: Words,
        bounds: &Bounds<'_>,
        take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
    ) -> Result<(), Fault> {
        let all = Words::default().say("-nostdin -hide_banner -v error -y -filter_threads 1");
        self.run(&self.ffmpeg, all.0.into_iter().chain(words.0), bounds, take).await
    }

    /// Runs ffprobe; what it says is bounded.
    pub(super) async fn ffprobe(&self, words: Words, bounds: &Bounds<'_>) -> Result<Vec<u8>, Fault> {
        let mut said = Vec::new();
        let mut take = collect(&mut said, 256 * 1024);
        self.run(
            &self.ffprobe,
            Words::default().say("-hide_banner -v error").0.into_iter().chain(words.0),
            bounds,
            &mut take,
        )
        .await?;
        drop(take);
        Ok(said)
    }

    async fn run(
        &self,
        program: &Path,
        words: impl Iterator<Item = OsString>,
        bounds: &Bounds<'_>,
        take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
    ) -> Result<(), Fault> {
        let mut command = self.command(program, bounds);
        command.args(words).env_clear().current_dir(bounds.folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(&format!("ffmpeg could not be started: {error}")))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("ffmpeg could not be listened to"));
        };
        let done = async {
            let ((), complaints) = tokio::try_join!(pump(stdout, take), tail(stderr))?;
            let status = child.wait().await.map_err(|error| failed(&error.to_string()))?;
            if status.success() { Ok(()) } else { Err(blame(status, &complaints)) }
        };
        // Whatever way this ends, or when nobody waits for it any more, the child is killed as it is dropped.
        tokio::time::timeout(bounds.within, done)
            .await
            .unwrap_or_else(|_| Err(failed(&format!("it took longer than {} seconds", bounds.within.as_secs()))))
    }

    /// Each of these programs becomes the next one, so that there is one process, and it is the child.
    fn command(&self, program: &Path, bounds: &Bounds<'_>) -> Command {
        let mut line: Vec<OsString> = Vec::new();
        if let Some(prlimit) = &self.prlimit {
            line.push(prlimit.into());
            // The processor's time also ends a run whose server was killed and cannot end it.
            line.extend(["--core=0".into(), format!("--cpu={}", bounds.within.as_secs() * 2).into()]);
            line.extend([format!("--fsize={}", bounds.file).into(), format!("--data={MEMORY}").into()]);
        }
        if let Some(nice) = &self.nice {
            line.extend([nice.into(), "-n".into(), "10".into()]);
        }
        line.push(program.into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        command
    }
}

/// Keeps what comes, up to a bound.
pub(super) fn collect(into: &mut Vec<u8>, at_most: usize) -> impl FnMut(&[u8]) -> Result<(), Fault> + Send {
    move |bytes| {
        if into.len() + bytes.len() > at_most {
            return Err(Fault::Unreadable("it says too much of itself".to_owned()));
        }
        into.extend_from_slice(bytes);
        Ok(())
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
) -> Result<(), Fault> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(read) => take(&buffer[..read])?,
            Err(error) => return Err(failed(&error.to_string())),
        }
    }
}

/// The end of what is said, however long it is.
async fn tail(mut from: impl AsyncRead + Unpin) -> Result<String, Fault> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; COMPLAINTS]);
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return Ok(String::from_utf8_lossy(&kept).into_owned()),
            Ok(read) => kept.extend_from_slice(&buffer[..read]),
            Err(error) => return Err(failed(&error.to_string())),
        }
        kept.drain(..kept.len().saturating_sub(COMPLAINTS));
    }
}

fn failed(why: &str) -> Fault {
    Fault::ConversionFailed(why.to_owned())
}

/// Whose fault a failure was: the file's, where ffmpeg says so, or else nobody knows.
fn blame(status: ExitStatus, complaints: &str) -> Fault {
    const OF_THE_FILE: [(&str, &str); 7] = [
        ("Picture size", "its pictures are too large, or of no possible size"),
        ("moov atom not found", "its index is missing, so it was cut off or never finished"),
        ("Invalid data found", "its content is broken"),
        ("matches no streams", "there is nothing in it to play"),
        ("does not contain any stream", "there is nothing in it to play"),
        ("Cannot determine format of input stream", "none of it can be decoded"),
        ("could not find codec parameters", "its header does not say what it holds"),
    ];
    if let Some((_, why)) = OF_THE_FILE.iter().find(|(sign, _)| complaints.contains(sign)) {
        return Fault::Unreadable((*why).to_owned());
    }
    match last_words(complaints) {
        Some(words) => failed(&words),
        None => failed(&format!("ffmpeg ended with {status}")),
    }
}

/// The last line, without what stands for this machine: paths and addresses.
fn last_words(complaints: &str) -> Option<String> {
    let line = complaints.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    // "[libx264 @ 0x55d0c8] what happened" is "what happened".
    let line = line.rsplit_once("] ").map_or(line, |(_, rest)| rest);
    let words = line.split_whitespace().map(|word| if word.contains('/') { "(a file)" } else { word });
    let words: Vec<_> = words.collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect();
    Some(line.trim_end_matches(['.', ':']).to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_failure_speaks_without_paths() {
        let ended = ExitStatus::from_raw(1 << 8);
        for (complaints, want) in [
            ("[mov @ 0x5] moov atom not found\nfile:/data/x: Invalid data found\n", "media_unreadable"),
            ("[aac @ 0x5] Something odd at /data/media/abc.\n\n", "media_conversion_failed"),
            ("", "media_conversion_failed"),
        ] {
            let fault = blame(ended, complaints);
            assert_eq!(fault.code(), want, "{complaints}");
            assert!(!fault.sentence().contains("/data"), "{}", fault.sentence());
        }
        assert_eq!(last_words("first\n[x @ 0x1] the last one\n").as_deref(), Some("the last one"));
        assert_eq!(last_words("\n \n"), None);
    }

    #[tokio::test]
    async fn of_many_words_the_last_are_kept() {
        let long = [b"first\n".repeat(10_000), b"last\n".to_vec()].concat();
        let kept = tail(&long[..]).await.unwrap();
        assert!(kept.len() <= COMPLAINTS && kept.ends_with("last\n"));
    }
}
