//! Sounds: voice notes of everything, and files that play everywhere.

use super::*;
use crate::domain::message::Kind;

const SINE: &str = "-f lavfi -i sine=f=440:d=3:r=44100 -metadata title=Secret -metadata comment=Berlin";
const KINDS: [(&str, &str); 9] = [
    ("a.mp3", "-c:a libmp3lame"),
    ("vorbis.ogg", "-c:a libvorbis"),
    ("opus.ogg", "-c:a libopus"),
    ("a.opus", "-c:a libopus -ac 2"),
    ("a.aac", "-c:a aac"),
    ("a.m4a", "-c:a aac -ac 2"),
    ("a.wav", ""),
    ("a.mp4", "-c:a aac"),
    ("a.webm", "-c:a libopus"),
];

#[tokio::test]
async fn a_voice_note_is_made_of_every_sound() {
    let desk = Desk::new().await;
    for (name, how) in KINDS {
        let source = desk.make(name, &format!("{SINE} {how}")).await;
        let note = desk.prepare(Wanted::Voice, &source).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!((note.facts.kind, &*note.facts.mime), (Kind::Audio, "audio/ogg; codecs=opus"), "{name}");
        let look = desk.look(&note.path).await;
        let stream = &look["streams"][0];
        assert_eq!((&look["format"]["format_name"], &stream["codec_name"]), (&"ogg".into(), &"opus".into()), "{name}");
        assert_eq!((&stream["channels"], &stream["sample_rate"]), (&1.into(), &"48000".into()), "{name}");
        assert!((seconds(&look) - 3.0).abs() <= 0.2 && near(note.facts.duration_ms, 3.0), "{name}: {look}");
        assert!(!holds(&note.path, "Secret") && !holds(&note.path, "Berlin"), "{name}");
        let waveform = note.facts.waveform.unwrap();
        assert!(
            waveform.iter().all(|value| *value <= 100) && waveform[8..56].iter().all(|value| *value > 80),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_waveform_shows_where_it_is_silent() {
    let desk = Desk::new().await;
    let source = desk.make("a.wav", "-f lavfi -i aevalsrc=if(lt(t\\,2)\\,0\\,0.5*sin(2000*t)):d=4:s=44100").await;
    let note = desk.prepare(Wanted::Voice, &source).await.unwrap();
    let waveform = note.facts.waveform.unwrap();
    assert!(waveform[..31].iter().all(|value| *value <= 2), "{waveform:?}");
    assert!(waveform[33..].iter().all(|value| *value >= 90), "{waveform:?}");
    let silent = desk.make("b.wav", "-f lavfi -i anullsrc=d=1").await;
    assert_eq!(desk.prepare(Wanted::Voice, &silent).await.unwrap().facts.waveform, Some([0; 64]));
}

#[tokio::test]
async fn an_audio_file_plays_everywhere() {
    let desk = Desk::new().await;
    for (name, how) in KINDS {
        let source = desk.make(name, &format!("{SINE} {how}")).await;
        let file = desk.prepare(Wanted::Audio, &source).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        let look = desk.look(&file.path).await;
        let (mime, codec) = if name == "a.mp3" { ("audio/mpeg", "mp3") } else { ("audio/mp4", "aac") };
        assert_eq!((&*file.facts.mime, &look["streams"][0]["codec_name"]), (mime, &codec.into()), "{name}");
        assert!((seconds(&look) - 3.0).abs() <= 0.2 && near(file.facts.duration_ms, 3.0), "{name}: {look}");
        assert!(!holds(&file.path, "Secret") && !holds(&file.path, "Berlin"), "{name}");
        assert_eq!((file.facts.kind, file.facts.waveform), (Kind::Audio, None));
        if ["a.mp3", "a.m4a", "a.mp4"].contains(&name) {
            assert_eq!(desk.hash(&file.path, "0:a").await, desk.hash(&source, "0:a").await, "{name} was not copied");
        }
    }
}

#[tokio::test]
async fn a_cover_is_left_behind_and_is_no_film() {
    let desk = Desk::new().await;
    let cover = desk.make("cover.jpg", "-f lavfi -i testsrc2=d=1:s=600x600:r=1 -frames:v 1").await;
    for (name, how) in [("a.mp3", "-c:a libmp3lame -id3v2_version 3"), ("a.m4a", "-c:a aac")] {
        let words = format!(
            "-f lavfi -i sine=d=2 -i {} -map 0:a -map 1:v -c:v copy -disposition:v attached_pic {how}",
            cover.display()
        );
        let source = desk.make(name, &words).await;
        for wanted in [Wanted::Audio, Wanted::Voice] {
            let sound = desk.prepare(wanted, &source).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
            assert!(streams(&desk.look(&sound.path).await, "video").is_empty(), "{name}");
            assert!(near(sound.facts.duration_ms, 2.0), "{name}");
        }
    }
}

#[tokio::test]
async fn a_film_is_no_sound_and_a_sound_lasts_an_hour_at_most() {
    let desk = Desk::new().await;
    let film = desk.make("a.mp4", "-f lavfi -i testsrc2=d=1:s=64x64 -f lavfi -i sine=d=1 -c:v mpeg4 -c:a aac").await;
    for wanted in [Wanted::Audio, Wanted::Voice] {
        let fault = desk.prepare(wanted, &film).await.unwrap_err();
        assert_eq!(fault, Fault::TypeUnsupported { found: Some("video/mp4") });
    }
    let long = desk.make("a.mp3", "-f lavfi -i anullsrc=r=8000:cl=mono -t 3660 -c:a libmp3lame -b:a 8k").await;
    let fault = desk.prepare(Wanted::Audio, &long).await.unwrap_err();
    assert_eq!(fault.sentence(), "The file cannot be read: it is longer than the 60 minutes that are sent.");
}

#[tokio::test]
async fn without_ffmpeg_sounds_wait_for_it() {
    let desk = Desk::new().await;
    let source = desk.make("a.mp3", SINE).await;
    for wanted in [Wanted::Audio, Wanted::Voice] {
        let fault = prepare(None, wanted, &source, desk.folder.path()).await.unwrap_err();
        assert_eq!(fault, Fault::ConversionOff);
    }
}
