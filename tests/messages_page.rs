//! The rooms of messages, as a browser without script gets them.

use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};
use crate::ground::browser::{Browser, Page};

const EMAIL: &str = "you@example.com";
const OWN: &str = "+237600000001";
const AWA: &str = "+237611111111";
const LOG: &str = "/dashboard/messages";

/// The tenant of the tests' key, in a browser.
async fn browser(app: &App) -> Browser {
    let given = wamux::commands::reset_password(&app.place.config(), &EMAIL.parse().unwrap(), false).await.unwrap();
    let browser = Browser::at(app);
    browser.post("/login", &[("email", EMAIL), ("password", given.password.as_str())]).await.goes_to();
    browser
}

/// The messages that a page lists, from its top.
fn listed(page: &Page) -> Vec<&str> {
    assert_eq!(page.status, 200, "{}", page.text);
    page.between("<li id=\"m-").collect()
}

async fn shown(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/messages/{id}")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_in_the_log_and_its_timeline_read() {
    let app = App::start().await;
    let you = browser(&app).await;
    let empty = you.get(LOG).await;
    assert!(empty.text.contains("No message yet") && listed(&empty).is_empty());
    app.caller.link("shop", OWN).await;
    let first = app.caller.text(AWA, "first words").await;
    let hostile = app.caller.text("+237622222222", "50% \"off\" <script>alert(1)</script>").await;
    let nobody = app.caller.text("+15550000001", "is anybody there?").await;
    app.caller.until_count("status=delivered", 2).await;
    app.caller.until_count("status=failed", 1).await;
    app.caller.post(&format!("/sandbox/phones/{AWA}/messages"), json!({ "to": OWN, "message": "merci" })).await;
    app.caller.until_count("direction=inbound", 1).await;

    let all = you.get(LOG).await;
    assert_eq!(listed(&all)[1..], [nobody.as_str(), &hostile, &first]);
    assert!(!all.text.contains("<script>alert") && all.text.contains("&lt;script&gt;alert(1)"));
    for (query, found) in [
        ("status=failed", &[nobody.as_str()][..]),
        ("to=%2B237%20611-111-111", &[&first]),
        ("search=FIRST%20w", &[&first]),
        ("search=50%25", &[&hostile]),
        ("search=5_%25", &[]),
        ("search=is&status=delivered&direction=&to=", &[]),
        ("direction=outbound&type=text&search=words", &[&first]),
    ] {
        assert_eq!(listed(&you.get(&format!("{LOG}?{query}")).await), found, "{query}");
    }
    let none = you.get(&format!("{LOG}?type=video&status=read")).await;
    assert!(none.text.contains("Nothing matches") && none.text.contains("href=\"/dashboard/messages?status=read\""));
    let wrong = you.get(&format!("{LOG}?to=12&status=gone")).await;
    assert!(wrong.status == 422 && wrong.text.contains("must be an international number"), "{}", wrong.text);

    let read = you.get(&format!("{LOG}/{first}")).await;
    let wire = shown(&app.caller, &first).await["whatsappMessageId"].as_str().unwrap().to_owned();
    for said in ["first words", AWA, "Accepted", "Sent", "Delivered", "not yet", "shop", &wire, "&quot;status&quot;"] {
        assert!(read.text.contains(said), "no {said} in {}", read.text);
    }
    let failed = you.get(&format!("{LOG}/{nobody}")).await;
    let sentence = shown(&app.caller, &nobody).await["errorMessage"].as_str().unwrap().to_owned();
    for said in ["href=\"/docs#recipient_not_on_whatsapp\"", &sentence] {
        assert!(failed.text.contains(said), "no {said} in {}", failed.text);
    }
    let steps = failed.text.split("<ol class=\"steps\">").nth(1).unwrap().split("</ol>").next().unwrap();
    assert_eq!(steps.matches("<time").count(), 2, "when it was accepted, and when it failed: {steps}");
    assert!(you.get("/docs").await.text.contains("id=\"recipient_not_on_whatsapp\""));
    let escaped = you.get(&format!("{LOG}/{hostile}")).await;
    assert!(!escaped.text.contains("<script>alert") && escaped.text.contains("&lt;script&gt;"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_to_older_messages_and_back() {
    let app = App::start().await;
    let you = browser(&app).await;
    app.caller.link("shop", OWN).await;
    let mut sent = Vec::new();
    for number in 0..90 {
        sent.push(app.caller.text(AWA, &format!("number {number}")).await);
    }
    sent.reverse();
    let (mut seen, mut path) = (Vec::new(), LOG.to_owned());
    let last = loop {
        let page = you.get(&path).await;
        assert!(page.text.len() < 100_000);
        seen.extend(listed(&page).into_iter().map(str::to_owned));
        let older = page.between("rel=\"next\" href=\"").next().map(|link| link.replace("&amp;", "&"));
        let Some(older) = older else { break page };
        path = older;
    };
    assert_eq!(seen, sent);
    let back = last.between("rel=\"prev\" href=\"").next().unwrap();
    let middle = you.get(back).await;
    assert_eq!(listed(&middle), sent[40..80].iter().map(String::as_str).collect::<Vec<_>>());
    let top = middle.between("rel=\"prev\" href=\"").next().unwrap();
    assert_eq!(you.get(top).await.goes_to(), LOG, "the newest page is the one where new messages come in");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_is_shown_and_is_nobody_elses() {
    let app = App::start().await;
    let you = browser(&app).await.speaking("fr");
    app.caller.link("shop", OWN).await;
    app.caller.post("/sandbox/phones", json!({ "phone": AWA })).await.expect(201);
    let image = json!({
        "to": OWN, "mediaBase64": "aW1hZ2U=", "mediaType": "image", "mime": "image/png", "caption": "bonjour \"<b>\"",
    });
    app.caller.post(&format!("/sandbox/phones/{AWA}/messages"), image).await.expect(201);
    let mut id = String::new();
    until("it came in", async || {
        id = listed(&you.get(LOG).await).first().map(|id| (*id).to_owned()).unwrap_or_default();
        !id.is_empty()
    })
    .await;
    let path = format!("{LOG}/{id}");
    let page = you.get(&path).await;
    let medium = format!("/api/v1/messages/{id}/media");
    let img = format!("<img src=\"{medium}\" alt=\"bonjour &quot;&lt;b&gt;&quot;\"");
    for said in ["lang=\"fr\"", "Reçu", &img, "Chronologie", "Tel que l’API le répond"] {
        assert!(page.text.contains(said), "no {said} in {}", page.text);
    }
    assert_eq!(you.get(&medium).await.text, "image", "the cookie is enough to see it");
    let other = Browser::signed_in(&app, "other@example.com").await;
    assert_eq!(other.get(&medium).await.status, 404);
    let (foreign, unknown) =
        (other.get(&path).await, other.get(&format!("{LOG}/0199a7b0-0000-7000-8000-000000000000")).await);
    assert_eq!((foreign.status, unknown.status), (404, 404));
    let plain = |page: &Page| page.text.split("<p class=\"muted small\">").next().unwrap().to_owned();
    assert_eq!(plain(&foreign), plain(&unknown), "nobody learns whose it is");
    assert!(listed(&other.get(LOG).await).is_empty());
    assert!(listed(&other.get(&format!("{LOG}?cursor={id}")).await).is_empty());
    assert_eq!(Browser::at(&app).get(&path).await.goes_to(), format!("/login?next=%2Fdashboard%2Fmessages%2F{id}"));
    app.stop().await;
}
