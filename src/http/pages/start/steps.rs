//! The steps as they are drawn: what is done, what is to do now, and what comes later.

use maud::{Markup, html};

use super::super::tried::Tried;
use super::super::visit::Visit;
use super::super::{messages, sessions, words};
use super::{PATH, Progress, phones};
use crate::domain::message::{Message, Status as Reached};
use crate::domain::session::{Session, Status};

pub(super) fn steps(visit: &Visit, progress: &Progress, unsent: &Tried) -> Markup {
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
            li class=(class) id=(format!("step-{}", n + 1)) tabindex="-1" aria-current=[(n == now).then_some("step")] {
                h2 { span.mark aria-hidden="true" { @if done[n] { (mark) } @else { (n + 1) } }
                    (words.steps[n]) @if done[n] { span.vh { " (" (words.done) ")" } } }
                div { (body) }
            }
        }
    };
    html! {
        (step(0, &of_key(visit, progress)))
        (step(1, &of_session(visit, progress.session.as_ref(), now == 1)))
        (step(2, &of_message(visit, linked, unsent, now == 2)))
        (step(3, &of_arrival(visit, progress)))
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
                (visit.once())
                input type="hidden" name="step" value="key";
                input type="hidden" name="name" value=(words.key_name);
                button.button.first { (words.make_key) }
            }
        }
    }
}

/// The way on where no script goes it.
fn again(visit: &Visit) -> Markup {
    html! { noscript { p { a href=(PATH) { (visit.words().start.again) } } } }
}

fn of_session(visit: &Visit, session: Option<&Session>, due: bool) -> Markup {
    let words = visit.words().start;
    html! {
        @match session {
            None => form method="post" action=(PATH) {
                (visit.csrf())
                input type="hidden" name="step" value="session";
                input type="hidden" name="sessionKey" value="first";
                button.button.first[due] { (words.make_session) }
            },
            Some(session) if session.status == Status::Connected => p.muted {
                (words.linked_to) " " strong.num { (session.phone_number.as_deref().unwrap_or_default()) } " · "
                a href=(format!("/dashboard/sessions/{}", session.id)) { (session.session_key.as_str()) }
            },
            Some(session) if matches!(session.status, Status::Initializing | Status::QrReady) => {
                (phones::code(visit, session))
                p.small.muted { a href=(format!("/dashboard/sessions/{}", session.id)) { (visit.words().sessions.by_number) } }
            },
            Some(session) => {
                p {
                    (sessions::tag(visit.words().sessions, session.status, session.error_code.as_deref())) " "
                    @if let Some(why) = &session.error_message { (words::fault(visit.look.language, why)) " " }
                    a href=(format!("/dashboard/sessions/{}", session.id)) { (session.session_key.as_str()) }
                }
                (again(visit))
            },
        }
    }
}

/// The form of a message. One that was not taken stands in it as it was typed, with what is wrong beside each field.
fn of_message(visit: &Visit, linked: Option<&Session>, unsent: &Tried, due: bool) -> Markup {
    let words = visit.words().start;
    let friend = phones::friend(visit).map(|friend| friend.to_string()).unwrap_or_default();
    let field = |name: &str| (unsent.wrong(name), unsent.described(name, None), unsent.first(name));
    let ((bad_to, about_to, first_to), (bad, about, first)) = (field("to"), field("message"));
    html! {
        @if let Some(session) = linked {
            // What was typed and not taken stays, whatever the page is read again for.
            form.stack method="post" action=(PATH) data-keep[unsent.was_refused()] {
                (unsent.note(&["to", "message"]))
                (visit.csrf())
                input type="hidden" name="step" value="send";
                input type="hidden" name="sessionId" value=(session.id);
                label for="to" { (words.to) }
                input id="to" name="to" type="tel" required maxlength="40" autocomplete="off" value=(unsent.value("to", &friend))
                    placeholder="+237612345678" aria-invalid=[bad_to] aria-describedby=[about_to] autofocus[first_to];
                (unsent.mistake("to"))
                label for="message" { (words.message) }
                textarea id="message" name="message" required maxlength="4096" rows="2" aria-invalid=[bad] aria-describedby=[about]
                    autofocus[first] { (unsent.value("message", words.hello)) }
                (unsent.mistake("message"))
                button.button.first[due] { (words.send) }
            }
        } @else { div data-keep[unsent.was_refused()] { (unsent.note(&[])) p.muted { (words.link_first) } } }
    }
}

fn of_arrival(visit: &Visit, progress: &Progress) -> Markup {
    let words = visit.words().start;
    html! {
        @if let Some(sent) = &progress.sent {
            p { (status(visit, sent.status)) " " span.num { (sent.to_phone.as_deref().unwrap_or_default()) } }
            @if sent.error_message.is_some() { p.note.bad { (words::failure(visit.look.language, sent)) } }
            @if matches!(sent.status, Reached::Delivered | Reached::Read) {
                @if let Some(answer) = &progress.answer { (answered(visit, answer)) }
                @else { (phones::look(visit)) }
                p { (words.well_done) }
                p.acts { a.button href="/docs" { (visit.words().docs) } a.button href="/dashboard" { (visit.words().rooms.dashboard) } }
            }
            @if sent.status != Reached::Failed && progress.answer.is_none() { (again(visit)) }
        } @else { p.muted { (words.sees_it) } }
    }
}

/// What came back, and where it is found again.
fn answered(visit: &Visit, answer: &Message) -> Markup {
    let words = visit.words().start;
    html! {
        p role="status" {
            (words.answered) " "
            a href=(format!("/dashboard/messages/{}", answer.id)) { bdi { (messages::beginning(visit, answer)) } } " · "
            a href="/dashboard/messages" { (words.all_messages) }
        }
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
