//! One session: how it stands, the code that links it, its settings, and what ends it.

use maud::{Markup, html};

use super::super::super::call::{Answered, id};
use super::super::super::fields::text;
use super::super::super::reply::{self, Response};
use super::super::ask::{self, Ask};
use super::super::frame::Room;
use super::super::moment::moment;
use super::super::said::Said;
use super::super::tried::Tried;
use super::super::visit::Visit;
use super::super::words::fault;
use super::{is_logged_out, pairing, scan, settings, tag};
use crate::domain::error::Refusal;
use crate::domain::health::SessionHealth;
use crate::domain::id::SessionId;
use crate::domain::phone::Phone;
use crate::domain::session::{Session, Status};

/// What a session's page shows besides the session.
#[derive(Default)]
pub(super) struct Shown {
    said: Option<Said>,
    /// The settings, where they were not taken.
    tried: Option<Tried>,
    /// A code to type in.
    code: Option<Markup>,
}

impl Shown {
    pub(super) fn with(said: Said) -> Self {
        Self { said: Some(said), ..Self::default() }
    }
}

/// Where a session's page is.
pub(super) fn path(session: SessionId) -> String {
    format!("/dashboard/sessions/{session}")
}

pub(in crate::http) async fn show(visit: Visit, session: String) -> Answered {
    let saved = visit.call.query.iter().any(|(given, _)| given == "saved");
    let said = saved.then_some(Said::Done(visit.words().sessions.saved));
    page(&visit, id(&session)?, Shown { said, ..Shown::default() }).await
}

/// A pairing code, on the page that answers.
pub(in crate::http) async fn pair(mut visit: Visit, session: String) -> Answered {
    let session = id(&session)?;
    let mut fields = visit.form().await?;
    let phone = fields.required("phone", text(|number: String| number.parse::<Phone>()));
    let shown = async {
        let phone = fields.finish(phone)?;
        visit.system().pairing_code(&visit.access, session, phone).await
    };
    let shown = match shown.await {
        Ok(shown) => Shown { code: Some(pairing::typed(&visit, &shown)), ..Shown::default() },
        Err(refusal) => Shown::with(Said::Refused(refusal)),
    };
    page(&visit, session, shown).await
}

pub(in crate::http) async fn change(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    let fields = visit.form().await?;
    let tried = Tried::of(visit.look.language, &fields);
    let changed = async {
        let changes = settings::changes(fields)?;
        visit.system().change_session(&visit.access, session, changes).await
    };
    match changed.await {
        Ok(_) => Ok(reply::see_other(&format!("{}?saved=1", path(session)))),
        Err(refusal) => page(&visit, session, Shown { tried: Some(tried.refused(refusal)), ..Shown::default() }).await,
    }
}

pub(in crate::http) async fn restart(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    visit.form().await?.finish(Some(()))?;
    let done = visit.system().restart_session(&visit.access, session).await;
    over(&visit, session, done.map(drop), "?restarted=1").await
}

pub(in crate::http) async fn log_out(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    let words = visit.words().sessions;
    if let Some(ask) =
        asked(&mut visit, session, "logout", [words.log_out, words.log_out_sure, words.log_out_about]).await?
    {
        return Ok(ask);
    }
    let done = visit.system().log_out_session(&visit.access, session).await;
    // The page says itself that it is logged out.
    over(&visit, session, done.map(drop), "").await
}

pub(in crate::http) async fn delete(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    let words = visit.words().sessions;
    if let Some(ask) =
        asked(&mut visit, session, "delete", [words.delete, words.delete_sure, words.delete_about]).await?
    {
        return Ok(ask);
    }
    visit.system().delete_session(&visit.access, session).await?;
    Ok(reply::see_other("/dashboard/sessions?deleted=1"))
}

/// The page that asks whether somebody is sure, unless the form says that they are.
async fn asked(
    visit: &mut Visit,
    session: SessionId,
    verb: &str,
    words: [&str; 3],
) -> Result<Option<Response>, Refusal> {
    let mut fields = visit.form().await?;
    let is_sure = ask::is_sure(&mut fields);
    fields.finish(Some(()))?;
    if is_sure {
        return Ok(None);
    }
    let session = visit.system().session(&visit.access, session).await?;
    let [act, question, about] = words;
    let (path, back) = (format!("{}/{verb}", path(session.id)), path(session.id));
    let name = session.session_key.as_str();
    Ask { room: Room::Sessions, act, name, question, about, path: &path, back: &back }.page(visit).map(Some)
}

async fn over(visit: &Visit, session: SessionId, done: Result<(), Refusal>, query: &str) -> Answered {
    match done {
        Ok(()) => Ok(reply::see_other(&format!("{}{query}", path(session)))),
        Err(refusal) => page(visit, session, Shown::with(Said::Refused(refusal))).await,
    }
}

pub(super) async fn page(visit: &Visit, id: SessionId, shown: Shown) -> Answered {
    let (words, language) = (visit.words().sessions, visit.look.language);
    let health = visit.system().session_health(&visit.access, id).await?;
    let session = visit.system().session(&visit.access, id).await?;
    let waits = matches!(session.status, Status::Initializing | Status::QrReady);
    let tried = shown.tried.unwrap_or_else(|| Tried::not(language));
    let body = html! {
        p.back { a href="/dashboard/sessions" { span aria-hidden="true" { "← " } (words.title) } }
        div.standing id="standing" data-live="2000" { (standing(visit, &session)) }
        @if let Some(said) = &shown.said { (said.shown(language)) }
        div.parts id="session" data-live="2000" {
            @if waits { (pairing::code(visit, &session)) (scan::form(visit, &session)) }
        }
        // A code to type in stays until the session is linked, and goes then.
        div.parts id="by-number" data-live="2000" {
            @if waits {
                div id="to-type" data-keep hidden[shown.code.is_none()] { @if let Some(code) = &shown.code { (code) } }
                (pairing::ask(visit, &session))
            }
        }
        div id="facts" data-live="2000" { (facts(visit, &session, &health)) }
        (settings::form(visit, &session, &tried))
        (ends(visit, &session))
    };
    let page = tried.on(visit.alive(Room::Sessions, session.session_key.as_str(), "pairing", &body)?);
    Ok(if let Some(said) = shown.said { said.on(page) } else { page })
}

/// What the session is called, and how it stands.
fn standing(visit: &Visit, session: &Session) -> Markup {
    let (words, language) = (visit.words().sessions, visit.look.language);
    let restarted = visit.call.query.iter().any(|(given, _)| given == "restarted");
    let on_its_way = !matches!(session.status, Status::Connected | Status::Failed);
    html! {
        div.head {
            h1 { (session.session_key.as_str()) " " (tag(words, session.status, session.error_code.as_deref())) }
            @if let Some(number) = &session.phone_number { span.num.muted { (number) } }
        }
        @if is_logged_out(session.status, session.error_code.as_deref()) {
            form.out method="post" action=(format!("{}/restart", path(session.id))) {
                (visit.csrf())
                button.button.first { (words.link_again) }
            }
        } @else if let Some(why) = &session.error_message {
            div.note.warn { (fault(language, why)) @if let Some(code) = &session.error_code { " " code { (code) } } }
        } @else if restarted && on_its_way {
            p.note role="status" { (words.restarted) }
        }
    }
}

fn facts(visit: &Visit, session: &Session, health: &SessionHealth) -> Markup {
    let (words, now, language) = (visit.words().sessions, visit.system().clock().now(), visit.look.language);
    let at = |at| html! { @if let Some(at) = at { (moment(language, at, now)) } @else { span.muted { "–" } } };
    html! {
        section.card {
            h2 { (words.facts) }
            dl.facts {
                dt { (words.identifier) } dd { code id="id" { (session.id) } " "
                    button.quiet.scripted type="button" data-copy="id" data-copied=(visit.words().keys.copied) { (visit.words().keys.copy) } }
                dt { (words.connected_at) } dd { (at(session.connected_at)) }
                dt { (words.activity) } dd { (at(session.last_activity_at)) }
                dt { (words.attempts) } dd { (health.connection.failed_attempts)
                    @if let Some(next) = health.connection.next_attempt_at { " · " (words.next_attempt) " " (moment(language, next, now)) } }
                dt { (words.waiting) } dd { (health.queue.pending)
                    @if let Some(seconds) = health.queue.oldest_pending_seconds { " · " (words.oldest) " " (seconds) " s" } }
                dt { (words.made_at) } dd { (moment(language, session.created_at, now)) }
            }
        }
    }
}

/// What starts it again, and what ends it.
fn ends(visit: &Visit, session: &Session) -> Markup {
    let words = visit.words().sessions;
    let act = |verb: &str, name: &str, about: &str, ask: Option<&str>, class: &str| {
        html! {
            form method="post" action=(format!("{}/{verb}", path(session.id))) data-ask=[ask] {
                (visit.csrf())
                @if ask.is_some() { (ask::field()) }
                div { strong { (name) } p.muted.small { (about) } }
                button class=(class) { (name) }
            }
        }
    };
    html! {
        section.card.ends {
            h2 { (words.acts) }
            (act("restart", words.restart, words.restart_about, None, "button"))
            (act("logout", words.log_out, words.log_out_about, Some(words.log_out_sure), "button"))
            (act("delete", words.delete, words.delete_about, Some(words.delete_sure), "button bad"))
        }
    }
}
