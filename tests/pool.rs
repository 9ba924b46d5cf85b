//! The way of media from a URL to the phones: in the order of acceptance within a chat, in nobody else's way, through failures of
//! the other side, and across kills of the server.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use wamux::domain::content::Content;
use wamux::domain::media::{Caption, Media, MediaUrl, Source, Wanted};
use wamux::domain::message::{Send, Via};
use wamux::domain::request::Cause;
use wamux::server::Server;

use crate::ground::app::{App, Caller, tenant, until};
use crate::ground::origin::{Gate, Origin, Page};
use crate::ground::process::Process;
use crate::ground::samples::sample;
use crate::ground::{Ground, Place, on_both_databases};

const OWN: &str = "+237600000001";
const FRIEND: &str = "+237611111111";
const OTHER: &str = "+237622222222";

on_both_databases![
    a_picture_holds_back_its_own_chat_and_no_other,
    what_may_come_later_is_waited_for_and_what_never_comes_fails_with_a_reason,
    kills_in_the_middle_of_a_download_and_of_an_upload_lose_nothing_and_leave_nothing,
];

/// A server that may fetch from this machine, and a session on it.
async fn linked(on: Ground) -> App {
    let app = App::start_at(Place::new(on).allowing("127.0.0.0/8")).await;
    until("ready", async || app.caller.get("/health/ready").await.status == 200).await;
    app.caller.link("one", OWN).await;
    app
}

/// Hands a picture straight to the system of a server in this process.
async fn hand(server: &Server, caller: &Caller, to: &str, url: &str, caption: &str) -> String {
    let access = server.system().enter(&caller.key().unwrap().parse().unwrap()).await.unwrap();
    let session = caller.get("/sessions").await.expect(200)["sessions"][0]["id"].as_str().unwrap().to_owned();
    let send = Send {
        to: to.parse().unwrap(),
        content: Content::Media(Box::new(Media {
            wanted: Wanted::Image,
            source: Source::Url(MediaUrl::try_from(url.to_owned()).unwrap()),
            caption: Caption::read(caption.to_owned()).unwrap(),
        })),
        via: Via::Id(session.parse().unwrap()),
    };
    let accepted = server.system().accept(&access, Cause::default(), send, None).await.answer.unwrap();
    let accepted: Value = serde_json::from_slice(&accepted.body).unwrap();
    accepted["id"].as_str().unwrap().to_owned()
}

async fn shown(caller: &Caller, phone: &str) -> Vec<Value> {
    let screen = caller.get(&format!("/sandbox/phones/{phone}/messages")).await;
    if screen.status == 404 { Vec::new() } else { screen.expect(200)["messages"].as_array().unwrap().clone() }
}

async fn a_picture_holds_back_its_own_chat_and_no_other(on: Ground) {
    let (app, origin) = (linked(on).await, Origin::open().await);
    let (gate, photo) = (Gate::shut(), sample("photo.jpg"));
    let held = origin.put("/held.jpg", Page::Held(gate.clone(), Arc::new(photo.clone())));
    let prompt = origin.bytes("/prompt.jpg", "image/jpeg", photo);
    app.caller.text(FRIEND, "one").await;
    hand(app.server(), &app.caller, FRIEND, &held, "two").await;
    app.caller.text(FRIEND, "three").await;
    hand(app.server(), &app.caller, FRIEND, &prompt, "four").await;
    app.caller.text(FRIEND, "five").await;
    app.caller.text(OTHER, "beside").await;
    hand(app.server(), &app.caller, OTHER, &prompt, "a picture beside").await;
    app.caller.text(OTHER, "beside again").await;
    until("the other chat has all of its own", async || {
        app.caller.screen(OTHER).await == ["beside", "a picture beside", "beside again"]
    })
    .await;
    assert_eq!(app.caller.screen(FRIEND).await, ["one"]);
    gate.open();
    let all = ["one", "two", "three", "four", "five"];
    until("the chat goes on", async || app.caller.screen(FRIEND).await.len() == all.len()).await;
    assert_eq!(app.caller.screen(FRIEND).await, all);
    until("it is fetched", async || shown(&app.caller, FRIEND).await[1]["sha256"].is_string()).await;
    let screen = shown(&app.caller, FRIEND).await;
    assert_eq!(
        (&screen[1]["type"], &screen[1]["caption"], &screen[1]["mime"]),
        (&json!("image"), &json!("two"), &json!("image/jpeg"))
    );
    until("the spool is empty", async || files(&app.folder().join("media")).is_empty()).await;
    app.stop().await;
}

async fn what_may_come_later_is_waited_for_and_what_never_comes_fails_with_a_reason(on: Ground) {
    let (app, origin) = (linked(on).await, Origin::open().await);
    let photo = Arc::new(sample("photo.png"));
    let busy = Page::Status(503, "Retry-After: 1");
    let late = origin.put("/late.png", Page::InTurn(vec![busy, Page::Bytes("image/png", photo)]));
    let gone = origin.put("/gone.png", Page::Status(404, ""));
    hand(app.server(), &app.caller, FRIEND, &late, "late").await;
    app.caller.text(FRIEND, "after it").await;
    let failed = hand(app.server(), &app.caller, OTHER, &gone, "gone").await;
    app.caller.text(OTHER, "without it").await;
    until("what stood behind it goes on", async || app.caller.screen(OTHER).await == ["without it"]).await;
    let message = app.caller.get(&format!("/messages/{failed}")).await.expect(200);
    assert_eq!((&message["status"], &message["errorCode"]), (&json!("failed"), &json!("media_download_failed")));
    assert!(message["errorMessage"].as_str().unwrap().contains("404"), "{message}");
    until("it came in the end", async || app.caller.screen(FRIEND).await == ["late", "after it"]).await;
    assert_eq!((origin.visits("/late.png"), origin.visits("/gone.png")), (2, 1));
    app.stop().await;
}

/// What lies in the spool and below it.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names =
        entries.flatten().map(|entry| entry.path()).filter(|path| !path.ends_with("jobs") || !files(path).is_empty());
    names.map(|path| path.display().to_string()).collect()
}

async fn kills_in_the_middle_of_a_download_and_of_an_upload_lose_nothing_and_leave_nothing(on: Ground) {
    let (place, origin) = (Place::new(on).allowing("127.0.0.0/8"), Origin::open().await);
    let key = tenant(&place.config(), "you@example.com", "pro").await;
    let server = Server::start(place.config()).await.unwrap();
    let caller = Caller::new(format!("http://{}", server.addr), Some(key.clone()));
    caller.link("one", OWN).await;
    let (gate, photo) = (Gate::shut(), Arc::new(sample("photo.png")));
    let held = origin.put("/held.png", Page::Held(gate.clone(), photo));
    let mut captions = Vec::new();
    for n in 0..4 {
        captions.extend([format!("picture {n}"), format!("text {n}")]);
        hand(&server, &caller, FRIEND, &held, &format!("picture {n}")).await;
        caller.text(FRIEND, &format!("text {n}")).await;
    }
    until("they are being fetched", async || origin.visits("/held.png") > 0).await;
    let spool = place.folder().join("media");
    server.stop().await;
    assert!(files(&spool).is_empty(), "a server that stops leaves something: {:?}", files(&spool));

    let (server, visits) = (Process::start_on(&place), origin.visits("/held.png"));
    until("they are being fetched anew", async || origin.visits("/held.png") > visits).await;
    assert!(!files(&spool.join("jobs")).is_empty(), "nothing is under way");
    server.kill();
    gate.open();
    // Killed as soon as a file lies in the spool: while it is about to be uploaded, or is, or was a moment ago.
    for _ in 0..4 {
        let server = Process::start_on(&place);
        let caller = server.caller(&key);
        until("a file is ready, or all are shown", async || {
            let ready = files(&spool).iter().any(|file| !file.ends_with("jobs"));
            ready || caller.screen(FRIEND).await.len() == captions.len()
        })
        .await;
        server.kill();
    }
    let server = Process::start_on(&place);
    let caller = server.caller(&key);
    until("all are shown", async || caller.screen(FRIEND).await.len() >= captions.len()).await;
    until("all are delivered", async || caller.count("status=delivered").await == captions.len() as u64).await;
    assert_eq!(caller.screen(FRIEND).await, captions);
    until("nothing is left in the spool", async || files(&spool).is_empty()).await;
    let (status, _) = server.terminate();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_media_are_made_ready_and_go_out_when_it_is_back() {
    let (app, origin) = (linked(Ground::Sqlite).await, Origin::open().await);
    let refuse = app.caller.post("/sandbox/faults", json!({ "fault": "refuse_connections" })).await.expect(201);
    app.caller.post("/sandbox/faults", json!({ "fault": "drop_connection" })).await.expect(201);
    until("it is away", async || {
        let sessions = app.caller.get("/sessions").await.expect(200);
        sessions["sessions"][0]["status"] != "connected"
    })
    .await;
    let url = origin.bytes("/photo.png", "image/png", sample("photo.png"));
    hand(app.server(), &app.caller, FRIEND, &url, "from before").await;
    let spool = app.folder().join("media");
    until("it is ready", async || files(&spool).iter().any(|file| !file.ends_with("jobs"))).await;
    assert!(app.caller.screen(FRIEND).await.is_empty());
    let id = refuse["id"].as_str().unwrap();
    assert_eq!(app.caller.delete(&format!("/sandbox/faults/{id}")).await.status, 204);
    until("it is shown", async || app.caller.screen(FRIEND).await == ["from before"]).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ffmpeg_is_ready_and_says_what_is_off() {
    let place = Place::new(Ground::Sqlite);
    let server = Process::start_with(&place, &[("PATH", "/nowhere")]);
    assert!(server.said.contains("media cannot be converted") && server.said.contains("apt-get install ffmpeg"));
    let caller = server.caller(&server.key("you@example.com"));
    let mut ready = Value::Null;
    until("ready", async || {
        let answer = caller.get("/health/ready").await;
        ready = answer.json();
        answer.status == 200
    })
    .await;
    let off = ready["off"].as_array().unwrap();
    assert!(off.len() == 1 && off[0].as_str().unwrap().contains("ffmpeg is not installed"), "{ready}");
    let place = Place::new(Ground::Sqlite);
    let whole = Process::start_on(&place);
    let caller = whole.caller(&whole.key("you@example.com"));
    until("ready", async || caller.get("/health/ready").await.status == 200).await;
    assert_eq!(caller.get("/health/ready").await.expect(200), json!({ "status": "ready" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slow_hosts_of_others_hold_up_nobodys_voice_note() {
    let (place, origin) = (Place::new(Ground::Sqlite).allowing("127.0.0.0/8"), Origin::open().await);
    let mut callers = Vec::new();
    for (n, email) in ["ada@example.com", "bob@example.com", "eve@example.com"].into_iter().enumerate() {
        callers.push((tenant(&place.config(), email, "pro").await, format!("+23760000001{n}")));
    }
    let server = Server::start(place.config()).await.unwrap();
    let base = format!("http://{}", server.addr);
    let slow = ["/a", "/b"].map(|path| origin.put(path, Page::Drip));
    for ((key, own), url) in callers.iter().zip(&slow) {
        let caller = Caller::new(base.clone(), Some(key.clone()));
        caller.link("one", own).await;
        for _ in 0..25 {
            hand(&server, &caller, FRIEND, url, "").await;
        }
    }
    until("both hold what they may", async || origin.visits("/a") >= 4 && origin.visits("/b") >= 4).await;
    let (key, own) = callers.pop().unwrap();
    let caller = Caller::new(base, Some(key));
    caller.link("one", &own).await;
    let url = origin.bytes("/note.ogg", "audio/ogg", sample("sound.ogg"));
    caller.post("/messages/audio", json!({ "to": OTHER, "audioUrl": url, "ptt": true })).await.expect(202);
    until("the voice note is there", async || caller.count("status=delivered").await == 1).await;
    for (key, _) in &callers {
        let slow = Caller::new(format!("http://{}", server.addr), Some(key.clone()));
        assert_eq!(slow.count("status=pending").await, 25, "none of the slow ones is over");
    }
    server.stop().await;
}
