//! The reference is tested: every call that it shows as a command is run as pasted, on what is really there, and does what it says.

use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::ground::app::{App, Caller, until};
use crate::ground::browser::Browser;
use crate::ground::{Ground, Place};

const TOKEN: &str = "let-me-in";
/// The numbers that the examples name: who is linked, and whom they write to.
const OWN: &str = "+237600000001";
const FRIEND: &str = "+237612345678";

/// The commands of a page of the reference.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("<code class=\"command\">curl").skip(1).filter_map(|block| block.split("</code>").next());
    let plain =
        |text: &str| text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    blocks.map(|block| plain(&format!("curl{block}"))).collect()
}

/// What stands for something in a command, found or made afresh, so that no command spoils what the next one needs.
struct Ready<'a> {
    caller: &'a Caller,
    made: usize,
}

impl Ready<'_> {
    async fn waiting_session(&mut self) -> String {
        self.made += 1;
        let made =
            self.caller.post("/sessions", json!({ "session_key": format!("waits-{}", self.made) })).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        self.caller.stream(&id, None).await.until("qr").await;
        id
    }

    async fn linked_session(&mut self, phone: &str) -> String {
        self.made += 1;
        self.caller.link(&format!("linked-{}", self.made), phone).await
    }

    /// An image on the friend's screen that the friend wrote to the linked account: its id there.
    async fn shown_medium(&self) -> String {
        let picture = BASE64_STANDARD.encode(b"\xff\xd8\xff\xe0 a picture, as far as anybody looks");
        let body = json!({ "to": OWN, "mediaBase64": picture, "mediaType": "image" });
        let shown = self.caller.post(&format!("/sandbox/phones/{FRIEND}/messages"), body).await.expect(201);
        shown["id"].as_str().unwrap().to_owned()
    }

    async fn received_medium(&self) -> String {
        let before = self.caller.count("direction=inbound&type=image").await;
        self.shown_medium().await;
        self.caller.until_count("direction=inbound&type=image", before + 1).await;
        let list = self.caller.get("/messages?direction=inbound&type=image&limit=1").await.expect(200);
        list["messages"][0]["id"].as_str().unwrap().to_owned()
    }

    /// The command with everything in it that stands for something.
    async fn filled(&mut self, command: &str) -> String {
        let address = command.split("://").nth(1).unwrap();
        let path = address[address.find('/').unwrap()..].split_whitespace().next().unwrap().to_owned();
        let verb = command.split("-X ").nth(1).map_or("", |rest| rest.split(' ').next().unwrap());
        let mut filled = command.replace("{phone}", FRIEND);
        if path.contains("{message}") {
            filled = filled.replace("{message}", &self.shown_medium().await);
        }
        if path.contains("{fault}") {
            let fault =
                self.caller.post("/sandbox/faults", json!({ "fault": "lose_acks", "seconds": 60 })).await.expect(201);
            filled = filled.replace("{fault}", fault["id"].as_str().unwrap());
        }
        let id = match path.trim_start_matches("/api/v1") {
            path if !path.contains("{id}") => String::new(),
            "/sessions/{id}/qr" | "/sessions/{id}/pairing-code" | "/sessions/{id}/stream" => {
                self.waiting_session().await
            }
            "/sessions/{id}/logout" => self.linked_session("+237600000003").await,
            "/sessions/{id}" if verb == "DELETE" => self.linked_session("+237600000004").await,
            "/sessions/{id}" if verb == "PATCH" => self.session_named("my-session").await,
            path if path.starts_with("/sessions/") => self.session_named("own").await,
            "/messages/{id}" => self.caller.text(FRIEND, "for the reference").await,
            "/messages/{id}/media" => self.received_medium().await,
            path if path.starts_with("/keys/") => {
                self.caller.post("/keys", json!({ "name": "to be revoked" })).await.expect(201)["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            }
            other => panic!("nothing is known to stand at {other}"),
        };
        filled = filled.replace("{id}", &id);
        let example = "0199a7b0-1c2d-7e3f-8a4b-5c6d7e8f9a0b";
        if path.ends_with("/scan") {
            filled.replace(example, &self.waiting_session().await)
        } else {
            filled.replace(example, &self.session_named("own").await)
        }
    }

    async fn session_named(&self, key: &str) -> String {
        let sessions = self.caller.get("/sessions").await.expect(200);
        let named = sessions["sessions"].as_array().unwrap().iter().find(|session| session["sessionKey"] == key);
        named.unwrap_or_else(|| panic!("no session is named {key}"))["id"].as_str().unwrap().to_owned()
    }
}

async fn run(app: &App, command: &str) -> Output {
    let stream = command.contains("/stream");
    let script = format!(
        "set -o pipefail\ncurl() {{ command curl -sS --fail-with-body {} \"$@\"; }}\n{}",
        if stream { "-N --max-time 3" } else { "-o /dev/stdout" },
        command
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).env("KEY", app.caller.key().unwrap()).env("WAMUX_OPERATOR_TOKEN", TOKEN);
    tokio::time::timeout(Duration::from_mins(1), bash.output()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_reference_works_as_pasted() {
    let app = App::start_at(Place::new(Ground::Sqlite).operated_by(TOKEN)).await;
    until("ready", async || app.caller.get("/health/ready").await.status == 200).await;
    let browser = Browser::at(&app);
    let guide = browser.get("/docs").await;
    let groups: Vec<String> =
        guide.between("href=\"/docs/").map(|rest| rest.split('#').next().unwrap().to_owned()).collect();
    let mut pages: Vec<String> = Vec::new();
    for group in groups {
        if !pages.contains(&group) {
            pages.push(group);
        }
    }
    app.caller.link("own", OWN).await;
    app.caller.post("/sandbox/phones", json!({ "phone": FRIEND })).await;
    let mut ready = Ready { caller: &app.caller, made: 0 };
    let (mut ran, mut wrong) = (0, Vec::new());
    for page in pages {
        for command in commands(&browser.get(&format!("/docs/{page}")).await.text) {
            let filled = ready.filled(&command).await;
            let done = run(&app, &filled).await;
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            // A stream goes on until somebody leaves: it said something by then.
            let streamed = command.contains("/stream\"") || command.contains("/stream ");
            if !(done.status.success() || (streamed && said.contains("event:qr"))) {
                wrong.push(format!("{filled}\n{said}\n{}", String::from_utf8_lossy(&done.stderr)));
            }
            ran += 1;
        }
    }
    let document: Value = app.caller.get("/openapi.json").await.expect(200);
    let calls: usize =
        document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(ran, calls, "every call has a command");
    app.stop().await;
}
