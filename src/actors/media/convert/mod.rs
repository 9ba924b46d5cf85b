//! Makes of a file what phones play: with ffmpeg where it must, without where it can.

mod audio;
mod blame;
mod picture;
mod probe;
mod run;
mod sniff;
#[cfg(test)]
mod tests;
mod tools;
mod video;
mod waveform;
mod words;

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

pub(crate) use tools::{MissingTools, Tools};

use crate::domain::media::{Facts, Fault, Format, Wanted};

/// By how much ffmpeg may go over a limit before it stops: enough to see that it did.
const SLACK: u64 = 1024 * 1024;

/// A file as phones want it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) path: PathBuf,
    pub(crate) facts: Facts,
}

/// Makes of `source`, which is left as it is, what is wanted. Everything new is made in `folder`, which is this job's alone.
/// Whoever drops the future kills the process that is converting.
pub(crate) async fn prepare(
    tools: Option<&Tools>,
    wanted: Wanted,
    source: &Path,
    folder: &Path,
) -> Result<Prepared, Fault> {
    // Programs work in the folder, from which a relative path would lead elsewhere.
    let source = std::path::absolute(source).map_err(|error| disk(&error))?;
    let format = sniff::sniff(wanted, &source).await?;
    let with = || tools.ok_or(Fault::ConversionOff);
    let prepared = match (wanted, format) {
        (_, Format::Gif) if picture::moves(&source).await? => video::prepare_gif(with()?, &source, folder).await?,
        (Wanted::Image, _) | (_, Format::Gif) => picture::prepare(format, &source, folder).await?,
        (Wanted::Video, _) => video::prepare(with()?, format, &source, folder).await?,
        (Wanted::Audio | Wanted::Voice, _) => audio::prepare(with()?, wanted, format, &source, folder).await?,
    };
    // A GIF that was asked for as an image has become a video, and may be as large as one.
    let limit = if prepared.facts.gif { Wanted::Video.limit() } else { wanted.limit() };
    if prepared.facts.size > limit { Err(Fault::TooLarge { limit }) } else { Ok(prepared) }
}

fn size(file: &Path) -> Result<u64, Fault> {
    std::fs::metadata(file).map(|about| about.len()).map_err(|error| disk(&error))
}

/// What went wrong with this server's own files.
fn disk(error: &Error) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => Fault::SourceLost,
        _ => Fault::ConversionFailed(format!("this server's disk failed: {error}")),
    }
}
