//! The pages for people, as a browser gets them.

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};

use crate::ground::app::App;
use crate::ground::browser::Browser;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn open(app: &App, path: &str, language: &str) -> Response {
    let base = app.caller.request(reqwest::Method::GET, "").build().unwrap().url().clone();
    let url = base.join(path).unwrap();
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    client.get(url).header(ACCEPT, BROWSER).header(ACCEPT_LANGUAGE, language).send().await.unwrap()
}

/// What stands in a page between `before` and the next quotation mark, wherever that is.
fn between<'a>(page: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_served_under_a_policy_and_leads_nowhere_that_is_not_there() {
    let app = App::start().await;
    let mut pages = vec!["/".to_owned()];
    let mut seen = 0;
    while let Some(path) = pages.get(seen).cloned() {
        seen += 1;
        let answer = open(&app, &path, "en").await;
        if path.starts_with("/dashboard") {
            assert!(
                answer.headers()["location"].to_str().unwrap().starts_with("/login"),
                "{path} is for who is signed in"
            );
            continue;
        }
        assert_eq!(answer.status(), 200, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        if kind != "text/html; charset=utf-8" {
            continue;
        }
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
        let page = answer.text().await.unwrap();
        assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
        assert!(page.contains("lang=\"en\"") && page.contains("<main id=\"main\">"), "{path}");
        for inline in ["<style", "style=\"", " onclick", "javascript:"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
        for link in between(&page, "href=\"").chain(between(&page, "src=\"")) {
            assert!(!link.contains("://"), "{path} leads away, to {link}");
            let target = link.split('#').next().unwrap();
            if target.starts_with('/') && !pages.iter().any(|known| known == target) {
                pages.push(target.to_owned());
            }
        }
    }
    assert!(seen > 8, "{pages:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_is_a_page_to_a_browser_and_json_to_a_program() {
    let app = App::start().await;
    let welcome = app.caller.with_key(None).get("/").await.expect(200);
    assert_eq!(welcome["api"], "/api/v1");
    let page = open(&app, "/", "fr-CM,fr;q=0.9,en;q=0.8").await;
    assert_eq!(page.headers()["content-language"], "fr");
    assert!(page.text().await.unwrap().contains("lang=\"fr\""));
    let asked = open(&app, "/?lang=en", "fr").await;
    assert_eq!(asked.headers()["content-language"], "en");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_is_not_found() {
    let app = App::start().await;
    for path in ["/docs/nothing", "/assets/nothing.css", "/docs/Sessions"] {
        assert_eq!(open(&app, path, "en").await.status(), 404, "{path}");
    }
    for path in ["/nowhere", "/dashboard/nowhere", "/health/nowhere", "/nowhere?lang=fr&x"] {
        let page = open(&app, path, "fr").await;
        assert_eq!(
            (page.status().as_u16(), &page.headers()["content-language"]),
            (404, &"fr".parse().unwrap()),
            "{path}"
        );
        assert!(page.text().await.unwrap().contains("<main id=\"main\">"), "{path}");
    }
    let program = app.caller.with_key(None);
    program.send(program.request(reqwest::Method::GET, "/nowhere")).await.problem(404, "not_found");
    let api = open(&app, "/api/v1/nowhere", "fr").await;
    assert_eq!(
        (api.status().as_u16(), &api.headers()["content-type"]),
        (404, &"application/problem+json".parse().unwrap())
    );
    let asset = open(&app, "/assets/wamux.css", "en").await;
    assert_eq!(asset.headers()["cache-control"], "public, max-age=300");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_gets_a_page_that_says_which_are_right() {
    let app = App::start().await;
    let browser = Browser::at(&app);
    for (path, allowed) in [("/docs", "GET, HEAD, OPTIONS"), ("/dashboard/account/delete", "GET, POST, HEAD, OPTIONS")]
    {
        for (language, said) in [("en", "What stands here answers to"), ("fr", "Cette adresse répond à")] {
            let wrong = browser.request(Method::DELETE, &format!("{path}?lang={language}"));
            let page = browser.send(wrong).await;
            assert_eq!((page.status, &page.headers["allow"]), (405, &allowed.parse().unwrap()), "{path}");
            assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{path}");
            assert!(page.text.contains(&format!("{said} {allowed}.")), "{path}: {}", page.text);
        }
    }
    app.stop().await;
}
