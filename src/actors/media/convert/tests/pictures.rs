//! Pictures: upright, without what they tell, and of a format that phones show.

use image::{DynamicImage, ImageEncoder, Rgba, RgbaImage};

use super::*;
use crate::domain::message::Kind;

/// An EXIF block with an orientation and a position (52°N), written by hand, little-endian.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    block.extend([2, 0]);
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]);
    block.extend([0; 4]);
    block.extend([1, 0]);
    block.extend([1, 0, 2, 0, 2, 0, 0, 0, b'N', 0, 0, 0]);
    block.extend([0; 4]);
    block.extend(b"GPS+52.5200+013.4050");
    block
}

/// Left red, right blue.
fn halves(width: u32, height: u32, alpha: u8) -> DynamicImage {
    RgbaImage::from_fn(
        width,
        height,
        |x, _| if x < width / 2 { Rgba([255, 0, 0, alpha]) } else { Rgba([0, 0, 255, alpha]) },
    )
    .into()
}

fn jpeg(picture: &DynamicImage, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    picture.to_rgb8().write_with_encoder(encoder).unwrap();
    bytes
}

fn png(picture: &DynamicImage, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

fn open(prepared: &Prepared) -> DynamicImage {
    let picture = image::ImageReader::open(&prepared.path).unwrap().with_guessed_format().unwrap().decode().unwrap();
    assert_eq!((prepared.facts.width, prepared.facts.height), (Some(picture.width()), Some(picture.height())));
    assert_eq!((prepared.facts.kind, prepared.facts.gif), (Kind::Image, false));
    picture
}

fn is_red(picture: &DynamicImage, x: u32, y: u32) -> bool {
    let [red, _, blue] = picture.to_rgb8().get_pixel(x, y).0;
    red > 200 && blue < 60
}

#[tokio::test]
async fn a_jpeg_stays_what_it_is_and_tells_no_place() {
    let desk = Desk::new().await;
    let bytes = [jpeg(&halves(300, 200, 255), Some(exif(1))), b"a film behind it".to_vec()].concat();
    let source = desk.write("a.jpg", &bytes);
    assert!(holds(&source, "GPS+52.52"));
    // Without ffmpeg too.
    let picture = prepare(None, Wanted::Image, &source, desk.folder.path()).await.unwrap();
    assert_eq!(picture.facts.mime, "image/jpeg");
    assert!(!holds(&picture.path, "GPS") && !holds(&picture.path, "Exif") && !holds(&picture.path, "behind"));
    // Bit by bit the same pixels, in the same code.
    assert_eq!(std::fs::read(&picture.path).unwrap(), jpeg(&halves(300, 200, 255), None));
    let small = thumbnail(&picture);
    assert_eq!((small.width(), small.height()), (100, 67));
    assert!(is_red(&open(&picture), 10, 10) && is_red(&small, 10, 10) && !is_red(&small, 90, 10));
}

#[tokio::test]
async fn a_picture_that_lies_on_its_side_is_turned() {
    let desk = Desk::new().await;
    let flat = halves(300, 200, 255);
    for (name, bytes) in [("a.jpg", jpeg(&flat, Some(exif(6)))), ("a.png", png(&flat, Some(exif(6))))] {
        let source = desk.write(name, &bytes);
        let picture = desk.prepare(Wanted::Image, &source).await.unwrap();
        let upright = open(&picture);
        assert_eq!((upright.width(), upright.height()), (200, 300), "{name}");
        // What was left is on top when it is turned by a quarter to the right.
        assert!(is_red(&upright, 10, 10) && is_red(&upright, 190, 10) && !is_red(&upright, 10, 290), "{name}");
        assert!(!holds(&picture.path, "GPS"), "{name}");
        assert_eq!(thumbnail(&picture).height(), 100, "{name}");
    }
}

#[tokio::test]
async fn a_png_keeps_its_alpha_and_loses_its_words() {
    let desk = Desk::new().await;
    let source = desk.write("a.png", &png(&halves(400, 100, 128), Some(exif(1))));
    let picture = desk.prepare(Wanted::Image, &source).await.unwrap();
    assert_eq!(picture.facts.mime, "image/png");
    assert!(!holds(&picture.path, "GPS") && !holds(&picture.path, "eXIf"));
    assert_eq!(open(&picture), halves(400, 100, 128));
    // Half red on white, in the thumbnail.
    let [red, green, _] = thumbnail(&picture).to_rgb8().get_pixel(10, 10).0;
    assert!(red > 240 && (90..165).contains(&green), "{red} {green}");
}

#[tokio::test]
async fn a_webp_becomes_a_jpeg_or_a_png_where_it_shines_through() {
    let desk = Desk::new().await;
    for (name, how, mime) in [
        ("lossy.webp", "-vf format=yuv420p -c:v libwebp", "image/jpeg"),
        ("lossless.webp", "-vf format=bgra -c:v libwebp -lossless 1", "image/jpeg"),
        ("alpha.webp", "-vf format=rgba,colorchannelmixer=aa=0.5 -c:v libwebp", "image/png"),
    ] {
        let source = desk.make(name, &format!("-f lavfi -i testsrc2=d=1:s=120x80:r=1 -frames:v 1 {how}")).await;
        let picture = desk.prepare(Wanted::Image, &source).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!(picture.facts.mime, mime, "{name}");
        open(&picture);
        thumbnail(&picture);
    }
    let moving = desk.make("moving.webp", "-f lavfi -i testsrc2=d=1:s=120x80:r=5 -c:v libwebp_anim").await;
    let picture = desk.prepare(Wanted::Image, &moving).await.unwrap();
    assert_eq!(picture.facts.mime, "image/jpeg");
    open(&picture);
}

#[tokio::test]
async fn noise_has_a_small_thumbnail_too() {
    let desk = Desk::new().await;
    let noise = RgbaImage::from_fn(500, 500, |x, y| {
        let hash = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761).to_le_bytes();
        Rgba([hash[1], hash[2], hash[3], 255])
    });
    let source = desk.write("a.png", &png(&noise.into(), None));
    thumbnail(&desk.prepare(Wanted::Image, &source).await.unwrap());
}

#[tokio::test]
async fn an_animated_png_is_a_still() {
    let desk = Desk::new().await;
    let source = desk.make("a.apng", "-f lavfi -i testsrc2=d=1:s=64x64:r=5").await;
    assert!(holds(&source, "acTL") && holds(&source, "fdAT"));
    let picture = desk.prepare(Wanted::Image, &source).await.unwrap();
    assert!(!holds(&picture.path, "acTL") && !holds(&picture.path, "fdAT"));
    assert_eq!(picture.facts.mime, "image/png");
    open(&picture);
}
