//! Films: H.264 with AAC in an MP4 that begins to play before it is all there. Streams that phones play are copied, others made anew.

use std::path::Path;
use std::time::Duration;

use super::probe::{Probe, Stream, probe};
use super::run::{Bounds, collect};
use super::tools::Tools;
use super::words::{PIXELS, Words};
use super::{Prepared, SLACK, size};
use crate::domain::media::{Facts, Fault, Format, Wanted};
use crate::domain::message::Kind;

const LONGEST: Duration = Duration::from_mins(30);
/// A GIF plays over and over, so of a long one the beginning is enough.
const LONGEST_GIF: Duration = Duration::from_mins(1);
const WITHIN: Duration = Duration::from_mins(8);
const PROCESSOR: Duration = Duration::from_mins(5);
const NAME: &str = "video.mp4";
/// Thumbnails are smaller by far.
const THUMBNAIL_MAX: usize = 32 * 1024;
/// At most 1280 pixels on a side, even, never larger than it was, and 30 pictures a second.
const SMALLER: &str = "scale=w='max(2,min(1280,iw))':h='max(2,min(1280,ih))':force_original_aspect_ratio=decrease:\
                       force_divisible_by=2,fps='min(source_fps,30)',format=yuv420p";
const H264: &str = "-c:v libx264 -preset veryfast -crf 26 -maxrate 4M -bufsize 8M -profile:v high -threads 1";
const SMALL: &str = "scale=w='min(100,iw)':h='min(100,ih)':force_original_aspect_ratio=decrease,format=yuvj420p";
/// What shines through in a GIF is white.
const WHITE: &str = "format=rgba,split[above][below];[below]lutrgb=r=255:g=255:b=255:a=255[white];\
                     [white][above]overlay=format=rgb,";

/// What is done with each stream of a film.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    picture: u32,
    copy_picture: bool,
    sound: Option<u32>,
    copy_sound: bool,
}

impl Plan {
    fn of(probe: &Probe, picture: &Stream) -> Self {
        let sound = probe.sound();
        Self {
            picture: picture.index,
            copy_picture: phones_show(picture),
            sound: sound.map(|sound| sound.index),
            copy_sound: sound.is_some_and(phones_play),
        }
    }
}

fn phones_show(picture: &Stream) -> bool {
    picture.codec_name == "h264"
        && matches!(picture.profile.as_str(), "Constrained Baseline" | "Baseline" | "Main" | "High")
        && matches!(picture.pix_fmt.as_str(), "yuv420p" | "yuvj420p")
        && picture.width.max(picture.height) <= 4096
}

fn phones_play(sound: &Stream) -> bool {
    sound.codec_name == "aac"
        && matches!(sound.profile.as_str(), "LC" | "HE-AAC" | "HE-AACv2")
        && sound.channels <= 2
        && sound.sample_rate() <= 48_000
}

pub(super) async fn prepare(tools: &Tools, format: Format, source: &Path, folder: &Path) -> Result<Prepared, Fault> {
    let seen = probe(tools, format, source, folder).await?;
    let picture = picture(format, &seen)?;
    let duration = seen.duration();
    refuse_long(duration)?;
    let plan = Plan::of(&seen, picture);
    let mut thumbnail = Vec::new();
    // An early picture, and not the first, which is black so often.
    let early = duration.map_or(Duration::ZERO, |all| (all / 3).min(Duration::from_secs(1)));
    let words = Words::default().source(format, &format!("-t {}", LONGEST.as_secs() + 1), source).source(
        format,
        &format!("-ss {} -t 2", early.as_secs_f32()),
        source,
    );
    let words = look(film(words, &plan), 1, &plan, "");
    tools.ffmpeg(words, &bounds(folder), &mut collect(&mut thumbnail, THUMBNAIL_MAX)).await?;
    if thumbnail.is_empty() {
        let words = look(Words::default().source(format, "-t 10", source), 0, &plan, "");
        tools.ffmpeg(words, &bounds(folder), &mut collect(&mut thumbnail, THUMBNAIL_MAX)).await?;
    }
    facts(tools, folder, thumbnail, false).await
}

/// An animated GIF as a film without sound.
pub(super) async fn prepare_gif(tools: &Tools, source: &Path, folder: &Path) -> Result<Prepared, Fault> {
    let seen = probe(tools, Format::Gif, source, folder).await?;
    let picture = picture(Format::Gif, &seen)?;
    let plan = Plan { picture: picture.index, copy_picture: false, sound: None, copy_sound: false };
    let mut thumbnail = Vec::new();
    let words = Words::default()
        .source(Format::Gif, &format!("-t {}", LONGEST_GIF.as_secs()), source)
        .source(Format::Gif, "-t 1", source)
        .say(&format!("-map 0:{} -vf", plan.picture))
        .word(format!("{WHITE}{SMALLER}"));
    let words = look(end(words.say(H264), Wanted::Video.limit()), 1, &plan, WHITE);
    tools.ffmpeg(words, &bounds(folder), &mut collect(&mut thumbnail, THUMBNAIL_MAX)).await?;
    facts(tools, folder, thumbnail, true).await
}

const fn bounds(folder: &Path) -> Bounds<'_> {
    Bounds { folder, within: WITHIN, processor: PROCESSOR, file: Wanted::Video.limit() + 2 * SLACK }
}

/// The film, from the first input.
fn film(words: Words, plan: &Plan) -> Words {
    let words = words.say(&format!("-map 0:{}", plan.picture));
    let words = match plan.sound {
        Some(sound) => words.say(&format!("-map 0:{sound}")),
        None => words,
    };
    let words = if plan.copy_picture { words.say("-c:v copy") } else { words.say("-vf").word(SMALLER).say(H264) };
    let words = if plan.copy_sound { words.say("-c:a copy") } else { words.say("-c:a aac -b:a 128k -ac 2 -ar 44100") };
    end(words, Wanted::Video.limit())
}

/// Where it goes, and nothing of who made it where.
fn end(words: Words, limit: u64) -> Words {
    words
        .say("-map_metadata -1 -map_metadata:s -1 -map_chapters -1 -fflags +bitexact -flags +bitexact")
        .say(&format!("-fs {}", limit + SLACK))
        .say("-movflags +faststart -f mp4")
        .file(Path::new(NAME))
}

/// A small picture of it, to the standard output.
fn look(words: Words, input: u8, plan: &Plan, before: &str) -> Words {
    words
        .say(&format!("-map {input}:{} -frames:v 1 -vf", plan.picture))
        .word(format!("{before}{SMALL}"))
        .say("-c:v mjpeg -q:v 6 -flags +bitexact -f image2pipe pipe:1")
}

/// What is said of the film is read from the film that was made.
async fn facts(tools: &Tools, folder: &Path, thumbnail: Vec<u8>, gif: bool) -> Result<Prepared, Fault> {
    let path = folder.join(NAME);
    let size = size(&path)?;
    let made = probe(tools, Format::Mp4, &path, folder).await?;
    refuse_long(made.duration())?;
    let (Some(picture), Some(duration), false) = (made.picture(), made.duration(), thumbnail.is_empty()) else {
        return Err(Fault::Unreadable("none of its pictures can be decoded".to_owned()));
    };
    let (width, height) = picture.seen();
    let facts = Facts {
        kind: Kind::Video,
        mime: "video/mp4".to_owned(),
        size,
        width: Some(width),
        height: Some(height),
        duration_ms: u64::try_from(duration.as_millis()).ok(),
        waveform: None,
        thumbnail: Some(thumbnail),
        gif,
    };
    Ok(Prepared { path, facts })
}

fn refuse_long(duration: Option<Duration>) -> Result<(), Fault> {
    match duration.filter(|all| *all > LONGEST) {
        Some(_) => {
            Err(Fault::Unreadable(format!("it is longer than the {} minutes that are sent", LONGEST.as_secs() / 60)))
        }
        None => Ok(()),
    }
}

/// The moving picture, if it is of a size that is decoded.
fn picture(format: Format, seen: &Probe) -> Result<&Stream, Fault> {
    let picture = seen.picture().ok_or_else(|| no_picture(format, seen))?;
    if u64::from(picture.width) * u64::from(picture.height) > PIXELS {
        return Err(Fault::Unreadable(format!(
            "its pictures of {} x {} pixels are too large",
            picture.width, picture.height
        )));
    }
    Ok(picture)
}

/// A container without a picture is a sound.
fn no_picture(format: Format, seen: &Probe) -> Fault {
    match seen.sound() {
        Some(_) if format == Format::WebM => Fault::TypeUnsupported { found: Some("audio/webm") },
        Some(_) => Fault::TypeUnsupported { found: Some(Format::M4a.mime()) },
        None => Fault::Unreadable("there is no picture in it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(picture: &str, sound: &str) -> (bool, Option<bool>) {
        let json = format!(r#"{{"streams": [{{"index": 0, "codec_type": "video", {picture}}}, {sound}]}}"#);
        let probe: Probe = serde_json::from_str(&json.replace(", ]", "]")).unwrap();
        let plan = Plan::of(&probe, probe.picture().unwrap());
        (plan.copy_picture, plan.sound.map(|_| plan.copy_sound))
    }

    #[test]
    fn what_phones_play_is_copied_and_the_rest_is_made_anew() {
        let good = r#""codec_name": "h264", "profile": "High", "pix_fmt": "yuv420p", "width": 1280, "height": 720"#;
        let aac = r#"{"index": 1, "codec_type": "audio", "codec_name": "aac", "profile": "LC", "channels": 2, "sample_rate": "48000"}"#;
        assert_eq!(plan(good, aac), (true, Some(true)));
        assert_eq!(plan(good, ""), (true, None));
        for (from, to) in
            [("h264", "hevc"), ("High", "High 4:4:4 Predictive"), ("yuv420p", "yuv420p10le"), ("1280", "7680")]
        {
            assert_eq!(plan(&good.replace(from, to), aac), (false, Some(true)), "{to}");
        }
        for (from, to) in
            [("\"aac\"", "\"opus\""), ("LC", "Main"), ("\"channels\": 2", "\"channels\": 6"), ("48000", "96000")]
        {
            assert_eq!(plan(good, &aac.replace(from, to)), (true, Some(false)), "{to}");
        }
    }
}
