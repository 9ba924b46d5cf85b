//! Files of every kind in, what phones play out. The files are made here, by ffmpeg itself or byte by byte.

mod films;
mod hostile;
mod pictures;
mod process;
mod sounds;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Prepared, Tools, prepare};
use crate::domain::media::{Fault, Wanted};

/// A folder for samples and what becomes of them.
struct Desk {
    folder: TempDir,
    tools: Tools,
}

impl Desk {
    async fn new() -> Self {
        let tools = Tools::find().await.expect("the tests need ffmpeg: make setup-test");
        Self { folder: tempfile::tempdir().unwrap(), tools }
    }

    /// Makes a sample with ffmpeg.
    async fn make(&self, name: &str, words: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        let mut command = Command::new(&self.tools.ffmpeg);
        command.args("-nostdin -hide_banner -v error -y".split(' ')).args(words.split_whitespace()).arg(&file);
        let done = command.output().await.unwrap();
        assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
        file
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    }

    /// Every file is prepared in a folder of its own, which holds nothing but what came out.
    async fn prepare(&self, wanted: Wanted, source: &Path) -> Result<Prepared, Fault> {
        let before = std::fs::read(source).ok();
        let job = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let prepared = prepare(Some(&self.tools), wanted, source, &job).await;
        assert_eq!(std::fs::read(source).ok(), before, "the source was touched");
        if let Ok(prepared) = &prepared {
            assert_eq!(prepared.path.parent(), Some(&*job));
            let about = std::fs::metadata(&prepared.path).unwrap();
            assert_eq!(about.len(), prepared.facts.size);
            assert_eq!(std::fs::read_dir(&job).unwrap().count(), 1, "something lies about");
        }
        prepared
    }

    /// What ffprobe says of a file.
    async fn look(&self, file: &Path) -> Value {
        let mut command = Command::new(&self.tools.ffprobe);
        command.args("-v error -of json -show_format -show_streams".split(' ')).arg(file);
        serde_json::from_slice(&command.output().await.unwrap().stdout).unwrap()
    }

    /// The hash of the coded bytes of a stream: the same when it was copied.
    async fn hash(&self, file: &Path, stream: &str) -> String {
        let mut command = Command::new(&self.tools.ffmpeg);
        command.args("-v error -i".split(' ')).arg(file);
        command.args(["-map", stream, "-c", "copy", "-f", "streamhash", "-hash", "md5", "-"]);
        let said = command.output().await.unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        said.split('=').nth(1).unwrap_or_else(|| panic!("no hash in {said:?}")).trim().to_owned()
    }

    /// A pixel of the first picture, as red, green and blue.
    async fn pixel(&self, file: &Path, x: u32, y: u32) -> [u8; 3] {
        let mut command = Command::new(&self.tools.ffmpeg);
        command.args("-v error -i".split(' ')).arg(file);
        let crop = format!("format=rgb24,crop=1:1:{x}:{y}:exact=1");
        command.args(["-frames:v", "1", "-vf", &crop, "-f", "rawvideo", "-"]);
        let said = command.output().await.unwrap();
        said.stdout.as_slice().try_into().unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)))
    }
}

/// The streams of a kind, as ffprobe shows them.
fn streams<'a>(look: &'a Value, kind: &'a str) -> Vec<&'a Value> {
    look["streams"].as_array().unwrap().iter().filter(|stream| stream["codec_type"] == kind).collect()
}

fn seconds(look: &Value) -> f64 {
    look["format"]["duration"].as_str().unwrap().parse().unwrap()
}

fn near(milliseconds: Option<u64>, seconds: f64) -> bool {
    let milliseconds = u32::try_from(milliseconds.unwrap()).unwrap();
    (f64::from(milliseconds) / 1000.0 - seconds).abs() <= 0.2
}

/// The thumbnail as a picture: a small JPEG.
fn thumbnail(prepared: &Prepared) -> image::DynamicImage {
    let bytes = prepared.facts.thumbnail.as_deref().expect("there is a thumbnail");
    assert!(bytes.len() <= 10_000, "{} bytes", bytes.len());
    let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg).unwrap();
    assert!(picture.width().max(picture.height()) <= 100);
    picture
}

fn holds(file: &Path, word: &str) -> bool {
    std::fs::read(file).unwrap().windows(word.len()).any(|window| window == word.as_bytes())
}
