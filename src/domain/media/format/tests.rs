//! Heads of every format that is taken, and of many that are not.

use super::*;

fn file(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn what_a_head_begins_is_told_from_its_bytes() {
    // MPEG 1 layer III, 128 kbit/s at 44.1 kHz: frames of 417 bytes; and AAC frames of 100 bytes.
    let mp3 = [&[0xff, 0xfb, 0x90, 0x00][..], &[0; 413]].concat().repeat(2);
    let adts = [&[0xff, 0xf1, 0x50, 0x80, 0x0c, 0x9f, 0xfc][..], &[0; 93]].concat().repeat(2);
    let ogg = |packet: &[u8]| [b"OggS\0\x02", &[0; 20][..], &[1, 19], packet].concat();
    for (head, want) in [
        (file(&[&[0xff, 0xd8, 0xff, 0xe0]]), Some(Format::Jpeg)),
        (file(&[b"\x89PNG\r\n\x1a\n", &[0; 9]]), Some(Format::Png)),
        (file(&[b"GIF89a", &[0; 9]]), Some(Format::Gif)),
        (file(&[b"GIF87a", &[0; 9]]), Some(Format::Gif)),
        (file(&[b"RIFF\0\0\0\0WEBPVP8 "]), Some(Format::WebP)),
        (file(&[b"RIFF\0\0\0\0WAVEfmt "]), Some(Format::Wav)),
        (file(&[b"RIFF\0\0\0\0AVI LIST"]), None),
        (file(&[b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm"]), Some(Format::WebM)),
        (file(&[b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska"]), None),
        (ogg(b"OpusHead"), Some(Format::OggOpus)),
        (ogg(b"\x01vorbis"), Some(Format::OggVorbis)),
        (ogg(b"\x80theora"), None),
        (ogg(b"Speex   "), None),
        (file(&[b"\0\0\0\x20ftypisom"]), Some(Format::Mp4)),
        (file(&[b"\0\0\0\x20ftypmp42"]), Some(Format::Mp4)),
        (file(&[b"\0\0\0\x14ftypqt  "]), Some(Format::Mov)),
        (file(&[b"\0\0\0\x14ftyp3gp4"]), Some(Format::ThreeGp)),
        (file(&[b"\0\0\0\x14ftyp3g2a"]), Some(Format::ThreeGp)),
        (file(&[b"\0\0\0\x14ftypM4A "]), Some(Format::M4a)),
        (file(&[b"\0\0\0\x14ftypheic"]), None),
        (file(&[b"\0\0\0\x14ftypavif"]), None),
        (file(&[b"\0\0\0\x08wide\0\0\0\0mdat"]), Some(Format::Mov)),
        (file(&[b"\0\0\x01\0moov"]), Some(Format::Mov)),
        (file(&[b"\0\0\0\x02moov"]), None),
        (mp3.clone(), Some(Format::Mp3)),
        (file(&[&mp3[..417], b"no second frame"]), None),
        (adts.clone(), Some(Format::Adts)),
        (file(&[b"\xff\xfe#\0!\0"]), None),
        (file(&[b"%PDF-1.7"]), None),
        (file(&[b""]), None),
    ] {
        assert_eq!(Format::of(&head), want, "{:?}", String::from_utf8_lossy(&head[..head.len().min(24)]));
    }
}

#[test]
fn a_tag_is_measured_and_what_follows_it_counts() {
    assert_eq!(id3_length(b"ID3\x04\0\0\0\0\x02\x01"), Some(10 + 257));
    assert_eq!(id3_length(b"ID3\x04\0\x10\0\0\0\x01"), Some(21), "with a footer");
    assert_eq!(id3_length(b"ID3\x04\0\0\0\0\0\xff"), None, "not a size");
    assert_eq!(id3_length(b"ID3"), None);
    assert_eq!(Format::behind_a_tag(b"fLaC\0\0\0\x22"), None);
    assert_eq!(Format::behind_a_tag(b"<html>"), None);
    assert_eq!(Format::behind_a_tag(&[0; 64]), Some(Format::Mp3), "padding");
}

#[test]
fn what_is_not_taken_has_a_name() {
    for (head, want) in [
        (&b"%PDF-1.7"[..], Some("application/pdf")),
        (b"PK\x03\x04 something", Some("application/zip")),
        (b"<!DOCTYPE html><html><body>Sign in", Some("text/html")),
        (b"  <HTML>", Some("text/html")),
        (b"<?xml version=\"1.0\"?><rss/>", Some("text/xml")),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Some("image/svg+xml")),
        (b"{\"error\": \"not found\"}", Some("application/json")),
        (b"#EXTM3U\nfile:///etc/passwd", Some("application/vnd.apple.mpegurl")),
        (b"ffconcat version 1.0\nfile /etc/passwd", Some("text/plain")),
        ("Not found: \u{e9}".as_bytes(), Some("text/plain")),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", Some("video/x-matroska")),
        (b"fLaC\0\0\0\x22", Some("audio/x-flac")),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some("image/heif")),
        (b"OggS\0\x02 something", Some("application/ogg")),
        (b"\xff\xfb\x90\0 and no more of it", None),
        (b"\x01\x02\x03\x04", None),
        (b"", None),
    ] {
        assert_eq!(looks_like(head), want, "{:?}", String::from_utf8_lossy(head));
    }
    // A character that the end of the head cuts in two is still text.
    assert_eq!(looks_like(&"\u{e9}\u{e9}".as_bytes()[..3]), Some("text/plain"));
}

#[test]
fn pictures_are_no_sound_and_sound_is_no_picture() {
    for format in Format::ALL {
        assert_eq!(format.suits(Wanted::Audio), format.suits(Wanted::Voice), "{format:?}");
        assert!(!(format.suits(Wanted::Image) && format.suits(Wanted::Audio)), "{format:?}");
        let both = format.suits(Wanted::Image) && format.suits(Wanted::Video);
        assert_eq!(both, format == Format::Gif, "{format:?}");
        let at_all = Wanted::ALL.into_iter().any(|wanted| format.suits(wanted));
        assert!(at_all, "{format:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_too_strange(start in 0_usize..8, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let starts: [&[u8]; 8] = [b"", b"\xff\xfb", b"\xff\xf1", b"ID3\x04\0", b"OggS\0", b"RIFF", b"\0\0\0\x18ftyp", b"\x1a\x45\xdf\xa3"];
        let head = [starts[start], &bytes].concat();
        Format::of(&head);
        looks_like(&head);
        id3_length(&head);
        Format::behind_a_tag(&head);
    }
}
