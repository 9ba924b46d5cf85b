//! Files that lie: what they are, how large they are, where they end, and what else they would like to have read.

use super::*;

fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    for (kind, body) in [(b"IHDR", header), (b"IDAT", vec![0x78, 0x9c, 1, 0, 0, 0xff, 0xff]), (b"IEND", vec![])] {
        bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let from = bytes.len();
        bytes.extend(kind);
        bytes.extend(body);
        bytes.extend(crc(&bytes[from..]).to_be_bytes());
    }
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

/// A GIF with a canvas of this size and a frame of one pixel.
fn gif_of(side: u16) -> Vec<u8> {
    let side = side.to_le_bytes();
    let pixel = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
    [&b"GIF89a"[..], &side, &side, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255], &pixel, &pixel, b";"].concat()
}

fn jpeg_of(side: u16) -> Vec<u8> {
    let side = side.to_be_bytes();
    let frame = [&[0xff, 0xc0, 0, 11, 8][..], &side, &side, &[1, 1, 0x11, 0]].concat();
    let tables = [&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat();
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0x34, 0xff, 0xd9];
    [&[0xff, 0xd8][..], &tables, &frame, &scan].concat()
}

#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let desk = Desk::new().await;
    for (name, bytes) in [
        ("wide.png", png_of(60_000, 60_000)),
        ("square.png", png_of(16_000, 16_000)),
        ("largest.png", png_of(u32::MAX >> 1, u32::MAX >> 1)),
        ("canvas.gif", gif_of(u16::MAX)),
        ("square.gif", gif_of(5_000)),
        ("wide.jpg", jpeg_of(u16::MAX)),
        ("square.jpg", jpeg_of(16_000)),
    ] {
        let source = desk.write(name, &bytes);
        let fault = desk.prepare(Wanted::Image, &source).await.unwrap_err();
        assert_eq!(fault.code(), "media_unreadable", "{name}: {}", fault.sentence());
        if !name.starts_with("largest") {
            assert!(fault.sentence().contains("too large"), "{name}: {}", fault.sentence());
        }
    }
    let film = desk.make("a.mov", "-f lavfi -i color=s=6000x4000:d=1:r=1 -c:v mjpeg").await;
    let fault = desk.prepare(Wanted::Video, &film).await.map(|prepared| prepared.facts).unwrap_err();
    assert!(fault.sentence().contains("its pictures are too large"), "{}", fault.sentence());
}

#[tokio::test]
async fn what_the_pictures_say_of_their_size_counts_more_than_the_container() {
    let desk = Desk::new().await;
    let film = desk.make("a.mp4", "-f lavfi -i color=s=320x240:d=1 -c:v mpeg4 -movflags faststart").await;
    let mut bytes = std::fs::read(&film).unwrap();
    let at = bytes.windows(4).position(|window| window == b"mp4v").unwrap() + 28;
    assert_eq!(bytes[at..at + 4], [320_u16.to_be_bytes(), 240_u16.to_be_bytes()].concat());
    bytes[at..at + 4].copy_from_slice(&[0x4e, 0x20, 0x4e, 0x20]);
    let facts = desk.prepare(Wanted::Video, &desk.write("b.mp4", &bytes)).await.unwrap().facts;
    assert_eq!((facts.width, facts.height), (Some(320), Some(240)));
}

#[tokio::test]
async fn what_is_cut_off_is_refused() {
    let desk = Desk::new().await;
    let film = "-f lavfi -i testsrc2=d=2:s=320x240 -f lavfi -i sine=d=2 -shortest";
    for (name, how, wanted) in [
        ("fast.mp4", format!("{film} -c:v mpeg4 -c:a aac -movflags faststart"), Wanted::Video),
        ("late.mp4", format!("{film} -c:v mpeg4 -c:a aac"), Wanted::Video),
        ("a.mov", format!("{film} -c:v mpeg4 -c:a aac"), Wanted::Video),
        ("a.m4a", "-f lavfi -i sine=d=2 -c:a aac".to_owned(), Wanted::Voice),
        ("b.m4a", "-f lavfi -i sine=d=2 -c:a aac -movflags faststart".to_owned(), Wanted::Audio),
        ("a.wav", "-f lavfi -i sine=d=2".to_owned(), Wanted::Voice),
        ("a.jpg", "-f lavfi -i testsrc2=d=1:s=320x240 -frames:v 1".to_owned(), Wanted::Image),
        ("a.png", "-f lavfi -i testsrc2=d=1:s=320x240 -frames:v 1".to_owned(), Wanted::Image),
        ("a.webp", "-f lavfi -i testsrc2=d=1:s=320x240 -frames:v 1".to_owned(), Wanted::Image),
        ("a.gif", "-f lavfi -i testsrc2=d=1:s=320x240 -frames:v 1".to_owned(), Wanted::Image),
    ] {
        let whole = desk.make(name, &how).await;
        desk.prepare(wanted, &whole).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        let bytes = std::fs::read(&whole).unwrap();
        let cut = desk.write(name, &bytes[..bytes.len() * 2 / 3]);
        let fault = desk.prepare(wanted, &cut).await.map(|prepared| prepared.facts).unwrap_err();
        assert_eq!(fault.code(), "media_unreadable", "{name}: {}", fault.sentence());
    }
}

#[tokio::test]
async fn a_head_without_a_body_is_refused() {
    let desk = Desk::new().await;
    let noise: Vec<u8> = (0..50_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3] & 0x7f).collect();
    for (head, wanted) in [
        (&b"\xff\xd8\xff\xe0"[..], Wanted::Image),
        (b"\x89PNG\r\n\x1a\n", Wanted::Image),
        (b"RIFF\0\0\0\0WEBPVP8 ", Wanted::Image),
        (b"GIF89a", Wanted::Image),
        (b"\0\0\0\x10ftypisom\0\0\0\0", Wanted::Video),
        (b"\0\0\0\x10ftypqt  \0\0\0\0", Wanted::Video),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", Wanted::Video),
        (b"ID3\x04\0\0\0\0\0\x7f", Wanted::Audio),
        (b"ID3\x04\0\0\0\0\0\x7f", Wanted::Voice),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead", Wanted::Voice),
        (b"RIFF\0\0\0\0WAVEfmt ", Wanted::Voice),
        (b"RIFF\0\0\0\0WAVEfmt ", Wanted::Audio),
    ] {
        let source = desk.write("a", &[head, &noise].concat());
        let fault = desk.prepare(wanted, &source).await.map(|prepared| prepared.facts).unwrap_err();
        assert_eq!(fault.code(), "media_unreadable", "{head:?} {wanted:?}: {}", fault.sentence());
    }
    let empty = desk.write("empty.mp3", b"");
    assert_eq!(desk.prepare(Wanted::Voice, &empty).await.unwrap_err().code(), "media_unreadable");
    let gone = desk.folder.path().join("gone");
    assert_eq!(desk.prepare(Wanted::Voice, &gone).await.unwrap_err(), Fault::SourceLost);
}

#[tokio::test]
async fn an_index_that_points_elsewhere_is_refused() {
    let desk = Desk::new().await;
    let words = "-f lavfi -i testsrc2=d=1:s=128x96 -c:v libx264 -pix_fmt yuv420p -movflags faststart";
    let film = std::fs::read(desk.make("a.mp4", words).await).unwrap();
    let find = |name: &[u8]| film.windows(4).position(|window| window == name).unwrap();
    // Where the samples lie: far behind the end. And samples that are nothing but zeros.
    let (mut elsewhere, mut empty) = (film.clone(), film.clone());
    let at = find(b"stco") + 12;
    elsewhere[at..at + 4].copy_from_slice(&0x7000_0000_u32.to_be_bytes());
    empty[find(b"mdat") + 4..].fill(0);
    for (name, bytes) in [("elsewhere.mp4", elsewhere), ("empty.mp4", empty)] {
        let source = desk.write(name, &bytes);
        let fault = desk.prepare(Wanted::Video, &source).await.map(|prepared| prepared.facts).unwrap_err();
        assert_eq!(fault.code(), "media_unreadable", "{name}: {}", fault.sentence());
    }
}

#[tokio::test]
async fn what_is_no_medium_is_named() {
    let desk = Desk::new().await;
    let playlist = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    for (name, bytes, found) in [
        ("a.mp4", &playlist[..], "application/vnd.apple.mpegurl"),
        ("b.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", "text/plain"),
        (
            "a.jpg",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"file:///etc/passwd\"/></svg>",
            "image/svg+xml",
        ),
        ("b.jpg", b"<!DOCTYPE html><html>Please sign in</html>", "text/html"),
        ("c.jpg", b"{\"error\": \"not found\"}", "application/json"),
        ("d.jpg", b"PK\x03\x04\x14\0\0\0", "application/zip"),
        ("e.jpg", b"%PDF-1.7\n", "application/pdf"),
        ("f.jpg", b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/'", "text/plain"),
    ] {
        let source = desk.write(name, bytes);
        for wanted in Wanted::ALL {
            let fault = desk.prepare(wanted, &source).await.unwrap_err();
            assert_eq!(fault, Fault::TypeUnsupported { found: Some(found) }, "{name}");
        }
    }
}

#[tokio::test]
async fn a_file_of_the_wrong_kind_is_named() {
    let desk = Desk::new().await;
    let picture = desk.make("a.png", "-f lavfi -i testsrc2=d=1:s=32x32 -frames:v 1").await;
    let film = desk.make("a.mp4", "-f lavfi -i testsrc2=d=1:s=32x32 -c:v mpeg4").await;
    let sound = desk.make("a.mp3", "-f lavfi -i sine=d=1").await;
    for (wanted, source, found) in [
        (Wanted::Video, &picture, "image/png"),
        (Wanted::Audio, &picture, "image/png"),
        (Wanted::Voice, &picture, "image/png"),
        (Wanted::Image, &film, "video/mp4"),
        (Wanted::Audio, &film, "video/mp4"),
        (Wanted::Image, &sound, "audio/mpeg"),
        (Wanted::Video, &sound, "audio/mpeg"),
    ] {
        let fault = desk.prepare(wanted, source).await.map(|prepared| prepared.facts).unwrap_err();
        assert_eq!(fault, Fault::TypeUnsupported { found: Some(found) }, "{wanted:?}");
    }
}

#[tokio::test]
async fn one_that_is_two_things_is_the_first_and_the_other_is_gone() {
    let desk = Desk::new().await;
    let secret = desk.write("secret", b"the canary sings");
    let inner = format!("\n#EXTM3U\n#EXTINF:1,\nfile://{}\n", secret.display());
    let picture = desk.make("a.jpg", "-f lavfi -i testsrc2=d=1:s=32x32 -frames:v 1").await;
    let both =
        [std::fs::read(&picture).unwrap(), b"PK\x03\x04 an archive".to_vec(), inner.clone().into_bytes()].concat();
    let made = desk.prepare(Wanted::Image, &desk.write("b.jpg", &both)).await.unwrap();
    assert!(!holds(&made.path, "archive") && !holds(&made.path, "EXTM3U"));
    // A playlist in the clothes of a film: it is read as a film, and is none.
    let dressed = [&b"\0\0\0\x10ftypisom\0\0\0\0"[..], inner.as_bytes()].concat();
    for wanted in [Wanted::Video, Wanted::Audio, Wanted::Voice] {
        let fault = desk.prepare(wanted, &desk.write("b.mp4", &dressed)).await.unwrap_err();
        assert_eq!(fault.code(), "media_unreadable", "{wanted:?}");
    }
}
