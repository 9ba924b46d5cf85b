//! One session: how it stands, the code that links it, its settings, and what ends it.

use maud::{Markup, html};

use super::super::super::call::{Answered, id};
use super::super::super::fields::text;
use super::super::super::reply;
use super::super::frame::Room;
use super::super::moment::moment;
use super::super::said::Said;
use super::super::visit::Visit;
use super::super::words::fault;
use super::{pairing, settings, status_tag};
use crate::domain::error::Refusal;
use crate::domain::health::SessionHealth;
use crate::domain::id::SessionId;
use crate::domain::phone::Phone;
use crate::domain::session::{Session, Status};

pub(in crate::http) async fn show(visit: Visit, session: String) -> Answered {
    let said = |name: &str, text| visit.call.query.iter().any(|(given, _)| given == name).then_some(Said::Done(text));
    let words = visit.words().sessions;
    let said = said("saved", words.saved).or_else(|| said("restarted", words.restarted));
    page(&visit, id(&session)?, said, None).await
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
    match shown.await {
        Ok(shown) => page(&visit, session, None, Some(&pairing::typed(&visit, &shown))).await,
        Err(refusal) => page(&visit, session, Some(Said::Refused(refusal)), None).await,
    }
}

pub(in crate::http) async fn change(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    let fields = visit.form().await?;
    let changed = async {
        let changes = settings::changes(fields)?;
        visit.system().change_session(&visit.access, session, changes).await
    };
    match changed.await {
        Ok(_) => Ok(reply::see_other(&format!("/dashboard/sessions/{session}?saved=1"))),
        Err(refusal) => page(&visit, session, Some(Said::Refused(refusal)), None).await,
    }
}

pub(in crate::http) async fn restart(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    visit.form().await?.finish(Some(()))?;
    let done = visit.system().restart_session(&visit.access, session).await;
    over(&visit, session, done.map(drop)).await
}

pub(in crate::http) async fn log_out(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    visit.form().await?.finish(Some(()))?;
    let done = visit.system().log_out_session(&visit.access, session).await;
    over(&visit, session, done.map(drop)).await
}

async fn over(visit: &Visit, session: SessionId, done: Result<(), Refusal>) -> Answered {
    match done {
        Ok(()) => Ok(reply::see_other(&format!("/dashboard/sessions/{session}?restarted=1"))),
        Err(refusal) => page(visit, session, Some(Said::Refused(refusal)), None).await,
    }
}

pub(in crate::http) async fn delete(mut visit: Visit, session: String) -> Answered {
    let session: SessionId = id(&session)?;
    visit.form().await?.finish(Some(()))?;
    visit.system().delete_session(&visit.access, session).await?;
    Ok(reply::see_other("/dashboard/sessions?deleted=1"))
}

async fn page(visit: &Visit, id: SessionId, said: Option<Said>, code: Option<&Markup>) -> Answered {
    let words = visit.words().sessions;
    let health = visit.system().session_health(&visit.access, id).await?;
    let session = visit.system().session(&visit.access, id).await?;
    let waits = matches!(session.status, Status::Initializing | Status::QrReady);
    let body = html! {
        p.small { a href="/dashboard/sessions" { "← " (words.title) } }
        @if let Some(said) = &said { (said.shown(visit.look.language)) }
        div id="session" data-live="2000" {
            div.head {
                h1 { (session.session_key.as_str()) " " (status_tag(words, session.status)) }
                @if let Some(number) = &session.phone_number { span.num.muted { (number) } }
            }
            @if let Some(why) = &session.error_message {
                div.note.warn { (fault(visit.look.language, why)) @if let Some(code) = &session.error_code { " " code { (code) } } }
            }
            @if waits { (pairing::code(visit, &session)) }
        }
        @if let Some(code) = code { (code) } @else if waits { (pairing::ask(visit, &session)) }
        div id="facts" data-live="2000" { (facts(visit, &session, &health)) }
        (settings::form(visit, &session))
        (ends(visit, &session))
    };
    let page = visit.alive(Room::Sessions, session.session_key.as_str(), "pairing", &body)?;
    Ok(if let Some(said) = said { said.on(page) } else { page })
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
            form method="post" action=(format!("/dashboard/sessions/{}/{verb}", session.id)) data-ask=[ask] {
                (visit.csrf())
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
