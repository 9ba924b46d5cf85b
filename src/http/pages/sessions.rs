//! The room of sessions: listed, made; and each with its live status, its code to scan, its settings and its end.

pub(in crate::http) mod one;
mod pairing;
pub(in crate::http) mod scan;
mod settings;

use maud::{Markup, html};
use serde_json::Value;

use super::super::call::Answered;
use super::super::fields::{Fields, text};
use super::super::reply;
use super::frame::Room;
use super::moment::moment;
use super::said::Said;
use super::tried::Tried;
use super::visit::Visit;
use super::words;
use crate::domain::error::Refusal;
use crate::domain::session::{NewSession, SESSION_KEY_MAX, Session, SessionKey, Status};
#[cfg(not(feature = "sandbox"))]
pub(super) use pairing::code;
#[cfg(feature = "sandbox")]
pub(super) use pairing::code_for;

pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let gone = visit.call.query.iter().any(|(name, _)| name == "deleted");
    let said = gone.then_some(Said::Done(visit.words().sessions.deleted));
    page(&visit, said, &Tried::not(visit.look.language)).await
}

pub(in crate::http) async fn create(mut visit: Visit) -> Answered {
    let fields = visit.form().await?;
    let tried = Tried::of(visit.look.language, &fields);
    match made(&visit, fields).await {
        Ok(id) => Ok(reply::see_other(&format!("/dashboard/sessions/{id}"))),
        Err(refusal) => page(&visit, None, &tried.refused(refusal)).await,
    }
}

/// The id of a new session.
pub(super) async fn made(visit: &Visit, mut fields: Fields) -> Result<String, Refusal> {
    let key = fields.required("sessionKey", text(SessionKey::try_from));
    let new = fields.finish(key.map(NewSession::from))?;
    let answer = visit.system().create_session(&visit.access, new, None).await?;
    let answer: Value = serde_json::from_slice(&answer.body).map_err(|_| Refusal::internal())?;
    answer["id"].as_str().map(str::to_owned).ok_or_else(Refusal::internal)
}

async fn page(visit: &Visit, said: Option<Said>, tried: &Tried) -> Answered {
    let words = visit.words().sessions;
    let sessions = visit.system().sessions(&visit.access).await?;
    let body = html! {
        h1 { (words.title) }
        p.muted { (words.about) }
        @if let Some(said) = &said { (said.shown(visit.look.language)) }
        section.card {
            (tried.note(&["sessionKey"]))
            form.row method="post" action="/dashboard/sessions" {
                (visit.csrf())
                div.grow { label for="sessionKey" { (words.name) }
                    input id="sessionKey" name="sessionKey" required maxlength=(SESSION_KEY_MAX) autocomplete="off" placeholder="support"
                        value=(tried.value("sessionKey", "")) aria-invalid=[tried.wrong("sessionKey")]
                        aria-describedby=[tried.described("sessionKey", None)] autofocus[tried.first("sessionKey")];
                    (tried.mistake("sessionKey")) }
                button.button.first { (words.create) }
            }
        }
        div.wide id="sessions" data-live="2000" {
            @if sessions.is_empty() { p.empty { (words.none) } } @else { (list(visit, &sessions)) }
        }
    };
    visit.page(Room::Sessions, words.title, &body).map(|page| tried.on(page))
}

fn list(visit: &Visit, sessions: &[Session]) -> Markup {
    let (words, now, language) = (visit.words().sessions, visit.system().clock().now(), visit.look.language);
    html! {
        table.rows {
            thead { tr { th { (words.name) } th { (words.status) } th { (words.number) } th { (words.activity) } th { (words.made_at) } } }
            tbody {
                @for session in sessions {
                    tr id=(format!("session-{}", session.id)) {
                        td { a href=(format!("/dashboard/sessions/{}", session.id)) { strong { (session.session_key.as_str()) } } }
                        td data-label=(words.status) { (tag(words, session.status, session.error_code.as_deref()))
                            @if let (false, Some(why)) = (is_logged_out(session.status, session.error_code.as_deref()), &session.error_message) { br; span.muted.small { (words::fault(language, why)) } } }
                        td.num data-label=(words.number) { @if let Some(number) = &session.phone_number { (number) } @else { span.muted { "–" } } }
                        td data-label=(words.activity) { @if let Some(at) = session.last_activity_at { (moment(language, at, now)) } @else { span.muted { "–" } } }
                        td data-label=(words.made_at) { (moment(language, session.created_at, now)) }
                    }
                }
            }
        }
    }
}

/// How a session stands, by shape and word as well as by colour.
pub(super) fn status_tag(words: &words::Sessions, status: Status) -> Markup {
    let class = match status {
        Status::Connected => "tag ok",
        Status::Failed => "tag bad",
        Status::QrReady | Status::Disconnected => "tag warn",
        Status::Initializing | Status::Connecting => "tag",
    };
    let name = Status::ALL.iter().position(|other| *other == status).map_or("", |n| words.statuses[n]);
    html! { span class=(class) { (name) } }
}

/// Whether a session ended as somebody wanted it to, which is no failure.
pub(super) fn is_logged_out(status: Status, code: Option<&str>) -> bool {
    status == Status::Failed && code == Some("logged_out")
}

/// The same for a session of which it is known why it is not connected.
pub(super) fn tag(words: &words::Sessions, status: Status, code: Option<&str>) -> Markup {
    if is_logged_out(status, code) {
        return html! { span.tag { (words.logged_out) } };
    }
    status_tag(words, status)
}
