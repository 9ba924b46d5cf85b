//! The page of actors: drawn for a browser, and shown to the operator alone.

use reqwest::Method;

use crate::ground::app::{Answer, App, Caller};
use crate::ground::{Ground, Place};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
const TOKEN: &str = "0123456789-0123456789-0123456789";

async fn page(caller: &Caller, header: Option<(&str, &str)>) -> Answer {
    let mut request = caller.request(Method::GET, "/health/actors").header("Accept", BROWSER);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    caller.send(request).await
}

/// What every page has, whatever it shows.
#[track_caller]
fn is_a_page(page: &Answer) {
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.header("vary").unwrap().starts_with("accept"));
    let policy = page.header("content-security-policy").unwrap();
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|said| said == rule), "{policy}");
    }
    let html = &page.text;
    // Nothing stands in the page itself, and nothing comes from elsewhere.
    for foreign in ["<style", " style=", " onclick=", "javascript:", "http://", "https://", "\"//"] {
        assert!(!html.contains(foreign), "{foreign} in {html}");
    }
    assert_eq!(html.matches("<script").count(), html.matches("<script src=\"/assets/actors.js?v=").count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_the_tree_as_a_page_and_a_program_as_json() {
    let app = App::start().await;
    let session = app.caller.link("one", "+237600000001").await;
    let anyone = app.caller.with_key(None);
    let drawn = page(&anyone, None).await;
    is_a_page(&drawn);
    for shown in [session.as_str(), "<b>outbox</b>", "<b>janitor</b>", "<details id=", "● ", "Nothing. Actors there: "]
    {
        assert!(drawn.text.replace("</span> ", " ").contains(shown), "no {shown} in {}", drawn.text);
    }
    let json = anyone.get("/health/actors").await;
    assert_eq!((json.header("content-type"), json.header("vary")), (Some("application/json"), Some("accept")));
    assert_eq!(json.expect(200)["kind"], "root");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_the_operator_gets_a_page_that_shows_nothing() {
    let app = App::start_at(Place::new(Ground::Sqlite).operated_by(TOKEN)).await;
    let session = app.caller.link("one", "+237600000001").await;
    let bearer = format!("Bearer {TOKEN}");
    let anyone = app.caller.with_key(None);
    for header in [None, Some(("Authorization", "Bearer wrong-wrong-wrong-wrong-wrong")), Some(("Via", "1.1 proxy"))] {
        let shell = page(&anyone, header).await;
        is_a_page(&shell);
        assert!(shell.text.contains(" id=\"token\">") && shell.text.contains("operator"), "{}", shell.text);
        for secret in [session.as_str(), "janitor", "id=\"tree\"", TOKEN] {
            assert!(!shell.text.contains(secret), "{secret} in {}", shell.text);
        }
    }
    anyone.get("/health/actors").await.problem(403, "operator_only");
    assert!(page(&anyone, None).await.text.contains("data-no-token=\"This is no token: "));
    // A tenant's key is no operator's token.
    app.caller.get("/health/actors").await.problem(403, "operator_only");
    let drawn = page(&anyone, Some(("Authorization", &bearer))).await;
    is_a_page(&drawn);
    assert!(drawn.text.contains(&session) && !drawn.text.contains("<form"), "{}", drawn.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_token_none_is_asked_for() {
    let app = App::start().await;
    let anyone = app.caller.with_key(None);
    let shell = page(&anyone, Some(("Via", "1.1 proxy"))).await;
    is_a_page(&shell);
    assert!(shell.text.contains("this answers only on the server"), "{}", shell.text);
    for asked in ["<form", "<input", "janitor"] {
        assert!(!shell.text.contains(asked), "{asked} in {}", shell.text);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_speaks_french_too_and_a_program_is_told_what_is_not_known() {
    let app = App::start().await;
    let anyone = app.caller.with_key(None);
    let ask = async |query: &str| {
        let request = anyone.request(Method::GET, &format!("/health/actors{query}")).header("Accept", BROWSER);
        anyone.send(request).await
    };
    let french = ask("?lang=fr&probe=true").await;
    is_a_page(&french);
    assert!(french.text.contains("<h1>Acteurs</h1>") && french.text.contains("réponse en "), "{}", french.text);
    is_a_page(&ask("?probe=perhaps").await);
    anyone.get("/health/actors?probe=perhaps").await.problem(422, "validation_failed");
    anyone.get("/health/actors?lang=fr").await.problem(422, "validation_failed");
    app.stop().await;
}
