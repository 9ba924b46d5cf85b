//! Event streams as they are written.

use super::super::serve::Stop;
use super::*;
use crate::domain::id::SessionId;
use crate::domain::qr::QrCode;

fn session() -> SessionId {
    SessionId(uuid::Uuid::from_u128(7))
}

async fn lines(mut told: Told) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = told.next().await {
        lines.push(event.unwrap().to_string());
    }
    lines
}

#[tokio::test]
async fn events_carry_their_name_their_id_and_their_data() {
    let connected = StreamEvent::Connected {
        session_id: session(),
        phone_number: "+237612345678".into(),
        connected_at: "2026-11-22T10:00:00Z".parse().unwrap(),
    };
    let lost = StreamEvent::Error { session_id: session(), code: "x".into(), message: "y".into(), last: false };
    let events = stream::iter([("7-0".to_owned(), connected), ("8-0".to_owned(), lost)]).boxed();
    let (_stop, stopping) = Stop::new();
    let lines = lines(told(events, &stopping)).await;
    assert_eq!(lines[0], "retry:2000\n\n");
    for part in ["event:connected\n", "id:7-0\n", r#""phoneNumber":"+237612345678""#, "2026-11-22T10:00:00.000Z"] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }
    for part in ["event:error\n", "id:8-0\n", r#""final":false"#] {
        assert!(lines[2].contains(part), "{part} in {}", lines[2]);
    }
}

#[test]
fn a_qr_code_comes_with_its_picture() {
    let expires_at = "2026-11-22T10:00:00Z".parse().unwrap();
    let text =
        written(&StreamEvent::Qr { session_id: session(), qr: QrCode::new("2@abc"), expires_at }).unwrap().to_string();
    for part in ["event:qr\n", r#""qr":"2@abc""#, r#""qrImage":"data:image/png;base64,"#, r#""expiresAt":"2026"#] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let (stop, stopping) = Stop::new();
    let mut told = told(stream::pending().boxed(), &stopping);
    assert!(told.next().await.is_some(), "the opening line comes at once");
    stop.begin();
    assert!(told.next().await.is_none());
}

#[test]
fn events_hold_what_is_documented_and_nothing_else() {
    use utoipa::PartialSchema;
    let at = "2026-11-22T10:00:00Z".parse().unwrap();
    let schemas = [described::QrEvent::schema(), described::ConnectedEvent::schema(), described::ErrorEvent::schema()];
    let events = [
        StreamEvent::Qr { session_id: session(), qr: QrCode::new("2@abc"), expires_at: at },
        StreamEvent::Connected { session_id: session(), phone_number: "+237612345678".into(), connected_at: at },
        StreamEvent::Error { session_id: session(), code: "x".into(), message: "y".into(), last: true },
    ];
    for (schema, event) in schemas.into_iter().zip(events) {
        let schema = serde_json::to_value(schema).unwrap();
        let text = written(&event).unwrap().to_string();
        let data: Value = serde_json::from_str(text.lines().find_map(|l| l.strip_prefix("data:")).unwrap()).unwrap();
        let documented: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        let mut told: Vec<_> = data.as_object().unwrap().keys().collect();
        told.sort();
        let mut sorted = documented.clone();
        sorted.sort();
        assert_eq!(told, sorted, "{}", event.name());
        assert_eq!(schema["required"].as_array().unwrap().len(), documented.len(), "{}", event.name());
    }
}
