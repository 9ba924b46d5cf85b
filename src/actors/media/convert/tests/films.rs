//! Films: every format becomes an MP4 that phones play; what they play already is copied.

use super::*;
use crate::domain::message::Kind;

const FILM: &str = "-f lavfi -i testsrc2=d=2:s=160x120:r=15 -f lavfi -i sine=f=440:d=2 -shortest";
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

/// Where a box begins in a file, as far as its name tells.
fn at(file: &Path, name: &str) -> usize {
    std::fs::read(file).unwrap().windows(4).position(|window| window == name.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_film_of_any_format_plays_on_phones() {
    let desk = Desk::new().await;
    for (name, how) in [
        ("late.mp4", format!("{H264} -c:a aac")),
        ("fragments.mp4", format!("{H264} -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof")),
        ("a.mov", format!("{H264} -c:a aac")),
        ("pcm.mov", format!("{H264} -c:a pcm_s16le")),
        ("old.mov", "-c:v mpeg4 -c:a adpcm_ima_qt".to_owned()),
        ("a.3gp", "-s 176x144 -c:v h263 -c:a aac -ar 16000".to_owned()),
        ("vp8.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis".to_owned()),
        ("vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus".to_owned()),
        ("deep.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv444p -c:a aac -ac 6".to_owned()),
        ("silent.mp4", format!("{H264} -an")),
    ] {
        let source = desk.make(name, &format!("{FILM} {how}")).await;
        let film = desk.prepare(Wanted::Video, &source).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        let look = desk.look(&film.path).await;
        let (pictures, sounds) = (streams(&look, "video"), streams(&look, "audio"));
        assert_eq!((pictures.len(), sounds.len()), (1, usize::from(name != "silent.mp4")), "{name}");
        assert_eq!(
            (&pictures[0]["codec_name"], &pictures[0]["pix_fmt"]),
            (&"h264".into(), &"yuv420p".into()),
            "{name}"
        );
        assert!(
            sounds.iter().all(|sound| sound["codec_name"] == "aac" && sound["channels"].as_u64() <= Some(2)),
            "{name}"
        );
        assert!((seconds(&look) - 2.0).abs() <= 0.2 && near(film.facts.duration_ms, 2.0), "{name}: {look}");
        assert!(at(&film.path, "moov") < at(&film.path, "mdat"), "{name} does not begin with its index");
        assert_eq!((film.facts.kind, &*film.facts.mime, film.facts.gif), (Kind::Video, "video/mp4", false));
        let size = (pictures[0]["width"].as_u64(), pictures[0]["height"].as_u64());
        assert_eq!(size, (film.facts.width.map(u64::from), film.facts.height.map(u64::from)), "{name}");
        thumbnail(&film);
    }
}

#[tokio::test]
async fn what_phones_play_is_copied_bit_by_bit() {
    let desk = Desk::new().await;
    for (name, how, sound_too) in [
        ("a.mp4", format!("{H264} -c:a aac"), true),
        ("a.mov", format!("{H264} -c:a aac"), true),
        ("a.3gp", format!("{H264} -c:a aac"), true),
        ("pcm.mov", format!("{H264} -c:a pcm_s16le"), false),
    ] {
        let source = desk.make(name, &format!("{FILM} {how}")).await;
        let film = desk.prepare(Wanted::Video, &source).await.unwrap();
        assert_eq!(desk.hash(&film.path, "0:v").await, desk.hash(&source, "0:v").await, "{name}");
        let sound = desk.hash(&film.path, "0:a").await == desk.hash(&source, "0:a").await;
        assert_eq!(sound, sound_too, "{name}");
    }
}

#[tokio::test]
async fn where_it_was_taken_and_by_whom_does_not_travel() {
    let desk = Desk::new().await;
    let says = "-metadata location=+52.5200+013.4050/ -metadata title=Secret -metadata:s:v handler_name=Holger \
                -metadata com.apple.quicktime.location.ISO6709=+52.5200+013.4050/ -movflags use_metadata_tags";
    for (name, how) in [("a.mp4", format!("{H264} -c:a aac")), ("b.mov", "-c:v mpeg4 -c:a aac".to_owned())] {
        let source = desk.make(name, &format!("{FILM} {how} {says}")).await;
        assert!(holds(&source, "52.52") && holds(&source, "Secret"));
        let film = desk.prepare(Wanted::Video, &source).await.unwrap();
        for word in ["52.52", "Secret", "Holger"] {
            assert!(!holds(&film.path, word), "{name} still says {word}");
        }
    }
}

#[tokio::test]
async fn a_film_that_was_held_upright_stays_upright() {
    let desk = Desk::new().await;
    for codec in ["libx264 -pix_fmt yuv420p", "mpeg4"] {
        let flat = desk.make("flat.mov", &format!("{FILM} -c:v {codec} -c:a aac")).await;
        let turned = format!("-i {} -c copy -metadata:s:v:0 rotate=90", flat.display());
        let source = desk.make("turned.mov", &turned).await;
        let film = desk.prepare(Wanted::Video, &source).await.unwrap();
        assert_eq!((film.facts.width, film.facts.height), (Some(120), Some(160)), "{codec}");
        let small = thumbnail(&film);
        assert!(small.height() > small.width(), "{codec}: the thumbnail lies on its side");
        // The same pixels, whether they were turned or are to be turned.
        let (was, is) = (desk.pixel(&source, 20, 20).await, desk.pixel(&film.path, 20, 20).await);
        assert!(was.iter().zip(is).all(|(was, is)| was.abs_diff(is) < 40), "{codec}: {was:?} {is:?}");
    }
}

#[tokio::test]
async fn a_film_that_is_made_anew_is_no_larger_than_phones_need() {
    let desk = Desk::new().await;
    for (size, rate, want) in [("1920x1080", 60, (1280, 720)), ("608x1440", 30, (540, 1280)), ("101x67", 12, (100, 66))]
    {
        let source = desk.make("a.mov", &format!("-f lavfi -i testsrc2=d=1:s={size}:r={rate} -c:v mpeg4")).await;
        let film = desk.prepare(Wanted::Video, &source).await.unwrap();
        assert_eq!((film.facts.width, film.facts.height), (Some(want.0), Some(want.1)), "{size}");
        let look = desk.look(&film.path).await;
        let frames: u32 = streams(&look, "video")[0]["nb_frames"].as_str().unwrap().parse().unwrap();
        assert!(frames.abs_diff(rate.min(30)) <= 1, "{size}: {frames} pictures in a second");
        assert!(near(film.facts.duration_ms, 1.0));
    }
}

#[tokio::test]
async fn a_gif_that_moves_is_a_film_that_loops() {
    let desk = Desk::new().await;
    let source = desk.make("a.gif", "-f lavfi -i testsrc2=d=2:s=101x75:r=10").await;
    for wanted in [Wanted::Image, Wanted::Video] {
        let film = desk.prepare(wanted, &source).await.unwrap();
        assert_eq!((film.facts.kind, film.facts.gif, &*film.facts.mime), (Kind::Video, true, "video/mp4"));
        assert_eq!((film.facts.width, film.facts.height), (Some(100), Some(74)));
        assert!(near(film.facts.duration_ms, 2.0), "{:?}", film.facts.duration_ms);
        let look = desk.look(&film.path).await;
        assert_eq!((streams(&look, "video").len(), streams(&look, "audio").len()), (1, 0));
        assert_eq!(streams(&look, "video")[0]["pix_fmt"], "yuv420p");
        thumbnail(&film);
    }
}

#[tokio::test]
async fn what_shines_through_a_gif_is_white() {
    let desk = Desk::new().await;
    // Left a blue that moves down, right nothing.
    let frame = |top| {
        let frame = image::RgbaImage::from_fn(64, 64, |x, y| {
            image::Rgba(if x < 32 && y >= top { [0, 0, 255, 255] } else { [0; 4] })
        });
        image::Frame::from_parts(frame, 0, 0, image::Delay::from_numer_denom_ms(200, 1))
    };
    let mut bytes = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut bytes).encode_frames([frame(0), frame(8), frame(16)]).unwrap();
    let source = desk.write("a.gif", &bytes);
    let film = desk.prepare(Wanted::Image, &source).await.unwrap();
    assert!(film.facts.gif);
    assert!(desk.pixel(&film.path, 50, 30).await.iter().all(|part| *part > 240));
    assert!(desk.pixel(&film.path, 10, 30).await[0] < 60);
    assert!(thumbnail(&film).to_rgb8().get_pixel(50, 30).0.iter().all(|part| *part > 240));
}

#[tokio::test]
async fn a_gif_of_one_frame_is_a_picture() {
    let desk = Desk::new().await;
    let source = desk.make("a.gif", "-f lavfi -i testsrc2=d=1:s=64x48:r=1 -frames:v 1").await;
    for wanted in [Wanted::Image, Wanted::Video] {
        let still = prepare(None, wanted, &source, desk.folder.path()).await.unwrap();
        assert_eq!((still.facts.kind, still.facts.gif, &*still.facts.mime), (Kind::Image, false, "image/png"));
        assert_eq!((still.facts.width, still.facts.height), (Some(64), Some(48)));
    }
}

#[tokio::test]
async fn a_sound_is_no_film_and_an_endless_film_is_refused() {
    let desk = Desk::new().await;
    let sound = desk.make("a.mp4", "-f lavfi -i sine=d=1 -c:a aac").await;
    let fault = desk.prepare(Wanted::Video, &sound).await.unwrap_err();
    assert_eq!(fault, Fault::TypeUnsupported { found: Some("audio/mp4") });
    let long = desk.make("b.mp4", &format!("-f lavfi -i color=d=1860:s=32x32:r=1 {H264} -g 1000")).await;
    let fault = desk.prepare(Wanted::Video, &long).await.unwrap_err();
    assert_eq!(fault.sentence(), "The file cannot be read: it is longer than the 30 minutes that are sent.");
}
