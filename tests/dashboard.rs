//! The dashboard's rooms as a browser without script gets them: figures, keys, sessions.

use reqwest::Method;

use crate::ground::app::{App, until};
use crate::ground::browser::{Browser, Page};

const PERSON: &str = "person@example.com";
const PHONE: &str = "+237600000071";

async fn made_session(browser: &Browser, name: &str) -> String {
    let made = browser.submit("/dashboard/sessions", "/dashboard/sessions", &[("sessionKey", name)]).await;
    made.goes_to().strip_prefix("/dashboard/sessions/").unwrap().to_owned()
}

async fn made_key(browser: &Browser) -> String {
    let page =
        browser.submit("/dashboard/keys", "/dashboard/keys", &[("name", "laptop"), ("expiresInDays", "7")]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let key = page.text.split("sk_test_").nth(1).unwrap();
    format!("sk_test_{}", &key[..43])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_works_and_is_revoked() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let key = made_key(&browser).await;
    let caller = app.caller.with_key(Some(&key));
    caller.get("/sessions").await.expect(200);
    let page = browser.get("/dashboard/keys").await;
    assert!(page.text.contains("laptop") && !page.text.contains(&key), "{}", page.text);
    let id = page.between("action=\"/dashboard/keys/").next().unwrap().strip_suffix("/revoke").unwrap().to_owned();
    let path = format!("/dashboard/keys/{id}/revoke");
    let asked = browser.submit("/dashboard/keys", &path, &[]).await;
    assert!(asked.status == 200 && asked.text.contains("Revoke · laptop"), "{}", asked.text);
    caller.get("/sessions").await.expect(200);
    let sure = [("sure", "1")];
    let other = Browser::signed_in(&app, "other@example.com").await;
    assert_eq!(other.submit("/dashboard/keys", &path, &sure).await.status, 404, "nobody else revokes it");
    caller.get("/sessions").await.expect(200);
    assert_eq!(browser.submit("/dashboard/keys", &path, &sure).await.goes_to(), "/dashboard/keys?revoked=1");
    caller.get("/sessions").await.problem(401, "invalid_api_key");
    assert_eq!(browser.submit("/dashboard/keys", &path, &sure).await.status, 404, "it is gone already");
    let typed = [("name", "<i>laptop"), ("description", "\u{7}"), ("expiresInDays", "366")];
    let wrong = browser.submit("/dashboard/keys", "/dashboard/keys", &typed).await;
    assert!(wrong.status == 422 && wrong.text.contains("must be a whole number from 1 to 365"), "{}", wrong.text);
    for said in [
        "value=\"&lt;i&gt;laptop\"",
        "aria-invalid=\"true\" aria-describedby=\"description-wrong\" autofocus",
        "id=\"expiresInDays-wrong\"",
    ] {
        assert!(wrong.text.contains(said), "no {said} in {}", wrong.text);
    }
    assert!(!wrong.text.contains("Correct:"), "{}", wrong.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_linked_changed_and_deleted_without_script() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let caller = app.caller.with_key(Some(&made_key(&browser).await));
    let id = made_session(&browser, "<b>support</b>").await;
    let page = format!("/dashboard/sessions/{id}");
    let shown = browser.get(&page).await;
    assert!(shown.text.contains("&lt;b&gt;support") && !shown.text.contains("<b>support"), "{}", shown.text);
    let code = browser.send(browser.request(Method::GET, &format!("/api/v1/sessions/{id}/qr"))).await;
    assert!(code.status == 200 || code.status == 409, "the picture of the code is where the page says");
    caller.scan(&id, PHONE).await;
    let linked = browser.get(&page).await;
    assert!(linked.text.contains("connected</span>") && linked.text.contains(PHONE), "{}", linked.text);
    assert!(!linked.text.contains("id=\"qr\""), "there is nothing to scan any more");
    let slower = [("sessionKey", "support"), ("messagesPerMinute", "30"), ("simulateTyping", "yes")];
    assert_eq!(browser.submit(&page, &page, &slower).await.goes_to(), format!("{page}?saved=1"));
    let session = caller.get(&format!("/sessions/{id}")).await.expect(200);
    assert_eq!((&session["sessionKey"], &session["messagesPerMinute"]), (&"support".into(), &30.into()));
    let typed = [("sessionKey", "desk"), ("proxyUrl", "ftp://x"), ("messageJitter", "7"), ("simulateTyping", "no")];
    let wrong = browser.submit(&page, &page, &typed).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    for said in [
        "id=\"settings\" open",
        "value=\"desk\"",
        "value=\"ftp://x\" aria-invalid=\"true\" aria-describedby=\"proxyUrl-wrong proxy-hint\" autofocus",
        "id=\"proxyUrl-wrong\">must be socks5://",
        "value=\"7\"",
        "value=\"no\" selected",
    ] {
        assert!(wrong.text.contains(said), "no {said} in {}", wrong.text);
    }
    assert!(!browser.get(&page).await.text.contains("id=\"settings\" open"));
    let asked = browser.submit(&page, &format!("{page}/delete"), &[]).await;
    assert!(asked.status == 200 && asked.text.contains("Delete · support"), "{}", asked.text);
    assert_eq!(browser.get(&page).await.status, 200, "nothing is deleted before somebody is sure");
    let gone = browser.submit(&page, &format!("{page}/delete"), &[("sure", "1")]).await;
    assert_eq!(gone.goes_to(), "/dashboard/sessions?deleted=1");
    assert_eq!(browser.get(&page).await.status, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_code_is_the_other_way_to_link() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let id = made_session(&browser, "support").await;
    app.caller.with_key(Some(&made_key(&browser).await)).stream(&id, None).await.until("qr").await;
    let (page, path) = (format!("/dashboard/sessions/{id}"), format!("/dashboard/sessions/{id}/pairing-code"));
    let wrong = browser.submit(&page, &path, &[("phone", "12")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("<strong>Number</strong>: must"), "{}", wrong.text);
    let shown = browser.submit(&page, &path, &[("phone", PHONE)]).await;
    assert!(shown.text.contains("code-to-type") && shown.text.contains(PHONE), "{}", shown.text);
    let kept = |page: &Page| page.text.contains("id=\"to-type\" data-keep");
    assert!(kept(&shown) && kept(&browser.get(&page).await), "what is read again leaves the code where it is");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_phone_scans_and_who_logged_out_failed_at_nothing() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let caller = app.caller.with_key(Some(&made_key(&browser).await));
    let id = made_session(&browser, "support").await;
    let page = format!("/dashboard/sessions/{id}");
    let (scan, log_out) = (format!("{page}/scan"), format!("{page}/logout"));
    caller.stream(&id, None).await.until("qr").await;
    assert!(browser.get(&page).await.text.contains(&format!("action=\"{scan}\"")));
    assert_eq!(browser.submit(&page, &scan, &[]).await.goes_to(), page);
    let status = async || caller.get(&format!("/sessions/{id}")).await.expect(200)["status"].clone();
    until("it is linked", async || status().await == "connected").await;
    let linked = browser.get(&page).await;
    assert!(!linked.text.contains(&scan) && !linked.text.contains("to-type"), "{}", linked.text);
    let again = browser.submit(&page, &scan, &[]).await;
    assert!(again.status == 409 && again.text.contains("role=\"alert\""), "{}", again.text);
    let asked = browser.submit(&page, &log_out, &[]).await;
    assert!(asked.text.contains("Log this account out?") && status().await == "connected", "{}", asked.text);
    assert_eq!(browser.submit(&page, &log_out, &[("sure", "1")]).await.goes_to(), page);
    until("it is logged out", async || status().await == "failed").await;
    for path in [page.as_str(), "/dashboard/sessions", "/dashboard"] {
        let shown = browser.get(path).await;
        let tag = "<span class=\"tag\">logged out</span>";
        assert!(shown.text.contains(tag), "{path}: {}", shown.text);
        // The overview counts failed messages, too.
        assert!(path == "/dashboard" || !shown.text.contains("\"tag bad\">failed"), "{path}: {}", shown.text);
    }
    let shown = browser.get(&page).await;
    assert!(
        shown.text.contains("Scan a code to link it again") && !shown.text.contains("on its way"),
        "{}",
        shown.text
    );
    let back = browser.submit(&page, &format!("{page}/restart"), &[]).await;
    assert_eq!(back.goes_to(), format!("{page}?restarted=1"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_s_is_not_there() {
    let app = App::start().await;
    let (one, other) = (Browser::signed_in(&app, PERSON).await, Browser::signed_in(&app, "other@example.com").await);
    let id = made_session(&one, "mine").await;
    assert!(!other.get("/dashboard/sessions").await.text.contains("mine"));
    for path in ["", "/restart", "/scan", "/logout", "/delete", "/pairing-code"] {
        let path = format!("/dashboard/sessions/{id}{path}");
        let fields: &[(&str, &str)] = match path.rsplit('/').next().unwrap() {
            "pairing-code" => &[("phone", PHONE)],
            end if end == id => &[("sessionKey", "x")],
            _ => &[],
        };
        assert_eq!(other.submit("/dashboard", &path, fields).await.status, 404, "{path}");
    }
    assert_eq!(one.get(&format!("/dashboard/sessions/{id}")).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_what_was_sent() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let before = browser.get("/dashboard").await;
    assert!(before.text.contains("card begin") && before.text.contains("<span> / 100</span>"), "{}", before.text);
    let caller = app.caller.with_key(Some(&made_key(&browser).await));
    caller.link("support", PHONE).await;
    caller.text("+237600000072", "hi").await;
    caller.until_count("status=delivered", 1).await;
    let after = browser.get("/dashboard").await;
    assert!(after.text.contains("1<span> / 100</span>") && after.text.contains("1<span> / 1</span>"), "{}", after.text);
    assert!(!after.text.contains("card begin"), "whoever is linked needs no first steps");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_the_dashboard_refuses_what_no_page_of_it_sent() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let forms = wamux::http::forms();
    assert!(forms.len() > 8, "{forms:?}");
    for path in forms {
        let path = path.replace("{id}", "01a20717-dbf0-7353-9a44-4fef8ec4bf39");
        assert_eq!(browser.post(&path, &[]).await.status, 403, "{path}");
        assert_eq!(Browser::at(&app).post(&path, &[]).await.goes_to(), "/login?ended=1", "{path}");
    }
    assert_eq!(browser.get("/dashboard").await.status, 200, "and nobody was signed out");
    app.stop().await;
}
