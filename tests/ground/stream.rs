//! A reader of server-sent events, as a client would write one.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
}

pub struct Events {
    pub status: u16,
    bytes: BoxStream<'static, Vec<u8>>,
    buffer: String,
}

impl Events {
    pub fn new(answer: reqwest::Response) -> Self {
        let status = answer.status().as_u16();
        let bytes = answer.bytes_stream().map(|part| part.map(|b| b.to_vec()).unwrap_or_default()).boxed();
        Self { status, bytes, buffer: String::new() }
    }

    /// The next event; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&block) {
                    return Some(event);
                }
                continue;
            }
            let part = tokio::time::timeout(Duration::from_secs(40), self.bytes.next()).await.expect("no event came");
            self.buffer.push_str(&String::from_utf8(part?).unwrap());
        }
    }

    /// The data of the next event with this name.
    pub async fn until(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before '{name}'"));
            if event.name == name {
                return event.data;
            }
        }
    }

    /// Waits for the end of the stream.
    pub async fn end(&mut self) {
        while self.next().await.is_some() {}
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let prefix = format!("{name}:");
        block.lines().find_map(|line| line.strip_prefix(&prefix)).map(|value| value.trim_start().to_owned())
    };
    // Comments and `retry:` alone are no events.
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Event { id: field("id").unwrap_or_default(), name: field("event").unwrap_or_default(), data })
}
