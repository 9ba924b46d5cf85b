//! Where links from mails lead: an address is confirmed, a forgotten password is replaced. A link is worth nothing until a button on
//! its page is pressed, since machines that look mail through open links too.

use maud::{Markup, html};

use super::super::call::{Answered, Call};
use super::super::fields::text;
use super::super::reply::{self, Response};
use super::entry::{self, Given, Said};
use super::look::Look;
use super::visit;
use crate::domain::access::Email;
use crate::domain::account::{PASSWORD_MAX, PASSWORD_MIN, Password};
use crate::domain::error::{Code, Refusal};
use crate::domain::mail::{MailToken, Purpose};

/// What whoever signs up is told, whether the address was free or not: it is a letter that says which.
pub(super) fn sent(look: &Look, email: &Email) -> Response {
    let words = look.words().by_mail;
    look_into_mail(look, words.sent, email, words.sent_then)
}

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn forgot(call: Call) -> Answered {
    let look = Look::of(&call);
    if !call.system().sends_mail() {
        return Err(Refusal::not_found());
    }
    Ok(forgot_page(&look, &Given::default()))
}

pub(in crate::http) async fn ask_reset(mut call: Call) -> Answered {
    let look = Look::of(&call);
    let mut fields = entry::own_form(&mut call).await?;
    let email = fields.optional("email", text(Ok::<_, String>)).unwrap_or_default();
    let email = fields.finish(Some(email.trim().to_owned()))?;
    let words = look.words();
    let from = call.client();
    if let Ok(address) = email.parse::<Email>() {
        match call.system().ask_reset(&address, from, words.letters).await {
            Ok(true) => return Ok(look_into_mail(&look, words.by_mail.asked, &address, words.by_mail.asked_then)),
            Ok(false) => {}
            Err(refusal) => {
                let (said, refusal) = Said::later(&look, refusal)?;
                let page = forgot_page(&look, &Given { email: &email, said: Some(said), next: None });
                return Ok(reply::not_taken_for(&refusal, page));
            }
        }
    }
    let said = Some(Said::bad(words.entry.bad_email));
    let page = forgot_page(&look, &Given { email: &email, said, next: None });
    Ok(reply::not_taken(Code::ValidationFailed, page))
}

pub(in crate::http) async fn reset(call: Call) -> Answered {
    let look = Look::of(&call);
    match asked_with(&call, Purpose::Reset).await? {
        Some((token, email)) => Ok(reset_page(&look, &token, &email, None)),
        None => Ok(gone(&look, Purpose::Reset)),
    }
}

pub(in crate::http) async fn set_password(mut call: Call) -> Answered {
    let look = Look::of(&call);
    let mut fields = entry::own_form(&mut call).await?;
    let token = fields.optional("token", text(Ok::<_, String>)).unwrap_or_default();
    let new = fields.optional("password", text(Ok::<_, String>)).unwrap_or_default();
    fields.finish(Some(()))?;
    let Some((token, email)) = good(&call, &token, Purpose::Reset).await? else {
        return Ok(gone(&look, Purpose::Reset));
    };
    let new = match Password::new(new, &email) {
        Ok(new) => new,
        Err(weak) => {
            let page = reset_page(&look, &token, &email, Some(entry::weak(&look, weak)));
            return Ok(reply::not_taken(Code::ValidationFailed, page));
        }
    };
    let from = call.client();
    if call.system().reset_password(&token, new, from).await? {
        return Ok(reply::see_other("/login?reset=1"));
    }
    Ok(gone(&look, Purpose::Reset))
}

pub(in crate::http) async fn confirm(call: Call) -> Answered {
    let look = Look::of(&call);
    match asked_with(&call, Purpose::SignUp).await? {
        Some(_) if !call.door.sign_up_open => Ok(closed(&look)),
        Some((token, email)) => Ok(confirm_page(&look, &token, &email, None)),
        None => Ok(gone(&look, Purpose::SignUp)),
    }
}

pub(in crate::http) async fn make_account(mut call: Call) -> Answered {
    let look = Look::of(&call);
    let mut fields = entry::own_form(&mut call).await?;
    let token = fields.optional("token", text(Ok::<_, String>)).unwrap_or_default();
    let password = fields.optional("password", text(Ok::<_, String>)).unwrap_or_default();
    fields.finish(Some(()))?;
    if !call.door.sign_up_open {
        return Ok(closed(&look));
    }
    let from = call.client();
    let Some((token, email)) = good(&call, &token, Purpose::SignUp).await? else {
        return Ok(gone(&look, Purpose::SignUp));
    };
    let password = Password::claimed(password);
    match call.system().confirm(&token, password.clone(), from).await? {
        None => Ok(gone(&look, Purpose::SignUp)),
        Some(false) => {
            let page = confirm_page(&look, &token, &email, Some(look.words().by_mail.not_chosen));
            Ok(reply::not_taken(Code::ValidationFailed, page))
        }
        Some(true) => {
            // The account is there, whatever becomes of this: whoever is not in is asked to sign in.
            let signed_in = call.system().sign_in(&email, password, from).await.ok().flatten();
            let mut response = reply::see_other("/dashboard/start");
            if let Some(token) = signed_in {
                visit::keep(&mut response, &token);
            }
            Ok(response)
        }
    }
}

/// The token of the address that was asked for, and whose it is, if it is good for this.
async fn asked_with(call: &Call, purpose: Purpose) -> Result<Option<(MailToken, Email)>, Refusal> {
    let given = call.query.iter().find(|(name, _)| name == "token").map(|(_, token)| token.as_str());
    good(call, given.unwrap_or_default(), purpose).await
}

async fn good(call: &Call, token: &str, purpose: Purpose) -> Result<Option<(MailToken, Email)>, Refusal> {
    if !call.system().sends_mail() {
        return Err(Refusal::not_found());
    }
    let Ok(token) = token.parse::<MailToken>() else { return Ok(None) };
    Ok(call.system().mailed_to(&token, purpose).await?.map(|email| (token, email)))
}

fn look_into_mail(look: &Look, before: &str, email: &Email, then: &str) -> Response {
    let words = look.words().by_mail;
    let body = html! {
        h1 { (words.look) }
        p.note role="status" { (before) " " strong { (email.as_str()) } ". " (then) }
        p.muted.small { (words.spam) }
        p.muted.small { a href="/login" { (look.words().entry.sign_in) } }
    };
    entry::shown(look, words.look, &body)
}

fn forgot_page(look: &Look, given: &Given<'_>) -> Response {
    let words = look.words().by_mail;
    let body = html! {
        h1 { (words.forgot_title) }
        p.muted { (words.forgot_lead) }
        (entry::said(given))
        form.stack method="post" action="/forgot" {
            (entry::email(look, given))
            button.button.first { (words.ask) }
        }
        p.muted.small { a href="/login" { (look.words().entry.sign_in) } }
    };
    entry::shown(look, words.forgot_title, &body)
}

fn reset_page(look: &Look, token: &MailToken, email: &Email, bad: Option<&'static str>) -> Response {
    let (words, entry) = (look.words().by_mail, look.words().entry);
    let body = html! {
        h1 { (words.reset_title) }
        p.muted { (words.reset_lead) " " strong { (email.as_str()) } "." }
        @if let Some(text) = bad { p.note.bad role="alert" { (text) } }
        form.stack method="post" action="/reset" {
            (hidden(token))
            input.vh type="email" autocomplete="username" value=(email.as_str()) readonly tabindex="-1" aria-hidden="true";
            label for="password" { (words.new_password) }
            input id="password" name="password" type="password" autocomplete="new-password" required autofocus
                minlength=(PASSWORD_MIN) maxlength=(PASSWORD_MAX) aria-describedby="hint";
            p.hint id="hint" { (entry.password_hint) " " (words.reset_hint) }
            button.button.first { (words.set) }
        }
    };
    entry::shown(look, words.reset_title, &body)
}

fn confirm_page(look: &Look, token: &MailToken, email: &Email, bad: Option<&'static str>) -> Response {
    let words = look.words().by_mail;
    let body = html! {
        h1 { (words.confirm_title) }
        p { (words.confirm_lead) " " strong { (email.as_str()) } "." }
        @if let Some(text) = bad { p.note.bad role="alert" { (text) } }
        form.stack method="post" action="/confirm" {
            (hidden(token))
            input.vh type="email" autocomplete="username" value=(email.as_str()) readonly tabindex="-1" aria-hidden="true";
            label for="password" { (words.chosen) }
            input id="password" name="password" type="password" autocomplete="current-password" required autofocus maxlength=(PASSWORD_MAX);
            button.button.first { (look.words().entry.create) }
        }
        p.muted.small { (words.not_you) }
    };
    entry::shown(look, words.confirm_title, &body)
}

fn hidden(token: &MailToken) -> Markup {
    html! { input type="hidden" name="token" value=(token.reveal()); }
}

/// A link that is worth nothing, and the way to another.
fn gone(look: &Look, purpose: Purpose) -> Response {
    let words = look.words();
    let (ask, text) = match purpose {
        Purpose::SignUp => ("/signup", words.entry.sign_up),
        Purpose::Reset => ("/forgot", words.by_mail.ask_again),
    };
    let body = html! {
        h1 { (words.by_mail.gone_title) }
        p.note.bad role="alert" { (words.by_mail.gone) }
        p { a.button href=(ask) { (text) } }
        p.muted.small { a href="/login" { (words.entry.sign_in) } }
    };
    reply::not_taken(Code::NotFound, entry::shown(look, words.by_mail.gone_title, &body))
}

fn closed(look: &Look) -> Response {
    let words = look.words().entry;
    let body = html! { h1 { (words.sign_up) } p.note.bad role="status" { (words.closed) } };
    reply::not_taken(Code::OperatorOnly, entry::shown(look, words.sign_up, &body))
}
