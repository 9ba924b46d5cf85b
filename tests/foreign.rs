//! A WhatsApp client that this project did not write (Baileys, from the npm registry) lives on the simulated network, over
//! TCP and over TLS, alone and beside a session of ours on the same account. It reports; what phones show is the judge.

mod companion;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use wamux::domain::elsewhere::Fingerprint;

use crate::ground::app::{App, until};
use crate::ground::process::Process;
use crate::ground::{Ground, Place};
use companion::Companion;

const OWN: &str = "+237650000001";
const FRIEND: &str = "+237650000002";
const FRIENDS_DIGITS: &str = "237650000002";

/// The network as a process of its own, and its phones.
struct Network {
    _folder: TempDir,
    process: Process,
    http: reqwest::Client,
}

impl Network {
    async fn start() -> Self {
        // reqwest has to be told which cryptography it runs on.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let process = Process::sandbox(folder.path(), "127.0.0.1:0");
        let network = Self { _folder: folder, process, http: reqwest::Client::builder().no_proxy().build().unwrap() };
        for (phone, name) in [(OWN, "Ama"), (FRIEND, "Bea")] {
            network.post("/phones", json!({ "phone": phone, "name": name })).await;
        }
        network
    }

    fn root(&self) -> String {
        let (_, key) = self.process.said.split_once("root's public key, for clients that check it: ").unwrap();
        key.split(',').next().unwrap().to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/sandbox{path}", self.process.base);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    async fn screen(&self, phone: &str) -> Vec<Value> {
        let url = format!("{}/sandbox/phones/{phone}/messages", self.process.base);
        let shown: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        shown["messages"].as_array().unwrap().clone()
    }

    /// Waits until a screen shows so many messages, and gives them.
    async fn shown(&self, phone: &str, count: usize) -> Vec<Value> {
        until("shown", async || self.screen(phone).await.len() >= count).await;
        self.screen(phone).await
    }

    /// Waits until the one message on a screen has become something.
    async fn becomes(&self, phone: &str, field: &str, value: &str) {
        until(value, async || self.screen(phone).await.iter().any(|shown| shown[field] == value)).await;
    }

    async fn writes(&self, text: &str) {
        self.post(&format!("/phones/{FRIEND}/messages"), json!({ "to": OWN, "message": text })).await;
    }

    async fn scan(&self, phone: &str, qr: &Value) {
        self.post(&format!("/phones/{phone}/scan"), json!({ "qr": qr })).await;
    }

    /// The person types in a code. Its companion has only just said it: the network may hear of it a moment later.
    async fn types_in(&self, phone: &str, code: &Value) {
        let url = format!("{}/sandbox/phones/{phone}/scan", self.process.base);
        let typed = || self.http.post(&url).json(&json!({ "code": code })).send();
        until("linked", async || typed().await.unwrap().status() == 204).await;
    }

    /// A client that the phone has just linked.
    async fn linked(&self, auth: &TempDir, phone: &str) -> Companion {
        let mut companion = Companion::start(&self.process.network(), &self.root(), auth.path());
        let code = companion.until("qr").await;
        self.scan(phone, &code["qr"]).await;
        companion.until("open").await;
        companion
    }
}

fn texts(screen: &[Value]) -> Vec<&str> {
    screen.iter().map(|shown| shown["text"].as_str().unwrap()).collect()
}

async fn journey(url: impl Fn(&Network) -> String) {
    let network = Network::start().await;
    let auth = tempfile::tempdir().unwrap();
    network.writes("long ago").await;
    let mut client = Companion::start(&url(&network), &network.root(), auth.path());
    let code = client.until("qr").await;
    network.scan(OWN, &code["qr"]).await;
    let open = client.until("open").await;
    assert!(open["lid"].as_str().unwrap().ends_with("@lid"), "{open}");
    // Its phone tells it of the past: without that it would hold back for twenty seconds.
    assert_eq!(client.until("history").await["texts"], json!(["long ago"]));

    let sent = client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "hello" })).await;
    let shown = network.shown(FRIEND, 2).await;
    assert_eq!(texts(&shown), ["long ago", "hello"]);
    assert_eq!(
        (&shown[1]["whatsappMessageId"], &shown[1]["from"], &shown[1]["type"]),
        (&sent["id"], &json!(OWN), &json!("text"))
    );
    client.status(&sent["id"], 3).await;
    network.post(&format!("/phones/{FRIEND}/read"), json!({ "chat": OWN })).await;
    client.status(&sent["id"], 4).await;

    network.writes("hello you").await;
    let heard = client.message("hello you").await;
    assert_eq!((&heard["name"], &heard["fromMe"]), (&json!("Bea"), &json!(false)));
    client.order(json!({ "order": "read", "chat": heard["chat"], "id": heard["id"] })).await;
    network.becomes(FRIEND, "status", "read").await;
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "and I answer" })).await;
    assert_eq!(texts(&network.shown(FRIEND, 4).await)[3], "and I answer");
    // The own phone shows all of it too, each once.
    assert_eq!(texts(&network.shown(OWN, 4).await), ["long ago", "hello", "hello you", "and I answer"]);

    // While it is away messages wait; it comes back with what it has saved, and shows no code.
    client.end().await;
    for text in ["one", "two", "three"] {
        network.writes(text).await;
    }
    let mut client = Companion::start(&url(&network), &network.root(), auth.path());
    client.until("open").await;
    assert!(!client.saw("qr"), "it had to be linked once more");
    for text in ["one", "two", "three"] {
        client.message(text).await;
    }
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "back again" })).await;
    assert_eq!(texts(&network.shown(FRIEND, 8).await)[7], "back again");
    client.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_pairs_writes_reads_and_comes_back() {
    journey(|network| network.process.network()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_does_the_same_over_tls() {
    journey(|network| network.process.network().replace("ws://", "wss://")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_is_linked_by_a_code_that_is_typed_in() {
    let network = Network::start().await;
    let auth = tempfile::tempdir().unwrap();
    let mut client = Companion::start(&network.process.network(), &network.root(), auth.path());
    client.until("qr").await;
    let asked = client.order(json!({ "order": "code", "number": OWN.trim_start_matches('+') })).await;
    network.types_in(OWN, &asked["code"]).await;
    client.until("open").await;
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "typed in" })).await;
    assert_eq!(texts(&network.shown(FRIEND, 1).await), ["typed in"]);
    client.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_show_what_a_foreign_client_changes_takes_back_and_reacts_to() {
    let network = Network::start().await;
    let auth = tempfile::tempdir().unwrap();
    let mut client = network.linked(&auth, OWN).await;
    let send = |text: &str| json!({ "order": "send", "to": FRIENDS_DIGITS, "text": text });
    let first = client.order(send("frist")).await["id"].clone();
    network.shown(FRIEND, 1).await;
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "first", "edit": first })).await;
    network.becomes(FRIEND, "text", "first").await;
    network.becomes(OWN, "text", "first").await;
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "👍", "react": first })).await;
    let shown = network.shown(FRIEND, 2).await;
    assert_eq!((&shown[1]["type"], &shown[1]["text"]), (&json!("reaction"), &json!("👍")));
    client.order(json!({ "order": "delete", "to": FRIENDS_DIGITS, "id": first })).await;
    network.becomes(FRIEND, "type", "deleted").await;
    assert_eq!(texts(&network.screen(FRIEND).await), ["", "👍"]);
    client.end().await;
}

fn sha256(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    Fingerprint(hash.as_ref().try_into().unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_sends_a_picture_and_a_voice_note_and_hears_one() {
    let network = Network::start().await;
    let auth = tempfile::tempdir().unwrap();
    let mut client = network.linked(&auth, OWN).await;
    // The network looks into neither.
    let (picture, voice) = (vec![0xd8; 70_000], vec![0x4f; 9_000]);
    let media = |kind: &str, bytes: &[u8], mimetype: &str| {
        let base64 = BASE64_STANDARD.encode(bytes);
        json!({ "order": "media", "to": FRIENDS_DIGITS, "kind": kind, "base64": base64, "mimetype": mimetype })
    };
    let mut order = media("image", &picture, "image/jpeg");
    order["caption"] = json!("see?");
    client.order(order).await;
    let mut order = media("audio", &voice, "audio/ogg; codecs=opus");
    (order["ptt"], order["seconds"]) = (json!(true), json!(2));
    client.order(order).await;
    for phone in [FRIEND, OWN] {
        let shown = network.shown(phone, 2).await;
        assert_eq!((&shown[0]["caption"], &shown[0]["mime"]), (&json!("see?"), &json!("image/jpeg")));
        assert_eq!((&shown[0]["sha256"], &shown[0]["type"]), (&json!(sha256(&picture)), &json!("image")));
        assert_eq!((&shown[1]["sha256"], &shown[1]["voice"]), (&json!(sha256(&voice)), &json!(true)));
    }
    let note = json!({ "to": OWN, "mediaType": "audio", "ptt": true, "mediaBase64": BASE64_STANDARD.encode(&voice) });
    network.post(&format!("/phones/{FRIEND}/messages"), note).await;
    let heard = client.medium().await;
    assert_eq!((&heard["media"], &heard["voice"]), (&json!("audio"), &json!(true)), "{heard}");
    let down = client.order(json!({ "order": "download", "id": heard["id"] })).await;
    assert_eq!((&down["size"], &down["sha256"]), (&json!(9_000), &json!(sha256(&voice))));
    client.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_is_answered_truly() {
    let network = Network::start().await;
    let auth = tempfile::tempdir().unwrap();
    let mut client = network.linked(&auth, OWN).await;
    let said = client.order(json!({ "order": "ask", "number": FRIENDS_DIGITS })).await;
    assert_eq!(said["exists"], json!([{ "jid": "237650000002@s.whatsapp.net", "exists": true }]));
    assert_eq!(said["nobody"], json!([]));
    assert_eq!((&said["about"], &said["lasts"]), (&json!("at work"), &json!(86400)));
    assert_eq!(said["privacy"]["readreceipts"], "none");
    assert_eq!(said["privacy"]["last"], "all");
    assert_eq!((&said["blocked"], &said["groups"], &said["business"]), (&json!([]), &json!({}), &Value::Null));
    assert_eq!((&said["group"], &said["picture"]), (&json!("item-not-found"), &json!("item-not-found")));
    assert_eq!((&said["restricted"], &said["mex"]), (&json!(false), &json!("GraphQL server error: Bad Request")));
    assert_eq!((&said["keys"], &said["rotated"]), (&json!("as uploaded"), &json!("rotated")));
    assert_eq!(said["unknown"], "feature-not-implemented");
    // After the rotation a new session begins with the new key.
    network.post("/phones", json!({ "phone": "+237650000003" })).await;
    network.post("/phones/+237650000003/messages", json!({ "to": OWN, "message": "do you read me?" })).await;
    client.message("do you read me?").await;
    client.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_does_not_get_through_and_does_not_learn_of_it() {
    let network = Network::start().await;
    let (auth, friends) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut client = network.linked(&auth, OWN).await;
    let mut friend = network.linked(&friends, FRIEND).await;
    network.writes("before").await;
    let heard = client.message("before").await;
    client.order(json!({ "order": "block", "jid": heard["chat"] })).await;
    let sent = friend.order(json!({ "order": "send", "to": OWN.trim_start_matches('+'), "text": "after" })).await;
    // The own phone has it, so the network took it.
    assert_eq!(network.shown(FRIEND, 2).await[1]["whatsappMessageId"], sent["id"]);
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "hush" })).await;
    friend.message("hush").await;
    assert_eq!(texts(&network.shown(OWN, 2).await), ["before", "hush"]);
    client.end().await;
    friend.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_foreign_companions_of_one_account_both_get_everything() {
    let network = Network::start().await;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = network.linked(&one, OWN).await;
    let mut second = network.linked(&two, OWN).await;
    network.writes("to all of you").await;
    first.message("to all of you").await;
    second.message("to all of you").await;
    let sent = first.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "from the first" })).await;
    let copy = second.message("from the first").await;
    assert_eq!((&copy["fromMe"], &copy["id"]), (&json!(true), &sent["id"]));
    second.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "from the second" })).await;
    assert_eq!(first.message("from the second").await["fromMe"], true);
    let all = ["to all of you", "from the first", "from the second"];
    assert_eq!(texts(&network.shown(FRIEND, 3).await), all);
    assert_eq!(texts(&network.shown(OWN, 3).await), all);
    first.end().await;
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_and_a_session_of_ours_share_an_account() {
    let network = Network::start().await;
    let auth = tempfile::tempdir().unwrap();
    let mut client = network.linked(&auth, OWN).await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.process.network())).await;
    app.caller.link("ours", OWN).await;

    network.writes("to both of you").await;
    client.message("to both of you").await;
    app.caller.until_count("direction=inbound", 1).await;
    app.caller.text(FRIEND, "from ours").await;
    assert_eq!(client.message("from ours").await["fromMe"], true);
    app.caller.until_count("direction=outbound&status=delivered", 1).await;
    client.order(json!({ "order": "send", "to": FRIENDS_DIGITS, "text": "from theirs" })).await;
    let all = ["to both of you", "from ours", "from theirs"];
    assert_eq!(texts(&network.shown(FRIEND, 3).await), all);
    assert_eq!(texts(&network.shown(OWN, 3).await), all);
    client.end().await;
    app.stop().await;
}
