//! A window of a real browser: headless Chromium, driven through Debian's chromedriver, with a profile that is thrown away.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::ground::app::App;
use crate::ground::browser::PASSWORD;
use crate::ground::npm;

/// Nothing that a page does takes longer, unless it never happens. A QR code lives for a minute at first.
const SOON: Duration = Duration::from_secs(90);
/// Each takes a few processes and some 200 MB.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

pub(super) struct Window {
    client: Client,
    base: String,
    driver: Child,
    _place: SemaphorePermit<'static>,
}

impl Window {
    pub(super) async fn open(app: &App) -> Self {
        Self::sized(app, 1280, 900).await
    }

    pub(super) async fn sized(app: &App, width: u32, height: u32) -> Self {
        let place = AT_ONCE.acquire().await.unwrap();
        let (driver, port) = driver();
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en"];
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let options = json!({ "args": arguments, "prefs": { "intl.accept_languages": "en" } });
        let wanted = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let Value::Object(wanted) = wanted else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(Capabilities::from_iter(wanted))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium does not start");
        client.set_window_size(width, height).await.unwrap();
        Self { client, base: format!("http://{}", app.caller.address()), driver, _place: place }
    }

    /// Opened, signed up and in.
    pub(super) async fn signed_in(app: &App, email: &str) -> Self {
        let window = Self::open(app).await;
        window.goes("/signup").await;
        window.signs(email, PASSWORD).await;
        window.shows("main .note").await;
        window.signs("", PASSWORD).await;
        window.shows(".rooms").await;
        window
    }

    /// Makes a session whose code waits to be scanned; the path of its page, which is open then.
    pub(super) async fn made_session(&self) -> String {
        self.goes("/dashboard/sessions").await;
        self.types("#sessionKey", "support").await;
        self.clicks("form.row .button.first").await;
        self.says("#left", "Renews itself in").await;
        self.path().await
    }

    /// Fills the form of an address and a password, and sends it. The address may stand there already.
    pub(super) async fn signs(&self, email: &str, password: &str) {
        if !email.is_empty() {
            self.types("#email", email).await;
        }
        self.types("#password", password).await;
        self.clicks("main form .button.first").await;
    }

    pub(super) async fn goes(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// Opens what is not of the server.
    pub(super) async fn opens(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Waits until the page has this.
    pub(super) async fn shows(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(SOON).for_element(Locator::Css(css)).await;
        match found {
            Ok(found) => found,
            Err(error) => panic!("{css}: {error}\n{}", self.text().await),
        }
    }

    /// Waits until something on the page holds this text.
    pub(super) async fn says(&self, css: &str, text: &str) {
        let script =
            "return [...document.querySelectorAll(arguments[0])].some((e) => e.textContent.includes(arguments[1]))";
        let said = async {
            let mut pause = tokio::time::interval(Duration::from_millis(50));
            loop {
                pause.tick().await;
                if self.run(script, vec![css.into(), text.into()]).await == Value::Bool(true) {
                    return;
                }
            }
        };
        let said = tokio::time::timeout(SOON, said).await;
        assert!(said.is_ok(), "{css} never says {text}:\n{}", self.text().await);
    }

    pub(super) async fn clicks(&self, css: &str) {
        self.shows(css).await.click().await.unwrap();
    }

    pub(super) async fn types(&self, css: &str, text: &str) {
        let field = self.shows(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(super) async fn presses_enter(&self, css: &str) {
        self.shows(css).await.send_keys("\u{E007}").await.unwrap();
    }

    pub(super) async fn text(&self) -> String {
        self.run("return document.body.innerText", Vec::new()).await.as_str().unwrap_or_default().to_owned()
    }

    pub(super) async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Says yes to what the page asks.
    pub(super) async fn agrees(&self) {
        self.client.accept_alert().await.unwrap();
    }

    pub(super) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        // A page that is just being left has no answer.
        self.client.execute(script, arguments).await.unwrap_or(Value::Null)
    }

    /// What axe-core finds wrong with the page, by the rules of WCAG 2.2 AA; a line each.
    pub(super) async fn barriers(&self) -> Vec<String> {
        static AXE: OnceLock<String> = OnceLock::new();
        let axe = AXE.get_or_init(|| {
            let folder = npm::installed("browser", &[]);
            std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).unwrap()
        });
        self.client.execute(axe, Vec::new()).await.unwrap();
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((found) => done(
              found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target + ' ' + n.failureSummary).join(' | ')}`)))";
        let found = self.client.execute_async(script, Vec::new()).await.unwrap();
        found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// What the page asked of other hosts, and whether it is wider than the window.
    pub(super) async fn faults(&self) -> Vec<String> {
        let script = "const own = (url) => url.startsWith(location.origin) || url.startsWith('data:') || url.startsWith('blob:');
            const away = performance.getEntriesByType('resource').map((entry) => entry.name).filter((url) => !own(url));
            const root = document.documentElement;
            return root.scrollWidth > root.clientWidth ? [...away, `${root.scrollWidth} wide in ${root.clientWidth}`] : away";
        let found = self.run(script, Vec::new()).await;
        found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// From now on the window is so wide, or as it was opened. Chromium makes no window of its own as narrow as a phone.
    pub(super) async fn is_wide(&self, width: Option<u32>) {
        let given =
            width.map(|width| json!({ "width": width, "height": 740, "deviceScaleFactor": 1, "mobile": false }));
        let command = match given {
            Some(given) => Chromium("Emulation.setDeviceMetricsOverride", given),
            None => Chromium("Emulation.clearDeviceMetricsOverride", json!({})),
        };
        self.client.issue_cmd(command).await.unwrap();
    }

    /// What the page says in words that only English has, where it does not say that it is English.
    pub(super) async fn unmarked_english(&self) -> Vec<String> {
        let script = "const page = document.body.cloneNode(true);
            page.querySelectorAll('[lang=en], code, pre, script').forEach((node) => node.remove());
            return (page.textContent.match(/[^.]* (the|is|are|and|with|this|of|your|cannot|must) [^.]*/g) || []).map((found) => found.trim())";
        let found = self.run(script, Vec::new()).await;
        found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// Shows pages as to somebody who likes them dark, or light.
    pub(super) async fn prefers(&self, theme: &str) {
        self.goes(&format!("/login?theme={theme}")).await;
    }

    pub(super) async fn close(mut self) {
        self.client.clone().close().await.unwrap();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A command of Chromium's own protocol, which its driver passes on.
#[derive(Debug)]
struct Chromium(&'static str, Value);

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (reqwest::Method, Option<String>) {
        (reqwest::Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

/// A driver of its own for each window, on the port that it says.
fn driver() -> (Child, u16) {
    let mut command = Command::new("chromedriver");
    command.args(["--port=0", "--log-level=SEVERE"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = command.spawn().expect("chromedriver is missing: make setup-test installs it");
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse().ok());
    // It goes on to say things; somebody has to read them.
    std::thread::spawn(move || lines.for_each(drop));
    (driver, port.expect("chromedriver does not say its port"))
}
