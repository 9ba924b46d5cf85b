//! Files and URLs that mean harm or are broken: each ends as `failed` with the right code, reaches nothing, and leaves nothing.

use std::sync::Arc;

use serde_json::json;

use super::{FRIEND, Stage};
use crate::ground::origin::Page;
use crate::ground::samples::sample;

const MB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_fail_with_the_right_code_and_leave_nothing() {
    let stage = Stage::open().await;
    let (photo, film) = (sample("photo.png"), sample("film.mp4"));
    let bomb = {
        // A picture of 60,000 by 60,000 pixels, as its header says.
        let mut bomb = photo.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
        bomb
    };
    let put = |path: &str, bytes: &[u8]| stage.origin.bytes(path, "image/png", bytes.to_vec());
    let long = |path: &str, first: &[u8]| stage.origin.put(path, Page::Long(Arc::new(first.to_vec()), 65 * MB));
    for (what, id, code) in [
        ("a page", stage.image(&put("/page", b"<!doctype html><p>no picture</p>")).await, "media_type_unsupported"),
        (
            "a drawing",
            stage.image(&put("/svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")).await,
            "media_type_unsupported",
        ),
        ("a film as an image", stage.image(&put("/film", &film)).await, "media_type_unsupported"),
        ("a picture as a film", stage.video(&put("/photo", &photo)).await, "media_type_unsupported"),
        ("a picture as a voice", stage.audio(&put("/voice", &photo), true).await, "media_type_unsupported"),
        ("half a picture", stage.image(&put("/half", &photo[..photo.len() / 2])).await, "media_unreadable"),
        ("half a film", stage.video(&put("/halffilm", &film[..film.len() / 2])).await, "media_unreadable"),
        ("a bomb", stage.image(&put("/bomb", &bomb)).await, "media_unreadable"),
        (
            "a playlist",
            stage.video(&put("/list", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")).await,
            "media_type_unsupported",
        ),
        ("65 MB of a picture", stage.image(&long("/long", &photo)).await, "media_too_large"),
        ("65 MB of a film", stage.video(&long("/longfilm", &film)).await, "media_too_large"),
        (
            "nothing there",
            stage.image(&stage.origin.put("/gone", Page::Status(404, ""))).await,
            "media_download_failed",
        ),
    ] {
        let message = stage.failed(&id, code).await;
        let why = message["errorMessage"].as_str().unwrap();
        assert!(!why.contains("127.0.0.1:") && !why.contains(" /"), "{what}: no URLs and no paths in {why}");
    }
    stage.nothing_stays().await;
    assert_eq!(stage.app.caller.screen(FRIEND).await, Vec::<String>::new());
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_recover_is_asked_for_again_and_what_cannot_is_not() {
    let stage = Stage::open().await;
    let photo = Page::Bytes("image/png", Arc::new(sample("photo.png")));
    let busy = Page::Status(503, "Retry-After: 1");
    let url = stage.origin.put("/busy", Page::InTurn(vec![busy, Page::Status(429, "Retry-After: 1"), photo]));
    let id = stage.image(&url).await;
    stage.delivered(&id).await;
    assert_eq!(stage.origin.visits("/busy"), 3);
    let id = stage.image(&stage.origin.put("/gone", Page::Status(410, ""))).await;
    stage.failed(&id, "media_download_failed").await;
    assert_eq!(stage.origin.visits("/gone"), 1);
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_urls_reach_nothing() {
    // This server may reach nothing private, and the origin is on loopback.
    let app = crate::ground::app::App::start().await;
    app.caller.link("shop", super::OWN).await;
    let origin = crate::ground::origin::Origin::open().await;
    let trap = origin.bytes("/trap", "image/png", sample("photo.png"));
    let port = trap.split([':', '/']).nth(4).unwrap().to_owned();
    let stage = Stage { app, origin };
    let list = include_str!("hostile_urls.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let own = format!("guard {trap}");
    let mut taken = Vec::new();
    for line in list.chain([&*own]) {
        let (verdict, url) = line.split_once(' ').unwrap();
        let url = url.replace("{port}", &port);
        let asked = json!({ "to": FRIEND, "mediaUrl": url, "mediaType": "image" });
        let answer = stage.app.caller.post("/messages/media", asked).await;
        match verdict {
            "door" => assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], "mediaUrl", "{url}"),
            _ => taken.push((url, answer.expect(202)["id"].as_str().unwrap().to_owned())),
        }
    }
    assert!(taken.len() >= 40, "{}", taken.len());
    for (url, id) in taken {
        let message = stage.settled(&id).await;
        assert_eq!(
            (&message["status"], &message["errorCode"]),
            (&json!("failed"), &json!("media_url_forbidden")),
            "{url}"
        );
    }
    assert_eq!(stage.origin.visits("/trap"), 0);
    stage.nothing_stays().await;
    stage.app.stop().await;
}
