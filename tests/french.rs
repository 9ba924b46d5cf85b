//! Pages in French refuse in French, with the numbers and names that matter; what they show in English is marked as such.

use reqwest::Method;
use reqwest::header::ORIGIN;

use crate::ground::app::App;
use crate::ground::browser::{Browser, Page};

const PERSON: &str = "person@example.com";
const OWN: &str = "+237600000061";

/// Whether a page refuses in these words, and in no English ones.
#[track_caller]
fn refuses(page: &Page, status: u16, said: &str) {
    assert_eq!(page.status, status, "{}", page.text);
    assert!(page.text.contains(said), "no {said} in {}", page.text);
    assert!(
        !page.text.contains("role=\"alert\" lang=\"en\"") && !page.text.contains("<p lang=\"en\""),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_room_refuses_in_the_reader_s_language() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await.speaking("fr");
    let (keys, sessions, start) = ("/dashboard/keys", "/dashboard/sessions", "/dashboard/start");
    refuses(
        &browser.get("/dashboard/messages/x").await,
        404,
        "Cette page n’existe pas, ou est celle de quelqu’un d’autre.",
    );
    refuses(&browser.post(keys, &[("name", "x")]).await, 403, "Ce formulaire ne vient pas d’une page de ce site");
    let late = [("name", "x"), ("expiresInDays", "366")];
    refuses(&browser.submit(keys, keys, &late).await, 422, "doit être un nombre entier de 1 à 365");
    let made = browser.submit(sessions, sessions, &[("sessionKey", "support")]).await;
    let page = made.goes_to().to_owned();
    let again = browser.submit(sessions, sessions, &[("sessionKey", "support")]).await;
    refuses(&again, 409, "Une session porte déjà le nom «\u{a0}support\u{a0}».");
    let wrong = [("sessionKey", "support"), ("proxyUrl", "ftp://x"), ("messageJitter", "101")];
    let wrong = browser.submit(&page, &page, &wrong).await;
    refuses(&wrong, 422, "doit être un nombre entier de 0 à 100");
    refuses(&wrong, 422, "doit être de la forme socks5://");
    let code = browser.submit(&page, &format!("{page}/pairing-code"), &[("phone", "12")]).await;
    refuses(&code, 422, "doit être un numéro international");
    let send = [("step", "send"), ("to", OWN), ("message", "hi")];
    refuses(&browser.submit(start, start, &send).await, 409, "Aucune session n’est connectée.");
    refuses(&browser.get("/dashboard/messages?to=12").await, 422, "doit être un numéro international");
    let english = browser.speaking("en").submit(start, start, &send).await;
    assert!(english.status == 409 && english.text.contains("No session is connected. Link one"), "{}", english.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_says_in_french_why_the_answer_is_what_it_is() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await.speaking("fr");
    let token = browser.form_token("/dashboard/console").await;
    let send = browser.request(Method::POST, "/dashboard/console");
    let send = send.header(ORIGIN, format!("http://{}", browser.address()));
    let send = send.header("content-type", "multipart/form-data; boundary=x");
    let part =
        |name: &str, text: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    let body = [
        part("formToken", &token),
        part("kind", "text"),
        part("to", OWN),
        part("message", "hi"),
        "--x--\r\n".to_owned(),
    ]
    .concat();
    let page = browser.send(send.body(body)).await;
    refuses(&page, 409, "Aucune session n’est connectée.");
    assert!(page.text.contains("<code lang=\"en\">"), "the answer itself is English: {}", page.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_is_told_how_long_to_wait_and_a_message_why_it_failed() {
    let app = App::start().await;
    let browser = Browser::signed_in(&app, PERSON).await.speaking("fr");
    let stranger = Browser::at(&app).speaking("fr");
    let guess = [("email", "else@example.com"), ("password", "a guess, no more")];
    let mut last = stranger.post("/login", &guess).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = stranger.post("/login", &guess).await;
    }
    refuses(&last, 429, "Trop de tentatives. Réessayez dans ");
    let caller = app.tenant(PERSON, "free").await;
    caller.link("shop", OWN).await;
    let nobody = caller.text("+15550000001", "is anybody there?").await;
    caller.until_count("status=failed", 1).await;
    let page = browser.get(&format!("/dashboard/messages/{nobody}")).await;
    let (before, _) = page.text.split_once("id=\"as-json\"").unwrap();
    assert!(before.contains("Le numéro du destinataire n’est pas sur WhatsApp."), "{before}");
    assert!(!before.contains("recipient's number"), "{before}");
    app.stop().await;
}
