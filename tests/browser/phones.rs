//! The simulated phones in a real browser: a conversation that goes on while one types, and a voice note that is heard out.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::PERSON;
use super::window::Window;
use crate::ground::app::{App, Caller};
use crate::ground::samples::sample;

const SHOP: &str = "+237600000091";
const ADA: &str = "+237600000092";
/// Both of them side by side, with their chat open.
const BOTH: &str =
    "/dashboard/phones?phone=%2B237600000091&chat=%2B237600000092&phone=%2B237600000092&chat=%2B237600000091";

/// Somebody with a linked session, at the page that shows its phone and another.
async fn open(app: &App) -> (Window, Caller) {
    let window = Window::signed_in(app, PERSON).await;
    let caller = app.tenant(PERSON, "pro").await;
    caller.link("shop", SHOP).await;
    caller.post("/sandbox/phones", json!({ "phone": ADA, "name": "Ada" })).await.expect(201);
    window.goes(BOTH).await;
    window.shows("#phone-237600000092 textarea").await;
    window.run("window.same = true", Vec::new()).await;
    (window, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_comes_alive_while_somebody_types() {
    let app = App::start().await;
    let (window, caller) = open(&app).await;
    window.types("#text-237600000092", "half a").await;
    caller.text(ADA, "from the API").await;
    window.says("#phone-237600000092 .in", "from the API").await;
    window.says("#phone-237600000091 .out .at", "Delivered").await;
    let typed =
        "const box = document.getElementById('text-237600000092'); return [box.value, document.activeElement === box]";
    assert_eq!(window.run(typed, Vec::new()).await, json!(["half a", true]));
    // Enter sends; the box is empty again, and keeps the focus.
    window.shows("#text-237600000092").await.send_keys(" sentence\u{e007}").await.unwrap();
    window.says("#phone-237600000091 .in", "half a sentence").await;
    assert_eq!(window.run(typed, Vec::new()).await, json!(["", true]));
    caller.until_count("direction=inbound", 1).await;
    // Ticks turn when the other reads.
    window.clicks("#phone-237600000092 .unread button").await;
    window.says("#phone-237600000091 .out .at", "Read").await;
    // Chats are opened and left in place, and the browser's own way back works.
    window.clicks("#phone-237600000092 .back").await;
    window.says("#phone-237600000092 .chats", "half a sentence").await;
    window.run("history.back()", Vec::new()).await;
    window.shows("#phone-237600000092 .log").await;
    assert_eq!(window.run("return window.same", Vec::new()).await, true, "all of it without a reload");
    assert_eq!(window.barriers().await, Vec::<String>::new());
    assert_eq!(window.faults().await, Vec::<String>::new());
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_note_plays_over_its_waveform_and_goes_on_while_others_write() {
    let app = App::start().await;
    let (window, caller) = open(&app).await;
    let waveform: Vec<u8> = (0..64).map(|n| n % 100).collect();
    let note = json!({
        "to": SHOP, "mediaType": "audio", "ptt": true, "durationSeconds": 2, "mediaBase64": BASE64_STANDARD.encode(sample("sound.opus")),
        "waveformBase64": BASE64_STANDARD.encode(waveform),
    });
    caller.post(&format!("/sandbox/phones/{ADA}/messages"), note).await.expect(201);
    let voice = "#phone-237600000091 .voice";
    window.shows(&format!("{voice} .wave")).await;
    let once = "const audio = document.querySelector('#phone-237600000091 audio');
        audio.addEventListener('ended', () => document.body.classList.add('heard-out'));
        audio.playbackRate = 0.5";
    window.run(once, Vec::new()).await;
    window.clicks(&format!("{voice} .play")).await;
    window.shows(&format!("{voice}.playing .wave.done")).await;
    caller.text(ADA, "meanwhile").await;
    window.says("#phone-237600000092 .in", "meanwhile").await;
    let playing = "return !document.querySelector('#phone-237600000091 audio').paused";
    assert_eq!(window.run(playing, Vec::new()).await, true, "it goes on");
    window.shows("body.heard-out").await;
    window.shows(&format!("{voice}:not(.playing)")).await;
    let done = "return document.querySelector('#phone-237600000091 .done').style.getPropertyValue('--done')";
    assert_eq!(window.run(done, Vec::new()).await, Value::from("100%"));
    window.close().await;
    app.stop().await;
}
