//! Media from a caller's URL or file to the phone's own copy, through the published page alone.

mod formats;
mod hostile;
mod voice;

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::app::{App, until};
use crate::ground::origin::Origin;
use crate::ground::{Ground, Place};

const OWN: &str = "+237600000001";
const FRIEND: &str = "+237600000002";

/// A server with a linked session, and a web server of somebody else's that it may reach.
struct Stage {
    app: App,
    origin: Origin,
}

impl Stage {
    async fn open() -> Self {
        let app = App::start_at(Place::new(Ground::Sqlite).allowing("127.0.0.1/32")).await;
        app.caller.link("shop", OWN).await;
        Self { app, origin: Origin::open().await }
    }

    async fn image(&self, url: &str) -> String {
        self.send("media", json!({ "to": FRIEND, "mediaUrl": url, "mediaType": "image", "caption": "Look" })).await
    }

    async fn video(&self, url: &str) -> String {
        self.send("media", json!({ "to": FRIEND, "mediaUrl": url, "mediaType": "video", "caption": "Look" })).await
    }

    async fn audio(&self, url: &str, ptt: bool) -> String {
        self.send("audio", json!({ "to": FRIEND, "audioUrl": url, "ptt": ptt })).await
    }

    async fn send(&self, route: &str, body: Value) -> String {
        let accepted = self.app.caller.post(&format!("/messages/{route}"), body).await.expect(202);
        assert_eq!(accepted["status"], "pending", "{accepted}");
        accepted["id"].as_str().unwrap().to_owned()
    }

    async fn message(&self, id: &str) -> Value {
        self.app.caller.get(&format!("/messages/{id}")).await.expect(200)
    }

    /// The message, once it is on the phone.
    async fn delivered(&self, id: &str) -> Value {
        let settled = self.settled(id).await;
        assert_eq!(settled["status"], "delivered", "{settled}");
        settled
    }

    /// The message, once it has failed; with its code.
    async fn failed(&self, id: &str, code: &str) -> Value {
        let settled = self.settled(id).await;
        assert_eq!((&settled["status"], &settled["errorCode"]), (&json!("failed"), &json!(code)), "{settled}");
        assert!(settled["errorMessage"].as_str().is_some_and(|why| why.len() > 20 && why.ends_with('.')), "{settled}");
        settled
    }

    async fn settled(&self, id: &str) -> Value {
        let is_over = |message: &Value| matches!(message["status"].as_str(), Some("delivered" | "read" | "failed"));
        until("the message is over", async || is_over(&self.message(id).await)).await;
        self.message(id).await
    }

    /// What the friend's screen says of this message, and the bytes of its copy.
    async fn shown(&self, message: &Value) -> (Value, Vec<u8>) {
        let wire = &message["whatsappMessageId"];
        let path = format!("/sandbox/phones/{FRIEND}/messages");
        let line = async || {
            let screen = self.app.caller.get(&path).await.expect(200);
            let lines = screen["messages"].as_array().unwrap().iter();
            lines.filter(|line| line["whatsappMessageId"] == *wire).cloned().collect::<Vec<_>>()
        };
        until("the phone has its copy", async || line().await.first().is_some_and(|l| l["sha256"].is_string())).await;
        let lines = line().await;
        assert_eq!(lines.len(), 1, "shown once: {lines:?}");
        let id = lines[0]["id"].as_str().unwrap();
        let request = self.app.caller.request(Method::GET, &format!("{path}/{id}/media"));
        let answer = request.timeout(Duration::from_secs(20)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"].to_str().unwrap(), lines[0]["mime"].as_str().unwrap());
        let bytes = answer.bytes().await.unwrap().to_vec();
        assert_eq!(lines[0]["size"], bytes.len(), "{}", lines[0]);
        (lines[0].clone(), bytes)
    }

    /// Nothing of a medium stays on this server's disk once it is over.
    async fn nothing_stays(&self) {
        let folder = self.app.folder().join("media");
        until("the spool is empty", async || files_below(&folder) == 0).await;
    }
}

/// How many files are in a folder and those below it.
fn files_below(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files_below(&entry.path()),
        _ => 1,
    };
    entries.filter_map(Result::ok).map(count).sum()
}
