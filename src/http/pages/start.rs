//! First steps: a key, a session, its code scanned, a message on a phone's screen. Each step shows itself when the one before is done.

mod phones;

use maud::{Markup, html};

use super::super::call::Answered;
use super::super::fields::{Fields, text};
use super::super::{messages, reply};
use super::frame::Room;
use super::said::Said;
use super::visit::Visit;
use super::{keys, sessions, words};
use crate::domain::access::KeyView;
use crate::domain::error::Refusal;
use crate::domain::message::{Direction, Filter, Message, Status as Reached};
use crate::domain::request::Cause;
use crate::domain::session::{Session, Status};

const PATH: &str = "/dashboard/start";

/// How far somebody has come.
struct Progress {
    keys: Vec<KeyView>,
    /// The session that is closest to being linked.
    session: Option<Session>,
    /// The newest message that was sent.
    sent: Option<Message>,
}

pub(in crate::http) async fn show(visit: Visit) -> Answered {
    page(&visit, None, None).await
}

/// Takes the form of one of the steps.
pub(in crate::http) async fn step(mut visit: Visit) -> Answered {
    let mut fields = visit.form().await?;
    let done = match fields.optional("step", text(Ok::<_, String>)).as_deref() {
        // A key can be shown on the page that answers alone.
        Some("key") => match keys::made(&visit, fields).await {
            Ok(key) => return page(&visit, None, Some(&key)).await,
            Err(refusal) => Err(refusal),
        },
        Some("session") => session(&visit, fields).await,
        Some("send") => send(&visit, fields).await,
        _ => Err(Refusal::not_found()),
    };
    match done {
        Ok(()) => Ok(reply::see_other(PATH)),
        Err(refusal) => page(&visit, Some(Said::Refused(refusal)), None).await,
    }
}

async fn session(visit: &Visit, fields: Fields) -> Result<(), Refusal> {
    phones::prepare(visit).await;
    sessions::made(visit, fields).await.map(drop)
}

async fn send(visit: &Visit, fields: Fields) -> Result<(), Refusal> {
    let send = messages::text_of(fields)?;
    let cause = Cause::of(&visit.call.arrival.id);
    visit.system().accept(&visit.access, cause, send, None).await.answer.map(drop)
}

async fn progress(visit: &Visit) -> Result<Progress, Refusal> {
    let system = visit.system();
    let closeness = |session: &Session| match session.status {
        Status::Connected => 4,
        Status::Connecting | Status::Disconnected => 3,
        Status::QrReady => 2,
        Status::Initializing => 1,
        Status::Failed => 0,
    };
    let sessions = system.sessions(&visit.access).await?;
    let session = sessions.into_iter().rev().max_by_key(closeness);
    let newest = Filter { direction: Some(Direction::Outbound), limit: 1, ..Filter::default() };
    let sent = system.stretch(&visit.access, newest).await?.messages.pop();
    Ok(Progress { keys: system.kept_keys(&visit.access).await?, session, sent })
}

async fn page(visit: &Visit, said: Option<Said>, key: Option<&str>) -> Answered {
    let words = visit.words().start;
    let progress = progress(visit).await?;
    let phones = phones::beside(visit, progress.session.as_ref()).await;
    let body = html! {
        div.start.with-phones[phones.is_some()] {
            div.way {
                h1 { (words.title) }
                p.muted { (words.lead) }
                @if let Some(said) = &said { (said.shown(visit.look.language)) }
                @if let Some(key) = key { (keys::shown_once(visit, key)) }
                ol.steps id="steps" data-live="1000" { (steps(visit, &progress)) }
            }
            @if let Some(phones) = phones { (phones) }
        }
    };
    let page = visit.alive(Room::Start, words.title, "pairing phones start", &body)?;
    Ok(if let Some(said) = said { said.on(page) } else { page })
}

fn steps(visit: &Visit, progress: &Progress) -> Markup {
    let words = visit.words().start;
    let linked = progress.session.as_ref().filter(|session| session.status == Status::Connected);
    let has_key = !progress.keys.is_empty();
    let arrived = progress.sent.as_ref().is_some_and(|sent| matches!(sent.status, Reached::Delivered | Reached::Read));
    let done = [has_key, linked.is_some(), progress.sent.is_some(), arrived];
    let now = done.iter().position(|done| !done).unwrap_or(done.len());
    let step = |n: usize, body: &Markup| {
        let (class, mark) = if done[n] {
            ("done", "✓")
        } else if n == now {
            ("now", "")
        } else {
            ("later", "")
        };
        html! {
            li class=(class) id=(format!("step-{}", n + 1)) aria-current=[(n == now).then_some("step")] {
                h2 { span.mark aria-hidden="true" { @if done[n] { (mark) } @else { (n + 1) } }
                    (words.steps[n]) @if done[n] { span.vh { " (" (words.done) ")" } } }
                div { (body) }
            }
        }
    };
    html! {
        (step(0, &of_key(visit, progress)))
        (step(1, &of_session(visit, progress.session.as_ref())))
        (step(2, &of_message(visit, linked)))
        (step(3, &of_arrival(visit, progress.sent.as_ref())))
    }
}

fn of_key(visit: &Visit, progress: &Progress) -> Markup {
    let words = visit.words().start;
    html! {
        @if let Some(key) = progress.keys.first() {
            p.muted { (words.has_key) " " code { (key.key_prefix) "…" } " · " a href="/dashboard/keys" { (visit.words().keys.title) } }
        } @else {
            form method="post" action=(PATH) {
                (visit.csrf())
                input type="hidden" name="step" value="key";
                input type="hidden" name="name" value=(words.key_name);
                button.button.first { (words.make_key) }
            }
        }
    }
}

fn of_session(visit: &Visit, session: Option<&Session>) -> Markup {
    let words = visit.words().start;
    html! {
        @match session {
            None => form method="post" action=(PATH) {
                (visit.csrf())
                input type="hidden" name="step" value="session";
                input type="hidden" name="sessionKey" value="first";
                button.button.first { (words.make_session) }
            },
            Some(session) if session.status == Status::Connected => p.muted {
                (words.linked_to) " " strong.num { (session.phone_number.as_deref().unwrap_or_default()) } " · "
                a href=(format!("/dashboard/sessions/{}", session.id)) { (session.session_key.as_str()) }
            },
            Some(session) if matches!(session.status, Status::Initializing | Status::QrReady) => {
                (sessions::code(visit, session))
                (phones::scan(visit, session))
                p.small.muted { a href=(format!("/dashboard/sessions/{}", session.id)) { (visit.words().sessions.by_number) } }
            },
            Some(session) => p {
                (sessions::status_tag(visit.words().sessions, session.status)) " "
                @if let Some(why) = &session.error_message { (words::fault(visit.look.language, why)) " " }
                a href=(format!("/dashboard/sessions/{}", session.id)) { (session.session_key.as_str()) }
            },
        }
    }
}

fn of_message(visit: &Visit, linked: Option<&Session>) -> Markup {
    let words = visit.words().start;
    html! {
        @if let Some(session) = linked {
            form.stack method="post" action=(PATH) {
                (visit.csrf())
                input type="hidden" name="step" value="send";
                input type="hidden" name="sessionId" value=(session.id);
                label for="to" { (words.to) }
                input id="to" name="to" type="tel" required maxlength="40" autocomplete="off" value=[phones::friend(visit)] placeholder="+237612345678";
                label for="message" { (words.message) }
                textarea id="message" name="message" required maxlength="4096" rows="2" { (words.hello) }
                button.button.first { (words.send) }
            }
        } @else { p.muted { (words.link_first) } }
    }
}

fn of_arrival(visit: &Visit, sent: Option<&Message>) -> Markup {
    let words = visit.words().start;
    html! {
        @if let Some(sent) = sent {
            p { (status(visit, sent.status)) " " span.num { (sent.to_phone.as_deref().unwrap_or_default()) } }
            @if sent.error_message.is_some() { p.note.bad { (words::failure(visit.look.language, sent)) } }
            @if matches!(sent.status, Reached::Delivered | Reached::Read) {
                p { (phones::look(visit)) (words.well_done) }
                p.acts { a.button href="/docs" { (visit.words().docs) } a.button href="/dashboard" { (visit.words().rooms.dashboard) } }
            }
        } @else { p.muted { (words.sees_it) } }
    }
}

/// How far a message has come, by shape and word as well as by colour.
fn status(visit: &Visit, status: Reached) -> Markup {
    let class = match status {
        Reached::Failed => "tag bad",
        Reached::Pending => "tag warn",
        Reached::Sent => "tag",
        Reached::Delivered | Reached::Read => "tag ok",
    };
    let name = Reached::ALL.iter().position(|other| *other == status).map_or("", |n| visit.words().start.statuses[n]);
    html! { span class=(class) { (name) } }
}
