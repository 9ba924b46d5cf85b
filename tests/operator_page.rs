//! The operator's pages: who gets in, what is shown of everybody, and what is not.

use reqwest::Method;

use crate::ground::app::{App, until};
use crate::ground::browser::{Browser, filled};
use crate::ground::{Ground, Place};

const TOKEN: &str = "let-me-in";

async fn started() -> App {
    let app = App::start_at(Place::new(Ground::Sqlite).operated_by(TOKEN)).await;
    until("ready", async || app.caller.get("/health/ready").await.status == 200).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_opens_the_pages_and_a_browser_keeps_a_pass_in_its_place() {
    let app = started().await;
    let browser = Browser::at(&app);
    for path in ["/operator", "/operator/tenants", "/operator/sessions"] {
        let asked = browser.get(path).await;
        assert!(
            asked.status == 403 && asked.text.contains("name=\"token\"") && !asked.text.contains("you@example.com"),
            "{path}"
        );
    }
    assert_eq!(browser.post("/operator", &[("token", "guess")]).await.status, 403);
    let entered = browser.post("/operator", &[("token", TOKEN)]).await;
    assert_eq!(entered.goes_to(), "/operator");
    assert!(!entered.headers["set-cookie"].to_str().unwrap().contains(TOKEN));
    let actors = browser.get("/operator").await;
    assert!(
        actors.status == 200 && actors.text.contains("whatsapp-rust 0.") && actors.text.contains("SQLite"),
        "{}",
        actors.text
    );
    assert!(actors.text.contains("<title>janitor janitor: running"), "the map names each actor");
    assert!(browser.get("/operator/tenants").await.text.contains("you@example.com"));
    let gone = browser.submit("/operator/tenants", "/operator/leave", &[]).await;
    assert_eq!(gone.goes_to(), "/operator");
    assert_eq!(browser.get("/operator").await.status, 403);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_moves_a_tenant_to_another_plan_and_sees_no_secrets_of_it() {
    let app = started().await;
    let one = app.tenant("one@example.com", "free").await;
    one.link("secret-name", "+237600000091").await;
    let browser = Browser::at(&app);
    browser.post("/operator", &[("token", TOKEN)]).await;
    let found = browser.get("/operator/tenants?q=ONE%40").await;
    assert!(found.text.contains("one@example.com") && !found.text.contains("you@example.com"), "{}", found.text);
    assert!(
        browser.get("/operator/tenants?q=%25").await.text.contains("No tenant"),
        "what is looked for stands for itself"
    );
    let moved = browser
        .submit("/operator/tenants", "/operator/tenants", &[("email", "one@example.com"), ("plan", "pro")])
        .await;
    assert_eq!(moved.goes_to(), "/operator/tenants?moved=1");
    let plan = app.server().store().tenants_page(Some("one@"), None, 1).await.unwrap().remove(0).plan;
    assert_eq!(plan, "pro");
    let wrong = browser
        .submit("/operator/tenants", "/operator/tenants", &[("email", "one@example.com"), ("plan", "gold")])
        .await;
    assert!(wrong.status == 422 && wrong.text.contains("<strong>Plan</strong>: is not one of"), "{}", wrong.text);
    let sessions = browser.get("/operator/sessions?status=connected").await;
    assert!(sessions.text.contains("one@example.com") && !sessions.text.contains("secret-name"), "{}", sessions.text);
    assert!(!sessions.text.contains("237600000091"));
    assert!(!browser.get("/operator/sessions?status=failed").await.text.contains("one@example.com"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_s_form_and_a_tenant_s_cookie_open_nothing() {
    let app = started().await;
    let browser = Browser::signed_in(&app, "person@example.com").await;
    assert_eq!(browser.get("/operator/tenants").await.status, 403, "a tenant is no operator");
    browser.post("/operator", &[("token", TOKEN)]).await.goes_to();
    let fields = [("email", "person@example.com"), ("plan", "pro")];
    assert_eq!(browser.post("/operator/tenants", &fields).await.status, 403, "the form's token is missing");
    let token = browser.form_token("/operator/tenants").await;
    let away = browser.request(Method::POST, "/operator/tenants").header("origin", "https://evil.example");
    let away = filled(away, &[&[("formToken", token.as_str())], &fields[..]].concat());
    assert_eq!(browser.send(away).await.status, 403);
    app.stop().await;
}
