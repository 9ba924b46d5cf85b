//! Phones as they are drawn.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use maud::html;

use super::device::{Room, device};
use super::*;
use crate::http::pages::words::Language;
use crate::sandbox::{Facts, PhoneInfo, Shown, Status as Ticks};

const OWN: &str = "+237611111111";
const OTHER: &str = "+237600000001";

fn phone(number: &str) -> Phone {
    number.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A line that came so many minutes ago, or that the phone sent, if it has ticks.
fn line(minutes: i64, ticks: Option<Ticks>, text: &str) -> Shown {
    Shown {
        id: format!("line-{minutes}"),
        whatsapp_message_id: "3A".to_owned(),
        chat: phone(OTHER),
        from_me: ticks.is_some(),
        from: phone(if ticks.is_some() { OWN } else { OTHER }),
        kind: "text".to_owned(),
        text: text.to_owned(),
        caption: None,
        facts: Facts::default(),
        sha256: None,
        media_error: None,
        status: ticks.unwrap_or(Ticks::Delivered),
        timestamp: now() - TimeDelta::minutes(minutes),
    }
}

fn medium(kind: &str, mime: &str, here: bool) -> Shown {
    let facts = Facts { mime: Some(mime.to_owned()), size: Some(1_500), ..Facts::default() };
    Shown { kind: kind.to_owned(), facts, sha256: here.then(|| "00".to_owned()), ..line(1, None, "") }
}

fn drawn_in(language: Language, chat: bool, lines: Vec<Shown>, online: bool) -> String {
    let chat = if chat { "&chat=%2B237600000001" } else { "" };
    let table = Table::of_address(&format!("/dashboard/phones?phone=%2B237611111111{chat}")).unwrap();
    let room = Room {
        table: &table,
        language,
        now: now(),
        zone: FixedOffset::east_opt(0).unwrap(),
        csrf: html! { input type="hidden" name="formToken" value="secret"; },
        files: "/dashboard/phones/file?formToken=secret".to_owned(),
        file_max: 5 << 20,
        cameras: vec![("0199".to_owned(), "<b>shop</b>".to_owned())],
        names: HashMap::from([(phone(OTHER), "Shop \"&\"".to_owned())]),
        bytes: 20_000,
    };
    let info = PhoneInfo { phone: phone(OWN), name: None, auto_read: false, online, linked_devices: 2 };
    device(&room, &table.phones[0], &Ok(Some(Seen { info, lines }))).0
}

fn chat(lines: Vec<Shown>) -> String {
    drawn_in(Language::English, true, lines, true)
}

#[track_caller]
fn in_order(html: &str, parts: &[&str]) {
    let mut rest = html;
    for part in parts {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("no {part} in its place in {html}"));
        rest = after;
    }
}

#[test]
fn a_chat_runs_by_days_and_says_what_is_new() {
    let html = chat(vec![
        line(3000, None, "long ago"),
        line(30, Some(Ticks::Read), "answered"),
        line(20, None, "new one"),
        line(10, None, "new two"),
    ]);
    in_order(&html, &["Saturday", "3 unread messages", "long ago"]);
    in_order(&html, &["long ago", ">Today<", "answered", "new one", "new two", "Mark as read", "<textarea"]);
    in_order(&html, &["class=\"b in first new\" id=\"m-line-20\"", "class=\"b in new\" id=\"m-line-10\""]);
}

#[test]
fn ticks_are_words_too() {
    for (ticks, class, word) in [
        (Ticks::Pending, "ticks pending", "Being sent"),
        (Ticks::Sent, "ticks sent", "Sent"),
        (Ticks::Delivered, "ticks delivered", "Delivered"),
        (Ticks::Read, "ticks read", "Read"),
    ] {
        in_order(&chat(vec![line(1, Some(ticks), "x")]), &[">x</p>", class, &format!("> {word}</span>")]);
    }
    assert!(!chat(vec![line(1, None, "x")]).contains("class=\"ticks"), "what others sent has none");
}

#[test]
fn nothing_that_others_write_is_markup() {
    let hostile = "</textarea><script>alert(1)</script>\" onload=\"x";
    let mut document = medium("document", hostile, true);
    document.facts.file_name = Some(hostile.to_owned());
    let mut picture = medium("image", "image/png", true);
    picture.caption = Some(hostile.to_owned());
    let mut failed = medium("video", "video/mp4", false);
    failed.media_error = Some(hostile.to_owned());
    let lines = vec![
        document,
        picture,
        failed,
        Shown { kind: hostile.to_owned(), ..line(1, None, hostile) },
        line(0, None, hostile),
    ];
    for html in [chat(lines.clone()), drawn_in(Language::French, false, lines, true)] {
        assert!(!html.contains("<script") && !html.contains("<b>shop") && !html.contains("\" onload"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }
}

#[test]
fn media_are_shown_as_what_browsers_show_and_anything_else_is_for_download() {
    let at = "/api/v1/sandbox/phones/+237611111111/messages/line-1/media\"";
    for (kind, mime, want) in [
        ("image", "image/jpeg", "<img src="),
        ("image", "image/svg+xml", "class=\"file\" href="),
        ("sticker", "image/webp", "<img src="),
        ("video", "video/mp4", "class=\"film\" src="),
        ("audio", "audio/ogg; codecs=opus", "<audio src="),
        ("audio", "audio/amr", "class=\"file\" href="),
        ("document", "image/png", "class=\"file\" href="),
    ] {
        let html = chat(vec![medium(kind, mime, true)]);
        assert!(html.contains(&format!("{want}\"{at}")), "{kind} {mime}: {html}");
    }
    let absent = chat(vec![medium("image", "image/jpeg", false)]);
    assert!(absent.contains("Fetching…") && !absent.contains(at), "{absent}");
    let failed = Shown { media_error: Some("wrong_hash".to_owned()), ..medium("image", "image/jpeg", false) };
    assert!(chat(vec![failed]).contains("could not get it: <span lang=\"en\">wrong hash</span>"));
}

#[test]
fn a_voice_note_has_its_waveform_a_button_and_a_player_without_script() {
    let mut note = medium("audio", "audio/ogg; codecs=opus", true);
    note.facts.voice = Some(true);
    note.facts.duration_seconds = Some(75);
    note.facts.waveform = Some((0..64).collect());
    let html = chat(vec![note]);
    in_order(
        &html,
        &[
            "class=\"voice\"",
            "aria-label=\"Play: Voice note, 1:15\"",
            "class=\"wave\"",
            "type=\"range\"",
            "<audio src=",
        ],
    );
    assert!(html.contains("preserveAspectRatio=\"none\" aria-hidden=\"true\""), "the waveform says nothing: {html}");
}

#[test]
fn the_list_has_the_latest_chat_first_with_what_is_unread_in_it() {
    let elsewhere = |minutes| Shown { chat: phone("+33612345678"), ..line(minutes, Some(Ticks::Sent), "bonjour") };
    let html =
        drawn_in(Language::English, false, vec![line(60, None, "one"), elsewhere(50), line(9, None, "two")], true);
    in_order(
        &html,
        &[
            "Shop &quot;&amp;&quot;",
            "two",
            "11:51",
            ">2</span>",
            "2 unread messages",
            "+33612345678",
            "ticks sent",
            "bonjour",
        ],
    );
    in_order(&html, &["name=\"session\" value=\"0199\"", "&lt;b&gt;shop&lt;/b&gt;", "Scan</button>"]);
    assert!(html.contains("href=\"/dashboard/phones?phone=%2B237611111111&amp;chat=%2B33612345678\""), "{html}");
}

#[test]
fn a_phone_in_flight_mode_offers_nothing_but_the_way_back() {
    let html = drawn_in(Language::English, true, vec![line(1, None, "x")], false);
    assert!(!html.contains("<textarea") && !html.contains("Mark as read"), "{html}");
    in_order(&html, &["flight mode", "it receives nothing", "Flight mode off"]);
    assert!(!drawn_in(Language::English, false, Vec::new(), false).contains("Scan</button>"));
}

#[test]
fn every_form_that_changes_something_has_the_token_and_the_way_back() {
    for html in [chat(vec![line(1, None, "x")]), drawn_in(Language::English, false, Vec::new(), true)] {
        for form in html.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
            let form = form.split("</form>").next().unwrap();
            for part in [
                "name=\"formToken\" value=\"secret\"",
                "name=\"phone\" value=\"+237611111111\"",
                "name=\"back\" value=\"/dashboard/phones?phone=",
            ] {
                assert!(form.contains(part), "no {part} in {form}");
            }
        }
    }
}

#[test]
fn a_long_chat_shows_its_end_and_says_so() {
    let text = "y".repeat(900);
    let html = chat((0..40).rev().map(|n| line(n, None, &text)).collect());
    let shown = html.matches("class=\"b ").count();
    assert!((10..40).contains(&shown), "{shown}");
    assert!(html.contains("Earlier messages are not shown here.") && html.contains("id=\"m-line-0\""));
    let endless = chat(vec![line(1, None, &"&".repeat(70_000))]);
    assert!(endless.contains("70000 characters in all") && endless.len() < 30_000, "{}", endless.len());
}
