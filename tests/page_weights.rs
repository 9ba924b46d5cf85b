//! What every page weighs with all that a browser loads for it, and that none of it comes from another host.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::ground::app::App;
use crate::ground::browser::{Browser, PASSWORD, Page};
use crate::ground::smtp::Smtp;
use crate::ground::{Ground, Place};

const PERSON: &str = "person@example.com";
const OWN: &str = "+237600000051";
const AWA: &str = "+237611111151";
/// The most that the text of a page may have, in bytes.
const PAGE_MAX: usize = 100_000;
/// The most that it may have with its styles, scripts and pictures, before anything is compressed or known already.
const ALL_MAX: usize = 150_000;

/// Somebody who has used everything, with a session, many messages and long ones, and links from mails.
struct Stage {
    app: App,
    session: String,
    message: String,
    confirm: String,
    reset: String,
}

impl Stage {
    async fn set() -> (Self, Browser) {
        let mut smtp = Smtp::start();
        let app = App::start_at(Place::new(Ground::Sqlite).mailing(&smtp.url())).await;
        let browser = Browser::at(&app);
        browser.post("/signup", &[("email", PERSON), ("password", PASSWORD)]).await;
        let letter = smtp.next().await;
        browser.post("/confirm", &[("token", letter.token()), ("password", PASSWORD)]).await.goes_to();
        browser.post("/forgot", &[("email", PERSON)]).await;
        let reset = smtp.next().await.link().to_owned();
        Browser::at(&app).post("/signup", &[("email", "other@example.com"), ("password", PASSWORD)]).await;
        let confirm = smtp.next().await.link().to_owned();
        let caller = app.tenant(PERSON, "pro").await;
        let session = caller.link("support", OWN).await;
        let mut message = String::new();
        for _ in 0..41 {
            // As long as texts may be, in signs that take four bytes each.
            message = caller.text(AWA, &"🌍".repeat(4096)).await;
        }
        caller.until_count("status=delivered", 41).await;
        let answer = json!({ "to": OWN, "message": "<b>hello</b>".repeat(300) });
        caller.post(&format!("/sandbox/phones/{AWA}/messages"), answer).await.expect(201);
        caller.until_count("direction=inbound", 1).await;
        (Self { app, session, message, confirm, reset }, browser)
    }

    /// Every page that there is, at a place where it shows something.
    async fn pages(&self, browser: &Browser) -> BTreeSet<String> {
        let chat =
            "/dashboard/phones?phone=%2B237600000051&chat=%2B237611111151&phone=%2B237611111151&chat=%2B237600000051";
        let mut pages = BTreeSet::from([chat.to_owned(), "/dashboard/console?kind=image".to_owned()]);
        for path in wamux::http::page_paths() {
            let named = path.replace("sessions/{id}", &format!("sessions/{}", self.session));
            let named = named.replace("messages/{id}", &format!("messages/{}", self.message));
            match named.as_str() {
                "/docs/{group}" => {
                    let docs = browser.get("/docs").await;
                    let groups = docs
                        .between("href=\"/docs/")
                        .map(|group| format!("/docs/{}", group.split('#').next().unwrap()));
                    pages.extend(groups);
                }
                "/confirm" => drop(pages.insert(self.confirm.clone())),
                "/reset" => drop(pages.insert(self.reset.clone())),
                _ => drop(pages.insert(named)),
            }
        }
        // Who is signed in is led on from here.
        pages.remove("/signup");
        pages
    }
}

/// What a browser loads for a page by itself: styles, scripts, pictures. Media that people sent are theirs.
fn loaded(page: &Page) -> BTreeSet<String> {
    let tags = page.text.split('<').filter_map(|rest| rest.split('>').next());
    let loads = tags.filter(|tag| ["link ", "script ", "img "].iter().any(|kind| tag.starts_with(kind)));
    let from =
        loads.filter_map(|tag| ["href=\"", "src=\""].iter().find_map(|name| tag.split(name).nth(1)?.split('"').next()));
    from.filter(|from| !from.starts_with("data:") && !from.contains("/media")).map(str::to_owned).collect()
}

/// What leads to another host and is no plain link that keeps to itself where it came from.
fn leads_away(page: &Page) -> Vec<String> {
    let names =
        [" href=\"", " src=\"", " action=\"", " formaction=\"", " srcset=\"", " poster=\"", " data=\"", " content=\""];
    let tags = page.text.split('<').filter_map(|rest| rest.split('>').next());
    let away = |tag: &&str| {
        let values = names.iter().filter_map(|name| tag.split(name).nth(1)?.split('"').next());
        values.into_iter().any(|value| value.contains("://") || value.starts_with("//"))
    };
    let kept = |tag: &&str| tag.starts_with("a ") && tag.contains("rel=\"") && tag.contains("noreferrer");
    tags.filter(|tag| away(tag) && !kept(tag)).map(str::to_owned).collect()
}

/// The addresses of other hosts that a style or a script has; the names of XML's languages lead nowhere.
fn names_hosts(text: &str) -> Vec<&str> {
    let ends = |c: char| c.is_whitespace() || "\"'`)".contains(c);
    let named = text.match_indices("//").filter_map(|(at, _)| text[at + 2..].split(ends).next());
    let named = named.filter(|host| host.contains('.') && !host.starts_with("www.w3.org/"));
    named.chain(text.match_indices("@import").map(|(at, _)| &text[at..at + 7])).collect()
}

/// What was loaded for one page or another.
#[derive(Default)]
struct Loads {
    weights: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Loads {
    /// How much a page loads, in bytes.
    async fn of(&mut self, browser: &Browser, page: &Page) -> usize {
        let mut all = 0;
        for from in loaded(page) {
            if !self.weights.contains_key(&from) {
                let asset = browser.get(&from).await;
                assert_eq!(asset.status, 200, "{from}");
                if [".css", ".js"].iter().any(|kind| from.contains(kind)) {
                    let named = names_hosts(&asset.text).into_iter();
                    self.wrong.extend(named.map(|host| format!("{from} names {host}")));
                }
                self.weights.insert(from.clone(), asset.text.len());
            }
            all += self.weights[&from];
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_light_and_loads_nothing_from_elsewhere() {
    let (stage, mut browser) = Stage::set().await;
    let (mut weights, mut wrong, mut loads) = (Vec::new(), Vec::new(), Loads::default());
    let pages = stage.pages(&browser).await;
    assert!(pages.len() > 25, "{pages:?}");
    for language in ["en", "fr"] {
        browser = browser.speaking(language);
        for path in &pages {
            let page = browser.get(path).await;
            assert!(page.status == 200 && page.text.contains("<main id=\"main\">"), "{path}: {}", page.text);
            wrong.extend(leads_away(&page).into_iter().map(|tag| format!("{path} leads away: <{tag}>")));
            let all = page.text.len() + loads.of(&browser, &page).await;
            if page.text.len() >= PAGE_MAX || all >= ALL_MAX {
                wrong.push(format!("{path} is too heavy"));
            }
            weights.push((all, page.text.len(), format!("{path} ({language})")));
        }
    }
    weights.sort();
    for (all, page, path) in weights.iter().rev() {
        println!("{page:>7} bytes, {all:>7} with what it loads: {path}");
    }
    wrong.extend(loads.wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.app.stop().await;
}
