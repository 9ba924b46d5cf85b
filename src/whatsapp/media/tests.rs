//! Media below the wire: what is encrypted opens again, and what phones are told comes through the encoding.

use std::fs;

use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::http::HttpStatusError;
use whatsapp_rust::wacore::download::DownloadUtils;

use super::*;
use crate::domain::media::WAVEFORM;

fn facts(kind: Kind) -> Facts {
    Facts {
        kind,
        mime: "test/type".to_owned(),
        size: 7,
        width: Some(640),
        height: Some(480),
        duration_ms: Some(61_700),
        waveform: Some([7; WAVEFORM]),
        thumbnail: Some(vec![1, 2, 3]),
        gif: false,
    }
}

fn outgoing(wanted: Wanted, kind: Kind) -> Outgoing {
    let caption = Caption::read("words".to_owned()).unwrap();
    Outgoing { file: PathBuf::new(), wanted, facts: facts(kind), caption }
}

/// What the other side decodes of it.
fn told(mut message: wa::Message, medium: Outgoing) -> wa::Message {
    describe(&mut message, medium);
    wa::Message::decode_from_slice(&message.encode_to_vec()).unwrap()
}

fn read(source: &Sealed, offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.reader_from(offset).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_encrypted_opens_again_and_leaves_no_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let plain: Vec<u8> = (0..200_003_u32).map(|n| (n % 251) as u8).collect();
    let (file, scratch) = (folder.path().join("medium"), folder.path().join("scratch"));
    fs::write(&file, &plain).unwrap();
    fs::create_dir(&scratch).unwrap();
    for kind in [MediaType::Image, MediaType::Video, MediaType::Audio] {
        let (sealed, info) = seal(&file, &scratch, kind).unwrap();
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "it has a name");
        let bytes = read(&sealed, 0);
        assert_eq!(bytes.len() as u64, sealed.len());
        assert_eq!(DownloadUtils::decrypt_stream(bytes.as_slice(), &info.media_key, kind).unwrap(), plain);
        assert_eq!((info.file_length, info.streaming_sidecar.is_some()), (200_003, kind != MediaType::Image));
        // Two hosts read it at once, one of them from where it was cut off.
        let (mut one, mut two) = (sealed.reader_from(0).unwrap(), sealed.reader_from(100_000).unwrap());
        let (mut head, mut tail) = ([0; 10], [0; 10]);
        one.read_exact(&mut head).unwrap();
        two.read_exact(&mut tail).unwrap();
        assert_eq!((&head[..], &tail[..]), (&bytes[..10], &bytes[100_000..100_010]));
    }
    assert_eq!(seal(&folder.path().join("gone"), &scratch, MediaType::Image).err(), Some(UploadError::FileGone));
    let nowhere = seal(&file, &folder.path().join("nowhere"), MediaType::Image).err();
    assert!(matches!(nowhere, Some(UploadError::Temporary(_))), "{nowhere:?}");
}

#[test]
fn phones_are_told_what_a_picture_or_a_film_looks_like() {
    let empty =
        wa::Message { image_message: MessageField::some(wa::message::ImageMessage::default()), ..Default::default() };
    let image = told(empty, outgoing(Wanted::Image, Kind::Image)).image_message.unwrap();
    assert_eq!((image.width, image.height, image.caption.as_deref()), (Some(640), Some(480), Some("words")));
    assert_eq!((image.mimetype.as_deref(), image.jpeg_thumbnail.as_deref()), (Some("test/type"), Some(&[1, 2, 3][..])));

    let empty = || wa::Message {
        video_message: MessageField::some(wa::message::VideoMessage::default()),
        ..Default::default()
    };
    let video = told(empty(), outgoing(Wanted::Video, Kind::Video)).video_message.unwrap();
    assert_eq!((video.width, video.height, video.seconds), (Some(640), Some(480), Some(62)));
    assert_eq!((video.gif_playback, video.caption.as_deref()), (None, Some("words")));
    // A GIF that was asked for as an image.
    let mut moving = outgoing(Wanted::Image, Kind::Video);
    moving.facts.gif = true;
    assert_eq!(told(empty(), moving).video_message.unwrap().gif_playback, Some(true));
}

#[test]
fn a_voice_note_is_one_and_an_audio_file_is_none() {
    let empty = || wa::Message {
        audio_message: MessageField::some(wa::message::AudioMessage::default()),
        ..Default::default()
    };
    let voice = told(empty(), outgoing(Wanted::Voice, Kind::Audio)).audio_message.unwrap();
    assert_eq!((voice.ptt, voice.seconds, voice.waveform.as_deref()), (Some(true), Some(62), Some(&[7; WAVEFORM][..])));
    let mut short = outgoing(Wanted::Audio, Kind::Audio);
    short.facts.duration_ms = Some(80);
    let file = told(empty(), short).audio_message.unwrap();
    assert_eq!((file.ptt, file.seconds, file.waveform), (Some(false), Some(1), None));
}

#[test]
fn only_what_can_never_succeed_is_given_up() {
    let answered = |status| refused(&anyhow::Error::new(HttpStatusError { status }).context("Upload failed"));
    for status in [401, 403, 408, 425, 429, 500, 503, 507] {
        assert_eq!(answered(status), UploadError::Temporary(format!("they answered {status}")));
    }
    for status in [400, 404, 413, 415] {
        assert_eq!(answered(status), UploadError::Refused(format!("they answered {status}")));
    }
    assert_eq!(refused(&anyhow::Error::new(IqError::NotConnected)), UploadError::NotConnected);
    let silent = refused(&anyhow::anyhow!("token=secret"));
    assert!(matches!(&silent, UploadError::Temporary(why) if !why.contains("secret")), "{silent:?}");
}
