//! What ffprobe says of a file: its streams, and how long it lasts.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::run::Bounds;
use super::tools::Tools;
use super::words::Words;
use crate::domain::media::{Fault, Format};

const WITHIN: Duration = Duration::from_mins(1);
const PROCESSOR: Duration = Duration::from_secs(30);
const SHOW: &str = "format=duration:stream=index,codec_type,codec_name,profile,pix_fmt,width,height,channels,\
                    sample_rate,duration:stream_disposition=attached_pic:stream_side_data=rotation";

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Probe {
    #[serde(default)]
    pub(super) streams: Vec<Stream>,
    #[serde(default)]
    format: Whole,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Whole {
    duration: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Stream {
    pub(super) index: u32,
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    pub(super) codec_name: String,
    #[serde(default)]
    pub(super) profile: String,
    #[serde(default)]
    pub(super) pix_fmt: String,
    #[serde(default)]
    pub(super) width: u32,
    #[serde(default)]
    pub(super) height: u32,
    #[serde(default)]
    pub(super) channels: u32,
    #[serde(default)]
    sample_rate: String,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

impl Stream {
    pub(super) fn sample_rate(&self) -> u32 {
        self.sample_rate.parse().unwrap_or(0)
    }

    /// Width and height as they are seen: a phone held upright writes a film that lies on its side, and how to turn it.
    pub(super) fn seen(&self) -> (u32, u32) {
        let turn = self.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0).rem_euclid(180.0);
        if (45.0..135.0).contains(&turn) { (self.height, self.width) } else { (self.width, self.height) }
    }
}

impl Probe {
    /// The moving picture, which a cover is not.
    pub(super) fn picture(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.codec_type == "video" && stream.disposition.attached_pic == 0)
    }

    /// The first sound that can be decoded.
    pub(super) fn sound(&self) -> Option<&Stream> {
        let mut sounds = self.streams.iter().filter(|stream| stream.codec_type == "audio");
        sounds.find(|stream| !stream.codec_name.is_empty() && stream.channels > 0 && stream.sample_rate() > 0)
    }

    pub(super) fn duration(&self) -> Option<Duration> {
        let seconds: f64 = self.format.duration.as_ref()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Looks into a file. `folder` is where the look is taken from.
pub(super) async fn probe(tools: &Tools, format: Format, file: &Path, folder: &Path) -> Result<Probe, Fault> {
    let words = Words::default().say("-of json -show_entries").word(SHOW).source(format, "", file);
    let said = tools.ffprobe(words, &Bounds { folder, within: WITHIN, processor: PROCESSOR, file: 0 }).await.map_err(
        |fault| match fault {
            // It did nothing but look.
            Fault::ConversionFailed(why) if !why.contains("could not be started") => Fault::Unreadable(why),
            fault => fault,
        },
    )?;
    serde_json::from_slice(&said).map_err(|_| Fault::Unreadable("nothing can be told of its content".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_on_its_side_is_seen_upright_and_a_cover_is_no_film() {
        let probe: Probe = serde_json::from_str(
            r#"{"streams": [
                {"index": 0, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}},
                {"index": 1, "codec_type": "audio", "channels": 4, "sample_rate": "48000"},
                {"index": 2, "codec_type": "audio", "codec_name": "aac", "channels": 2, "sample_rate": "48000"},
                {"index": 3, "codec_type": "video", "width": 1920, "height": 1080, "side_data_list": [{"rotation": -90}]}
            ], "format": {"duration": "2.500000"}}"#,
        )
        .unwrap();
        assert_eq!(probe.picture().map(|s| (s.index, s.seen())), Some((3, (1080, 1920))));
        assert_eq!(probe.sound().map(|s| s.index), Some(2));
        assert_eq!(probe.duration(), Some(Duration::from_millis(2500)));
        let empty: Probe = serde_json::from_str("{}").unwrap();
        assert!(empty.picture().is_none() && empty.sound().is_none() && empty.duration().is_none());
    }
}
