//! The simulated phones in the dashboard: what a session sends is on their screens, and what is written on them arrives.

use reqwest::Method;
use reqwest::header::{IF_NONE_MATCH, ORIGIN};
use serde_json::json;

use crate::ground::app::{App, Caller, until};
use crate::ground::browser::{Browser, PASSWORD, Page};
use crate::ground::{Ground, Place};
use crate::sandbox::Network;

const EMAIL: &str = "person@example.com";
const OWN: &str = "+237600000001";
const PHONE: &str = "+237611111111";
/// A chat with the session on a customer's phone.
const CHAT: &str = "/dashboard/phones?phone=%2B237611111111&chat=%2B237600000001";

/// Somebody who is signed in, and a key of theirs.
async fn person(app: &App) -> (Browser, Caller) {
    let browser = Browser::signed_in(app, EMAIL).await;
    let caller = app.tenant(EMAIL, "pro").await;
    (browser, caller)
}

/// Does something on a phone, and comes back to the page that it leads to.
async fn act(browser: &Browser, back: &str, fields: &[(&str, &str)]) -> Page {
    let common = [("phone", PHONE), ("back", back), ("chat", OWN)];
    let common = common.iter().filter(|(name, _)| !fields.iter().any(|(given, _)| given == name)).copied();
    let fields: Vec<_> = common.chain(fields.iter().copied()).collect();
    let answer = browser.submit(back, "/dashboard/phones", &fields).await;
    browser.get(answer.goes_to()).await
}

/// Waits until the page shows this.
async fn until_shown(browser: &Browser, path: &str, what: &str) {
    until(what, async || browser.get(path).await.text.contains(what)).await;
}

#[track_caller]
fn has(page: &Page, all: &[&str]) {
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.len() < 100_000, "{} bytes", page.text.len());
    for part in all {
        assert!(page.text.contains(part), "no {part} in {}", page.text);
    }
}

/// A conversation as somebody has it who sees nothing but the pages.
async fn conversation(app: &App) {
    let (browser, caller) = person(app).await;
    let first = browser.get("/dashboard/phones").await;
    has(&first, &["<section class=\"phone\"", "No chats yet", "+237 6"]);
    let session = caller.post("/sessions", json!({ "session_key": "shop" })).await.expect(201)["id"].clone();
    let session = session.as_str().unwrap();
    let mut events = caller.stream(session, None).await;
    events.until("qr").await;
    // The phone's camera sees the code, and one button scans it.
    let at = "/dashboard/phones?phone=%2B237600000001";
    has(&browser.get(at).await, &["“<bdi>shop</bdi>” shows a QR code.", session]);
    let scanned = act(&browser, at, &[("phone", OWN), ("act", "scan"), ("session", session)]).await;
    has(&scanned, &["Linked devices: 1"]);
    events.until("connected").await;
    // What the session sends is on the screen of the other phone, unread.
    caller.text(PHONE, "hello *there*").await;
    until_shown(&browser, CHAT, "hello <strong>there</strong>").await;
    has(&browser.get(CHAT).await, &["1 unread message", "role=\"log\"", "<bdi>shop</bdi>"]);
    has(&browser.get("/dashboard/phones?phone=%2B237611111111").await, &["hello *there*", "class=\"count\""]);
    // The session's own phone has it too, with ticks, which turn when the other reads.
    let own = "/dashboard/phones?phone=%2B237600000001&chat=%2B237611111111";
    until_shown(&browser, own, "class=\"ticks delivered\"").await;
    let read = act(&browser, CHAT, &[("act", "read")]).await;
    assert!(!read.text.contains("unread"), "{}", read.text);
    until_shown(&browser, own, "class=\"ticks read\"").await;
    caller.until_count("status=read", 1).await;
    // What is written on the phone arrives at the session.
    let written = act(&browser, CHAT, &[("act", "write"), ("message", "and back\r\nto you")]).await;
    has(&written, &["and back\nto you", "class=\"ticks"]);
    caller.until_count("direction=inbound", 1).await;
    let inbound = caller.get("/messages?direction=inbound").await.expect(200);
    assert_eq!(inbound["messages"][0]["message"], "and back\nto you", "{inbound}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_held_on_the_pages_alone() {
    let app = App::start().await;
    conversation(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_with_the_phones_elsewhere() {
    let network = Network::start("127.0.0.1:0").await;
    let app = App::start_at(Place::new(Ground::Sqlite).beside(&network.url())).await;
    conversation(&app).await;
    let browser = Browser::at(&app);
    let form = [("email", EMAIL), ("password", PASSWORD)];
    assert_eq!(browser.post("/login", &form).await.goes_to(), "/dashboard");
    a_picture_is_sent_and_shown(&app, &browser).await;
    // A refusal comes over the way as it is made.
    let quiet = act(&browser, CHAT, &[("act", "fly")]).await;
    has(&quiet, &["flight mode"]);
    has(&act(&browser, CHAT, &[("act", "write"), ("message", "x")]).await, &["Switch it off first"]);
    network.stop().await;
    has(&browser.get(CHAT).await, &["cannot be reached"]);
    has(&act(&browser, CHAT, &[("act", "fly")]).await, &["cannot be reached"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_finds_a_phone_of_its_own_and_always_the_same() {
    let app = App::start().await;
    let (browser, _) = person(&app).await;
    let other = Browser::signed_in(&app, "other@example.com").await;
    let phone = async |browser: &Browser| {
        let page = browser.get("/dashboard/phones").await;
        page.between("<section class=\"phone\" id=\"phone-").next().unwrap().to_owned()
    };
    let own = phone(&browser).await;
    assert!(own.len() == 12 && own.starts_with("2376"), "{own}");
    assert_eq!(own, phone(&browser).await);
    assert_ne!(own, phone(&other).await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_are_put_side_by_side_named_and_put_away() {
    let app = App::start().await;
    let (browser, _) = person(&app).await;
    let one = "/dashboard/phones?phone=%2B237611111111";
    let hostile = "<b>\"Eve\"</b>\u{202e}";
    let two = act(&browser, one, &[("phone", "+237 622 22 22 22"), ("act", "add"), ("name", hostile)]).await;
    has(&two, &["id=\"phone-237611111111\"", "id=\"phone-237622222222\"", "&lt;b&gt;&quot;Eve&quot;&lt;/b&gt;"]);
    assert!(!two.text.contains("<b>\"Eve"), "{}", two.text);
    let away: Vec<_> = two.between("href=\"").filter(|link| link.starts_with("/dashboard/phones?")).collect();
    assert!(away.contains(&"/dashboard/phones?phone=%2B237622222222"), "{away:?}");
    for number in ["nonsense", "+15550000001"] {
        let refused = act(&browser, one, &[("phone", number), ("act", "add")]).await;
        assert!(refused.text.contains("role=\"alert\"") && !refused.text.contains("phone-1555"), "{}", refused.text);
    }
    let renamed = act(&browser, one, &[("act", "rename"), ("name", "Ada")]).await;
    has(&renamed, &["<bdi>Ada</bdi>"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_flies_and_lands_and_reads_at_once_when_told_to() {
    let app = App::start().await;
    let (browser, caller) = person(&app).await;
    let write = json!({ "to": PHONE, "message": "psst" });
    caller.post("/sandbox/phones", json!({ "phone": OWN })).await.expect(201);
    has(&act(&browser, CHAT, &[("act", "at_once")]).await, &["Leave it unread again"]);
    caller.post(&format!("/sandbox/phones/{OWN}/messages"), write.clone()).await.expect(201);
    let own = "/dashboard/phones?phone=%2B237600000001&chat=%2B237611111111";
    until_shown(&browser, own, "class=\"ticks read\"").await;
    let flying = act(&browser, CHAT, &[("act", "fly")]).await;
    has(&flying, &["it receives nothing and says nothing", "Flight mode off"]);
    assert!(!flying.text.contains("<textarea"), "{}", flying.text);
    caller.post(&format!("/sandbox/phones/{OWN}/messages"), write).await.expect(201);
    has(&browser.get(own).await, &["class=\"ticks sent\""]);
    let landed = act(&browser, CHAT, &[("act", "land")]).await;
    has(&landed, &["<textarea"]);
    assert_eq!(landed.text.matches("psst").count(), 2, "{}", landed.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_code_is_typed_in() {
    let app = App::start().await;
    let (browser, caller) = person(&app).await;
    let session = caller.post("/sessions", json!({ "session_key": "shop" })).await.expect(201)["id"].clone();
    let session = session.as_str().unwrap();
    let mut events = caller.stream(session, None).await;
    events.until("qr").await;
    let body = json!({ "phone": OWN });
    let code = caller.post(&format!("/sessions/{session}/pairing-code"), body).await.expect(201)["code"].clone();
    let at = "/dashboard/phones?phone=%2B237600000001";
    let wrong = act(&browser, at, &[("phone", OWN), ("act", "enter"), ("code", "nonsense!")]).await;
    has(&wrong, &["role=\"alert\"", "No session waits with this pairing code"]);
    let linked = act(&browser, at, &[("phone", OWN), ("act", "enter"), ("code", code.as_str().unwrap())]).await;
    has(&linked, &["Linked devices: 1"]);
    events.until("connected").await;
    app.stop().await;
}

/// Sends a form with a file as browsers do.
async fn send_file(browser: &Browser, name: &str, mime: &str, bytes: Vec<u8>) -> Page {
    let token = browser.form_token(CHAT).await;
    let own = format!("http://{}", browser.address());
    let part =
        |name: &str, value: &str| format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let fields = [("phone", PHONE), ("back", CHAT), ("chat", OWN), ("voice", "true"), ("formToken", &token)];
    let mut body: Vec<u8> = fields.iter().flat_map(|(name, value)| part(name, value).into_bytes()).collect();
    body.extend(
        format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {mime}\r\n\r\n"
        )
        .bytes(),
    );
    body.extend(bytes);
    body.extend(b"\r\n--x--\r\n");
    let request = browser.request(Method::POST, &format!("/dashboard/phones/file?formToken={token}"));
    let request = request.header(ORIGIN, own).header("content-type", "multipart/form-data; boundary=x").body(body);
    let answer = browser.send(request).await;
    browser.get(answer.goes_to()).await
}

/// A picture from the phone itself, as the page shows it and as a player would fetch it.
async fn a_picture_is_sent_and_shown(app: &App, browser: &Browser) {
    has(&send_file(browser, "a.png", "image/png", b"not really".to_vec()).await, &["Photo"]);
    until_shown(browser, CHAT, "<img src=\"/api/v1/sandbox/phones/+237611111111/messages/").await;
    let page = browser.get(CHAT).await;
    let href = page.between("<img src=\"").next().unwrap();
    let picture = browser.get(href).await;
    assert_eq!((picture.status, picture.text.as_str()), (200, "not really"));
    assert_eq!(picture.headers["content-type"], "image/png");
    assert_eq!(picture.headers["accept-ranges"], "bytes");
    assert_eq!(Browser::at(app).get(href).await.status, 401);
    let part = browser.send(browser.request(Method::GET, href).header("range", "bytes=4-99")).await;
    assert_eq!((part.status, part.text.as_str()), (206, "really"));
    assert_eq!(part.headers["content-range"], "bytes 4-9/10");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_are_shown_and_fetched_with_the_cookie() {
    let app = App::start().await;
    let (browser, caller) = person(&app).await;
    a_picture_is_sent_and_shown(&app, &browser).await;
    // A file of a kind that is not shown is there to be downloaded, under a name that is no markup.
    send_file(&browser, "<i>.svg", "application/x-thing", b"file".to_vec()).await;
    until_shown(&browser, CHAT, "download=\"&lt;i&gt;.svg\"").await;
    has(&send_file(&browser, "photo.jpg", "image/jpeg", vec![7; 4_000_000]).await, &["Photo"]);
    until_shown(&browser, CHAT, "alt=\"Photo\"").await;
    has(&send_file(&browser, "a.bin", "image/png", vec![0; 6_000_000]).await, &["files of up to 5\u{a0}MB"]);
    has(&send_file(&browser, "", "application/octet-stream", Vec::new()).await, &["Choose a file first"]);
    // A voice note with its waveform.
    let waveform: Vec<u8> = (0..64).collect();
    let note = json!({
        "to": OWN, "mediaType": "audio", "ptt": true, "durationSeconds": 75, "mediaBase64": base64(b"OggS"),
        "waveformBase64": base64(&waveform),
    });
    caller.post(&format!("/sandbox/phones/{PHONE}/messages"), note).await.expect(201);
    until_shown(&browser, CHAT, "class=\"voice\"").await;
    has(&browser.get(CHAT).await, &["<audio src=", "data-seconds=\"75\"", "1:15", "M1 15v2M4 15v2"]);
    app.stop().await;
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn four_full_phones_are_a_page_that_is_not_too_large_and_nothing_in_it_is_markup() {
    let app = App::start().await;
    let (browser, caller) = person(&app).await;
    let hostile = "<script>alert('x')</script> \"&\" ".repeat(40);
    caller.post("/sandbox/phones", json!({ "phone": OWN })).await.expect(201);
    for n in 0..120 {
        // Some of it in many chats, the rest in one.
        let to = if n % 3 == 0 { format!("+2376777777{n:02}") } else { PHONE.to_owned() };
        let body = json!({ "to": &to[..13.min(to.len())], "message": hostile });
        caller.post(&format!("/sandbox/phones/{OWN}/messages"), body).await.expect(201);
    }
    let (own, other) = ("phone=%2B237600000001", "phone=%2B237611111111");
    let four = format!(
        "{own}&chat=%2B237611111111&{other}&chat=%2B237600000001&phone=%2B237677777700&phone=%2B237677777703&chat=%2B237600000001"
    );
    for query in [own.to_owned(), format!("{own}&chat=%2B237611111111"), four] {
        let page = browser.get(&format!("/dashboard/phones?{query}")).await;
        has(&page, &["&lt;script&gt;"]);
        assert_eq!(page.text.matches("<script").count(), page.text.matches("<script src=\"/assets/").count());
        assert!(!page.text.contains("style=\"") && !page.text.contains("://"), "{}", page.text);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_not_sent_again_and_what_has_is() {
    let app = App::start().await;
    let (browser, caller) = person(&app).await;
    caller.post("/sandbox/phones", json!({ "phone": OWN })).await.expect(201);
    let tag = browser.get(CHAT).await.headers["etag"].clone();
    let again = async || browser.send(browser.request(Method::GET, CHAT).header(IF_NONE_MATCH, &tag)).await;
    assert_eq!(again().await.status, 304);
    caller
        .post(&format!("/sandbox/phones/{OWN}/messages"), json!({ "to": PHONE, "message": "news" }))
        .await
        .expect(201);
    has(&again().await, &["news"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_uses_a_phone_from_another_site_or_is_led_away() {
    let app = App::start().await;
    let (browser, _) = person(&app).await;
    let form = [("phone", PHONE), ("act", "fly")];
    assert_eq!(browser.post("/dashboard/phones", &form).await.status, 403);
    assert_eq!(browser.post("/dashboard/phones/file", &form).await.status, 403);
    assert_eq!(Browser::at(&app).get(CHAT).await.goes_to().split('?').next(), Some("/login"));
    for back in ["//evil.example", "https://evil.example/dashboard", "/login"] {
        let fields = [("phone", PHONE), ("act", "fly"), ("back", back)];
        let answer = browser.submit("/dashboard/phones", "/dashboard/phones", &fields).await;
        assert_eq!(answer.goes_to(), "/dashboard/phones", "{back}");
    }
    assert_eq!(
        browser.submit("/dashboard/phones", "/dashboard/phones", &[("phone", PHONE), ("act", "x")]).await.status,
        404
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_speak_french_and_know_what_time_it_is_where_they_are_looked_at() {
    let app = App::start().await;
    let (browser, caller) = person(&app).await;
    let browser = browser.speaking("fr");
    caller.post("/sandbox/phones", json!({ "phone": OWN })).await.expect(201);
    let salut = json!({ "to": PHONE, "message": "salut" });
    let made = caller.post(&format!("/sandbox/phones/{OWN}/messages"), salut).await.expect(201);
    let at: chrono::DateTime<chrono::Utc> = made["timestamp"].as_str().unwrap().parse().unwrap();
    has(
        &browser.get(CHAT).await,
        &["Téléphones", "1 message non lu", "Marquer comme lu", &format!(">{}</time>", at.format("%H:%M"))],
    );
    browser.jar().insert("wamux-zone".to_owned(), "90".to_owned());
    let there = at + chrono::TimeDelta::minutes(90);
    has(&browser.get(CHAT).await, &[&format!(">{}</time>", there.format("%H:%M"))]);
    app.stop().await;
}
