//! Sound: voice notes, and audio files that play everywhere. It is always decoded once, so that what is broken is found here and
//! the duration is counted rather than believed.

use std::path::Path;
use std::time::Duration;

use super::probe::{Stream, probe};
use super::run::Bounds;
use super::tools::Tools;
use super::waveform::Fold;
use super::words::Words;
use super::{Prepared, SLACK, size};
use crate::domain::media::{Facts, Fault, Format, Wanted};
use crate::domain::message::Kind;

/// The longest sound: a voice note of an hour still fits into what may be sent.
const LONGEST: Duration = Duration::from_hours(1);
const WITHIN: Duration = Duration::from_mins(4);
const PROCESSOR: Duration = Duration::from_mins(2);
/// Samples a second of what is counted and folded into a waveform.
const RATE: u64 = 8000;

/// The first sound, of a file that nobody has looked into.
const BLIND: &str = "-map 0:a:0";

/// What is made, and how.
struct Target {
    name: &'static str,
    mime: &'static str,
    how: &'static str,
}

const NOTE: Target = Target {
    name: "voice.ogg",
    mime: "audio/ogg; codecs=opus",
    how: "-ac 1 -ar 48000 -c:a libopus -application voip -b:a 32k -f ogg",
};
const MP3: Target = Target { name: "audio.mp3", mime: "audio/mpeg", how: "-c:a copy -id3v2_version 0 -f mp3" };
const M4A: Target = Target { name: "audio.m4a", mime: "audio/mp4", how: "-c:a copy -movflags +faststart -f ipod" };
const MADE_M4A: Target = Target {
    name: "audio.m4a",
    mime: "audio/mp4",
    how: "-c:a aac -b:a 128k -ac 2 -ar 44100 -movflags +faststart -f ipod",
};

pub(super) async fn prepare(
    tools: &Tools,
    wanted: Wanted,
    format: Format,
    source: &Path,
    folder: &Path,
) -> Result<Prepared, Fault> {
    let (target, stream) = if wanted == Wanted::Audio {
        let sound = sound(tools, format, source, folder).await?;
        (target(format, &sound), format!("-map 0:{}", sound.index))
    } else if format.may_hold_video() {
        (NOTE, format!("-map 0:{}", sound(tools, format, source, folder).await?.index))
    } else {
        // Nothing needs to be known of it first: one process makes the note and its waveform.
        (NOTE, BLIND.to_owned())
    };
    let path = folder.join(target.name);
    let limit = wanted.limit();
    let words = Words::default()
        .source(format, &format!("-t {}", LONGEST.as_secs() + 1), source)
        .say(&stream)
        .say("-map_metadata -1 -map_metadata:s -1 -map_chapters -1 -fflags +bitexact -flags:a +bitexact -threads 1")
        .say(&format!("-fs {}", limit + SLACK))
        .say(target.how)
        .file(Path::new(target.name))
        .say(&stream)
        .say(&format!("-ac 1 -ar {RATE} -c:a pcm_s16le -f s16le pipe:1"));
    let mut fold = Fold::default();
    let bounds = Bounds { folder, within: WITHIN, processor: PROCESSOR, file: limit + 2 * SLACK };
    let mut take = |bytes: &[u8]| {
        fold.take(bytes);
        Ok(())
    };
    if let Err(fault) = tools.ffmpeg(words, &bounds, &mut take).await {
        // Where nothing was known of the file before, a look at it tells whether the failure is its own.
        let its_own = matches!(fault, Fault::ConversionFailed(_)) && stream == BLIND;
        return Err(if its_own { sound(tools, format, source, folder).await.err().unwrap_or(fault) } else { fault });
    }
    let duration_ms = fold.samples() * 1000 / RATE;
    if duration_ms == 0 {
        return Err(Fault::Unreadable("there is no sound in it".to_owned()));
    }
    if duration_ms > 1000 * LONGEST.as_secs() {
        return Err(Fault::Unreadable(format!(
            "it is longer than the {} minutes that are sent",
            LONGEST.as_secs() / 60
        )));
    }
    let facts = Facts {
        kind: Kind::Audio,
        mime: target.mime.to_owned(),
        size: size(&path)?,
        width: None,
        height: None,
        duration_ms: Some(duration_ms),
        waveform: (wanted == Wanted::Voice).then(|| fold.waveform()),
        thumbnail: None,
        gif: false,
    };
    Ok(Prepared { path, facts })
}

/// The sound of a file that has no moving picture.
async fn sound(tools: &Tools, format: Format, source: &Path, folder: &Path) -> Result<Stream, Fault> {
    let probe = probe(tools, format, source, folder).await?;
    // The pictures of an M4A are its covers and chapters.
    if probe.picture().is_some() && format.may_hold_video() && format != Format::M4a {
        return Err(Fault::TypeUnsupported { found: Some(format.mime()) });
    }
    probe.sound().cloned().ok_or_else(|| Fault::Unreadable("there is no sound in it".to_owned()))
}

/// What plays everywhere stays as it is; the rest becomes AAC.
fn target(format: Format, sound: &Stream) -> Target {
    let plays = sound.channels <= 2 && sound.sample_rate() <= 48_000;
    match sound.codec_name.as_str() {
        "mp3" if plays && format == Format::Mp3 => MP3,
        "aac" if plays && matches!(sound.profile.as_str(), "LC" | "HE-AAC" | "HE-AACv2") => M4A,
        _ => MADE_M4A,
    }
}
