//! The console, as a browser without script gets it: every kind of message is sent by its form, and the code beside it runs.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use reqwest::header::ORIGIN;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::ground::app::{App, until};
use crate::ground::browser::{Browser, Page};
use crate::ground::origin::Origin;
use crate::ground::samples::sample;
use crate::ground::{Ground, Place};
use crate::openapi::python;

const EMAIL: &str = "you@example.com";
const OWN: &str = "+237600000001";
const AWA: &str = "+237611111111";
const HERE: &str = "/dashboard/console";

/// A server whose tenant is in a browser, too, and has a linked session.
async fn stage() -> (App, Browser) {
    let app = App::start_at(Place::new(Ground::Sqlite).allowing("127.0.0.1/32")).await;
    app.caller.link("shop", OWN).await;
    let browser = browser(&app).await;
    (app, browser)
}

async fn browser(app: &App) -> Browser {
    let given = wamux::commands::reset_password(&app.place.config(), &EMAIL.parse().unwrap(), false).await.unwrap();
    let browser = Browser::at(app);
    browser.post("/login", &[("email", EMAIL), ("password", given.password.as_str())]).await.goes_to();
    browser
}

/// Sends the console's form as browsers do: all fields, whatever they hold, and the file at its end.
async fn send(browser: &Browser, token: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Page {
    let mut body = Vec::new();
    for (name, text) in [&[("formToken", token)], fields].concat() {
        body.extend(format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").into_bytes());
    }
    let (name, bytes) = file.unwrap_or_default();
    let head = format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    body.extend([head.as_bytes(), bytes, b"\r\n--x--\r\n"].concat());
    let request = browser.request(Method::POST, HERE);
    let own = request.try_clone().unwrap().build().unwrap().url().origin().ascii_serialization();
    browser.send(request.header(ORIGIN, own).header("content-type", "multipart/form-data; boundary=x").body(body)).await
}

/// The message that a page says was accepted, once it is on the phone.
async fn delivered(app: &App, page: &Page) -> Value {
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("202 Accepted") && page.text.contains("&quot;status&quot;: &quot;pending&quot;"),
        "{}",
        page.text
    );
    let id = page.between("href=\"/dashboard/messages/").next().unwrap().to_owned();
    let path = format!("/messages/{id}");
    until("it is on the phone", async || app.caller.get(&path).await.expect(200)["status"] == "delivered").await;
    app.caller.get(&path).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_sent_by_the_form_and_sent_once() {
    let (app, browser) = stage().await;
    let session = app.caller.get("/sessions").await.expect(200)["sessions"][0]["id"].as_str().unwrap().to_owned();
    let origin = Origin::open().await;
    let film = origin.bytes("/film.mp4", "video/mp4", sample("film.mp4"));
    let note = origin.bytes("/note.ogg", "audio/ogg", sample("sound.opus"));
    let token = browser.form_token(HERE).await;
    let (picture, song) = (sample("photo.jpg"), sample("sound.mp3"));
    let said = "two\r\nlines & \"more\"";
    for (kind, url, file, want) in [
        ("text", "", None, json!({ "type": "text", "message": "two\nlines & \"more\"" })),
        ("image", "", Some(("a cat.jpg", picture.as_slice())), json!({ "type": "image", "caption": "look" })),
        ("video", film.as_str(), None, json!({ "type": "video", "mediaUrl": film, "caption": "look" })),
        ("audio", "", Some(("song.mp3", &song)), json!({ "type": "audio", "ptt": false })),
        ("voice", &note, None, json!({ "type": "audio", "ptt": true, "audioUrl": note })),
    ] {
        let once = app.server().store().clock().id().to_string();
        let fields = [
            ("kind", kind),
            ("once", &once),
            ("to", " +237 611-111-111 "),
            ("message", said),
            ("url", url),
            ("caption", "look"),
            ("sessionId", &session),
        ];
        let page = send(&browser, &token, &fields, file).await;
        let message = delivered(&app, &page).await;
        for (field, value) in want.as_object().unwrap() {
            assert_eq!(message[field], *value, "{kind}: {message}");
        }
        // What was typed stays, and code says the same.
        let path = match kind {
            "text" => "",
            "image" | "video" => "/media",
            _ => "/audio",
        };
        for kept in [
            "value=\"+237 611-111-111\"",
            "two\nlines &amp; &quot;more&quot;</textarea>",
            " messages left today",
            &format!("value=\"{kind}\" checked"),
            &format!("/api/v1/messages{path} \\\n"),
        ] {
            assert!(page.text.contains(kept), "{kind}: no {kept} in {}", page.text);
        }
        let again = send(&browser, &token, &fields, file).await;
        assert!(again.text.contains("nothing was sent twice"), "{}", again.text);
    }
    assert_eq!(app.caller.count("direction=outbound").await, 5);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_beside_its_field() {
    let (app, browser) = stage().await;
    let browser = browser.speaking("fr");
    let token = browser.form_token(HERE).await;
    let hostile = "\"><script>alert(1)</script>";
    for (fields, file, status, said) in [
        (
            &[("kind", "text"), ("to", hostile), ("message", hostile)][..],
            None,
            422,
            &["doit être un numéro international"][..],
        ),
        (&[("kind", "text")], None, 422, &["<code>to</code> est obligatoire", "<code>message</code> est obligatoire"]),
        (&[("kind", "image"), ("to", AWA)], None, 422, &["<code>mediaUrl</code> est obligatoire, ou un fichier"]),
        (
            &[("kind", "voice"), ("to", AWA), ("url", "ftp://a/b")],
            None,
            422,
            &["<code>audioUrl</code> doit être une URL http"],
        ),
        (
            &[("kind", "image"), ("to", AWA), ("url", "http://a/b")],
            Some(("x.jpg", &b"x"[..])),
            422,
            &["<code>file</code> ne doit pas être donné avec une URL"],
        ),
        (
            &[("kind", "text"), ("to", AWA), ("message", "x"), ("sessionId", "0199a7b0-0000-7000-8000-000000000000")],
            None,
            404,
            &["/docs#not_found"],
        ),
        (&[("kind", "<b>"), ("to", AWA), ("message", "x")], None, 422, &["<code>kind</code> doit être text, image"]),
        (
            &[("kind", "text"), ("to", AWA), ("message", "x"), ("kind", "voice")],
            None,
            422,
            &["<code>kind</code> est donné plus d’une fois"],
        ),
    ] {
        let page = send(&browser, &token, fields, file).await;
        assert_eq!(page.status, status, "{fields:?}: {}", page.text);
        for said in said {
            assert!(page.text.contains(said), "no {said} in {}", page.text);
        }
        assert!(!page.text.contains("<script>alert") && page.text.contains("lang=\"fr\""), "{}", page.text);
    }
    let large = vec![0; 17 * 1024 * 1024];
    let page =
        send(&browser, &token, &[("kind", "image"), ("to", AWA), ("caption", "kept")], Some(("x", &large))).await;
    assert!(
        page.status == 413 && page.text.contains("kept</textarea>") && page.text.contains("16 MB"),
        "{}",
        page.text
    );
    let foreign = send(&browser, "wrong", &[("kind", "text"), ("to", AWA), ("message", "x")], None).await;
    assert_eq!(foreign.status, 403);
    let led = browser.get(&format!("{HERE}?to=%2B237611111111&kind=image&message={hostile}")).await;
    assert!(led.text.contains("value=\"image\" checked") && led.text.contains("value=\"+237611111111\""));
    assert!(!led.text.contains("<script>alert"));
    assert_eq!(app.caller.count("direction=outbound").await, 0);
    app.stop().await;
}

/// The code that a page shows in a language.
fn code(page: &Page, language: &str) -> String {
    let shown =
        page.text.split(&format!("id=\"code-{language}\"><code>")).nth(1).unwrap_or_else(|| panic!("{}", page.text));
    let escaped = shown.split("</code>").next().unwrap();
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .iter()
        .fold(escaped.to_owned(), |code, (from, to)| code.replace(from, to))
}

/// Runs code in a folder with a key, as a person does who pastes it.
fn run(language: &str, code: &str, folder: &Path, key: &str) {
    let (program, first) = match language {
        "curl" => ("bash".into(), vec!["-c"]),
        "javascript" => ("node".into(), vec!["--input-type=module", "-e"]),
        _ => (python::installed().join("bin/python").into_os_string(), vec!["-c"]),
    };
    let ran = Command::new(program).args(first).arg(code).current_dir(folder).env("WAMUX_KEY", key).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && told.contains("pending"),
        "{code}\n{told}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_beside_the_form_runs_and_sends_just_that() {
    let (app, browser) = stage().await;
    let folder = tempfile::tempdir().unwrap();
    let name = "it's; \"my\" cat.jpg";
    std::fs::write(folder.path().join(name), sample("photo.jpg")).unwrap();
    let hostile = "it's \"$HOME\" `id` $(id) \\n \\ {x} ${y} %s\u{202e}<b>&amp; 🎉 é";
    let lines = format!("{hostile}\n\ttwo\n");
    let languages = ["curl", "javascript", "python"];
    for (fields, field, want) in [
        (&[("kind", "text"), ("message", lines.as_str())][..], "message", lines.as_str()),
        (&[("kind", "image"), ("fileName", name), ("caption", hostile)], "caption", hostile),
    ] {
        let fields = [fields, &[("to", AWA)]].concat();
        let page = browser.submit(HERE, "/dashboard/console/code", &fields).await;
        assert_eq!(page.status, 200, "{}", page.text);
        for language in languages {
            let code = code(&page, language);
            block_in_place(|| run(language, &code, folder.path(), app.caller.key().unwrap()));
            let newest = app.caller.get("/messages?limit=1").await.expect(200)["messages"][0].clone();
            assert_eq!((newest[field].as_str(), newest["toPhone"].as_str()), (Some(want), Some(AWA)), "{code}");
        }
        assert!(code(&page, "rust").contains("\\u{202e}"), "a reader sees what is there");
    }
    assert_eq!(app.caller.count("direction=outbound").await, 6);
    app.stop().await;
}
