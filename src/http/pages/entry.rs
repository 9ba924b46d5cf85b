//! Where people sign up, sign in and sign out. Nobody learns here whether an address has an account.

use maud::{Markup, html};
use warp::http::HeaderValue;
use warp::http::header::{CACHE_CONTROL, SET_COOKIE};

use super::super::call::{Answered, Call};
use super::super::fields::{Fields, text};
use super::super::origin;
use super::super::reply::{self, Response};
use super::by_mail;
use super::frame::{Part, framed};
use super::look::{Look, cookie};
use super::visit::{self, Visit};
use super::words;
use crate::domain::access::Email;
use crate::domain::account::{PASSWORD_MAX, PASSWORD_MIN, Password, WeakPassword};
use crate::domain::error::{Code, Refusal};

/// The cookie of a browser in which an account was just made: its address.
const MADE: &str = "__Host-wamux-made";

/// What stands in a form's fields, and what was wrong with it.
#[derive(Default)]
pub(super) struct Given<'a> {
    pub(super) email: &'a str,
    pub(super) next: Option<&'a str>,
    pub(super) said: Option<Said>,
}

/// What a page says above its form.
pub(super) struct Said {
    bad: bool,
    text: Markup,
}

impl Said {
    pub(super) fn good(text: &str) -> Self {
        Self { bad: false, text: html! { (text) } }
    }

    pub(super) fn bad(text: &str) -> Self {
        Self { bad: true, text: html! { (text) } }
    }

    /// That it is too soon to try again, where that is what is the matter.
    pub(super) fn later(look: &Look, refusal: Refusal) -> Result<(Self, Refusal), Refusal> {
        if refusal.code != Code::RateLimited {
            return Err(refusal);
        }
        Ok((Self { bad: true, text: words::refusal(look.language, &refusal) }, refusal))
    }
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn signup(call: Call) -> Answered {
    let look = Look::of(&call);
    if look.signed_in {
        return Ok(reply::see_other("/dashboard"));
    }
    Ok(sign_up_page(&call, &look, &Given::default()))
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn login(call: Call) -> Answered {
    let look = Look::of(&call);
    let asked = |wanted: &str| call.query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let (entry, by_mail) = (look.words().entry, look.words().by_mail);
    let notes = [
        ("made", entry.made),
        ("out", entry.signed_out),
        ("ended", entry.ended),
        ("gone", entry.gone),
        ("reset", by_mail.was_set),
    ];
    let note = notes.into_iter().find(|(name, _)| asked(name).is_some());
    let said = note.map(|(name, text)| if name == "ended" { Said::bad(text) } else { Said::good(text) });
    let made = asked("made").and_then(|_| cookie(&call, MADE)).map(read);
    let email = made.as_deref().unwrap_or_default();
    Ok(sign_in_page(&call, &look, &Given { email, next: asked("next").and_then(inside), said }))
}

pub(in crate::http) async fn sign_up(mut call: Call) -> Answered {
    let look = Look::of(&call);
    let words = look.words().entry;
    if !call.door.sign_up_open {
        return Ok(reply::not_taken(Code::OperatorOnly, sign_up_page(&call, &look, &Given::default())));
    }
    let (email, password, _) = fields(&mut call).await?;
    let again = |text| {
        let given = Given { email: &email, said: Some(Said::bad(text)), next: None };
        reply::not_taken(Code::ValidationFailed, sign_up_page(&call, &look, &given))
    };
    let Ok(address) = email.parse::<Email>() else { return Ok(again(words.bad_email)) };
    let password = match Password::new(password, &address) {
        Ok(password) => password,
        Err(why) => return Ok(again(weak(&look, why))),
    };
    let from = call.client();
    if call.system().sends_mail() {
        let sent = match call.system().sign_up_by_mail(&address, password, from, look.words().letters).await {
            Ok(sent) => sent,
            Err(refusal) => return sign_up_later(&call, &look, &email, refusal),
        };
        return Ok(if sent { by_mail::sent(&look, &address) } else { again(words.bad_email) });
    }
    if let Err(refusal) = call.system().sign_up(&address, password, from).await {
        return sign_up_later(&call, &look, &email, refusal);
    }
    // The same whether the address was free or not: only who knows its password gets in.
    let mut response = reply::see_other("/login?made=1&next=%2Fdashboard%2Fstart");
    keep_made(&mut response, &written(address.as_str()), 300);
    Ok(response)
}

fn sign_up_later(call: &Call, look: &Look, email: &str, refusal: Refusal) -> Answered {
    let (said, refusal) = Said::later(look, refusal)?;
    let page = sign_up_page(call, look, &Given { email, said: Some(said), next: None });
    Ok(reply::not_taken_for(&refusal, page))
}

/// Has a browser keep the address of a new account for a moment, so that it stands where somebody signs in.
fn keep_made(response: &mut Response, email: &str, seconds: u32) {
    let kept = format!("{MADE}={email}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    if let Ok(kept) = HeaderValue::from_str(&kept) {
        response.headers_mut().append(SET_COOKIE, kept);
    }
}

/// An address as a cookie can hold it.
fn written(email: &str) -> String {
    url::form_urlencoded::byte_serialize(email.as_bytes()).collect()
}

fn read(kept: &str) -> String {
    url::form_urlencoded::parse(kept.as_bytes()).next().map(|(email, _)| email.into_owned()).unwrap_or_default()
}

pub(in crate::http) async fn sign_in(mut call: Call) -> Answered {
    let look = Look::of(&call);
    let (email, password, next) = fields(&mut call).await?;
    let from = call.client();
    let signed_in = match email.parse::<Email>() {
        Ok(address) => call.system().sign_in(&address, Password::claimed(password), from).await,
        Err(_) => Ok(None),
    };
    let next = next.as_deref().and_then(inside);
    let signed_in = match signed_in {
        Ok(signed_in) => signed_in,
        Err(refusal) => {
            let (said, refusal) = Said::later(&look, refusal)?;
            let page = sign_in_page(&call, &look, &Given { email: &email, next, said: Some(said) });
            return Ok(reply::not_taken_for(&refusal, page));
        }
    };
    let Some(token) = signed_in else {
        let said = Some(Said::bad(look.words().entry.wrong));
        let page = sign_in_page(&call, &look, &Given { email: &email, next, said });
        return Ok(reply::not_taken(Code::ValidationFailed, page));
    };
    let mut response = reply::see_other(next.unwrap_or("/dashboard"));
    visit::keep(&mut response, &token);
    if cookie(&call, MADE).is_some() {
        keep_made(&mut response, "", 0);
    }
    Ok(response)
}

pub(in crate::http) async fn sign_out(mut visit: Visit) -> Answered {
    visit.form().await?.finish(Some(()))?;
    visit.system().sign_out(&visit.access).await?;
    let mut response = reply::see_other("/login?out=1");
    visit::forget(&mut response);
    Ok(response)
}

/// The address, the password and the way onward that a form sent, if it is one of ours and the answer's cookie would be kept.
async fn fields(call: &mut Call) -> Result<(String, String, Option<String>), Refusal> {
    if origin::loses_cookies(&call.headers) {
        return Err(visit::loses_cookies());
    }
    let mut fields = own_form(call).await?;
    let email = fields.optional("email", text(Ok::<_, String>)).unwrap_or_default();
    let password = fields.optional("password", text(Ok::<_, String>)).unwrap_or_default();
    let next = fields.optional("next", text(Ok::<_, String>));
    fields.finish(Some((email.trim().to_owned(), password, next)))
}

/// What a form says that one of our own pages sent.
pub(super) async fn own_form(call: &mut Call) -> Result<Fields, Refusal> {
    if !origin::is_own_form(&call.headers) {
        return Err(visit::foreign_form());
    }
    call.form().await
}

/// What is wrong with a new password.
pub(super) fn weak(look: &Look, why: WeakPassword) -> &'static str {
    let words = look.words().entry;
    match why {
        WeakPassword::Short => words.short,
        WeakPassword::Long => words.long,
        WeakPassword::Plain => words.plain,
    }
}

/// A way onward, if it leads to the dashboard: nobody is sent away from here.
fn inside(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let below = path.strip_prefix("/dashboard").is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    Some(path).filter(|_| plain && below)
}

fn sign_up_page(call: &Call, look: &Look, given: &Given<'_>) -> Response {
    let words = look.words().entry;
    let body = html! {
        h1 { (words.sign_up) }
        p.muted { (words.sign_up_lead) }
        @if !call.door.sign_up_open {
            p.note.bad role="status" { (words.closed) }
        } @else if origin::loses_cookies(&call.headers) {
            (no_cookies(look))
        } @else {
            (said(given))
            form.stack method="post" action="/signup" {
                (email(look, given))
                label for="password" { (words.password) }
                input id="password" name="password" type="password" autocomplete="new-password" required
                    minlength=(PASSWORD_MIN) maxlength=(PASSWORD_MAX) aria-describedby="hint";
                p.hint id="hint" { (words.password_hint) }
                button.button.first { (words.create) }
            }
        }
        p.muted.small { (words.have_account) " " a href="/login" { (words.sign_in) } }
    };
    shown(look, words.sign_up, &body)
}

fn sign_in_page(call: &Call, look: &Look, given: &Given<'_>) -> Response {
    let words = look.words().entry;
    let body = html! {
        h1 { (words.sign_in) }
        @if origin::loses_cookies(&call.headers) {
            (no_cookies(look))
        } @else {
            (said(given))
            form.stack method="post" action="/login" {
                @if let Some(next) = given.next { input type="hidden" name="next" value=(next); }
                (email(look, given))
                label for="password" { (words.password) }
                input id="password" name="password" type="password" autocomplete="current-password" required
                    maxlength=(PASSWORD_MAX) autofocus[!given.email.is_empty()];
                button.button.first { (words.sign_in) }
            }
        }
        p.muted.small { (words.no_account) " " a href="/signup" { (words.sign_up) } }
        @if call.system().sends_mail() {
            p.muted.small { a href="/forgot" { (look.words().by_mail.forgot) } }
        } @else {
            p.muted.small { (words.forgot) }
        }
    };
    shown(look, words.sign_in, &body)
}

pub(super) fn email(look: &Look, given: &Given<'_>) -> Markup {
    html! {
        label for="email" { (look.words().entry.email) }
        input id="email" name="email" type="email" autocomplete="username" required maxlength="254" value=(given.email)
            autofocus[given.email.is_empty()];
    }
}

pub(super) fn said(given: &Given<'_>) -> Markup {
    html! {
        @if let Some(said) = &given.said {
            p.note.bad[said.bad] role=(if said.bad { "alert" } else { "status" }) { (said.text) }
        }
    }
}

fn no_cookies(look: &Look) -> Markup {
    let words = look.words().entry;
    html! { div.note.bad role="status" { strong { (words.no_cookies) } p { (words.no_cookies_why) } } }
}

pub(super) fn shown(look: &Look, title: &str, body: &Markup) -> Response {
    let body = html! { section.narrow { (body) } };
    let mut response = super::page(look, &framed(look, Part::Entry, &format!("{title} · Wamux"), &body));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_signs_in_is_sent_nowhere_else() {
        for path in ["/dashboard", "/dashboard/messages?status=failed", "/dashboard?x=1"] {
            assert_eq!(inside(path), Some(path));
        }
        for path in [
            "",
            "/",
            "//evil.example",
            "/dashboard.evil.example",
            "/dashboard/\\evil",
            "https://evil.example",
            "/dashboard/\n",
        ] {
            assert_eq!(inside(path), None, "{path}");
        }
    }
}
