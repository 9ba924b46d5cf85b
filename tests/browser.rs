//! The pages in a real browser, with script: what people do on them, and whether everybody can.

mod mail;
mod phones;
mod window;

use crate::ground::app::App;
use crate::ground::browser::PASSWORD;
use window::Window;

const PERSON: &str = "person@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_comes_from_the_front_door_to_a_message_on_a_phone_and_is_written_back_to() {
    let app = App::start().await;
    let window = Window::open(&app).await;
    window.goes("/").await;
    window.clicks(".hero .button.first").await;
    window.signs(PERSON, PASSWORD).await;
    window.says(".note", "it has one now").await;
    window.signs("", PASSWORD).await;
    window.clicks("#step-1 button").await;
    assert!(window.shows("#new-key").await.text().await.unwrap().starts_with("sk_test_"));
    window.clicks("#step-2 button").await;
    window.clicks(".scan button:enabled").await;
    window.says("#step-2", "Linked to").await;
    window.types("#message", "A first message").await;
    window.clicks("#step-3 button").await;
    window.says("#step-4 .tag", "delivered").await;
    window.says(".phone .b.in", "A first message").await;
    window.types(".phone textarea", "And an answer").await;
    window.presses_enter(".phone textarea").await;
    window.says(".phone .b.out", "And an answer").await;
    let caller = app.tenant(PERSON, "free").await;
    caller.until_count("direction=inbound", 1).await;
    assert!(caller.get("/messages?direction=inbound").await.text.contains("And an answer"));
    assert_eq!(window.faults().await, Vec::<String>::new());
    assert_eq!(window.barriers().await, Vec::<String>::new());
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_gone_from_the_page_and_opens_nothing() {
    let app = App::start().await;
    let window = Window::signed_in(&app, PERSON).await;
    window.goes("/dashboard/keys").await;
    window.types("#name", "laptop").await;
    window.clicks("form.row .button.first").await;
    let key = window.shows("#new-key").await.text().await.unwrap();
    let caller = app.caller.with_key(Some(&key));
    caller.get("/sessions").await.expect(200);
    window.clicks("td.acts button").await;
    window.agrees().await;
    window.says(".note", "revoked").await;
    window.shows(".empty").await;
    caller.get("/sessions").await.problem(401, "invalid_api_key");
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_that_what_it_shows_is_gone_and_that_its_reader_was_signed_out() {
    let app = App::start().await;
    let window = Window::signed_in(&app, PERSON).await;
    let session = window.made_session().await;
    let caller = app.tenant(PERSON, "free").await;
    caller.delete(&format!("/sessions/{}", session.rsplit('/').next().unwrap())).await.expect(204);
    window.says("#lost p:not([hidden])", "there no more").await;
    window.goes("/dashboard/messages?search=half").await;
    window.run("window.same = true; document.querySelector('[name=search]').value = 'half written'", Vec::new()).await;
    let leave = "const form = document.querySelector('form.leave'); \
                 fetch('/logout', { method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'manual' })";
    window.run(leave, Vec::new()).await;
    window.says("#lost p:not([hidden])", "You were signed out").await;
    let kept = "return window.same + document.querySelector('[name=search]').value";
    assert_eq!(window.run(kept, Vec::new()).await, "truehalf written");
    window.clicks("#lost [href^='/login']").await;
    window.signs(PERSON, PASSWORD).await;
    window.shows(".filters").await;
    assert_eq!(
        window.run("return location.pathname + location.search", Vec::new()).await,
        "/dashboard/messages?search=half"
    );
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_renews_itself_and_the_page_follows_the_session() {
    let app = App::start().await;
    let window = Window::signed_in(&app, PERSON).await;
    let session = window.made_session().await;
    let picture = "return document.getElementById('qr').src";
    let first = window.run(picture, Vec::new()).await;
    window.run("window.first = document.getElementById('qr').src", Vec::new()).await;
    window.run("new MutationObserver(() => document.body.classList.add('renewed')).observe(document.getElementById('qr'), { attributes: true })", Vec::new()).await;
    window.shows("body.renewed").await;
    let second = window.run(picture, Vec::new()).await;
    assert!(first != second && second.as_str().unwrap().starts_with("data:image/png;base64,"), "{second}");
    let id = session.rsplit('/').next().unwrap();
    window.run("window.same = true", Vec::new()).await;
    let key = app.tenant(PERSON, "free").await;
    key.scan(id, "+237600000081").await;
    window.says("h1 .tag", "connected").await;
    assert_eq!(
        window.run("return window.same && !document.getElementById('qr')", Vec::new()).await,
        true,
        "without a reload"
    );
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_is_told_to_wait() {
    let app = App::start().await;
    let window = Window::open(&app).await;
    window.goes("/login").await;
    for guess in 0..8 {
        window.signs(PERSON, &format!("guess number {guess}")).await;
        window.says(".note.bad, h1", "There is no account").await;
        window.run("document.querySelector('.note').remove()", Vec::new()).await;
    }
    window.signs(PERSON, PASSWORD).await;
    window.says("main", "Too many attempts").await;
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_have_nothing_sent() {
    let app = App::start().await;
    let window = Window::signed_in(&app, PERSON).await;
    let own = app.caller.address();
    for (path, said) in [("/logout", "Sign in"), ("/login", "The form was not taken")] {
        let field = "<input name=email value=a><input name=password value=b>";
        let form = format!("<form method=post action='http://{own}{path}'>{field}<button>go</button></form>");
        window.opens(&format!("data:text/html,{form}")).await;
        window.clicks("button").await;
        window.says("h1", said).await;
    }
    window.goes("/dashboard").await;
    window.shows(".rooms").await;
    window.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody_in_both_themes_and_asks_no_other_host() {
    let app = App::start().await;
    let window = Window::signed_in(&app, PERSON).await;
    let session = window.made_session().await;
    let pages = [
        "/",
        "/docs",
        "/docs/sessions",
        "/dashboard",
        "/dashboard/sessions",
        &session,
        "/dashboard/keys",
        "/dashboard/start",
        "/dashboard/phones",
        "/dashboard/messages",
        "/dashboard/console",
        "/operator",
        "/operator/tenants",
        "/operator/sessions",
        "/dashboard/account",
    ];
    let mut wrong = Vec::new();
    for theme in ["light", "dark"] {
        window.prefers(theme).await;
        for page in pages {
            window.goes(page).await;
            let found = window.barriers().await.into_iter().chain(window.faults().await);
            wrong.extend(found.map(|what| format!("{page} ({theme}): {what}")));
        }
    }
    window.is_wide(Some(360)).await;
    window.goes("/?lang=fr").await;
    for page in pages {
        window.goes(page).await;
        let english = window.unmarked_english().await.into_iter().map(|text| format!("English in French: {text}"));
        let found = window.faults().await.into_iter().chain(english);
        wrong.extend(found.map(|what| format!("{page} (narrow): {what}")));
    }
    window.close().await;
    let narrow = Window::open(&app).await;
    narrow.is_wide(Some(360)).await;
    for language in ["en", "fr"] {
        for page in ["/", "/docs", "/login", "/signup"] {
            narrow.goes(&format!("{page}?lang={language}")).await;
            let found = narrow.barriers().await.into_iter().chain(narrow.faults().await);
            wrong.extend(found.map(|what| format!("{page} (narrow, {language}): {what}")));
        }
    }
    narrow.close().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_follows_what_is_typed_and_a_message_turns_by_itself() {
    let app = App::start().await;
    let window = Window::signed_in(&app, PERSON).await;
    app.tenant(PERSON, "free").await.link("shop", "+237600000082").await;
    window.goes("/dashboard/console").await;
    // To a number whose network takes its time.
    window.types("#to", "+15550000003").await;
    window.types("#message", "it's \"live\"").await;
    window.says("#code-curl", "it'\\''s \\\"live\\\"").await;
    window.run("window.same = true", Vec::new()).await;
    window.clicks("#call .button.first").await;
    window.says("#answer", "202 Accepted").await;
    assert_eq!(
        window.run("return window.same && document.getElementById('message').value", Vec::new()).await,
        "it's \"live\""
    );
    window.clicks("#answer a.button").await;
    window.says(".steps .todo", "Sent").await;
    let message = window.path().await;
    window.run("window.same = true", Vec::new()).await;
    window.says(".message .mark", "Delivered").await;
    assert_eq!(window.run("return window.same", Vec::new()).await, true, "without a reload");
    let mut wrong = Vec::new();
    window.goes("/dashboard/console").await;
    for width in [None, Some(360)] {
        window.is_wide(width).await;
        let covers = "const [code, button] = ['pre', 'button'].map((tag) => document.querySelector(`.panel.curl ${tag}`).getBoundingClientRect());
            return code.right > button.left && button.right > code.left && code.bottom > button.top && button.bottom > code.top";
        assert_eq!(window.run(covers, Vec::new()).await, false, "the button to copy lies on the code");
    }
    window.is_wide(None).await;
    for theme in ["light", "dark"] {
        window.prefers(theme).await;
        for page in [
            "/dashboard/messages",
            "/dashboard/messages?search=nothing&to=12",
            "/dashboard/console?kind=image",
            &message,
        ] {
            window.goes(page).await;
            // A filter that cannot be read is answered so, which Chromium's console notes.
            let faults = window.faults().await.into_iter().filter(|fault| !fault.contains("422"));
            let found = window.barriers().await.into_iter().chain(faults);
            wrong.extend(found.map(|what| format!("{page} ({theme}): {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    window.close().await;
    app.stop().await;
}
