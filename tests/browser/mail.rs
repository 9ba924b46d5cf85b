//! The pages where links from mails lead, and those that send them, in a real browser: they are for everybody, on a phone too.

use super::PERSON;
use super::window::Window;
use crate::ground::app::App;
use crate::ground::browser::PASSWORD;
use crate::ground::smtp::Smtp;
use crate::ground::{Ground, Place};

const PHONE: u32 = 360;

/// What is wrong with the page that is shown, on a wide screen and on a phone's.
async fn wrong(window: &Window, page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for width in [None, Some(PHONE)] {
        window.is_wide(width).await;
        let found = window.barriers().await.into_iter().chain(window.faults().await);
        wrong.extend(found.map(|what| format!("{page} ({width:?}): {what}")));
    }
    window.is_wide(None).await;
    wrong
}

/// The same of these pages in both themes.
async fn wrong_with(window: &Window, pages: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for theme in ["light", "dark"] {
        window.prefers(theme).await;
        for page in pages {
            window.goes(page).await;
            all.extend(wrong(window, &format!("{page} in {theme}")).await);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_lead_to_pages_that_are_for_everybody() {
    let mut smtp = Smtp::start();
    let app = App::start_at(Place::new(Ground::Sqlite).mailing(&smtp.url())).await;
    let window = Window::open(&app).await;
    window.goes("/signup").await;
    window.signs(PERSON, PASSWORD).await;
    window.says("main", "We have sent a mail to").await;
    let mut all = wrong(&window, "what says that a mail was sent").await;
    let confirm = smtp.next().await;
    all.extend(wrong_with(&window, &["/forgot", confirm.link(), "/confirm?token=no"]).await);
    window.goes(confirm.link()).await;
    window.types("#password", PASSWORD).await;
    window.clicks("main form .button.first").await;
    window.shows(".rooms").await;

    window.goes("/forgot").await;
    window.types("#email", PERSON).await;
    window.clicks("main form .button.first").await;
    window.says("main", "a mail is on its way to").await;
    all.extend(wrong(&window, "what says that a mail is on its way").await);
    let reset = smtp.next().await;
    all.extend(wrong_with(&window, &[reset.link(), "/reset?token=no"]).await);
    window.goes(reset.link()).await;
    window.types("#password", "a new password").await;
    window.clicks("main form .button.first").await;
    window.says(".note", "Your new password is set.").await;
    all.extend(wrong(&window, "the way in with the new password").await);
    assert!(all.is_empty(), "{}", all.join("\n"));
    window.close().await;
    app.stop().await;
}
