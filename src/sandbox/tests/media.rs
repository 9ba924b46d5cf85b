//! Media from a client to a phone: the phone's copy is what was sent, and what the screen says is what the message said.

use chrono::TimeDelta;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::download::MediaType;
use whatsapp_rust::prelude::wa;
use whatsapp_rust::upload::{UploadOptions, UploadResponse};
use whatsapp_rust::wacore::proto_helpers::MessageExt as _;

use super::harness::{Companion, Net, phone};
use crate::domain::elsewhere::Fingerprint;
use crate::sandbox::ledger::{Change, Fetched};
use crate::sandbox::{Attachment, AttachmentKind, Measures, SandboxError, Shown};

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

async fn up(companion: &Companion, bytes: &[u8], kind: MediaType) -> UploadResponse {
    companion.client.upload(bytes.to_vec(), kind, UploadOptions::new()).await.unwrap()
}

/// The fields that all media have.
macro_rules! medium {
    ($kind:ident, $up:expr, $($field:ident: $value:expr),* $(,)?) => {{
        let up = $up.clone();
        wa::message::$kind {
            url: Some(up.url),
            direct_path: Some(up.direct_path),
            media_key: Some(up.media_key.to_vec()),
            file_enc_sha256: Some(up.file_enc_sha256.to_vec()),
            file_sha256: Some(up.file_sha256.to_vec()),
            file_length: Some(up.file_length),
            $($field: $value,)*
            ..Default::default()
        }
    }};
}

fn image(up: &UploadResponse, caption: &str) -> wa::Message {
    let image = medium!(ImageMessage, up, mimetype: Some("image/jpeg".to_owned()), caption: Some(caption.to_owned()),
        width: Some(640), height: Some(480), jpeg_thumbnail: Some(vec![0xff, 0xd8]));
    wa::Message { image_message: MessageField::some(image), ..Default::default() }
}

fn sha256(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    Fingerprint(hash.as_ref().try_into().unwrap()).to_string()
}

/// What a phone has of a line.
async fn copy(net: &Net, number: &str, line: &Shown) -> (Option<String>, Vec<u8>) {
    let copy = net.sandbox.copy(&phone(number), &line.id).await.unwrap();
    let (mime, size) = (copy.mime.clone(), copy.size);
    let bytes = reqwest::Response::from(hyper::Response::new(copy.body(0..size).unwrap())).bytes().await.unwrap();
    assert_eq!(bytes.len() as u64, size);
    (mime, bytes.to_vec())
}

#[tokio::test]
async fn every_kind_of_medium_is_shown_and_its_copy_is_what_was_sent() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let bytes = |fill: u8| vec![fill; 100_003];
    let up = async |fill, kind| up(&companion, &bytes(fill), kind).await;
    companion.sends(BOB, image(&up(1, MediaType::Image).await, "a picture")).await;
    let video = medium!(VideoMessage, up(2, MediaType::Video).await, mimetype: Some("video/mp4".to_owned()),
        seconds: Some(3), gif_playback: Some(true), caption: Some("it loops".to_owned()));
    companion.sends(BOB, wa::Message { video_message: MessageField::some(video), ..Default::default() }).await;
    let voice = medium!(AudioMessage, up(3, MediaType::Audio).await, mimetype: Some("audio/ogg; codecs=opus".to_owned()),
        seconds: Some(7), ptt: Some(true), waveform: Some(vec![0, 50, 100]));
    companion.sends(BOB, wa::Message { audio_message: MessageField::some(voice), ..Default::default() }).await;
    let music = medium!(AudioMessage, up(4, MediaType::Audio).await, mimetype: Some("audio/mp4".to_owned()));
    companion.sends(BOB, wa::Message { audio_message: MessageField::some(music), ..Default::default() }).await;
    let paper = medium!(DocumentMessage, up(5, MediaType::Document).await, mimetype: Some("application/pdf".to_owned()),
        file_name: Some("bill.pdf".to_owned()));
    companion.sends(BOB, wa::Message { document_message: MessageField::some(paper), ..Default::default() }).await;
    let sticker = medium!(StickerMessage, up(6, MediaType::Sticker).await, mimetype: Some("image/webp".to_owned()));
    companion.sends(BOB, wa::Message { sticker_message: MessageField::some(sticker), ..Default::default() }).await;

    let shown = net.screen(BOB).await;
    let kinds: Vec<&str> = shown.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["image", "video", "audio", "audio", "document", "sticker"]);
    for (n, line) in (1..).zip(&shown) {
        assert_eq!(
            (&line.sha256, line.facts.size, &line.media_error),
            (&Some(sha256(&bytes(n))), Some(100_003), &None)
        );
        assert_eq!(copy(&net, BOB, line).await, (line.facts.mime.clone(), bytes(n)));
    }
    let facts: Vec<_> = shown.iter().map(|line| line.facts.clone()).collect();
    assert_eq!(shown[0].caption.as_deref(), Some("a picture"));
    assert_eq!((facts[0].width, facts[0].height, facts[0].thumbnail.as_deref()), (Some(640), Some(480), Some("/9g=")));
    assert_eq!((facts[1].gif, facts[1].duration_seconds, shown[1].text.as_str()), (Some(true), Some(3), "it loops"));
    assert_eq!((facts[2].voice, &facts[2].waveform), (Some(true), &Some(vec![0, 50, 100])));
    assert_eq!((facts[3].voice, &facts[3].waveform, &shown[3].caption), (Some(false), &None, &None));
    assert_eq!(facts[4].file_name.as_deref(), Some("bill.pdf"));
    // The own phone shows and has all of it too.
    let own = net.screen(ALICE).await;
    assert_eq!(
        own.iter().map(|line| &line.sha256).collect::<Vec<_>>(),
        shown.iter().map(|line| &line.sha256).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_cannot_be_fetched_or_is_something_else_is_a_line_that_says_so() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let up = up(&companion, &[7; 1000], MediaType::Image).await;
    let but = |change: fn(&mut wa::message::ImageMessage)| {
        let mut message = image(&up, "look");
        change(message.image_message.as_option_mut().unwrap());
        message
    };
    companion.sends(BOB, but(|image| image.file_sha256 = Some(vec![1; 32]))).await;
    companion.sends(BOB, but(|image| image.file_enc_sha256 = Some(vec![1; 32]))).await;
    companion.sends(BOB, but(|image| image.media_key = Some(vec![1; 32]))).await;
    companion.sends(BOB, but(|image| image.direct_path = None)).await;
    companion.sends(BOB, but(|image| image.direct_path = Some("/v/t62.7118-24/../../x.enc?oe=1&oh=01_x".into()))).await;
    companion.sends(BOB, image(&up, "look")).await;
    let shown = net.screen(BOB).await;
    let said: Vec<_> = shown.iter().map(|line| line.media_error.as_deref()).collect();
    let want =
        [Some("wrong_hash"), Some("wrong_hash"), Some("not_decryptable"), Some("incomplete"), Some("not_found"), None];
    assert_eq!(said, want);
    for line in &shown[..5] {
        assert_eq!((line.kind.as_str(), line.text.as_str(), &line.sha256), ("image", "look", &None));
        let error = net.sandbox.copy(&phone(BOB), &line.id).await.err().unwrap();
        assert!(matches!(error, SandboxError::NotFetched(_)), "{error}");
    }
    // What was there is not, from now on: another phone finds nothing, and Bob keeps what he has.
    net.sandbox.expire(&phone(BOB), &shown[5].id).await.unwrap();
    companion.sends("+237633333333", image(&up, "late")).await;
    assert_eq!(net.screen("+237633333333").await[0].media_error.as_deref(), Some("not_found"));
    net.sandbox.network.clock.shift(TimeDelta::days(31));
    companion.sends("+237644444444", image(&up, "later")).await;
    assert_eq!(net.screen("+237644444444").await[0].media_error.as_deref(), Some("expired"));
    assert_eq!(copy(&net, BOB, &shown[5]).await.1, [7; 1000]);
}

#[tokio::test]
async fn a_phone_that_was_off_or_killed_fetches_when_it_is_back() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    net.sandbox.go_offline(&phone(BOB)).await.unwrap();
    let up = up(&companion, &[8; 1000], MediaType::Image).await;
    companion.sends(BOB, image(&up, "")).await;
    assert!(net.screen(BOB).await.is_empty());
    net.sandbox.come_online(&phone(BOB)).await.unwrap();
    let line = net.screen(BOB).await.remove(0);
    assert_eq!((&line.sha256, &line.caption), (&Some(sha256(&[8; 1000])), &None));
    // As if it had been killed before it could say that it has it.
    let account = net.sandbox.network.find(&phone(BOB)).await.unwrap().unwrap().id;
    net.sandbox.network.media.copies.remove(line.sha256.as_ref().unwrap());
    let due = Change::Fetched { account, id: line.id.clone(), fetched: Fetched::Due };
    net.sandbox.network.ledger.write(vec![due]).await.unwrap();
    companion.stop().await;
    let net = net.reopen().await;
    assert_eq!(net.screen(BOB).await[0].sha256, line.sha256);
    assert_eq!(copy(&net, BOB, &line).await.1, [8; 1000]);
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_asked_for_anew_and_what_is_up_comes_down() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    up(&companion, &[1; 10], MediaType::Image).await;
    net.sandbox.network.clock.shift(TimeDelta::hours(7));
    let up = up(&companion, &[2; 10], MediaType::Image).await;
    let message = image(&up, "");
    let down = companion.client.download(message.get_base_message().image_message.as_option().unwrap()).await.unwrap();
    assert_eq!(down, [2; 10]);
}

#[tokio::test]
async fn a_phone_sends_a_medium_and_sends_it_again_to_who_could_not_read_it() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    net.sandbox.create_phone(&phone(BOB), None).await.unwrap();
    let note = Attachment {
        kind: AttachmentKind::Audio,
        bytes: vec![9; 5000],
        mime: None,
        caption: String::new(),
        voice: true,
        file_name: None,
        measures: Measures::default(),
    };
    // The companion has lost what it shares with the phone by the second one, and asks for that again.
    for round in 0..2 {
        let own = net.sandbox.post(&phone(BOB), &phone(ALICE), note.clone()).await.unwrap();
        let heard =
            companion.wait("a voice note", |event| event.messages().any(|m| m.message.audio_message.is_set())).await;
        let first = heard.messages().find(|m| m.message.audio_message.is_set()).unwrap();
        let (audio, sender) = (first.message.audio_message.as_option().unwrap(), first.info.source.sender.clone());
        assert_eq!((audio.ptt, audio.file_length), (Some(true), Some(5000)));
        assert_eq!(companion.client.download(audio).await.unwrap(), [9; 5000]);
        for number in [ALICE, BOB] {
            let line = net.screen(number).await.pop().unwrap();
            assert_eq!((&line.whatsapp_message_id, line.facts.voice), (&own.whatsapp_message_id, Some(true)));
            assert_eq!(copy(&net, number, &line).await, (Some("audio/ogg; codecs=opus".to_owned()), vec![9; 5000]));
        }
        if round == 0 {
            // An answer confirms the session, so that what comes next can only be read with it.
            companion.send(BOB, "answer").await;
            companion.receipt().await;
            companion.client.signal().delete_sessions(&[sender]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_medium_that_is_taken_back_is_gone_from_the_screen() {
    let net = Net::new().await;
    let companion = net.linked(ALICE).await;
    let id = companion.sends(BOB, image(&up(&companion, &[3; 10], MediaType::Image).await, "oops")).await;
    let line = net.screen(BOB).await.remove(0);
    let to = whatsapp_rust::Jid::pn(phone(BOB).digits().to_owned());
    companion.client.revoke_message(&to, &id, whatsapp_rust::RevokeType::Sender).await.unwrap();
    net.until("taken back", async || net.screen(BOB).await[0].kind == "deleted").await;
    assert!(matches!(net.sandbox.copy(&phone(BOB), &line.id).await, Err(SandboxError::NoSuchMedium)));
    assert_eq!(net.screen(BOB).await[0].facts.mime, None);
}
