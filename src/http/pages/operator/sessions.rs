//! Sessions across tenants, by how they stand. Nothing that a tenant named or sent is shown.

use maud::{Markup, html};

use super::super::super::call::{Answered, Call};
use super::super::moment::moment;
use super::super::sessions::{is_logged_out, tag};
use super::{Hall, Operating};
use crate::actors::FLEET_PAGE;
use crate::domain::fleet::SessionRow;
use crate::domain::session::Status;

const PATH: &str = "/operator/sessions";

pub(in crate::http) async fn operated_sessions(call: Call) -> Answered {
    let operating = match Operating::of(call) {
        Ok(operating) => operating,
        Err(instead) => return instead,
    };
    let words = operating.look.words().operator;
    let asked = |wanted: &str| operating.call.query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let status = asked("status").and_then(|name| Status::from_name(name));
    let before = asked("before").and_then(|id| id.parse().ok());
    let mut sessions = operating.system().all_sessions(status, before).await?;
    let more = u64::try_from(sessions.len()).is_ok_and(|n| n > FLEET_PAGE);
    sessions.truncate(usize::try_from(FLEET_PAGE).unwrap_or(usize::MAX));
    let with_status = status.map(|status| format!("status={}&", status.as_str())).unwrap_or_default();
    let next = sessions.last().filter(|_| more).map(|last| format!("{PATH}?{with_status}before={}", last.id));
    let body = html! {
        h1 { (words.sessions) }
        nav.chips aria-label=(words.standing) {
            a.button href=(PATH) aria-current=[status.is_none().then_some("true")] { (words.all) }
            @for (other, name) in Status::ALL.into_iter().zip(operating.look.words().sessions.statuses) {
                a.button href=(format!("{PATH}?status={}", other.as_str())) aria-current=[(status == Some(other)).then_some("true")] { (name) }
            }
        }
        div id="sessions" data-live="5000" {
            @if sessions.is_empty() { p.empty { (words.no_sessions) } } @else { div.wide { (list(&operating, &sessions)) } }
        }
        @if let Some(next) = next { p { a.button href=(next) { (words.more) } } }
    };
    operating.page(Hall::Sessions, words.sessions, &body)
}

fn list(operating: &Operating, sessions: &[SessionRow]) -> Markup {
    let (words, now) = (operating.look.words().operator, operating.system().clock().now());
    let (names, language) = (operating.look.words().sessions, operating.look.language);
    html! {
        table.rows {
            thead { tr { th { (words.session) } th { (words.tenant) } th { (names.status) } th { (names.attempts) } th { (names.activity) } th { (names.made_at) } } }
            tbody {
                @for session in sessions {
                    tr id=(format!("session-{}", session.id)) {
                        td { code.small { (session.id) } }
                        td data-label=(words.tenant) { (session.tenant.as_deref().unwrap_or("–")) }
                        td data-label=(names.status) { (tag(names, session.status, session.error_code.as_deref())) @if let Some(code) = session.error_code.as_deref().filter(|code| !is_logged_out(session.status, Some(code))) { " " code.small { (code) } } }
                        td.num data-label=(names.attempts) { (session.attempts) }
                        td data-label=(names.activity) { @if let Some(at) = session.last_activity_at { (moment(language, at, now)) } @else { span.muted { "–" } } }
                        td data-label=(names.made_at) { (moment(language, session.created_at, now)) }
                    }
                }
            }
        }
    }
}
