//! Files of every format, made by ffmpeg when a test asks, and what ffprobe says of a file.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A film of so many seconds with a moving pattern and a tone.
const FILM: &str = "-f lavfi -i testsrc2=size=320x240:rate=15 -f lavfi -i sine=frequency=440:sample_rate=44100 -t 2";
/// Half a second of silence, then a tone that ends after two seconds.
const SOUND: &str = "-f lavfi -i aevalsrc='if(lt(t,1),0,0.5*sin(440*2*PI*t))':s=44100:d=2";

/// The arguments that make a sample of this name.
fn recipe(name: &str) -> String {
    let still = |rest: &str| format!("-f lavfi -i testsrc2=size=320x240:rate=1 -frames:v 1 {rest}");
    match name {
        "photo.jpg" => still("-f image2 -c:v mjpeg"),
        "photo.png" => still("-f image2 -c:v png"),
        "photo.webp" => still("-f webp -c:v libwebp"),
        "loop.gif" => "-f lavfi -i testsrc2=size=160x121:rate=10 -t 1 -f gif".to_owned(),
        "film.mp4" => format!("{FILM} -c:v libx264 -pix_fmt yuv420p -c:a aac -f mp4"),
        "film.mov" => format!("{FILM} -c:v libx264 -pix_fmt yuv420p -c:a aac -f mov"),
        "film.3gp" => format!("{FILM} -s 352x288 -c:v h263 -c:a aac -f 3gp"),
        "film.webm" => format!("{FILM} -c:v libvpx -b:v 300k -c:a libopus -f webm"),
        "sound.mp3" => format!("{SOUND} -c:a libmp3lame -f mp3"),
        "sound.ogg" => format!("{SOUND} -c:a libvorbis -f ogg"),
        "sound.opus" => format!("{SOUND} -c:a libopus -f ogg"),
        "sound.aac" => format!("{SOUND} -c:a aac -f adts"),
        "sound.m4a" => format!("{SOUND} -c:a aac -f mp4"),
        "sound.wav" => format!("{SOUND} -c:a pcm_s16le -f wav"),
        other => panic!("no recipe for {other}"),
    }
}

/// The bytes of a sample.
pub fn sample(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    let words = recipe(name);
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-v", "error", "-nostdin", "-y"])
        .args(words.split(' '))
        .arg(&file)
        .output()
        .expect("ffmpeg, which `make setup-test` installs");
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    std::fs::read(file).unwrap()
}

/// What a file holds, as ffprobe tells it: `format` and `streams`.
pub fn probe(file: &Path) -> Value {
    let told = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_format", "-show_streams"])
        .arg(file)
        .output()
        .expect("ffprobe, which `make setup-test` installs");
    assert!(told.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// The stream of this kind in what was probed.
pub fn stream<'p>(probed: &'p Value, kind: &str) -> Option<&'p Value> {
    probed["streams"].as_array().unwrap().iter().find(|stream| stream["codec_type"] == kind)
}

/// Seconds.
pub fn duration(probed: &Value) -> f64 {
    probed["format"]["duration"].as_str().unwrap().parse().unwrap()
}

/// Puts bytes into a file, for ffprobe.
pub fn kept(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}
