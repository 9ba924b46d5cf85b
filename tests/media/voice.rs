//! Voice notes: what phones show as one, from every format that is published.

use serde_json::json;

use super::Stage;
use crate::ground::samples::{duration, kept, probe, sample, stream};

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_note_is_mono_opus_with_its_length_and_its_waveform() {
    let stage = Stage::open().await;
    for name in ["sound.mp3", "sound.ogg", "sound.opus", "sound.aac", "sound.wav"] {
        let url = stage.origin.bytes(&format!("/{name}"), "audio/mpeg", sample(name));
        let message = stage.delivered(&stage.audio(&url, true).await).await;
        let (line, copy) = stage.shown(&message).await;
        let folder = tempfile::tempdir().unwrap();
        let probed = probe(&kept(folder.path(), "copy", &copy));
        let sound = stream(&probed, "audio").unwrap();
        assert_eq!((&sound["codec_name"], &sound["channels"]), (&json!("opus"), &json!(1)), "{name}");
        assert_eq!(probed["format"]["format_name"], "ogg", "{name}");
        assert!((duration(&probed) - 2.0).abs() < 0.25, "{name}: {}", duration(&probed));
        assert_eq!(
            (&line["type"], &line["voice"], &line["durationSeconds"]),
            (&json!("audio"), &json!(true), &json!(2))
        );
        let wave: Vec<u64> = line["waveform"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        assert!(wave.len() == 64 && wave.iter().all(|v| *v <= 100), "{wave:?}");
        // Silent for a second, then loud for a second.
        let (quiet, loud) = (wave[..28].iter().max().unwrap(), wave[36..60].iter().min().unwrap());
        assert!(*quiet < 10 && *loud > 60, "{name}: {wave:?}");
        assert_eq!((&message["ptt"], &message["waveform"]), (&json!(true), &line["waveform"]), "{message}");
    }
    stage.nothing_stays().await;
    stage.app.stop().await;
}
