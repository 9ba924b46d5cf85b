//! The foreign client as a child process: orders go in, its events come out, a JSON line each.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::ground::npm;

/// Nothing here takes longer, unless it never happens.
const SOON: Duration = Duration::from_mins(1);

pub(super) struct Companion {
    child: Child,
    orders: ChildStdin,
    events: mpsc::UnboundedReceiver<Value>,
    /// What came before something that was waited for, and may be asked for later.
    seen: Vec<Value>,
}

impl Companion {
    pub(super) fn start(url: &str, root: &str, auth: &Path) -> Self {
        let mut child = Command::new("node")
            .arg("client.mjs")
            .current_dir(installed())
            .envs([("URL", url), ("ROOT", root), ("AUTH", auth.to_str().unwrap())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not an event: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { orders: child.stdin.take().unwrap(), child, events, seen: Vec::new() }
    }

    /// The next event, whatever it is.
    async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(SOON, self.events.recv()).await;
        next.unwrap_or_else(|_| panic!("nothing more came after {:?}", self.seen)).expect("the client ended")
    }

    /// The first event that fits and was not taken yet.
    async fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.seen.iter().position(&fits) {
            return self.seen.remove(at);
        }
        loop {
            let event = self.next().await;
            if fits(&event) {
                return event;
            }
            self.seen.push(event);
        }
    }

    /// Whether something came that nobody has asked for.
    pub(super) fn saw(&self, name: &str) -> bool {
        self.seen.iter().any(|event| event["event"] == name)
    }

    pub(super) async fn until(&mut self, name: &str) -> Value {
        self.find(|event| event["event"] == name).await
    }

    pub(super) async fn message(&mut self, text: &str) -> Value {
        self.find(|event| event["event"] == "message" && event["text"] == text).await
    }

    /// The next medium that somebody else has sent.
    pub(super) async fn medium(&mut self) -> Value {
        self.find(|event| event["event"] == "message" && event["media"].is_string() && event["fromMe"] == false).await
    }

    /// Waits until one of its own messages has come at least this far; 3 is delivered, 4 is read.
    pub(super) async fn status(&mut self, id: &Value, status: i64) {
        let far = |event: &Value| event["status"].as_i64().is_some_and(|reached| reached >= status);
        let reached = self.find(|event| event["event"] == "status" && event["id"] == *id && far(event)).await;
        // It counts for what lies before it, too.
        self.seen.push(reached);
    }

    /// Has the client do something; what it came to.
    pub(super) async fn order(&mut self, order: Value) -> Value {
        writeln!(self.orders, "{order}").unwrap();
        let done = self.until("done").await;
        assert!(done.get("error").is_none(), "{order}: {done}");
        done
    }

    /// Ends the client in order: what it knows is saved.
    pub(super) async fn end(mut self) {
        writeln!(self.orders, "{}", json!({ "order": "end" })).unwrap();
        while tokio::time::timeout(SOON, self.events.recv()).await.expect("the client does not end").is_some() {}
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder with the client in it: installed once for each lock file, and taken from there.
fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| npm::installed("foreign", &["client.mjs"]))
}
