//! The first steps as somebody takes them whose browser runs no script.

use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;

use crate::ground::app::{App, until};
use crate::ground::browser::{Browser, Page};

const PERSON: &str = "person@example.com";
const START: &str = "/dashboard/start";
const REFRESH: &str = "<noscript><meta http-equiv=\"refresh\"";

/// What a page has in the first field of this name.
#[track_caller]
fn field(page: &Page, name: &str) -> String {
    let before = format!("name=\"{name}\" value=\"");
    page.between(&before).next().unwrap_or_else(|| panic!("no {name} in {}", page.text)).to_owned()
}

/// Reads the page until it says this, and has it reread itself, or say how, as long as it does not.
async fn reread(browser: &Browser, what: &str) -> Page {
    until(what, async || {
        let page = browser.get(START).await;
        let pictures = page.text.split("<img ").skip(1).filter_map(|rest| rest.split('>').next());
        assert!(pictures.clone().all(|tag| tag.contains(" src=\"")), "a picture of nothing: {}", page.text);
        assert_eq!(page.status, 200, "{what}: {}", page.text);
        let here = page.text.contains(what);
        assert!(here || page.text.contains(REFRESH) || page.text.contains("<noscript><p><a"), "{}", page.text);
        here
    })
    .await;
    browser.get(START).await
}

async fn linked(browser: &Browser) -> Page {
    let made = browser.submit(START, START, &[("step", "session"), ("sessionKey", "first")]).await;
    assert_eq!(made.goes_to(), "/dashboard/start#step-2");
    let page = reread(browser, "<img id=\"qr\"").await;
    assert!(!page.text.contains(REFRESH), "a code is looked at in peace: {}", page.text);
    assert!(page.text.contains("Show the newest code") && !page.text.contains("Open WhatsApp"), "{}", page.text);
    let (session, phone) = (field(&page, "session"), field(&page, "phone"));
    let scan = [("act", "scan"), ("phone", phone.as_str()), ("session", &session), ("back", START)];
    assert_eq!(browser.submit(START, "/dashboard/phones", &scan).await.goes_to(), "/dashboard/start#step-2");
    reread(browser, "name=\"sessionId\"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_taken_without_script_and_the_answer_is_found() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    // Who looks again all the time needs a larger plan.
    app.tenant(PERSON, "pro").await;
    let first = browser.get(START).await;
    assert_eq!(first.text.matches("class=\"button first\"").count(), 1, "one thing is to do: {}", first.text);
    let page = linked(&browser).await;
    assert!(page.text.contains("Now a friend’s phone"), "{}", page.text);
    let (session, to) = (field(&page, "sessionId"), page.between("autocomplete=\"off\" value=\"+").next().unwrap());
    let friend = format!("+{to}");
    let send = [("step", "send"), ("sessionId", &session), ("to", &friend), ("message", "A first message")];
    assert_eq!(browser.submit(START, START, &send).await.goes_to(), "/dashboard/start#step-4");
    let page = reread(&browser, "Look at the phone").await;
    let own = field(&page, "chat");
    let back = format!("{START}?phone=%2B{to}");
    let write = [("act", "write"), ("phone", &friend), ("chat", &own), ("message", "And <back>"), ("back", &back)];
    let written = browser.submit(START, "/dashboard/phones", &write).await;
    assert_eq!(written.goes_to(), format!("{back}#phone-{to}"), "nothing went wrong");
    let page = reread(&browser, "It answered:").await;
    let message = page.between("<a href=\"/dashboard/messages/").next().unwrap();
    assert!(page.text.contains("<bdi>And &lt;back&gt;</bdi>"), "{}", page.text);
    assert!(browser.get(&format!("/dashboard/messages/{message}")).await.text.contains("And &lt;back&gt;"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_and_not_taken_is_still_there_with_what_is_wrong_beside_it() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    let session = field(&linked(&browser).await, "sessionId");
    let send = [("step", "send"), ("sessionId", &session), ("to", "my \"friend\""), ("message", "a precious text")];
    let refused = browser.submit(START, START, &send).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    for part in [
        "value=\"my &quot;friend&quot;\"",
        ">a precious text</textarea>",
        "aria-invalid=\"true\" aria-describedby=\"to-wrong\" autofocus",
        "<p class=\"mistake plain\" id=\"to-wrong\">must be an international number",
    ] {
        assert!(refused.text.contains(part), "no {part} in {}", refused.text);
    }
    let blank =
        browser.submit(START, START, &[("step", "send"), ("sessionId", &session), ("to", "+237699999999")]).await;
    assert!(
        blank.status == 422 && blank.text.contains(" autofocus></textarea>"),
        "no text nobody typed: {}",
        blank.text
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_again_makes_no_other_key() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    for (path, more) in [(START, Some(("step", "key"))), ("/dashboard/keys", None)] {
        let page = browser.get(path).await;
        let (token, once) = (field(&page, "formToken"), page.between("name=\"once\" value=\"").next().unwrap());
        let fields = [("formToken", token.as_str()), ("once", once), ("name", "laptop")];
        let fields: Vec<_> = fields.into_iter().chain(more).collect();
        let key = |page: Page| page.between("id=\"new-key\">").next().map(|rest| rest[..51].to_owned()).unwrap();
        let made = key(browser.post(path, &fields).await);
        assert_eq!(made, key(browser.post(path, &fields).await), "a reload");
        assert!(made.starts_with("sk_test_"), "{made}");
    }
    let page = browser.get("/dashboard/keys").await;
    assert_eq!(page.text.matches("<strong>laptop</strong>").count(), 2, "{}", page.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_has_not_changed_is_not_sent_again() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await;
    for path in ["/dashboard", START, "/dashboard/sessions", "/dashboard/messages", "/dashboard/keys"] {
        let tag = browser.get(path).await.headers["etag"].clone();
        let again = browser.send(browser.request(Method::GET, path).header(IF_NONE_MATCH, &tag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
    }
    app.stop().await;
}
