//! Mail: an address is confirmed and a forgotten password replaced by it, and nobody learns from it who has an account.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, Database};
use tokio::net::TcpListener;
use wamux::clock::instant;

use crate::ground::app::{App, until};
use crate::ground::browser::{Browser, PASSWORD, filled};
use crate::ground::process::Process;
use crate::ground::smtp::Smtp;
use crate::ground::{Ground, Place, on_both_databases};

const ADDRESS: &str = "person@example.com";
const OTHER: &str = "other@example.com";

async fn mailing(on: Ground) -> (App, Smtp) {
    let smtp = Smtp::start();
    (App::start_at(Place::new(on).mailing(&smtp.url())).await, smtp)
}

fn signing(email: &str) -> [(&str, &str); 2] {
    [("email", email), ("password", PASSWORD)]
}

/// Somebody who signed up, confirmed the address and signed in.
async fn member(app: &App, smtp: &mut Smtp, email: &str) -> Browser {
    let browser = Browser::at(app);
    assert_eq!(browser.post("/signup", &signing(email)).await.status, 200);
    let letter = smtp.next().await;
    let made = browser.post("/confirm", &[("token", letter.token()), ("password", PASSWORD)]).await;
    assert_eq!(made.goes_to(), "/dashboard/start");
    browser
}

async fn an_account_is_made_when_its_address_is_confirmed_and_not_before(on: Ground) {
    let (app, mut smtp) = mailing(on).await;
    let browser = Browser::at(&app);
    let asked = browser.post("/signup", &signing("Person@Example.com")).await;
    assert!(asked.status == 200 && asked.text.contains("We have sent a mail to"), "{}", asked.text);
    let letter = smtp.next().await;
    assert_eq!(letter.to, [ADDRESS]);
    assert!(letter.head.contains("\r\nSubject: Confirm your Wamux account\r\n"), "{}", letter.head);
    assert!(letter.head.contains("Auto-Submitted: auto-generated") && letter.head.contains("text/plain"));
    // Machines open links too.
    for _ in 0..2 {
        let page = browser.get(letter.link()).await;
        assert!(page.status == 200 && page.text.contains(ADDRESS) && page.text.contains("<button"), "{}", page.text);
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["referrer-policy"], "same-origin");
    }
    assert_eq!(browser.post("/login", &signing(ADDRESS)).await.status, 422, "there is no account yet");
    let foreign = filled(browser.request(Method::POST, "/confirm"), &[("token", letter.token())]);
    assert_eq!(browser.send(foreign).await.status, 403, "no other site's form makes it");
    assert_eq!(browser.post("/reset", &[("token", letter.token()), ("password", PASSWORD)]).await.status, 404);
    let other = browser.post("/confirm", &[("token", letter.token()), ("password", "another password")]).await;
    assert!(other.status == 422 && other.text.contains("not the password that was chosen"), "{}", other.text);
    let made = browser.post("/confirm", &[("token", letter.token()), ("password", PASSWORD)]).await;
    assert_eq!(made.goes_to(), "/dashboard/start");
    assert_eq!(browser.get("/dashboard/start").await.status, 200, "and in");
    for again in [browser.get(letter.link()).await, browser.post("/confirm", &[("token", letter.token())]).await] {
        assert!(again.status == 404 && again.text.contains("not good any more"), "{}", again.text);
    }
    assert_eq!(browser.post("/login", &signing(ADDRESS)).await.goes_to(), "/dashboard");
    app.stop().await;
}

async fn a_forgotten_password_is_replaced_once_and_signs_every_browser_out(on: Ground) {
    let (app, mut smtp) = mailing(on).await;
    let there = member(&app, &mut smtp, ADDRESS).await;
    let browser = Browser::at(&app);
    let login = browser.get("/login").await;
    assert!(login.text.contains("href=\"/forgot\"") && !login.text.contains("reset-password"));
    let asked = browser.post("/forgot", &[("email", ADDRESS)]).await;
    assert!(asked.status == 200 && asked.text.contains("a mail is on its way to"), "{}", asked.text);
    let letter = smtp.next().await;
    assert_eq!(letter.to, [ADDRESS]);
    assert_eq!(browser.get(&letter.link().replace("/reset", "/confirm")).await.status, 404, "it is for nothing else");
    assert_eq!(browser.post("/confirm", &[("token", letter.token())]).await.status, 404);
    let page = browser.get(letter.link()).await;
    assert!(page.status == 200 && page.text.contains(ADDRESS), "{}", page.text);
    let set = async |password| browser.post("/reset", &[("token", letter.token()), ("password", password)]).await;
    let weak = set("short").await;
    assert!(weak.status == 422 && weak.text.contains("at least 10") && weak.text.contains(letter.token()));
    assert_eq!(there.get("/dashboard").await.status, 200, "nothing was changed yet");
    let done = set("a new password").await;
    assert_eq!(done.goes_to(), "/login?reset=1");
    assert!(browser.get(done.goes_to()).await.text.contains("Your new password is set."));
    assert_eq!(there.get("/dashboard").await.goes_to(), "/login");
    assert_eq!(set("another password").await.status, 404, "it works once");
    assert_eq!(browser.get(letter.link()).await.status, 404);
    assert_eq!(browser.post("/login", &signing(ADDRESS)).await.status, 422);
    let entered = browser.post("/login", &[("email", ADDRESS), ("password", "a new password")]).await;
    assert_eq!(entered.goes_to(), "/dashboard");
    app.stop().await;
}

async fn a_link_dies_with_what_it_was_for(on: Ground) {
    let (app, mut smtp) = mailing(on).await;
    let browser = member(&app, &mut smtp, ADDRESS).await;
    let stranger = Browser::at(&app);
    stranger.post("/forgot", &[("email", ADDRESS)]).await;
    let before = smtp.next().await;
    let change = [("old", PASSWORD), ("new", "a new password")];
    browser.submit("/dashboard/account", "/dashboard/account/password", &change).await.goes_to();
    assert_eq!(stranger.get(before.link()).await.status, 404, "the password was changed since");
    stranger.post("/forgot", &[("email", ADDRESS)]).await;
    let before = smtp.next().await;
    let gone = [("password", "a new password")];
    browser.submit("/dashboard/account", "/dashboard/account/delete", &gone).await.goes_to();
    let late = stranger.post("/reset", &[("token", before.token()), ("password", "yet another one")]).await;
    assert!(late.status == 404 && late.text.contains("the account has changed"), "{}", late.text);
    // A tenant of the command line has no password; its address is proof enough for the first.
    app.tenant(OTHER, "free").await;
    stranger.post("/forgot", &[("email", OTHER)]).await;
    let first = smtp.next().await;
    stranger.post("/reset", &[("token", first.token()), ("password", PASSWORD)]).await.goes_to();
    assert_eq!(stranger.post("/login", &signing(OTHER)).await.goes_to(), "/dashboard");
    app.stop().await;
}

on_both_databases!(
    an_account_is_made_when_its_address_is_confirmed_and_not_before,
    a_forgotten_password_is_replaced_once_and_signs_every_browser_out,
    a_link_dies_with_what_it_was_for
);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_an_answer_whether_an_address_has_an_account() {
    let (app, mut smtp) = mailing(Ground::Sqlite).await;
    app.tenant(ADDRESS, "free").await;
    let stranger = Browser::at(&app);
    let asked = async |path: &str, email: &str| {
        let form = [("email", email), ("password", PASSWORD)];
        let page = stranger.post(path, &form[..if path == "/forgot" { 1 } else { 2 }]).await;
        (page.status, page.text.replace(email, "ADDRESS"))
    };
    let free = asked("/forgot", "free@example.com").await;
    assert_eq!((free.0, &free), (200, &asked("/forgot", ADDRESS).await));
    let letter = smtp.next().await;
    assert_eq!(letter.to, [ADDRESS], "who has no account gets no mail");
    let taken = asked("/signup", ADDRESS).await;
    let letter = smtp.next().await;
    assert!(letter.to == [ADDRESS] && letter.head.contains("Subject: You have a Wamux account already"));
    assert!(letter.text.contains("https://wamux.example/login\n"), "{}", letter.text);
    assert!(letter.text.contains("https://wamux.example/forgot\n") && !letter.text.contains("token"));
    assert_eq!(taken, asked("/signup", "free@example.com").await);
    assert_eq!(smtp.next().await.to, ["free@example.com"]);
    assert!(!smtp.has_more());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_s_mailbox_is_filled() {
    let (app, mut smtp) = mailing(Ground::Sqlite).await;
    let browser = Browser::at(&app);
    for _ in 0..3 {
        assert_eq!(browser.post("/signup", &signing(ADDRESS)).await.status, 200);
        smtp.next().await;
    }
    for (path, form) in [("/signup", &signing(ADDRESS)[..]), ("/forgot", &[("email", ADDRESS)])] {
        let held = browser.post(path, form).await;
        let wait: u64 = held.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(held.status == 429 && wait > 60, "{path}: {wait}");
    }
    assert_eq!(browser.post("/signup", &signing(OTHER)).await.status, 200, "others are not held up");
    assert_eq!(smtp.next().await.to, [OTHER]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_links_to_one_address_the_first_makes_the_account() {
    let (app, mut smtp) = mailing(Ground::Sqlite).await;
    let browser = Browser::at(&app);
    browser.post("/signup", &signing(ADDRESS)).await;
    let first = smtp.next().await;
    browser.post("/signup", &[("email", ADDRESS), ("password", "another password")]).await;
    let second = smtp.next().await;
    browser.post("/confirm", &[("token", second.token()), ("password", "another password")]).await.goes_to();
    assert_eq!(browser.post("/confirm", &[("token", first.token())]).await.status, 404);
    let entered = browser.post("/login", &[("email", ADDRESS), ("password", "another password")]).await;
    assert_eq!(entered.goes_to(), "/dashboard");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_time_is_over_is_good_for_nothing_and_forgotten() {
    let (app, mut smtp) = mailing(Ground::Sqlite).await;
    member(&app, &mut smtp, ADDRESS).await;
    let browser = Browser::at(&app);
    browser.post("/forgot", &[("email", ADDRESS)]).await;
    browser.post("/signup", &signing(OTHER)).await;
    let (one, other) = (smtp.next().await, smtp.next().await);
    let (reset, confirm) = if one.to == [ADDRESS] { (one, other) } else { (other, one) };
    let store = app.server().store().clone();
    store.clock().shift(TimeDelta::minutes(61));
    let late = browser.post("/reset", &[("token", reset.token()), ("password", "a new password")]).await;
    assert_eq!((late.status, browser.get(reset.link()).await.status), (404, 404));
    assert_eq!(browser.get(confirm.link()).await.status, 200, "whoever signs up has a day");
    store.clock().shift(TimeDelta::hours(23));
    assert_eq!(browser.get(confirm.link()).await.status, 404);
    store.forget_mail_tickets().await.unwrap();
    let database = Database::connect(app.sqlite_url()).await.unwrap();
    let rows = Query::select().expr(Expr::cust("COUNT(*)")).from("mail_ticket").take();
    let left: i64 = database.query_one(&rows).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(left, 0);
    assert_eq!(browser.post("/confirm", &[("token", confirm.token())]).await.status, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_down_delays_nobody_and_loses_no_account() {
    let down = Smtp::down();
    let url = format!("smtp://{}", down.local_addr().unwrap());
    let app = App::start_at(Place::new(Ground::Sqlite).mailing(&url)).await;
    let browser = Browser::at(&app);
    let began = instant();
    assert_eq!(browser.post("/signup", &signing(ADDRESS)).await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    let mut smtp = Smtp::on(down);
    let letter = smtp.next().await;
    browser.post("/confirm", &[("token", letter.token()), ("password", PASSWORD)]).await.goes_to();
    assert_eq!(browser.post("/login", &signing(ADDRESS)).await.goes_to(), "/dashboard");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_says_nothing_delays_nobody_nor_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let app = App::start_at(Place::new(Ground::Sqlite).mailing(&url)).await;
    let browser = Browser::at(&app);
    let began = instant();
    for n in 0..6 {
        assert_eq!(browser.post("/signup", &signing(&format!("{n}.{ADDRESS}"))).await.status, 200);
    }
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(18), "it took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_in_french_gets_it_in_french() {
    let (app, mut smtp) = mailing(Ground::Sqlite).await;
    let browser = Browser::at(&app).speaking("fr");
    let asked = browser.post("/signup", &signing(ADDRESS)).await;
    assert!(asked.text.contains("Nous avons envoyé un message à"), "{}", asked.text);
    let letter = smtp.next().await;
    assert!(letter.head.contains("Subject: Confirmez votre compte Wamux"), "{}", letter.head);
    assert!(letter.text.contains("sans doute vous, s’est inscrit à Wamux avec cette adresse"), "{}", letter.text);
    let page = browser.get(letter.link()).await;
    assert!(page.text.contains("Confirmer votre adresse") && page.text.contains("Créer le compte"), "{}", page.text);
    let english = format!("{}&amp;lang=en", letter.link().strip_prefix("/confirm").unwrap());
    assert!(page.text.contains(&english), "the other language is the same link: {}", page.text);
    let nobody = browser.post("/forgot", &[("email", "<b>@x")]).await;
    assert!(nobody.status == 422 && nobody.text.contains("Donnez une adresse") && !nobody.text.contains("<b>"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_there_are_no_links() {
    let app = App::start().await;
    let browser = Browser::at(&app);
    let login = browser.get("/login").await;
    assert!(login.text.contains("wamux users reset-password") && !login.text.contains("/forgot"));
    for path in ["/forgot", "/reset?token=x", "/confirm?token=x"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(browser.post("/forgot", &[("email", ADDRESS)]).await.status, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_of_the_log_holds_an_address_or_a_link() {
    let mut smtp = Smtp::start();
    let place = Place::new(Ground::Sqlite).mailing(&smtp.url());
    let server = Process::start_with(&place, &[("WAMUX_LOG", "trace")]);
    let browser = Browser::calling(server.address());
    browser.post("/signup", &signing(ADDRESS)).await;
    let letter = smtp.next().await;
    browser.get(letter.link()).await;
    browser.post("/confirm", &[("token", letter.token()), ("password", PASSWORD)]).await.goes_to();
    browser.post("/forgot", &[("email", ADDRESS)]).await;
    let reset = smtp.next().await;
    browser.get(reset.link()).await;
    smtp.stop().await;
    browser.post("/signup", &signing(ADDRESS)).await;
    until("a mail does not get through", async || server.log().contains("a mail did not get through")).await;
    let log = server.log();
    assert!(log.contains("/confirm") && log.contains("/reset"), "{log}");
    for secret in [ADDRESS, letter.token(), reset.token(), PASSWORD] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {line:?}");
    }
}
