//! A file of each published format goes in, and the phone's copy is probed: what it is, its pixels, its length, its words.

use reqwest::Method;
use serde_json::{Value, json};

use super::{FRIEND, Stage};
use crate::ground::samples::{duration, kept, probe, sample, stream};

/// Sends a sample by URL under a name and a type that lie, and gives back the message, the screen's line and the probed copy.
async fn sent(stage: &Stage, name: &str, wanted: &str) -> (Value, Value, Value) {
    let url = stage.origin.bytes(&format!("/{name}.txt"), "text/plain", sample(name));
    let id = if wanted == "image" { stage.image(&url).await } else { stage.video(&url).await };
    let message = stage.delivered(&id).await;
    let (line, copy) = stage.shown(&message).await;
    let folder = tempfile::tempdir().unwrap();
    let probed = probe(&kept(folder.path(), "copy", &copy));
    (message, line, probed)
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_every_format_arrive_as_phones_show_them() {
    let stage = Stage::open().await;
    for (name, codec, mime) in
        [("photo.jpg", "mjpeg", "image/jpeg"), ("photo.png", "png", "image/png"), ("photo.webp", "mjpeg", "image/jpeg")]
    {
        let (message, line, probed) = sent(&stage, name, "image").await;
        let picture = stream(&probed, "video").unwrap();
        assert_eq!(picture["codec_name"], codec, "{name}");
        assert_eq!((&picture["width"], &picture["height"]), (&json!(320), &json!(240)), "{name}");
        assert_eq!((&line["type"], &line["caption"], &line["mime"]), (&json!("image"), &json!("Look"), &json!(mime)));
        assert_eq!((&message["type"], &message["caption"]), (&json!("image"), &json!("Look")));
        assert_eq!((&message["width"], &message["height"]), (&json!(320), &json!(240)), "{message}");
        assert_eq!((&message["mimeType"], &message["size"]), (&json!(mime), &line["size"]), "{message}");
    }
    stage.nothing_stays().await;
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn videos_of_every_format_arrive_as_mp4_that_phones_play() {
    let stage = Stage::open().await;
    for (name, width, height) in
        [("film.mp4", 320, 240), ("film.mov", 320, 240), ("film.3gp", 352, 288), ("film.webm", 320, 240)]
    {
        let (message, line, probed) = sent(&stage, name, "video").await;
        let (picture, sound) = (stream(&probed, "video").unwrap(), stream(&probed, "audio").unwrap());
        assert_eq!((&picture["codec_name"], &sound["codec_name"]), (&json!("h264"), &json!("aac")), "{name}");
        assert_eq!(picture["pix_fmt"], "yuv420p", "{name}");
        assert_eq!((&picture["width"], &picture["height"]), (&json!(width), &json!(height)), "{name}");
        assert!((duration(&probed) - 2.0).abs() < 0.25, "{name}: {}", duration(&probed));
        assert_eq!(
            (&line["type"], &line["caption"], &line["mime"]),
            (&json!("video"), &json!("Look"), &json!("video/mp4"))
        );
        assert_eq!((&message["type"], &message["gif"]), (&json!("video"), &json!(false)));
        assert!((message["durationSeconds"].as_f64().unwrap() - duration(&probed)).abs() < 0.1, "{name}: {message}");
    }
    stage.nothing_stays().await;
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gif_becomes_a_film_that_loops() {
    let stage = Stage::open().await;
    let (message, line, probed) = sent(&stage, "loop.gif", "image").await;
    assert_eq!((&message["type"], &message["gif"]), (&json!("video"), &json!(true)), "{message}");
    assert_eq!(
        (&line["type"], &line["gif"], &line["mime"]),
        (&json!("video"), &json!(true), &json!("video/mp4")),
        "{line}"
    );
    let picture = stream(&probed, "video").unwrap();
    assert_eq!((&picture["codec_name"], &picture["pix_fmt"]), (&json!("h264"), &json!("yuv420p")));
    assert!(stream(&probed, "audio").is_none());
    assert!((duration(&probed) - 1.0).abs() < 0.25);
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_of_every_format_arrives_as_a_file_that_plays_everywhere() {
    let stage = Stage::open().await;
    for name in ["sound.mp3", "sound.ogg", "sound.opus", "sound.aac", "sound.m4a", "sound.wav"] {
        let url = stage.origin.bytes(&format!("/{name}.bin"), "application/octet-stream", sample(name));
        let message = stage.delivered(&stage.audio(&url, false).await).await;
        let (line, copy) = stage.shown(&message).await;
        let folder = tempfile::tempdir().unwrap();
        let probed = probe(&kept(folder.path(), "copy", &copy));
        let codec = stream(&probed, "audio").unwrap()["codec_name"].as_str().unwrap().to_owned();
        assert!(matches!(codec.as_str(), "aac" | "mp3"), "{name}: {codec}");
        assert!((duration(&probed) - 2.0).abs() < 0.25, "{name}: {}", duration(&probed));
        assert_eq!((&line["type"], &line["voice"]), (&json!("audio"), &json!(false)), "{line}");
        assert_eq!((&message["type"], &message["ptt"]), (&json!("audio"), &json!(false)), "{message}");
    }
    stage.nothing_stays().await;
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_with_the_request_arrives_as_one_from_a_url_does() {
    let stage = Stage::open().await;
    let mut form = Vec::new();
    for (name, value) in [("to", FRIEND), ("media_type", "image"), ("caption", "Look")] {
        form.extend(
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes(),
        );
    }
    form.extend(b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cat.exe\"\r\n");
    form.extend(b"Content-Type: text/html\r\n\r\n");
    form.extend(sample("photo.png"));
    form.extend(b"\r\n--cut--\r\n");
    let request = stage.app.caller.request(Method::POST, "/messages/media").body(form);
    let request = request.header("Content-Type", "multipart/form-data; boundary=cut");
    let accepted = stage.app.caller.send(request).await.expect(202);
    let message = stage.delivered(accepted["id"].as_str().unwrap()).await;
    let (line, copy) = stage.shown(&message).await;
    assert_eq!((&line["mime"], &line["caption"]), (&json!("image/png"), &json!("Look")));
    assert!(copy.starts_with(b"\x89PNG"));
    assert_eq!(message["mediaUrl"], Value::Null);
    stage.nothing_stays().await;
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_photo_was_taken_does_not_travel() {
    let stage = Stage::open().await;
    // The marker of a JPEG's Exif block with a word in it that must not arrive.
    let (word, photo) = (b"Exif\0\0Grand-Place 4.3517 N", sample("photo.jpg"));
    let mut tagged = vec![0xFF, 0xD8, 0xFF, 0xE1];
    tagged.extend(u16::try_from(word.len() + 2).unwrap().to_be_bytes());
    tagged.extend(word);
    tagged.extend(&photo[2..]);
    let url = stage.origin.bytes("/photo", "image/jpeg", tagged);
    let (_, copy) = stage.shown(&stage.delivered(&stage.image(&url).await).await).await;
    assert!(!copy.windows(11).any(|part| part == b"Grand-Place"));
    assert!(copy.starts_with(&[0xFF, 0xD8]));
    stage.app.stop().await;
}
