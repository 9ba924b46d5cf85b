//! A browser without a window: it keeps cookies, follows where forms lead, and sends what browsers send. It runs no script.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};

use super::app::App;

const ACCEPTED: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
pub const PASSWORD: &str = "correct horse battery";

pub struct Browser {
    client: Client,
    base: String,
    cookies: Mutex<BTreeMap<String, String>>,
    language: &'static str,
}

/// A page as it came.
pub struct Page {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Browser {
    pub fn at(app: &App) -> Self {
        Self::calling(app.caller.address())
    }

    /// The same for a server in another process.
    pub fn calling(address: &str) -> Self {
        // The server may run on another cryptography provider's behalf; the first to say so wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { client, base: format!("http://{address}"), cookies: Mutex::default(), language: "en" }
    }

    pub fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// Signed up and in.
    pub async fn signed_in(app: &App, email: &str) -> Self {
        let browser = Self::at(app);
        let form = [("email", email), ("password", PASSWORD)];
        assert!(browser.post("/signup", &form).await.goes_to().starts_with("/login?made=1"));
        let entered = browser.post("/login", &form).await;
        assert_eq!(entered.goes_to(), "/dashboard", "{}", entered.text);
        browser
    }

    /// The host that it calls.
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form from a page of the site itself.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(filled(self.request(Method::POST, path).header(ORIGIN, &self.base), fields)).await
    }

    /// The same with the token that the page at `on` has in its forms.
    pub async fn submit(&self, on: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.form_token(on).await;
        self.post(path, &[&[("formToken", token.as_str())], fields].concat()).await
    }

    pub async fn form_token(&self, on: &str) -> String {
        let page = self.get(on).await;
        page.between("name=\"formToken\" value=\"").next().unwrap_or_else(|| panic!("{on}: {}", page.text)).to_owned()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self.jar();
        let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, format!("{}{path}", self.base)).header(ACCEPT, ACCEPTED);
        let request = request.header(ACCEPT_LANGUAGE, self.language);
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    pub async fn send(&self, request: RequestBuilder) -> Page {
        let answer: Response = request.send().await.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (pair, rest) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.jar().remove(name);
            } else {
                self.jar().insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { status, headers, text: answer.text().await.unwrap() }
    }

    pub fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request with a form's fields.
pub fn filled(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(form)
}

impl Page {
    /// Where a browser goes from here.
    #[track_caller]
    pub fn goes_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers[LOCATION].to_str().unwrap()
    }

    /// What stands between `before` and the next quotation mark, wherever that is.
    pub fn between<'a>(&'a self, before: &'a str) -> impl Iterator<Item = &'a str> {
        self.text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
    }
}
