//! Accounts: signed up, in and out; what strangers, other sites and guessers get.

use reqwest::Method;
use reqwest::header::ORIGIN;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, Database};

use crate::ground::app::{App, until};
use crate::ground::browser::{Browser, PASSWORD, filled};
use crate::ground::{Ground, on_both_databases};

const ADDRESS: &str = "person@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_signs_up_and_in_and_out() {
    let app = App::start().await;
    let browser = Browser::at(&app);
    let asked = browser.get("/dashboard/account").await;
    assert_eq!(asked.goes_to(), "/login?next=%2Fdashboard%2Faccount");
    let form = [("email", "New@Example.com"), ("password", PASSWORD)];
    let made = browser.post("/signup", &form).await;
    assert_eq!(made.goes_to(), "/login?made=1&next=%2Fdashboard%2Fstart", "to load it again sends nothing again");
    let made = browser.get(made.goes_to()).await;
    assert!(made.text.contains("value=\"new@example.com\"") && made.text.contains("has one now"), "{}", made.text);
    assert!(!Browser::at(&app).get("/login?made=1").await.text.contains("new@example.com"));
    let entered = browser.post("/login", &[&form[..], &[("next", "/dashboard/account")]].concat()).await;
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-wamux=")
            && cookie.ends_with("; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax")
    );
    assert_eq!(entered.goes_to(), "/dashboard/account");
    let account = browser.get("/dashboard/account").await;
    assert!(account.status == 200 && account.text.contains("new@example.com"));
    let kept = browser.jar().clone();
    let out = browser.submit("/dashboard", "/logout", &[]).await;
    assert_eq!(out.goes_to(), "/login?out=1");
    assert!(browser.jar().is_empty());
    *browser.jar() = kept;
    assert_eq!(browser.get("/dashboard").await.goes_to(), "/login", "an old cookie is worth nothing");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_whether_an_address_has_an_account() {
    let app = App::start().await;
    Browser::signed_in(&app, ADDRESS).await;
    app.tenant("made@example.com", "free").await;
    let stranger = Browser::at(&app);
    for taken in [ADDRESS, "made@example.com"] {
        let own = async |email: &str, path: &str| {
            let page = stranger.post(path, &[("email", email), ("password", "another password")]).await;
            (page.status, page.text.replace(email, "ADDRESS"))
        };
        assert_eq!(own(taken, "/signup").await, own(&format!("new.{taken}"), "/signup").await);
        assert_eq!(own(taken, "/login").await, own(&format!("none.{taken}"), "/login").await);
        assert_eq!(own(taken, "/login").await.0, 422, "nothing was given to who signed up again");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_elsewhere_is_refused() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, ADDRESS).await;
    let own = format!("http://{}", app.caller.address());
    let token = browser.form_token("/dashboard").await;
    let other = Browser::signed_in(&app, "other@example.com").await.form_token("/dashboard").await;
    for (origin, site, token) in [
        ("https://evil.example", None, token.as_str()),
        (&own, Some("cross-site"), &token),
        (&own, Some("same-site"), &token),
        ("", None, &token),
        (&own, Some("same-origin"), ""),
        (&own, Some("same-origin"), &other),
    ] {
        let mut request = filled(browser.request(Method::POST, "/logout"), &[("formToken", token)]);
        request = if origin.is_empty() { request } else { request.header(ORIGIN, origin) };
        request = if let Some(site) = site { request.header("sec-fetch-site", site) } else { request };
        assert_eq!(browser.send(request).await.status, 403, "{origin} {site:?} {token}");
    }
    let elsewhere = browser.request(Method::POST, "/login").header(ORIGIN, "https://evil.example");
    let elsewhere = filled(elsewhere, &[("email", ADDRESS), ("password", PASSWORD)]);
    assert_eq!(browser.send(elsewhere).await.status, 403, "nobody is signed in by another site");
    assert_eq!(browser.get("/dashboard").await.status, 200, "and nobody out");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_reads_the_api_and_changes_nothing_there() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, ADDRESS).await;
    let sessions = browser.get("/api/v1/sessions").await;
    assert_eq!((sessions.status, sessions.text.as_str()), (200, r#"{"total":0,"sessions":[]}"#));
    let made = browser.request(Method::POST, "/api/v1/keys").json(&serde_json::json!({ "name": "a" }));
    assert_eq!(browser.send(made).await.status, 401);
    assert_eq!(Browser::at(&app).get("/api/v1/sessions").await.status, 401);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_is_slowed_down_and_the_password_is_good_no_more() {
    let app = App::start().await;
    Browser::signed_in(&app, ADDRESS).await;
    let guesser = Browser::at(&app);
    let mut last = 422;
    for guess in 0..10 {
        let page = guesser.post("/login", &[("email", ADDRESS), ("password", &format!("guess number {guess}"))]).await;
        last = page.status;
        if last == 429 {
            assert!(page.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 60);
            let kept = page.text.contains("Too many attempts") && page.text.contains(&format!("value=\"{ADDRESS}\""));
            assert!(kept && page.text.contains("action=\"/login\""), "{}", page.text);
            break;
        }
    }
    assert_eq!(last, 429);
    let right = guesser.post("/login", &[("email", ADDRESS), ("password", PASSWORD)]).await;
    assert_eq!(right.status, 429, "the guesser does not learn that it is right");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_signs_other_browsers_out() {
    let app = App::start().await;
    let (here, there) = (Browser::signed_in(&app, ADDRESS).await, Browser::at(&app));
    there.post("/login", &[("email", ADDRESS), ("password", PASSWORD)]).await.goes_to();
    let (page, path) = ("/dashboard/account", "/dashboard/account/password");
    let wrong = here.submit(page, path, &[("old", "not the password"), ("new", "a new password")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("That is not the current password."), "{}", wrong.text);
    assert_eq!(here.submit(page, path, &[("old", PASSWORD), ("new", "short")]).await.status, 422);
    assert_eq!(
        here.submit(page, path, &[("old", PASSWORD), ("new", "a new password")]).await.goes_to(),
        "/dashboard/account?changed=1"
    );
    assert_eq!(here.get("/dashboard").await.status, 200);
    assert_eq!(there.get("/dashboard").await.goes_to(), "/login");
    let back = async |password| there.post("/login", &[("email", ADDRESS), ("password", password)]).await;
    assert_eq!(back(PASSWORD).await.status, 422);
    assert_eq!(back("a new password").await.goes_to(), "/dashboard");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_gives_a_person_a_new_password() {
    let app = App::start().await;
    app.tenant("made@example.com", "free").await;
    let config = app.place.config();
    let email = "made@example.com".parse().unwrap();
    let given = wamux::commands::reset_password(&config, &email, false).await.unwrap();
    let browser = Browser::at(&app);
    let entered = browser.post("/login", &[("email", "made@example.com"), ("password", given.password.as_str())]).await;
    assert_eq!(entered.goes_to(), "/dashboard");
    assert_eq!(browser.get("/api/v1/keys").await.text.matches("\"keyPrefix\"").count(), 1, "it is that tenant");
    let again = wamux::commands::reset_password(&config, &email, true).await.unwrap();
    assert_eq!((given.keys, again.keys), (1, 0));
    let nobody = wamux::commands::reset_password(&config, &"nobody@example.com".parse().unwrap(), false).await;
    assert!(nobody.err().unwrap().to_string().contains("no tenant with the address"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_connection_from_elsewhere_is_told_why_it_cannot_sign_in() {
    let app = App::start().await;
    let browser = Browser::at(&app);
    for path in ["/login", "/signup"] {
        let page = browser.send(browser.request(Method::GET, path).header("host", "wamux.example:8080")).await;
        assert!(page.text.contains("plain http from another machine") && !page.text.contains("<form"), "{path}");
        let sent =
            browser.request(Method::POST, path).header("host", "wamux.example").header(ORIGIN, "http://wamux.example");
        let sent = browser.send(filled(sent, &[("email", ADDRESS), ("password", PASSWORD)])).await;
        assert_eq!(sent.status, 403, "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_comes_back_with_a_sentence() {
    let app = App::start().await;
    let browser = Browser::at(&app).speaking("fr");
    for (email, password, said) in [
        ("", PASSWORD, "Donnez une adresse"),
        ("\"><script>@x", "", "Le mot de passe doit avoir"),
        ("<b>", PASSWORD, "Donnez une adresse"),
        (ADDRESS, "aaaaaaaaaaaa", "plus difficile"),
        (ADDRESS, &"x".repeat(300), "256"),
    ] {
        let page = browser.post("/signup", &[("email", email), ("password", password)]).await;
        assert!(page.status == 422 && page.text.contains(said), "{email}: {}", page.text);
        assert!(!page.text.contains("<script>@") && !page.text.contains("<b>"), "{email}");
    }
    let odd = browser.post("/signup", &[("email", ADDRESS), ("password", PASSWORD), ("plan", "pro")]).await;
    assert_eq!(odd.status, 422);
    let broken = browser.request(Method::POST, "/signup").header(ORIGIN, format!("http://{}", browser.address()));
    let broken = broken.header("content-type", "application/x-www-form-urlencoded");
    let broken =
        browser.send(broken.body(format!("email=%FF%FE@example.com&password={}", PASSWORD.replace(' ', "+")))).await;
    assert_eq!(broken.status, 400, "{}", broken.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_signed_out_while_they_typed_is_told_so_and_led_back() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, ADDRESS).await;
    let (own, console) = (format!("http://{}", browser.address()), "/dashboard/console?to=%2B237612345678");
    let sent = |referer: String| {
        let sent = browser.request(Method::POST, "/dashboard/console").header(ORIGIN, &own).header("referer", referer);
        filled(sent, &[("formToken", "any")])
    };
    let kept = browser.jar().clone();
    browser.submit("/dashboard", "/logout", &[]).await.goes_to();
    *browser.jar() = kept;
    let led = browser.send(sent(format!("{own}{console}"))).await;
    let back = "/login?ended=1&next=%2Fdashboard%2Fconsole%3Fto%3D%252B237612345678";
    assert_eq!(led.goes_to(), back);
    let page = browser.get(back).await;
    assert!(
        page.text.contains("You were signed out") && page.text.contains(&format!("value=\"{console}\"")),
        "{}",
        page.text
    );
    let elsewhere = browser.send(sent("https://evil.example/dashboard/x".to_owned())).await;
    assert_eq!(elsewhere.goes_to(), "/login?ended=1");
    app.stop().await;
}

async fn a_deleted_account_leaves_nothing(on: Ground) {
    let app = App::start_on(on).await;
    let browser = Browser::signed_in(&app, ADDRESS).await;
    let made = browser.submit("/dashboard/keys", "/dashboard/keys", &[("name", "laptop")]).await;
    let key = format!("sk_test_{}", &made.text.split("sk_test_").nth(1).unwrap()[..43]);
    let caller = app.caller.with_key(Some(&key));
    caller.link("support", "+237600000075").await;
    caller.text("+237600000076", "soon gone").await;
    caller.until_count("status=delivered", 1).await;
    let delete = async |password| {
        browser.submit("/dashboard/account", "/dashboard/account/delete", &[("password", password)]).await
    };
    assert_eq!(delete("not the password").await.status, 422);
    assert_eq!(delete(PASSWORD).await.goes_to(), "/login?gone=1");
    assert!(browser.jar().is_empty());
    caller.get("/sessions").await.problem(401, "invalid_api_key");
    let store = app.server().store().clone();
    until("everything is erased", async || store.gone().await.unwrap().is_empty()).await;
    app.caller.get("/sessions").await.expect(200);
    let database = Database::connect(app.place.database_url().unwrap_or(app.sqlite_url())).await.unwrap();
    for table in
        ["account", "sign_in", "session", "message", "media", "event", "usage", "idempotency", "device_key", "api_key"]
    {
        // The other tenant has its key, and nothing else.
        let rows = Query::select().expr(Expr::cust("COUNT(*)")).from(table).take();
        let row = database.query_one(&rows).await.unwrap().unwrap();
        let left: i64 = row.try_get_by_index(0).unwrap();
        assert_eq!(left, i64::from(table == "api_key"), "{table}");
    }
    let anyone = app.caller.with_key(None);
    let actors = async || anyone.get("/health/actors").await.expect(200).to_string();
    until("its actor is let go, the other's stays", async || actors().await.matches(r#""kind":"tenant""#).count() == 1)
        .await;
    Browser::signed_in(&app, ADDRESS).await;
    app.stop().await;
}

on_both_databases!(a_deleted_account_leaves_nothing);
