//! What the pages cost: the time of each as a ratio to that of `/health/live`, asked in turn by the same browser, for somebody who has
//! a linked session and two hundred messages.

use std::time::Duration;

use wamux::clock::instant;

use super::ground::browser::{Browser, PASSWORD};
use super::ground::process::Process;
use super::{EMAIL, unlimited};

const TIMES: usize = 50;
const MESSAGES: u64 = 200;
const FLOOR: &str = "/health/live";
const PHONES: &str =
    "/dashboard/phones?phone=%2B237600000001&chat=%2B237610000001&phone=%2B237610000001&chat=%2B237600000001";

pub async fn pages() {
    let folder = super::folder();
    let server = Process::start(folder.path());
    let browser = Browser::calling(server.address());
    let form = [("email", EMAIL), ("password", PASSWORD)];
    browser.post("/signup", &form).await;
    browser.post("/login", &form).await.goes_to();
    let caller = server.caller(&unlimited(&server, folder.path()).await);
    let session = caller.link("one", "+237600000001").await;
    let mut message = String::new();
    for n in 0..MESSAGES {
        message = caller.text("+237610000001", &format!("message number {n}")).await;
    }
    caller.until_count("status=delivered", MESSAGES).await;
    let named = |path: String| {
        let path = path.replace("sessions/{id}", &format!("sessions/{session}"));
        path.replace("messages/{id}", &format!("messages/{message}")).replace("{group}", "messages")
    };
    let (mut paths, mut slowest) = (vec![PHONES.to_owned()], Duration::ZERO);
    paths.extend(wamux::http::page_paths().into_iter().map(named));
    for path in paths {
        // Who is signed in is led on from some, and some are not there without mail.
        if browser.get(&path).await.status == 200 {
            let (floor, page) = medians(&browser, &path).await;
            slowest = slowest.max(page);
            println!("pages: {page:>8.1?}, {:>5.1} times {FLOOR}: {path}", page.as_secs_f64() / floor.as_secs_f64());
        }
    }
    println!("pages: the slowest takes {slowest:.1?}; 100 ms are allowed");
}

async fn medians(browser: &Browser, path: &str) -> (Duration, Duration) {
    let mut times = [Vec::with_capacity(TIMES), Vec::with_capacity(TIMES)];
    for _ in 0..TIMES {
        for (path, times) in [FLOOR, path].into_iter().zip(&mut times) {
            let began = instant();
            browser.get(path).await;
            times.push(began.elapsed());
        }
    }
    let [floor, page] = times.map(|mut times| {
        times.sort_unstable();
        times[TIMES / 2]
    });
    (floor, page)
}
