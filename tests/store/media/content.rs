//! What callers see of each type of message.

use serde_json::{Value, json};
use wamux::domain::media::{Facts, Source, SpoolName, Wanted};
use wamux::domain::message::Kind;
use wamux::store::Store;

use super::{ADA, URL, accept, film, from_url, medium, new_lease, picture, shown, text};

pub(super) async fn each_type_shows_its_content(store: &Store) {
    let lease = new_lease(store, "shown").await;
    let content = |value: Value, names: &[&str]| {
        let told = value.as_object().unwrap();
        let all = [
            "message",
            "mediaUrl",
            "audioUrl",
            "caption",
            "mimeType",
            "size",
            "width",
            "height",
            "durationSeconds",
            "gif",
            "ptt",
            "waveform",
        ];
        for name in all {
            assert_eq!(told.contains_key(name), names.contains(&name), "{name} in {value}");
        }
        names.iter().map(|name| told[*name].clone()).collect::<Value>()
    };
    let id = accept(store, lease, "SHOWN1", ADA, text()).await;
    assert_eq!(content(shown(store, lease, id).await, &["message"]), json!(["hello"]));

    let seen = ["mediaUrl", "caption", "mimeType", "size", "width", "height"];
    let id = accept(store, lease, "SHOWN2", ADA, picture()).await;
    let told = shown(store, lease, id).await;
    assert_eq!((&told["type"], &told["status"]), (&json!("image"), &json!("pending")));
    assert_eq!(content(told, &seen), json!([URL, "a cat", null, null, null, null]));
    // A GIF was asked for as an image, and is a video.
    assert!(store.media_prepared(lease, id, SpoolName(store.clock().id()), film()).await.unwrap());
    let told = shown(store, lease, id).await;
    assert_eq!(told["type"], "video");
    let video = [&seen[..], &["durationSeconds", "gif"]].concat();
    assert_eq!(content(told, &video), json!([URL, "a cat", "video/mp4", 5_000_000_000u64, 640, 480, 3.52, true]));

    let from_file = Source::Upload(SpoolName(store.clock().id()));
    let id = accept(store, lease, "SHOWN3", ADA, medium(Wanted::Video, from_file.clone(), "")).await;
    assert_eq!(content(shown(store, lease, id).await, &video), json!(vec![Value::Null; 8]));

    let audio = ["audioUrl", "ptt", "mimeType", "size", "durationSeconds"];
    let id = accept(store, lease, "SHOWN4", ADA, medium(Wanted::Audio, from_url(), "")).await;
    assert_eq!(content(shown(store, lease, id).await, &audio), json!([URL, false, null, null, null]));
    let voice = [&audio[..], &["waveform"]].concat();
    let id = accept(store, lease, "SHOWN5", ADA, medium(Wanted::Voice, from_file, "")).await;
    assert_eq!(content(shown(store, lease, id).await, &voice), json!([null, true, null, null, null, null]));
    let waveform: [u8; 64] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    let mime = "audio/ogg; codecs=opus".to_owned();
    let note = Facts { kind: Kind::Audio, mime, duration_ms: Some(61_000), waveform: Some(waveform), ..film() };
    assert!(store.media_prepared(lease, id, SpoolName(store.clock().id()), note).await.unwrap());
    let told = content(shown(store, lease, id).await, &voice);
    assert_eq!((&told[1], &told[4], &told[5]), (&json!(true), &json!(61.0), &json!(waveform.to_vec())));
    assert_eq!(store.media_ready(lease, 9).await.unwrap().media[1].facts.waveform, Some(waveform));

    let page = store.messages(lease.tenant, &crate::store::filter()).await.unwrap();
    let types: Vec<_> = page.messages.iter().map(|message| message.kind).collect();
    assert_eq!(types, [Kind::Audio, Kind::Audio, Kind::Video, Kind::Video, Kind::Text]);
    let listed = serde_json::to_value(&page.messages[3]).unwrap();
    assert_eq!(listed["caption"], "a cat", "a list shows what a single message shows");
}
